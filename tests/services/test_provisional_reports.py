"""A registrar's report is verified by somebody who may, in two fifths of the time, and is never lost on the way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from balancer.domain.actor import Grant, person
from balancer.domain.errors import ConflictError
from balancer.domain.exceptional import ExceptionKind
from balancer.domain.ledger import week_of
from balancer.domain.life import AWAITS_OTHER_READ, ReadKind, ReadState, ReturnReason
from balancer.domain.outcome import Outcome
from balancer.domain.permission import Role
from balancer.domain.policy import Policy
from balancer.domain.study import ReadKey, StudyKey
from balancer.services.build_problem import build_problem, gather
from balancer.services.check_completions import check_completions
from balancer.services.claim_read import claim_read
from balancer.services.complete_read import complete_read
from balancer.services.correct_study import correct_study
from balancer.services.ingest_studies import ingest_extract
from balancer.services.mend_worklists import Mending
from balancer.services.next_read import next_read
from balancer.services.release_read import release_read
from balancer.services.return_read import return_read
from balancer.services.run_allocation import run_allocation
from balancer.services.steer_read import Said, exclude_read, pin_read
from balancer.services.take_over_read import take_over_read
from balancer.services.what_holds import what_holds
from balancer.store import conservation, exceptions, follow_ups, instructions, ledger, reads, runs, studies
from balancer.store.balance import balance
from balancer.store.changes import changes
from balancer.store.database import Database
from balancer.store.instructions import InstructionFilter
from balancer.store.pages import Cut
from balancer.store.tables_kinds import FollowUpRow
from tests.instructed import MANAGER
from tests.networks import (
    PACS,
    TWO_FEEDS,
    Feed,
    extract,
    incoming,
    loaded,
    minutes,
    read_id,
    rostered,
    solving,
    standing,
)
from tests.worlds import NOW, at, policy, priority, reporter, session

REGISTRAR = person("oidc:rg", "Registrar", Grant(Role.REPORTER, "RVV"), reporter_id="RG")
R1 = person("oidc:r1", "Reporter 1", Grant(Role.REPORTER, "RVV"), reporter_id="R1")
PEOPLE = (
    replace(reporter("RG", trusts=("RVV", "RWF")), grade="Specialty Registrar (ST3)"),
    reporter("R1", trusts=("RVV", "RWF")),
    replace(reporter("R9", trusts=("RVV", "RWF")), grade="reporting radiographer"),
)
CLASSES = policy(priority("urgent"), priority("emergency", target_hours=1))
STOPS = policy(replace(priority("urgent"), provisional_stops_clock=True, verification_hours=12))


def reported(db: Database, *others: str, rules: Policy = CLASSES, **stated: Any) -> None:
    """Let the registrar have reported A1 at half past; it is the study's second read that verifies it."""
    loaded(db, replace(TWO_FEEDS, reporters=PEOPLE, policy=rules))
    ingest_extract(db, Feed(), extract(incoming("A1", **stated), *others), NOW)
    rostered(db, session("S1", "R1"), session("SG", "RG"), session("S9", "R9"))
    assert run_allocation(db, NOW, solver=solving({"SG": ["A1"], "S1": others})).error == ""
    claim_read(db, read_id(db, "A1"), "RG", minutes(20), by=REGISTRAR)
    assert complete_read(db, read_id(db, "A1"), "RG", minutes(30), by=REGISTRAR)


def verification(db: Database) -> FollowUpRow:
    """Return what the verification has of its own."""
    with db.session() as reading:
        return follow_ups.of_reads(reading, [read_id(db, "A1", read=2)])[read_id(db, "A1", read=2)]


def kinds(db: Database) -> list[tuple[ReadKind, ReadState]]:
    """Return the reads of A1."""
    with db.session() as reading:
        found = studies.study(reading, StudyKey("RVV", "A1"))
    return [(read.row.kind, read.row.state) for read in found.reads]


