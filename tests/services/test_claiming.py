"""Claims: one gets it, the others hear who; it lasts as long as somebody is there."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlmodel import select

from balancer.domain.actor import EVERYWHERE, Actor, Grant, job, person
from balancer.domain.errors import ClaimedError, ConflictError, NotFoundError
from balancer.domain.exceptional import ExceptionKind
from balancer.domain.life import ReadState, ReturnReason
from balancer.domain.permission import Permission, Role
from balancer.services.build_problem import build_problem
from balancer.services.claim_read import Claim, claim_read
from balancer.services.create_workitem import create_workitem
from balancer.services.ingest_studies import ingest_extract
from balancer.services.lapse_claims import lapse_claims
from balancer.services.load_network import load_network
from balancer.services.next_read import next_read
from balancer.services.release_read import release_read
from balancer.services.renew_claim import renew_claim
from balancer.services.return_read import return_read
from balancer.services.run_allocation import run_allocation
from balancer.store import audit, choice, exceptions, runs, worklists
from balancer.store.database import Database
from balancer.store.pages import Cut
from balancer.store.tables import StudyRow
from balancer.store.tables_life import ClaimRow, SkipRow
from tests.creations import request_of
from tests.networks import (
    PACS,
    TWO_FEEDS,
    Feed,
    extract,
    incoming,
    minutes,
    queued,
    read_id,
    rostered,
    solving,
    standing,
)
from tests.worlds import NOW, policy, priority, reporter, session

R1 = person("oidc:r1", "Reporter 1", Grant(Role.REPORTER, "RVV"), reporter_id="R1")
MANAGER = person("oidc:m1", "A. Manager", Grant(Role.MANAGER, "RVV"))
NUMBERS = ["A1", "A2", "A3", "A4", "A5"]


def five(db: Database) -> None:
    """Put five reads on R1's list, in the order of their numbers, and one on R2's."""
    queued(db, *NUMBERS, "B1")
    rostered(db, session("S1", "R1"), session("S2", "R2"))
    assert run_allocation(db, NOW, solver=solving({"S1": NUMBERS, "S2": ["B1"]})).error == ""


def take(db: Database, number: str, reporter_id: str = "R1", by: Actor = R1, at: float = 0) -> Claim:
    """Claim a read by its study's number, ``at`` minutes after ``NOW``."""
    return claim_read(db, read_id(db, number), reporter_id, minutes(at), by=by)


def listed(db: Database, reporter_id: str) -> list[str]:
    """Return the accession numbers on a current list."""
    with db.session() as reading:
        return [entry.study.accession_number for entry in worklists.worklist(reading, reporter_id).items]


def opened(db: Database) -> list[tuple[ExceptionKind, str]]:
    """Return the kinds and owners of the exceptions that wait for somebody."""
    with db.session() as reading:
        return [(row.kind, row.owner) for row in exceptions.exceptions(reading, Cut()).items]


# --- one gets it -----------------------------------------------------------------------------------------------------


def test_of_fifty_clients_racing_for_one_read_exactly_one_gets_it(db: Database) -> None:
    """Fifty reporters' workstations open the same study at the same moment; forty-nine hear who has it."""
    people = tuple(reporter(f"R{number}", skills={"neuro": 3}) for number in range(1, 51))
    load_network(db, replace(TWO_FEEDS, reporters=people, policy=policy(priority("urgent"))), NOW)
    ingest_extract(db, Feed(), extract("A1"), NOW)
    wanted, barrier = read_id(db, "A1"), threading.Barrier(50)
    won: list[str] = []
    lost: list[ClaimedError] = []

    def race(reporter_id: str) -> None:
        barrier.wait()
        try:
            won.append(claim_read(db, wanted, reporter_id, NOW, by=PACS).reporter_id)
        except ClaimedError as error:
            lost.append(error)

    threads = [threading.Thread(target=race, args=(person.reporter_id,)) for person in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(won), len(lost)) == (1, 49)
    assert {error.reporter_id for error in lost} == set(won)
    assert all(won[0] in str(error) for error in lost)
    assert standing(db, "A1") == (ReadState.CLAIMED, won[0])
    with db.session() as reading:
        assert len(reading.exec(select(ClaimRow)).all()) == 1
        assert audit.verify(reading).fault == ""


