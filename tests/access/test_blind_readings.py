"""Two who read one study learn nothing of each other before both have read, whatever they ask and in whatever role."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from balancer.domain.actor import EVERY_TRUST, Grant, person
from balancer.domain.exceptional import ExceptionKind
from balancer.domain.life import ReadState, ReturnReason
from balancer.domain.outcome import Outcome
from balancer.domain.permission import Permission, Role
from balancer.publish.ups.uids import WorkitemKey, uid_of
from balancer.services.begin_draft import begin_draft
from balancer.services.claim_read import claim_read
from balancer.services.complete_read import complete_read
from balancer.services.ingest_studies import ingest_extract
from balancer.services.release_read import release_read
from balancer.services.report_steps import reports_since
from balancer.services.return_read import return_read
from balancer.services.run_allocation import run_allocation
from balancer.services.steer_read import Said, pin_read
from balancer.services.subscribe import ALL, FILTERED, Subscriber, subscribe
from balancer.store import journal, reads, workitems
from balancer.store.blind import hidden
from balancer.store.database import Database
from balancer.store.exceptions import open_exception
from tests.access import test_every_route
from tests.access.test_every_route import GUARDED, ask, served, values
from tests.access.two_trusts import EAST, given_up, word_said
from tests.api.service import Service
from tests.copies import copied, filled
from tests.networks import (
    PACS,
    Feed,
    bad_row,
    extract,
    incoming,
    loaded,
    minutes,
    read_id,
    rostered,
    solving,
    standing,
)
from tests.worlds import NOW, session

# The application of the walk needs the folder that describes the feeds.
_described = test_every_route._described  # noqa: SLF001
TWICE = "DOUBLE-1"
# Who reads it first, and whoever else might; both also manage the trust and look into every trail there is.
FIRST, OTHER = "R2", "R1"
_ROLES = (Role.REPORTER, Role.MANAGER, Role.AUDITOR)
COLLEAGUE = person("test:r1", "A. Reader", *(Grant(role, EVERY_TRUST) for role in _ROLES), reporter_id=OTHER)
THEMSELVES = person("test:r2", "B. Reader", *(Grant(role, EVERY_TRUST) for role in _ROLES), reporter_id=FIRST)
MANAGER = person("test:m", "A. Manager", *(Grant(role, EVERY_TRUST) for role in _ROLES[1:]))
LOOKS = [(method, path) for method, path in GUARDED if method == "GET" or path.endswith("/search")]


def read_once(db: Database) -> None:
    """Let R2 have one of two readings open, and the other stand on R1's list; an exception names R2."""
    loaded(db)
    studies = [incoming(TWICE, reads=2), incoming("SINGLE-1")]
    ingest_extract(db, Feed(), extract(*studies, quarantined=[bad_row("BAD-1")]), NOW)
    rostered(db, session("S1", "R1"), session("S2", "R2"))
    run_allocation(db, NOW, solver=solving({"S1": [f"{TWICE}#2"], "S2": [TWICE, "SINGLE-1"]}))
    pin_read(db, read_id(db, TWICE), FIRST, NOW, by=MANAGER, said=Said(reason=f"{FIRST} knows her"))
    begin_draft(db, "Tuesday", EAST, NOW, by=MANAGER)  # the walk asks for it
    claim_read(db, read_id(db, TWICE), FIRST, NOW, by=PACS)
    with db.transaction() as writing:
        row, study = reads.locked_read(writing, read_id(db, TWICE))
        kind, detail = ExceptionKind.COMPLETED_BESIDE, f"completed by {FIRST}"
        open_exception(writing, kind, row.id or 0, study, by=THEMSELVES, now=minutes(2), detail=detail)
        given_up(writing, study)
        word_said(writing, study.feed, "SOON")  # the walk asks for it


def read_it(db: Database, who: str = FIRST, *, read: int = 1, outcome: Outcome = Outcome.ABNORMAL) -> None:
    """Let somebody have done a reading, as their PACS says."""
    assert complete_read(db, read_id(db, TWICE, read=read), who, minutes(3), by=PACS, outcome=outcome)


