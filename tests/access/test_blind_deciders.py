"""Whoever reads blind may also decide: what they do sees every reading, and what they are told names nobody."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from balancer.domain.actor import Actor
from balancer.domain.exceptional import ExceptionKind
from balancer.domain.life import ReadState
from balancer.domain.outcome import Outcome
from balancer.domain.policy import PublishingRules
from balancer.domain.states import RunState, StudyState
from balancer.domain.study import StudyKey
from balancer.ingest.extract import parse_extract
from balancer.ingest.network_folder import read_network
from balancer.services.begin_draft import begin_draft
from balancer.services.complete_read import complete_read
from balancer.services.decide_policy import approve_policy
from balancer.services.ingest_studies import ingest_extract
from balancer.services.load_network import load_network
from balancer.services.propose_policy import propose_policy
from balancer.services.publish_draft import publish_draft
from balancer.services.run_allocation import run_allocation
from balancer.services.steer_read import Said, bar_reporter, pin_read
from balancer.store import policies, studies
from balancer.store.conservation import faults
from balancer.store.database import Database
from balancer.store.exceptions import exceptions
from balancer.store.pages import Cut
from tests.access import test_every_route
from tests.access.doors import Known
from tests.access.test_blind_readings import COLLEAGUE, FIRST, MANAGER, OTHER, TWICE
from tests.access.test_every_route import served
from tests.api.service import Service, problem
from tests.kent import KEY, content, east_kent, kent, mend, row
from tests.networks import (
    PACS,
    Feed,
    Network,
    claimed,
    extract,
    incoming,
    loaded,
    minutes,
    read_id,
    rostered,
    solving,
    standing,
)
from tests.worlds import NOW, reporter, session

_described = test_every_route._described  # noqa: SLF001
SECOND = f"{TWICE}#2"
ON_LISTS = {"S1": [SECOND], "S2": [TWICE, "SINGLE-1"]}
SWAPPED = {"S1": [TWICE], "S2": [SECOND, "SINGLE-1"]}
# Who asks: to one of them a reading of R2's is not there, and what they do comes to the same.
DECIDERS = pytest.mark.parametrize("decider", [COLLEAGUE, MANAGER], ids=["reads blind", "does not report"])


@pytest.fixture
def listed(db: Database) -> Database:
    """Return a database in which one of two readings is on R2's list, and the other on R1's."""
    third = reporter("R3", trusts=("RVV", "RWF"), skills={"neuro": 2})
    loaded(db, replace(Network(), reporters=(*Network().reporters, third)))
    ingest_extract(db, Feed(), extract(incoming(TWICE, reads=2), "SINGLE-1"), NOW)
    rostered(db, session("S1", OTHER), session("S2", FIRST))
    run_allocation(db, NOW, solver=solving(ON_LISTS))
    return db


def done(db: Database, *, read: int = 1, who: str = FIRST) -> None:
    """Let somebody have done a reading, as their PACS says."""
    assert complete_read(db, read_id(db, TWICE, read=read), who, minutes(2), by=PACS, outcome=Outcome.NORMAL)


def swapped(db: Database) -> int:
    """Hold a plan in which the two have each other's reading; return its run."""
    with db.session() as reading:
        policy = replace(policies.current_policy(reading), publishing=PublishingRules(hold=True))
    number = propose_policy(db, policy, NOW, by=MANAGER, author=MANAGER.name, reason="the winter")
    approve_policy(db, number, NOW, by=MANAGER, approver="Dr B. Approver", reason="agreed")
    outcome = run_allocation(db, minutes(1), solver=solving(SWAPPED))
    assert outcome.state is RunState.HELD, outcome.error
    return outcome.run_id or 0


def balanced(db: Database) -> bool:
    """Tell whether every read is with whoever its state says has it."""
    with db.session() as reading:
        return faults(reading) == []