def test_next_of_many_clients_gives_each_read_once(db: Database) -> None:
    """A reporter's two workstations ask for the next at once: two different reads."""
    five(db)
    barrier, claims = threading.Barrier(3), list[Claim | None]()

    def ask() -> None:
        barrier.wait()
        claims.append(next_read(db, "R1", NOW, by=MANAGER))

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    held = {claim.read_id for claim in claims if claim is not None}
    with db.session() as reading:
        live = reading.exec(select(ClaimRow)).all()
    assert {row.read_id for row in live} == held
    assert len(live) == len(held) >= 1


def test_asking_again_for_what_one_has_renews_it(db: Database) -> None:
    """A client that lost the answer asks once more; it is one claim."""
    five(db)
    first = take(db, "A1")
    again = take(db, "A1", at=5)
    assert (again.claimed_at, first.lease_until, again.lease_until) == (first.claimed_at, minutes(10), minutes(15))
    with db.session() as reading:
        assert len(reading.exec(select(ClaimRow)).all()) == 1


def test_whoever_comes_second_hears_who_has_it(db: Database) -> None:
    """By name and number."""
    five(db)
    take(db, "A1")
    with pytest.raises(ClaimedError, match=r"R1.* has claimed the read") as raised:
        take(db, "A1", "R2", by=PACS)
    assert raised.value.reporter_id == "R1"
    with pytest.raises(ClaimedError):
        release_read(db, read_id(db, "A1"), "R2", NOW, by=PACS)


def test_there_is_no_claiming_what_is_not_there(db: Database) -> None:
    """No such read, no such reporter."""
    five(db)
    with pytest.raises(NotFoundError):
        claim_read(db, 4711, "R1", NOW, by=PACS)
    with pytest.raises(NotFoundError):
        take(db, "A1", "R9", by=PACS)


# --- bounded choice --------------------------------------------------------------------------------------------------


def test_next_is_the_first_on_the_list_that_nobody_has_open(db: Database) -> None:
    """In the order of the plan, one after the other; then nothing."""
    five(db)
    found = [next_read(db, "R1", NOW, by=MANAGER) for _ in range(6)]
    assert [claim and claim.read_id for claim in found] == [*(read_id(db, number) for number in NUMBERS), None]


def test_what_cannot_be_read_yet_is_not_next(db: Database) -> None:
    """Its images come in an hour."""
    queued(db, incoming("A1", ready_at=minutes(60)), "A2")
    rostered(db, session("S1", "R1"))
    run_allocation(db, NOW, solver=solving({"S1": ["A2", "A1"]}))
    assert next_read(db, "R1", NOW, by=R1) is not None
    assert next_read(db, "R1", minutes(59), by=R1) is None
    assert next_read(db, "R1", minutes(60), by=R1) is not None


@pytest.mark.parametrize("number", ["A1", "A2", "A3"])
def test_a_reporter_may_take_any_of_the_next_three(db: Database, number: str) -> None:
    """That is the policy's number; it is free."""
    five(db)
    assert take(db, number).reporter_id == "R1"


@pytest.mark.parametrize("number", ["A4", "B1"])
def test_a_reporter_may_not_reach_further(db: Database, number: str) -> None:
    """Neither down the list nor into somebody else's."""
    five(db)
    with pytest.raises(ConflictError, match="not among the next 3"):
        take(db, number)


def test_a_system_says_what_is_so(db: Database) -> None:
    """Somebody has opened a study in the PACS, wherever it stood."""
    five(db)
    take(db, "A5", by=PACS)
    take(db, "A4", "R2", by=PACS)
    assert (standing(db, "A5"), standing(db, "A4")) == ((ReadState.CLAIMED, "R1"), (ReadState.CLAIMED, "R2"))
    assert listed(db, "R1") == ["A1", "A2", "A3", "A5"]


def test_nobody_has_more_than_three_open(db: Database) -> None:
    """A claim keeps a read from everybody else."""
    five(db)
    for number in ("A1", "A2", "A3"):
        take(db, number)
    with pytest.raises(ConflictError, match="3 reads are open already"):
        take(db, "A4")