@pytest.fixture(scope="module")
def read_file(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a database file to copy from."""
    return filled(migrated_sqlite, tmp_path_factory.mktemp("blind"), read_once)


@pytest.fixture(params=["open", "done"])
def once(read_file: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Database]:
    """Yield a database in which one of two readings is open at R2, or done."""
    with copied(read_file, tmp_path) as db:
        if request.param == "done":
            read_it(db)
        yield db


def told(answer: Any, number: int) -> list[str]:
    """Return every smallest part of an answer that is about the reading and names its reader or its outcome."""
    found = []
    for part in _parts(answer):
        text = json.dumps(part)
        about = {part.get("read_id"), part.get("subject_id"), part.get("exception_id") and part.get("read_id")}
        named = TWICE in text or bool({number, str(number)} & about)
        if named and (FIRST in text or Outcome.ABNORMAL in text or "test:r2" in text):
            found.append(text)
    return found


def _parts(answer: Any) -> Iterator[dict[str, Any]]:
    """Yield the items of a list, or the answer itself if it is about one thing; a list says whose it is."""
    if isinstance(answer, dict) and isinstance(answer.get("items"), list):
        whose = {name: value for name, value in answer.items() if name in {"reporter_id", "name"}}
        yield from ({**whose, **item} for item in answer["items"])
    elif isinstance(answer, dict):
        yield answer


def looked(service: Service, db: Database, method: str, path: str) -> list[str]:
    """Return what a route tells of the first reading, asked with whatever might get at it."""
    known = {**values(db, EAST), "accession_number": TWICE, "read_id": str(read_id(db, TWICE))}
    number = read_id(db, TWICE)
    found = []
    for reporter_id in (FIRST, OTHER):
        answer = ask(service, method, path, {**known, "reporter_id": reporter_id})
        assert answer.status_code < 500, answer.text
        if answer.headers["content-type"].startswith("application/json"):
            found += told(answer.json(), number)
    return found


def _walk(db: Database, who: Any) -> dict[tuple[str, str], list[str]]:
    return {(method, path): looked(served(db, who), db, method, path) for method, path in LOOKS}


def test_no_route_tells_a_reader_who_else_reads_or_what_they_found(once: Database) -> None:
    """Not the list of a colleague, nor the study, the feed, the exceptions or the trail."""
    assert {route: found for route, found in _walk(once, COLLEAGUE).items() if found} == {}


def test_the_walk_would_find_it(once: Database) -> None:
    """Whoever does not report is told, by the study, the feed, the exceptions and the trail; so is the reader."""
    telling = {path for (_, path), found in _walk(once, MANAGER).items() if found}
    done = standing(once, TWICE)[0] is ReadState.DONE  # what is done is on no list, and gone from a snapshot
    paths = (
        "studies",
        "studies/search",
        "exceptions",
        "audit",
        "instructions",
        *(() if done else ("assignments", "worklists/{reporter_id}")),
    )
    assert telling >= {f"/api/v1/{path}" for path in paths}
    assert any(_walk(once, THEMSELVES).values())


def test_nobody_is_found_by_asking_for_whose_study_it_is(once: Database) -> None:
    """A filter tells as well as a column."""
    there = [TWICE] if standing(once, TWICE)[0] is ReadState.CLAIMED else []
    for who, expected in ((COLLEAGUE, ["SINGLE-1"]), (MANAGER, [*there, "SINGLE-1"])):
        answer = served(once, who).client.get("/api/v1/studies", params={"reporter_id": FIRST}).json()
        assert sorted(item["accession_number"] for item in answer["items"]) == expected


def test_a_colleagues_reading_is_not_there_to_be_opened(once: Database) -> None:
    """An error that says who has it would tell."""
    answer = served(once, COLLEAGUE).client.post(
        f"/api/v1/reads/{read_id(once, TWICE)}/claim", json={"reporter_id": OTHER}
    )
    assert answer.status_code == 404
    assert FIRST not in answer.text


def test_a_colleagues_reading_is_not_there_to_be_cancelled(once: Database) -> None:
    """Over DICOM neither: what became of the request would tell whether it is open."""
    with once.session() as session:
        uid = uid_of(WorkitemKey(read_id(once, TWICE), 0), workitems.numbering(session))
    for who, there in ((COLLEAGUE, False), (MANAGER, True)):
        answer = served(once, who).client.post(f"/dicomweb/workitems/{uid}/cancelrequest")
        assert (answer.status_code != 404) == there, answer.text


@pytest.mark.parametrize(
    ("state", "is_hidden"),
    [
        (ReadState.UNALLOCATED, True),
        (ReadState.ALLOCATED, True),
        (ReadState.CLAIMED, True),
        (ReadState.PARKED, True),
        (ReadState.SENT_OUT, True),
        (ReadState.DONE, False),
        (ReadState.WITHDRAWN, False),
        (ReadState.EXCLUDED, False),
    ],
)
def test_it_is_hidden_for_as_long_as_the_other_reading_may_be_done(
    db: Database,
    state: ReadState,
    is_hidden: bool,  # noqa: FBT001
) -> None:
    """And shown then: an arbiter must see both."""
    read_once(db)
    read_it(db)
    with db.transaction() as writing:
        other, _ = reads.locked_read(writing, read_id(db, TWICE, read=2))
        other.state = state
    first = read_id(db, TWICE)
    with db.within(COLLEAGUE.reach(*Permission)).session() as reading:
        assert hidden(reading, [first]) == ({first} if is_hidden else set())


def test_a_study_that_one_reads_hides_nothing(db: Database) -> None:
    """Nor does one of which the other reading is the reporter's own, done."""
    read_once(db)
    single = read_id(db, "SINGLE-1")
    with db.within(COLLEAGUE.reach(*Permission)).session() as reading:
        assert hidden(reading, [single]) == set()
    read_it(db, OTHER, read=2, outcome=Outcome.NORMAL)
    assert standing(db, TWICE, read=2) == (ReadState.DONE, OTHER)
    with db.within(COLLEAGUE.reach(*Permission)).session() as reading:
        assert hidden(reading, [read_id(db, TWICE)]) == set()


PERFORMER = "ScheduledHumanPerformersSequence.HumanPerformerCodeSequence.CodeValue"


def let_go(db: Database, how: str) -> None:
    """Let R2 open the first reading again and let it go: nobody has it then."""
    number = read_id(db, TWICE)
    if how == "released":
        release_read(db, number, FIRST, minutes(3), by=PACS)
        with db.transaction() as writing:
            row, _ = reads.locked_read(writing, number)
            row.state, row.reporter_id = ReadState.UNALLOCATED, None
    else:
        return_read(db, number, FIRST, minutes(3), by=PACS, reason=ReturnReason.IMAGES_MISSING)
    assert standing(db, TWICE)[1] is None


@pytest.mark.parametrize("how", ["released", "returned"])
@pytest.mark.parametrize("asked", ["", f"{PERFORMER}={FIRST}"])
def test_no_subscription_tells_a_reader_who_had_the_other_reading_and_let_it_go(
    db: Database, asked: str, how: str
) -> None:
    """Nor does whether a filter for somebody is answered at all; whoever does not report is told."""
    read_once(db)
    with db.session() as reading:
        begun = replace(journal.mark(reading), sequence=0)
        numbering = workitems.numbering(reading)
    let_go(db, how)
    about = {uid_of(WorkitemKey(read_id(db, TWICE), sequence), numbering) for sequence in range(4)}
    told_of = {}
    for who in (COLLEAGUE, MANAGER):
        mine, within = Subscriber(by=who, aet="VIEWER"), db.within(who.reach(*Permission))
        subscribe(within, mine, FILTERED if asked else ALL, minutes(4), filter_text=asked)
        events = reports_since(within, mine, begun).events
        told_of[who.subject] = [
            event for event in events if event.uid in about and (asked or FIRST in event.information.to_json())
        ]
    assert told_of[COLLEAGUE.subject] == []
    assert told_of[MANAGER.subject]


def test_what_the_first_reader_said_of_it_is_not_told_once_they_have_let_it_go(db: Database) -> None:
    """Their workitem has ended, and may name them for ever."""
    read_once(db)
    let_go(db, "returned")
    with db.session() as session:
        uid = uid_of(WorkitemKey(read_id(db, TWICE), 0), workitems.numbering(session))
    for who, there in ((COLLEAGUE, False), (THEMSELVES, True), (MANAGER, True)):
        answer = served(db, who).client.get(f"/dicomweb/workitems/{uid}")
        assert (answer.status_code == 200) == there, answer.text