@DECIDERS
@pytest.mark.parametrize(
    ("meanwhile", "become"),
    [
        (lambda _: None, [(ReadState.ALLOCATED, OTHER), (ReadState.ALLOCATED, FIRST)]),
        (lambda db: claimed(db, TWICE, FIRST), [(ReadState.CLAIMED, FIRST), (ReadState.UNALLOCATED, None)]),
        (done, [(ReadState.DONE, FIRST), (ReadState.UNALLOCATED, None)]),
    ],
    ids=["on lists", "open", "done"],
)
def test_a_plan_is_put_in_force_whole_whoever_publishes_it(
    listed: Database,
    decider: Actor,
    meanwhile: Callable[[Database], None],
    become: list[tuple[ReadState, str | None]],
) -> None:
    """No reading falls off all lists, and nobody is given both."""
    run_id = swapped(listed)
    meanwhile(listed)
    answer = served(listed, decider).post(f"/runs/{run_id}/publish", {"reason": "looked through"})
    assert answer.status_code == 200, answer.text
    assert [standing(listed, TWICE, read=read) for read in (1, 2)] == become
    assert balanced(listed)


@DECIDERS
def test_a_released_file_closes_no_study_that_somebody_has_open(listed: Database, decider: Actor) -> None:
    """Nor takes it from them."""
    batch_id = _held(listed)
    claimed(listed, TWICE, FIRST)
    _release(listed, decider, batch_id)
    assert state_of(listed) is StudyState.OPEN
    assert standing(listed, TWICE) == (ReadState.CLAIMED, FIRST)
    assert balanced(listed)


@DECIDERS
def test_a_study_goes_with_all_its_readings(listed: Database, decider: Actor) -> None:
    """None stays on a list for a study that nobody asks for."""
    _release(listed, decider, _held(listed))
    assert state_of(listed) is StudyState.WITHDRAWN
    assert [standing(listed, TWICE, read=read)[0] for read in (1, 2)] == [ReadState.WITHDRAWN] * 2


def state_of(db: Database) -> StudyState:
    """Return the state of the study."""
    with db.session() as reading:
        return studies.study(reading, StudyKey("RVV", TWICE)).study.state


def _held(db: Database) -> int:
    outcome = ingest_extract(db, Feed(), extract("SINGLE-1", at=3), minutes(3))
    assert outcome.waiting == 1
    return outcome.batch_id


def _release(db: Database, decider: Actor, batch_id: int) -> None:
    answer = served(db, decider).post(f"/batches/{batch_id}/release", {"decided_by": "A. Manager"})
    assert answer.status_code == 200, answer.text


@DECIDERS
def test_a_row_that_is_read_again_finds_the_readings_there_are(db: Database, tmp_path: Path, decider: Actor) -> None:
    """It adds none of the same number."""
    folder = kent(tmp_path)
    network = read_network(folder)
    load_network(db, network, NOW)
    feed = east_kent(network)
    for at, row_of in enumerate((row("M1", exam="ZGSCRE"), row("M1", exam="ZGSCRE", priority="soonish"))):
        name = f"unreported-20260302T080{at}.csv"
        parsed = parse_extract(content([row("G1"), row_of]), feed, network, file_name=name, pseudonym_key=KEY)
        ingest_extract(db, feed, parsed, minutes(at))
    claimed(db, "M1", network.reporters[0].reporter_id)
    mend(folder, "[priority]", '[priority]\nsoonish = "urgent"')
    service = Service(db, read_network=partial(read_network, folder), door=Known(decider))
    answer = service.post("/quarantine/replay")
    assert answer.status_code == 200, answer.text
    with db.session() as reading:
        found = studies.study(reading, StudyKey("RVV", "M1"))
    assert (found.study.reads, [status.row.number for status in found.reads]) == (2, [1, 2])


def drafted(db: Database, number: str, decide: Callable[..., object], reporter_id: str) -> int:
    """Stage a decision about the first read of a study in a draft; return the draft."""
    draft_id = begin_draft(db, "Tuesday", "RVV", minutes(1), by=MANAGER)
    said = Said(reason="asked", draft_id=draft_id)
    decide(db, read_id(db, number), reporter_id, minutes(1), by=MANAGER, said=said)
    return draft_id