def test_what_is_passed_over_is_counted_and_nobody_is_named(db: Database) -> None:
    """By trust, subspecialty and modality; who did it is in no table and not in the trail."""
    five(db)
    take(db, "A3")
    with db.session() as reading:
        (counted,) = choice.skips(reading, NOW)
        assert (counted.trust, counted.subspecialty, counted.skips, counted.reads) == ("RVV", "neuro", 2, 2)
        assert "reporter_id" not in SkipRow.model_fields
        (entry,) = [row for row in audit.entries(reading, Cut()).items if row.action == "read.claim"]
    assert set(entry.detail) == {"from", "to"}
    take(db, "A1")
    with db.session() as reading:
        assert sum(item.skips for item in choice.skips(reading, NOW)) == 2


def test_a_read_passed_over_five_times_is_brought_to_the_managers_notice(db: Database) -> None:
    """Once, with an owner, in nobody's name; after somebody has looked it is counted anew."""
    five(db)

    def skip_once(at: float) -> None:
        take(db, "A2", at=at)
        release_read(db, read_id(db, "A2"), "R1", minutes(at), by=R1)

    for count in range(5):
        assert opened(db) == []
        skip_once(count)
    assert opened(db) == [(ExceptionKind.SKIPPED_OFTEN, "RVV reporting office")]
    skip_once(6)
    assert len(opened(db)) == 1
    with db.transaction() as writing:
        (row,) = exceptions.exceptions(writing, Cut()).items
        exceptions.resolve(writing, row.id or 0, by=MANAGER, now=minutes(7), resolution="spoke to the section")
    skip_once(8)
    assert opened(db) == []
    with db.session() as reading:
        actors = {entry.actor for entry in audit.entries(reading, Cut()).items if entry.action == "exception.opened"}
    assert actors == {job("choice").subject}


# --- who may ---------------------------------------------------------------------------------------------------------


def _bar(db: Database) -> None:
    with db.transaction() as writing:
        for row in writing.exec(select(StudyRow)):
            row.excluded = ["R1"]


def test_a_reporter_does_not_open_what_they_may_not_report_by_now(db: Database) -> None:
    """The list is of this morning; the exclusion of a minute ago."""
    five(db)
    _bar(db)
    with pytest.raises(ConflictError, match="excluded"):
        take(db, "A1")


def test_a_system_is_believed_and_the_office_is_told(db: Database) -> None:
    """That somebody has opened it is so; that they may not report it is for a person."""
    five(db)
    _bar(db)
    take(db, "A1", by=PACS)
    assert standing(db, "A1") == (ReadState.CLAIMED, "R1")
    assert opened(db) == [(ExceptionKind.CLAIMANT_NOT_ENTITLED, "RVV reporting office")]


# --- how long --------------------------------------------------------------------------------------------------------


def test_heartbeats_renew_the_lease(db: Database) -> None:
    """Ten minutes from the last one."""
    five(db)
    assert take(db, "A1").lease_until == minutes(10)
    assert renew_claim(db, read_id(db, "A1"), "R1", minutes(9), by=R1).lease_until == minutes(19)
    with pytest.raises(ClaimedError):
        renew_claim(db, read_id(db, "A1"), "R2", minutes(9), by=PACS)
    with pytest.raises(ConflictError, match="nobody has claimed"):
        renew_claim(db, read_id(db, "A2"), "R1", minutes(9), by=R1)


def test_a_claim_without_heartbeats_has_no_lease(db: Database) -> None:
    """UPS, FHIR and HL7 know none."""
    five(db)
    claim = claim_read(db, read_id(db, "A1"), "R1", NOW, by=PACS, heartbeats=False)
    assert claim.lease_until is None


def test_a_heartbeat_gives_no_lease_to_a_claim_of_a_system_that_sends_none(db: Database) -> None:
    """R1's browser beats while the study is open in the PACS; the browser closes, and it is open in the PACS still."""
    five(db)
    claim_read(db, read_id(db, "A1"), "R1", NOW, by=PACS, heartbeats=False)
    assert renew_claim(db, read_id(db, "A1"), "R1", minutes(1), by=R1).lease_until is None
    assert take(db, "A1", at=2).lease_until is None
    assert lapse_claims(db, minutes(30)).lapsed == 0