def brought_up(db: Database) -> list[ExceptionKind]:
    """Return what waits for somebody to look at it."""
    with db.session() as reading:
        return [row.kind for row in exceptions.exceptions(reading, Cut()).items]


def placed(db: Database, at_: datetime, session_id: str = "S1", reads_: Sequence[str] = ("A1",)) -> None:
    """Publish a plan that has the verification in a session: of the study's reads it is the one that is left."""
    outcome = run_allocation(db, at_, solver=solving({session_id: list(reads_)}))
    assert outcome.error == ""


def in_order(db: Database) -> None:
    """Ensure that the books balance and nothing is amiss."""
    with db.session() as reading:
        assert conservation.faults(reading) == []
        assert all(trust.balances for trust in balance(reading))


def verified(db: Database, at_: float = 60) -> None:
    """Let R1 verify it."""
    claim_read(db, read_id(db, "A1", read=2), "R1", minutes(at_), by=PACS)
    assert complete_read(db, read_id(db, "A1", read=2), "R1", minutes(at_), by=PACS)


READING, V = ReadKind.INTERPRETATION, ReadKind.VERIFICATION


def test_a_provisional_report_is_done_and_is_to_be_verified(db: Database) -> None:
    """Its interpretation is done; the read that verifies it waits with nobody, and the books balance."""
    reported(db)
    assert kinds(db) == [(READING, ReadState.DONE), (V, ReadState.UNALLOCATED)]
    in_order(db)
    with db.session() as reading:
        (east, *_) = balance(reading)
    assert (east.states[ReadState.DONE], east.unplanned, east.required) == (1, 1, 1)


def test_the_ledger_has_its_own_minutes(db: Database) -> None:
    """Two fifths of seven minutes, beside the seven of the report."""
    reported(db)
    verified(db)
    with db.session() as reading:
        (week,) = ledger.weeks(reading, week_of(NOW), week_of(NOW))
    (pair,) = week.pairs
    assert pair.minutes == pytest.approx(9.8)
    assert pair.reads == 2


def test_it_is_planned_with_its_own_minutes_target_and_verifiers(db: Database) -> None:
    """Two fifths of seven minutes, due a day after the report; not for the registrar, nor whoever may not verify."""
    reported(db, acquired_at=at(-1), due_at=at(100))
    (study,) = build_problem(db, minutes(31)).studies
    assert study.minutes == pytest.approx(2.8)
    assert (study.due_at, study.reads) == (minutes(30 + 24 * 60), 1)
    assert study.excluded == {"RG", "R9"}
    assert study.acquired_at == at(-1)


def test_the_real_solver_gives_it_to_whoever_may(db: Database) -> None:
    """And nobody else, as the referee confirms."""
    reported(db)
    assert run_allocation(db, minutes(31), work=0).error == ""
    assert standing(db, "A1", read=2) == (ReadState.ALLOCATED, "R1")
    in_order(db)


@pytest.mark.parametrize(
    ("rules", "due_at", "expected", "since"),
    [
        (CLASSES, at(2), at(2), at(-1)),  # the clock goes on: the study's own time is sooner
        (STOPS, at(2), at(12.5), at(0.5)),  # it stopped: twelve hours from the report, whatever it was
        (CLASSES, None, at(23), at(-1)),
        (STOPS, None, at(12.5), at(0.5)),
    ],
)
def test_the_policy_says_whether_a_provisional_report_stops_the_clock(
    db: Database, rules: Policy, due_at: datetime | None, expected: datetime, since: datetime
) -> None:
    """By class."""
    reported(db, rules=rules, due_at=due_at)
    (study,) = build_problem(db, minutes(31)).studies
    assert (study.due_at, study.acquired_at) == (expected, since)