@DECIDERS
def test_lists_are_put_back_whole_whoever_undoes_a_draft(listed: Database, decider: Actor) -> None:
    """Also a list whose reading is hidden from them."""
    draft_id = drafted(listed, "SINGLE-1", bar_reporter, FIRST)
    publish_draft(listed, draft_id, minutes(2), by=MANAGER, why="agreed")
    answer = served(listed, decider).post(f"/drafts/{draft_id}/undo", {"reason": "the wrong Tuesday"})
    assert answer.status_code == 200, answer.text
    assert [standing(listed, TWICE, read=read) for read in (1, 2)] == [
        (ReadState.ALLOCATED, FIRST),
        (ReadState.ALLOCATED, OTHER),
    ]
    assert balanced(listed)


def test_a_draft_that_cannot_be_published_does_not_tell_who_has_a_reading_open(listed: Database) -> None:
    """It was staged by somebody who may know, or before anybody had it."""
    draft_id = drafted(listed, TWICE, pin_read, FIRST)
    claimed(listed, TWICE, "R3")
    answer = served(listed, COLLEAGUE).post(f"/drafts/{draft_id}/publish", {"reason": "agreed"})
    assert answer.status_code in {404, 409}, answer.text
    assert "R3" not in answer.text


def _refused(db: Database, verb: str, read: int = 2) -> str:
    body = {"reporter_id": FIRST, "reason": "asked"}
    answer = served(db, COLLEAGUE).post(f"/reads/{read_id(db, TWICE, read=read)}/{verb}", body)
    return str(problem(answer, 409, "conflict")["detail"])


@pytest.mark.parametrize("meanwhile", [lambda db: claimed(db, TWICE, FIRST), done], ids=["open", "done"])
def test_nobody_is_given_a_second_reading_by_who_does_not_see_the_first(
    listed: Database, meanwhile: Callable[[Database], None]
) -> None:
    """Neither by a pin nor by taking over; and why is not said."""
    meanwhile(listed)
    assert _refused(listed, "pin") == "the reporter may not report it"
    claimed(listed, TWICE, OTHER, read=2)
    assert _refused(listed, "take-over") == "the reporter may not report it"
    assert standing(listed, TWICE, read=2) == (ReadState.CLAIMED, OTHER)


def test_why_it_is_refused_is_said_of_a_study_that_one_reads(listed: Database) -> None:
    """There is nobody to be named."""
    body = {"reporter_id": FIRST, "reason": "asked"}
    service = served(listed, COLLEAGUE)
    single = read_id(listed, "SINGLE-1")
    assert service.post(f"/reads/{single}/bar", body).status_code == 200
    assert "barred" in problem(service.post(f"/reads/{single}/pin", body), 409, "conflict")["detail"]


def test_a_barred_reporters_list_loses_the_reading_that_is_hidden(listed: Database) -> None:
    """A bar is from the study, whatever whoever decides may see of it."""
    body = {"reporter_id": FIRST, "reason": "asked"}
    answer = served(listed, COLLEAGUE).post(f"/reads/{read_id(listed, TWICE, read=2)}/bar", body)
    assert answer.status_code == 200, answer.text
    assert standing(listed, TWICE) == (ReadState.UNALLOCATED, None)


def test_two_readings_by_one_are_noticed_though_one_is_hidden(listed: Database) -> None:
    """A fact that somebody states is kept; that it breaks a rule is told."""
    claimed(listed, TWICE, FIRST)
    second = read_id(listed, TWICE, read=2)
    answer = served(listed, COLLEAGUE).post(f"/reads/{second}/claim", {"reporter_id": FIRST})
    assert answer.status_code == 200, answer.text
    with listed.session() as reading:
        found = exceptions(reading, Cut()).items
    assert (second, ExceptionKind.SAME_READER) in [(item.read_id, item.kind) for item in found]