def test_a_claim_that_such_a_system_asserts_too_has_no_lease_any_more(db: Database) -> None:
    """Opened in the browser first, then in the PACS."""
    five(db)
    take(db, "A1")
    assert claim_read(db, read_id(db, "A1"), "R1", minutes(1), by=PACS, heartbeats=False).lease_until is None
    assert lapse_claims(db, minutes(30)).lapsed == 0
    assert standing(db, "A1") == (ReadState.CLAIMED, "R1")


def test_a_released_read_is_back_where_it_stood(db: Database) -> None:
    """On the same list, in the same place."""
    five(db)
    take(db, "A2")
    assert release_read(db, read_id(db, "A2"), "R1", minutes(1), by=R1) is ReadState.ALLOCATED
    assert listed(db, "R1") == NUMBERS
    assert take(db, "A2", at=2).claimed_at == minutes(2)


@pytest.mark.parametrize("lapses", [True, False])
def test_what_somebody_else_had_opened_is_back_on_the_list_that_has_it(db: Database, lapses: bool) -> None:  # noqa: FBT001
    """R2 opened it by mistake; R1, on whose list it stands, may take it at once."""
    five(db)
    take(db, "A1", "R2", by=PACS)
    if lapses:
        assert lapse_claims(db, minutes(10)).lapsed == 1
    else:
        assert release_read(db, read_id(db, "A1"), "R2", minutes(1), by=PACS) is ReadState.ALLOCATED
    assert standing(db, "A1") == (ReadState.ALLOCATED, "R1")
    assert listed(db, "R1") == NUMBERS
    assert take(db, "A1", at=11).reporter_id == "R1"


def test_what_its_lists_owner_may_not_have_is_nobodys_again(db: Database) -> None:
    """R1 handed it back, and the list of before still has its place; the next run finds it another."""
    five(db)
    return_read(db, read_id(db, "A1"), "R1", NOW, by=R1, reason=ReturnReason.OTHER)
    take(db, "A1", "R2", by=PACS)
    assert release_read(db, read_id(db, "A1"), "R2", minutes(1), by=PACS) is ReadState.UNALLOCATED
    assert listed(db, "R1") == NUMBERS[1:]
    study = next(item for item in build_problem(db, minutes(2)).studies if item.accession_number == "A1")
    assert (study.claimed_by, study.published_to) == ((), ())


@pytest.mark.parametrize("lapses", [True, False])
def test_an_emergency_that_nobody_has_open_any_more_is_planned_at_once(db: Database, lapses: bool) -> None:  # noqa: FBT001
    """And if nobody said so, but silence did, the office is told."""
    queued(db, incoming("A1", priority="emergency"))
    take(db, "A1", by=PACS)
    if lapses:
        assert lapse_claims(db, minutes(10)).lapsed == 1
    else:
        release_read(db, read_id(db, "A1"), "R1", minutes(10), by=PACS)
    with db.session() as reading:
        waiting = runs.requested(reading)
    assert waiting is not None
    assert waiting.stage == f"an emergency that was open: {'lapsed' if lapses else 'released'}"
    assert opened(db) == ([(ExceptionKind.EMERGENCY_WAITS, "RVV reporting office")] if lapses else [])


# --- runs and sources ------------------------------------------------------------------------------------------------


def test_a_claim_is_in_every_later_run(db: Database) -> None:
    """As H8, and the plan that is published keeps it on its claimant's list."""
    five(db)
    take(db, "A1")
    for at in (1, 2):
        study = next(item for item in build_problem(db, minutes(at)).studies if item.accession_number == "A1")
        assert study.claimed_by == ("R1",)
        run_allocation(db, minutes(at), solver=solving({"S1": NUMBERS, "S2": ["B1"]}))
        assert standing(db, "A1") == (ReadState.CLAIMED, "R1")