@pytest.mark.parametrize(("said", "given", "stops"), [("scan", "urgent", True), ("urgent", "scan", False)])
def test_the_class_that_a_manager_has_given_says_whether_the_clock_stops(
    db: Database, said: str, given: str, *, stops: bool
) -> None:
    """And until when it is verified: twelve hours or a day. What the feed says has been corrected."""
    loaded(
        db,
        replace(TWO_FEEDS, reporters=PEOPLE, policy=replace(STOPS, priorities=(*STOPS.priorities, priority("scan")))),
    )
    ingest_extract(db, Feed(), extract(incoming("A1", priority=said)), NOW)
    key, value = StudyKey("RVV", "A1"), {"priority": given}
    correct_study(db, key, value, minutes(5), by=MANAGER, said=Said(reason="the request says so"))
    assert complete_read(db, read_id(db, "A1"), "RG", minutes(30), by=PACS)
    follows = verification(db)
    assert (follows.clock_stopped, follows.target_at) == (stops, at(12.5 if stops else 24.5))


def test_a_consultant_may_ask_for_a_second_look_and_a_registrar_cannot_do_without(db: Database) -> None:
    """What is said may add to what the grade says, not take from it."""
    loaded(db, replace(TWO_FEEDS, reporters=PEOPLE, policy=CLASSES))
    ingest_extract(db, Feed(), extract("A1", "A2", "A3"), NOW)
    for number, who, said in (("A1", "R1", True), ("A2", "RG", False), ("A3", "R1", False)):
        complete_read(db, read_id(db, number), who, NOW, by=PACS, provisional=said)
    with db.session() as reading:
        found = [len(studies.study(reading, StudyKey("RVV", number)).reads) for number in ("A1", "A2", "A3")]
    assert found == [2, 2, 1]


def test_verified_is_the_end_of_it(db: Database) -> None:
    """By the next on the list of whoever may; nothing follows, and the source confirms both by silence."""
    reported(db, "B1")
    placed(db, minutes(31), reads_=["A1", "B1"])
    claim = next_read(db, "R1", minutes(40), by=R1)
    assert claim is not None
    assert claim.read_id == read_id(db, "A1", read=2)
    assert complete_read(db, claim.read_id, "R1", minutes(45), by=R1)
    assert kinds(db) == [(READING, ReadState.DONE), (V, ReadState.DONE)]
    ingest_extract(db, Feed(), extract("B1", at=60), minutes(60))
    with db.session() as reading:
        found = studies.study(reading, StudyKey("RVV", "A1"))
    assert all(read.row.confirmed_at for read in found.reads)
    assert brought_up(db) == []


@pytest.mark.parametrize("who", ["RG", "R9"])
def test_nobody_verifies_who_may_not(db: Database, who: str) -> None:
    """Not their own report, nor by a grade that does not verify; a system's word is kept, and does not count."""
    reported(db)
    actor = person("oidc:x", "X", Grant(Role.REPORTER, "RVV"), reporter_id=who)
    number = read_id(db, "A1", read=2)
    with pytest.raises(ConflictError):
        claim_read(db, number, who, minutes(40), by=actor)
    assert not complete_read(db, number, who, minutes(41), by=PACS)
    assert standing(db, "A1", read=2)[0] is ReadState.UNALLOCATED
    assert ExceptionKind.MAY_NOT_VERIFY in brought_up(db)
    in_order(db)


# --- what the source says -------------------------------------------------------------------------------------------


def test_a_snapshot_that_counts_reads_leaves_it_alone(db: Database) -> None:
    """The source still asks for one read, which the registrar has done: it is neither one too many nor done."""
    reported(db)
    for minute in (40, 50):
        ingest_extract(db, Feed(), extract("A1", at=minute), minutes(minute))
    assert kinds(db) == [(READING, ReadState.DONE), (V, ReadState.UNALLOCATED)]
    in_order(db)


def test_a_source_that_asks_for_another_reading_gets_one_and_the_verification_waits(db: Database) -> None:
    """It keeps its number; the new reading is the third read, and whoever verifies sees nothing before it is done."""
    reported(db)
    ingest_extract(db, Feed(), extract(incoming("A1", reads=2), at=40), minutes(40))
    assert kinds(db) == [(READING, ReadState.DONE), (V, ReadState.UNALLOCATED), (READING, ReadState.UNALLOCATED)]
    gathered = gather(db, minutes(41))
    (study,) = gathered.problem.studies
    assert (study.reads, study.minutes, gathered.numbers[study.key]) == (1, 7, [3, 2])
    assert gathered.left_out == {ReadKey("RVV", "A1", 2): AWAITS_OTHER_READ}
    placed(db, minutes(41))
    assert standing(db, "A1", read=3) == (ReadState.ALLOCATED, "R1")
    with db.session() as reading:
        assert reads.read(reading, read_id(db, "A1", read=2)).reason == AWAITS_OTHER_READ
    in_order(db)


def test_a_study_that_goes_before_it_is_verified_is_brought_up_and_comes_back_as_it_was(db: Database) -> None:
    """Silence may mean verified elsewhere, or a report that nobody has checked; only a person can tell which."""
    reported(db, "B1")
    placed(db, minutes(31), reads_=["A1", "B1"])
    ingest_extract(db, Feed(), extract("B1", at=40), minutes(40), most_closed=1)
    assert kinds(db) == [(READING, ReadState.DONE), (V, ReadState.WITHDRAWN)]
    assert brought_up(db) == [ExceptionKind.NOT_FOLLOWED_UP]
    ingest_extract(db, Feed(), extract("A1", "B1", at=50), minutes(50))
    assert kinds(db) == [(READING, ReadState.DONE), (V, ReadState.ALLOCATED)]
    assert standing(db, "A1", read=2) == (ReadState.ALLOCATED, "R1")
    in_order(db)


def test_one_that_is_open_when_its_source_is_silent_is_not_lost_when_it_is_given_back(db: Database) -> None:
    """The study never closed, so nothing about it changes when it is listed again: the verification is back."""
    reported(db, "B1")
    placed(db, minutes(31), reads_=["A1", "B1"])
    claim_read(db, read_id(db, "A1", read=2), "R1", minutes(35), by=R1)
    ingest_extract(db, Feed(), extract("B1", at=40), minutes(40), most_closed=1)
    assert standing(db, "A1", read=2) == (ReadState.CLAIMED, "R1")
    release_read(db, read_id(db, "A1", read=2), "R1", minutes(42), by=R1)
    assert standing(db, "A1", read=2)[0] is ReadState.WITHDRAWN
    assert brought_up(db) == [ExceptionKind.NOT_FOLLOWED_UP]
    ingest_extract(db, Feed(), extract("A1", "B1", at=50), minutes(50))
    assert standing(db, "A1", read=2) == (ReadState.ALLOCATED, "R1")
    in_order(db)


def test_one_that_is_taken_over_when_its_source_is_silent_is_brought_up(db: Database) -> None:
    """As one that is given back: nobody has checked the report here, and only a person can tell if anybody has."""
    reported(db, "B1")
    placed(db, minutes(31), reads_=["A1", "B1"])
    number = read_id(db, "A1", read=2)
    claim_read(db, number, "R1", minutes(35), by=R1)
    ingest_extract(db, Feed(), extract("B1", at=40), minutes(40), most_closed=1)
    assert take_over_read(db, number, minutes(42), by=MANAGER, reason="gone home") is ReadState.WITHDRAWN
    assert brought_up(db) == [ExceptionKind.NOT_FOLLOWED_UP]