def test_what_is_claimed_while_a_run_thinks_stays_with_its_claimant(db: Database) -> None:
    """The plan gives A1 to R2; R1 opened it a second ago."""
    five(db)

    def thinking(problem: object, **arguments: object) -> object:
        take(db, "A1")
        plan = {"S1": ["A2"], "S2": ["A1", "A3", "A4", "A5", "B1"]}
        return solving(plan)(problem, **arguments)

    assert run_allocation(db, minutes(1), solver=thinking).error == ""  # type: ignore[arg-type]
    assert standing(db, "A1") == (ReadState.CLAIMED, "R1")
    assert listed(db, "R1") == ["A1", "A2"]
    assert listed(db, "R2") == ["A3", "A4", "A5", "B1"]


def test_what_comes_of_another_study_says_nothing_of_one_that_was_withdrawn(db: Database) -> None:
    """A batch of one study, as of a message: whoever has the other open is still told."""
    five(db)
    take(db, "A1")
    ingest_extract(db, Feed(), extract(*NUMBERS[1:], "B1", at=5), minutes(5), most_closed=1)
    create_workitem(db, "1.2.3.4", request_of("N1"), minutes(6), by=PACS, reach=EVERYWHERE, key=b"k" * 32)
    assert renew_claim(db, read_id(db, "A1"), "R1", minutes(8), by=R1).withdrawn


def test_whoever_has_it_open_is_told_that_it_is_withdrawn(db: Database) -> None:
    """By the next heartbeat; it goes when the claim ends, and comes back if the source asks for it again."""
    five(db)
    take(db, "A1")
    rest = extract(*NUMBERS[1:], "B1", at=5)
    ingest_extract(db, Feed(), rest, minutes(5), most_closed=1)
    assert standing(db, "A1") == (ReadState.CLAIMED, "R1")
    assert renew_claim(db, read_id(db, "A1"), "R1", minutes(6), by=R1).withdrawn
    ingest_extract(db, Feed(), extract(*NUMBERS, "B1", at=7), minutes(7))
    assert not renew_claim(db, read_id(db, "A1"), "R1", minutes(8), by=R1).withdrawn
    ingest_extract(db, Feed(), extract(*NUMBERS[1:], "B1", at=9), minutes(9), most_closed=1)
    assert release_read(db, read_id(db, "A1"), "R1", minutes(10), by=R1) is ReadState.WITHDRAWN
    assert next_read(db, "R1", minutes(11), by=R1) == Claim(
        read_id=read_id(db, "A2"),
        reporter_id="R1",
        claimed_at=minutes(11),
        lease_until=minutes(11) + timedelta(minutes=10),
        withdrawn=False,
    )


def test_every_transition_is_in_the_trail(db: Database) -> None:
    """Who, what, when, from, to and why."""
    five(db)
    take(db, "A1")
    release_read(db, read_id(db, "A1"), "R1", minutes(1), by=R1)
    with db.session() as reading:
        found = audit.entries(reading, Cut(), subject_kind="read", subject_id=str(read_id(db, "A1"))).items
        trail = [(row.actor, row.action, row.was, row.became, row.at) for row in reversed(found)]
        assert audit.verify(reading).fault == ""
    assert trail[1:] == [
        ("oidc:r1", "read.claim", "allocated", "claimed", NOW),
        ("oidc:r1", "read.release", "claimed", "allocated", minutes(1)),
    ]
    assert trail[0][:4] == ("job:allocation", "read.publish", "unallocated", "allocated")
    assert Counter(row.why for row in found)["run 1"] == 1


def test_a_reporter_who_opens_what_is_not_there_for_them_hears_that_their_list_may_be_old(sqlite_db: Database) -> None:
    """A reading that a later plan gave to a colleague may be hidden from them by then; others hear that it is none."""
    own = sqlite_db.within(R1.reach(Permission.READS_WORK))
    five(sqlite_db)
    with pytest.raises(NotFoundError, match="no longer, on your list: look at your list again"):
        claim_read(own, 77_777, "R1", NOW, by=R1)
    with pytest.raises(NotFoundError, match="there is no read 77777"):
        claim_read(sqlite_db, 77_777, "R1", NOW, by=MANAGER)