def test_it_is_neither_pinned_to_nor_taken_over_for_who_may_not_verify(db: Database) -> None:
    """It would wait for somebody to whom no plan gives it, or whose word on it does not count."""
    reported(db)
    number, why = read_id(db, "A1", read=2), "verification is not for a reporting radiographer"
    with pytest.raises(ConflictError, match=why):
        pin_read(db, number, "R9", minutes(40), by=MANAGER, said=Said(reason="asked"))
    claim_read(db, number, "R1", minutes(41), by=PACS)
    with pytest.raises(ConflictError, match=why):
        take_over_read(db, number, minutes(42), by=MANAGER, reason="gone home", reporter_id="R9")
    assert standing(db, "A1", read=2) == (ReadState.CLAIMED, "R1")
    with db.session() as reading:
        assert instructions.instructions(reading, InstructionFilter(), Cut()).total == 0


def test_that_it_stays_away_would_be_noticed(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Were the study not looked at, the check of every minute would say so."""
    reported(db, "B1")
    placed(db, minutes(31), reads_=["A1", "B1"])
    claim_read(db, read_id(db, "A1", read=2), "R1", minutes(35), by=R1)
    ingest_extract(db, Feed(), extract("B1", at=40), minutes(40), most_closed=1)
    release_read(db, read_id(db, "A1", read=2), "R1", minutes(42), by=R1)
    monkeypatch.setattr(conservation, "miscounted", lambda *_: set[int]())
    ingest_extract(db, Feed(), extract("A1", "B1", at=50), minutes(50))
    with db.session() as reading:
        assert [item.fault for item in conservation.faults(reading)] == [conservation.Fault.MISSING]


def test_a_report_that_nobody_is_to_verify_would_be_noticed(db: Database) -> None:
    """A provisional report that passes for a final one is the harm that all this is against."""
    reported(db)
    with db.transaction() as writing:
        follow_ups.no_longer_wanted(writing, read_id(db, "A1", read=2))
    with db.session() as reading:
        assert [item.fault for item in conservation.faults(reading)] == [conservation.Fault.NOT_FOLLOWED_UP]


def test_a_verification_that_its_source_does_not_confirm_comes_back_and_the_report_does_not(db: Database) -> None:
    """Reported at half past and verified at one; listed still at six: what is left to do is to verify it."""
    reported(db)
    verified(db)
    ingest_extract(db, Feed(), extract("A1", at=360), minutes(360))
    assert check_completions(db, minutes(361)) == 1
    assert kinds(db) == [(READING, ReadState.DONE), (V, ReadState.UNALLOCATED)]
    assert brought_up(db) == [ExceptionKind.UNCONFIRMED]
    in_order(db)


def test_a_report_that_waits_to_be_verified_is_not_doubted(db: Database) -> None:
    """Its source lists it, and rightly so."""
    reported(db)
    ingest_extract(db, Feed(), extract("A1", at=360), minutes(360))
    assert check_completions(db, minutes(361)) == 0
    assert kinds(db) == [(READING, ReadState.DONE), (V, ReadState.UNALLOCATED)]


def test_a_report_whose_verification_is_not_to_be_done_here_is_doubted(db: Database) -> None:
    """Nobody is going to verify it, and its source, asked hours later, does not have it: it may never have arrived."""
    reported(db)
    number, said = read_id(db, "A1", read=2), Said(reason="verified at the university")
    exclude_read(db, number, minutes(40), by=MANAGER, said=said, approver="Dr A")
    ingest_extract(db, Feed(), extract("A1", at=360), minutes(360))
    assert check_completions(db, minutes(361)) == 1
    assert kinds(db) == [(READING, ReadState.UNALLOCATED), (V, ReadState.EXCLUDED)]
    assert brought_up(db) == [ExceptionKind.UNCONFIRMED]


def test_one_that_is_handed_back_goes_to_somebody_else(db: Database) -> None:
    """It is a read like any other."""
    reported(db)
    placed(db, minutes(31))
    return_read(db, read_id(db, "A1", read=2), "R1", minutes(40), by=R1, reason=ReturnReason.CONFLICT_OF_INTEREST)
    assert standing(db, "A1", read=2)[0] is ReadState.UNALLOCATED
    (study,) = build_problem(db, minutes(41)).studies
    assert study.excluded == {"RG", "R9", "R1"}
    assert study.minutes == pytest.approx(2.8)


def test_the_feed_says_what_is_read_and_when_it_is_due(db: Database) -> None:
    """A PACS opens the report to be verified in another window than images without one."""
    reported(db, rules=STOPS)
    with db.session() as reading:
        items = {item.row.read: item for item in changes(reading, "RVV", None, limit=10).items}
        (held,) = what_holds(reading, [items[2].study], minutes(40)).values()
    assert {number: item.kind for number, item in items.items()} == {2: V}
    assert held.due_of(items[2].follows) == at(12.5)


def test_an_emergency_asks_for_a_run_at_once(db: Database) -> None:
    """Its report waits for somebody to verify it."""
    reported(db, priority="emergency")
    with db.session() as reading:
        assert runs.requested(reading) is not None


def test_an_outcome_may_differ_and_the_verifier_has_the_last_word(db: Database) -> None:
    """One reading, verified: nobody arbitrates between a registrar and the consultant who corrects them."""
    reported(db)
    number = read_id(db, "A1", read=2)
    assert complete_read(db, number, "R1", minutes(60), by=PACS, outcome=Outcome.ABNORMAL)
    assert kinds(db) == [(READING, ReadState.DONE), (V, ReadState.DONE)]


# --- between runs ---------------------------------------------------------------------------------------------------


def test_the_verification_of_an_emergency_is_on_a_list_at_the_next_look(db: Database) -> None:
    """It does not wait for a whole run, and goes to nobody who may not verify."""
    loaded(db, replace(TWO_FEEDS, reporters=PEOPLE, policy=CLASSES))
    ingest_extract(db, Feed(), extract(incoming("A1", priority="emergency"), "B1"), NOW)
    rostered(db, session("S1", "R1"), session("SG", "RG"), session("S9", "R9"))
    assert run_allocation(db, NOW, solver=solving({"SG": ["A1"], "S1": ["B1"]})).error == ""
    mending = Mending(db)
    assert mending.look(NOW) is None
    assert complete_read(db, read_id(db, "A1"), "RG", minutes(5), by=PACS)
    assert mending.look(minutes(6)) is not None
    assert standing(db, "A1", read=2) == (ReadState.ALLOCATED, "R1")
    in_order(db)


def test_a_plan_that_is_open_follows_a_study_from_reading_to_verification(db: Database) -> None:
    """The reading that it waited for is done: what is left of the study is the verification that stood aside."""
    reported(db, "B1")
    ingest_extract(db, Feed(), extract(incoming("A1", reads=2), "B1", at=40), minutes(40))
    placed(db, minutes(41), reads_=["A1", "B1"])
    mending = Mending(db)
    assert mending.look(minutes(41)) is None
    assert complete_read(db, read_id(db, "A1", read=3), "R1", minutes(45), by=PACS, outcome=Outcome.NORMAL)
    mending.look(minutes(46))
    assert mending.is_open
    in_order(db)


def test_images_made_after_the_report_bring_it_back_and_what_verifies_it_waits(db: Database) -> None:
    """Who reads them all has the last word if it is final; nobody is asked to verify what stands by itself."""
    reported(db)
    later = incoming("A1", acquired_at=minutes(60))
    ingest_extract(db, Feed(), extract(later, at=70), minutes(70))
    assert kinds(db) == [(READING, ReadState.UNALLOCATED), (V, ReadState.UNALLOCATED)]
    (study,) = build_problem(db, minutes(71)).studies
    assert (study.reads, study.minutes) == (1, 7)
    assert complete_read(db, read_id(db, "A1"), "R1", minutes(80), by=PACS)
    assert kinds(db) == [(READING, ReadState.DONE), (V, ReadState.WITHDRAWN)]
    in_order(db)
