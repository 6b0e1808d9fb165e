"""Managers and referrers steer: at once where it must be, within the rules, and on record."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from balancer.domain.actor import Grant, person
from balancer.domain.errors import (
    BalancerError,
    ClaimedError,
    ConflictError,
    InvalidValueError,
    NotFoundError,
    UntimelyError,
)
from balancer.domain.exceptional import ExceptionKind
from balancer.domain.instruction import Instruction, InstructionKind, InstructionState
from balancer.domain.life import ReadEvent, ReadState, ReturnReason
from balancer.domain.permission import Role
from balancer.domain.study import StudyKey
from balancer.services.begin_draft import begin_draft
from balancer.services.bring_back_read import bring_back
from balancer.services.build_problem import build_problem
from balancer.services.claim_read import claim_read
from balancer.services.complete_read import complete_read
from balancer.services.correct_study import correct_study
from balancer.services.end_instructions import end_instructions
from balancer.services.expedite_study import expedite_study
from balancer.services.ingest_studies import ingest_extract
from balancer.services.lapse_claims import lapse_claims
from balancer.services.load_network import load_network
from balancer.services.park_read import check_parked, park_read
from balancer.services.put_in_force import put_in_force
from balancer.services.release_read import release_read
from balancer.services.renew_claim import renew_claim
from balancer.services.return_read import return_read
from balancer.services.run_allocation import run_allocation
from balancer.services.steer_read import Said, bar_reporter, exclude_read, pin_read, send_out_read
from balancer.services.take_over_read import take_over_read
from balancer.services.withdraw_instruction import withdraw_instruction
from balancer.store import audit, conservation, exceptions, instructions, reads, runs
from balancer.store.database import Database
from balancer.store.instructions import InstructionFilter
from balancer.store.pages import Cut
from tests.instructed import MANAGER
from tests.networks import (
    PACS,
    TWO_FEEDS,
    Feed,
    claimed,
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

SAID = Said(reason="asked")
R2 = person("oidc:r2", "Reporter 2", Grant(Role.REPORTER, "RVV"), reporter_id="R2")
OTHERS = [f"B{number}" for number in range(20)]


def on_a_list(db: Database, *numbers: str) -> None:
    """Put these studies on R1's list, beside others that have no place."""
    queued(db, *numbers, *OTHERS)
    rostered(db, session("S1", "R1"), session("S2", "R2"))
    left = dict.fromkeys(OTHERS, "deferred")
    assert run_allocation(db, NOW, solver=solving({"S1": list(numbers)}, left)).error == ""


def pinned(db: Database, number: str, reporter_id: str, *, read: int = 1, at: float = 1) -> Instruction:
    """Pin a read."""
    found = read_id(db, number, read=read)
    return pin_read(db, found, reporter_id, minutes(at), by=MANAGER, said=SAID)


def holding(db: Database) -> list[tuple[InstructionKind, str | None]]:
    """Return the kinds of what is in force, and the reporters, oldest first."""
    with db.session() as reading:
        found = instructions.instructions(reading, InstructionFilter(), Cut()).items
    return [(item.kind, item.reporter_id) for item in found][::-1]


def asked_for_a_run(db: Database) -> bool:
    """Tell whether a run is asked for."""
    with db.session() as reading:
        return runs.requested(reading) is not None


def balanced(db: Database) -> bool:
    """Tell whether the books balance: every read somewhere, with an owner."""
    with db.session() as reading:
        return conservation.faults(reading) == []


def owner_of(db: Database, number: str) -> str:
    """Return who sees to a read that no reporter has."""
    with db.session() as reading:
        return reads.read(reading, read_id(db, number)).owner


def told(db: Database) -> list[ExceptionKind]:
    """Return the kinds of what waits for the reporting office."""
    with db.session() as reading:
        return [row.kind for row in exceptions.exceptions(reading, Cut()).items]


# --- pins ------------------------------------------------------------------------------------------------------------


def test_a_pinned_read_leaves_the_list_of_anybody_else_at_once(db: Database) -> None:
    """They would read it before the next plan is made; the books balance meanwhile."""
    on_a_list(db, "A1", "A2")
    made = pinned(db, "A1", "R2")
    assert standing(db, "A1") == (ReadState.UNALLOCATED, None)
    assert standing(db, "A2") == (ReadState.ALLOCATED, "R1")
    assert (asked_for_a_run(db), balanced(db)) == (True, True)
    with db.session() as reading:
        trail = audit.entries(reading, Cut(), subject_kind="read", subject_id=str(made.read_id)).items
    assert (trail[0].action, trail[0].actor, trail[0].why) == ("read.take_away", "oidc:m1", "asked")
    assert trail[0].detail == {"instruction": made.id, "from": "R1"}


def test_whoever_a_read_is_pinned_to_may_open_it_before_the_next_plan(db: Database) -> None:
    """It is on nobody's list until then; for anybody else it is not among their next few."""
    on_a_list(db, "A1")
    pinned(db, "A1", "R2")
    other = person("oidc:r1", "Reporter 1", Grant(Role.REPORTER, "RVV"), reporter_id="R1")
    with pytest.raises(ConflictError, match="not among"):
        claim_read(db, read_id(db, "A1"), "R1", minutes(2), by=other)
    claim_read(db, read_id(db, "A1"), "R2", minutes(2), by=R2)
    assert standing(db, "A1") == (ReadState.CLAIMED, "R2")


def test_a_claimed_read_cannot_be_pinned_to_somebody_else(db: Database) -> None:
    """Whoever asks hears who has it open; to that one it can be pinned."""
    on_a_list(db, "A1")
    claimed(db, "A1", "R1")
    with pytest.raises(ClaimedError, match=r"Dr R1 \(R1\) has claimed") as refused:
        pinned(db, "A1", "R2")
    assert refused.value.reporter_id == "R1"
    assert holding(db) == []
    pinned(db, "A1", "R1")
    assert holding(db) == [(InstructionKind.PIN, "R1")]


def test_a_later_pin_takes_the_place_of_an_earlier_one(db: Database) -> None:
    """A read has one reader; the first decision is kept with how it ended."""
    on_a_list(db, "A1")
    first = pinned(db, "A1", "R2")
    pinned(db, "A1", "R1", at=2)
    assert holding(db) == [(InstructionKind.PIN, "R1")]
    with db.session() as reading:
        assert instructions.instruction(reading, first.id).ended_why == "replaced by a later one"


def expired(db: Database) -> None:
    """Let R2's entitlement at RVV have ended yesterday."""
    ended = reporter("R2", home_trust="RWF", trusts={"RVV": date(2026, 3, 1), "RWF": None})
    load_network(db, replace(TWO_FEEDS, reporters=(TWO_FEEDS.reporters[0], ended)), NOW)


def _returned(db: Database) -> None:
    claimed(db, "A1", "R2")
    return_read(db, read_id(db, "A1"), "R2", NOW, by=PACS, reason=ReturnReason.NO_TIME)


def _gone(db: Database) -> None:
    load_network(db, replace(TWO_FEEDS, reporters=TWO_FEEDS.reporters[:1]), NOW)


def _has_another(db: Database) -> None:
    claimed(db, "A1", "R2", read=2)


def _done(db: Database) -> None:
    claimed(db, "A1", "R1")
    complete_read(db, read_id(db, "A1"), "R1", NOW, by=PACS)


@pytest.mark.parametrize(
    ("before", "why"),
    [
        (expired, "the entitlement at RVV has expired"),
        (_returned, "handed the study back"),
        (_gone, "no longer listed"),
        (_has_another, "another read of the study"),
        (lambda db: pinned(db, "A1", "R2", read=2), "another read of the study is pinned to them"),
        (lambda db: bar_reporter(db, read_id(db, "A1"), "R2", NOW, by=MANAGER, said=SAID), "barred"),
        (_done, "the read is done"),
    ],
)
def test_a_pin_that_breaks_a_rule_is_refused_with_why(
    db: Database, before: Callable[[Database], object], why: str
) -> None:
    """It could only make the read nobody's."""
    queued(db, incoming("A1", reads=2))
    before(db)
    with pytest.raises(ConflictError, match=why):
        pinned(db, "A1", "R2")


def test_what_a_person_has_decided_and_a_system_contradicts_is_brought_to_notice(db: Database) -> None:
    """That somebody else has opened a pinned read is a fact, and wrong."""
    on_a_list(db, "A1", "A2")
    pinned(db, "A1", "R2")
    bar_reporter(db, read_id(db, "A2"), "R1", minutes(1), by=MANAGER, said=SAID)
    claimed(db, "A1", "R1")
    claimed(db, "A2", "R1")
    assert told(db) == [ExceptionKind.CLAIMANT_NOT_ENTITLED] * 2


# --- bars ------------------------------------------------------------------------------------------------------------


def test_a_barred_reporters_list_loses_the_study_and_what_is_open_stays(db: Database) -> None:
    """Nobody is interrupted in the middle of a report."""
    on_a_list(db, "A1", "A2")
    claimed(db, "A2", "R1")
    for number in ("A1", "A2"):
        bar_reporter(db, read_id(db, number), "R1", minutes(1), by=MANAGER, said=SAID)
    assert standing(db, "A1") == (ReadState.UNALLOCATED, None)
    assert standing(db, "A2") == (ReadState.CLAIMED, "R1")
    assert (asked_for_a_run(db), balanced(db)) == (True, True)
    release_read(db, read_id(db, "A2"), "R1", minutes(2), by=PACS)
    assert standing(db, "A2") == (ReadState.UNALLOCATED, None)


def test_a_bar_repeated_is_one_bar(db: Database) -> None:
    """And another reporter's is another."""
    on_a_list(db, "A1")
    for who in ("R1", "R2", "R1"):
        bar_reporter(db, read_id(db, "A1"), who, minutes(1), by=MANAGER, said=SAID)
    assert holding(db) == [(InstructionKind.BAR, "R2"), (InstructionKind.BAR, "R1")]


# --- out of the queue, and back --------------------------------------------------------------------------------------


def excluded(db: Database, number: str, **more: Any) -> Instruction:
    """Exclude a read."""
    said = Said(reason="a duplicate", **more)
    return exclude_read(db, read_id(db, number), minutes(1), by=MANAGER, said=said, approver="Dr A")


def parked(db: Database, number: str) -> Instruction:
    """Park a read for an hour."""
    return park_read(db, read_id(db, number), minutes(1), by=MANAGER, reason="old films", until=minutes(61))


def sent(db: Database, number: str) -> Instruction:
    """Send a read out for an hour."""
    found, provider = read_id(db, number), "Farsight"
    return send_out_read(db, found, minutes(1), by=MANAGER, said=SAID, provider=provider, due_back_at=minutes(61))


OUT = [
    (excluded, ReadState.EXCLUDED, ReadEvent.READMIT, "Dr A"),
    (parked, ReadState.PARKED, ReadEvent.UNPARK, "RVV reporting office"),
    (sent, ReadState.SENT_OUT, ReadEvent.RECALL, "Farsight"),
]
Taking = Callable[[Database, str], Instruction]


@pytest.mark.parametrize(("take_out", "state", "event", "owner"), OUT)
def test_a_read_is_taken_out_with_an_owner_and_brought_back(
    db: Database, take_out: Taking, state: ReadState, event: ReadEvent, owner: str
) -> None:
    """It leaves its list, the books know whose it is, and when it is back nothing of the decision holds."""
    on_a_list(db, "A1")
    take_out(db, "A1")
    assert standing(db, "A1")[0] is state
    assert balanced(db)
    assert "A1" not in {study.accession_number for study in build_problem(db, minutes(2)).studies}
    assert owner_of(db, "A1") == owner
    bring_back(db, read_id(db, "A1"), event, minutes(2), by=MANAGER, reason="mistaken")
    assert standing(db, "A1") == (ReadState.UNALLOCATED, None)
    assert (holding(db), asked_for_a_run(db), balanced(db)) == ([], True, True)
    with pytest.raises(ConflictError):
        bring_back(db, read_id(db, "A1"), event, minutes(3), by=MANAGER, reason="again")


@pytest.mark.parametrize("take_out", [excluded, parked, sent])
def test_what_somebody_has_open_is_not_taken_out(db: Database, take_out: Taking) -> None:
    """Take it over first."""
    on_a_list(db, "A1")
    claimed(db, "A1")
    with pytest.raises(ConflictError, match="the read is claimed"):
        take_out(db, "A1")
    assert (standing(db, "A1"), holding(db)) == ((ReadState.CLAIMED, "R1"), [])


@pytest.mark.parametrize(("take_out", "state", "owner"), [(out[0], out[1], out[3]) for out in OUT])
def test_what_is_out_is_out_still_when_its_source_has_forgotten_it_for_a_while(
    db: Database, take_out: Taking, state: ReadState, owner: str
) -> None:
    """Nobody reads what a provider is reading because an extract was short."""
    on_a_list(db, "A1")
    take_out(db, "A1")
    ingest_extract(db, Feed(), extract(*OTHERS, at=15), minutes(15))
    assert standing(db, "A1")[0] is ReadState.WITHDRAWN
    ingest_extract(db, Feed(), extract("A1", *OTHERS, at=30), minutes(30))
    assert (standing(db, "A1")[0], balanced(db)) == (state, True)
    assert owner_of(db, "A1") == owner


def test_an_exclusion_ends_by_itself(db: Database) -> None:
    """The read is back in the queue the minute its time is over."""
    on_a_list(db, "A1")
    made = excluded(db, "A1", expires_at=minutes(30))
    end_instructions(db, minutes(29))
    assert standing(db, "A1")[0] is ReadState.EXCLUDED
    end_instructions(db, minutes(30))
    assert standing(db, "A1") == (ReadState.UNALLOCATED, None)
    with pytest.raises(ConflictError, match="expired already"):
        withdraw_instruction(db, made.id, minutes(31), by=MANAGER, why="mistaken")


@pytest.mark.parametrize(
    ("take_out", "noticed"), [(parked, ExceptionKind.PARKED_TOO_LONG), (sent, ExceptionKind.NOT_BACK)]
)
def test_what_is_not_back_by_its_date_is_brought_to_notice_once(
    db: Database, take_out: Taking, noticed: ExceptionKind
) -> None:
    """It does not come back by itself: somebody has it, or waits for something."""
    on_a_list(db, "A1")
    take_out(db, "A1")
    assert [check_parked(db, minutes(at)) for at in (60, 61, 62)] == [0, 1, 0]
    assert told(db) == [noticed]


def test_dates_lie_ahead(db: Database) -> None:
    """What is due back in the past is a typing error."""
    queued(db, "A1")
    found = read_id(db, "A1")
    with pytest.raises(InvalidValueError, match="due_back_at"):
        send_out_read(db, found, NOW, by=MANAGER, said=SAID, provider="Farsight", due_back_at=NOW)
    with pytest.raises(InvalidValueError, match="expires_at"):
        exclude_read(db, found, NOW, by=MANAGER, said=Said(reason="x", expires_at=NOW), approver="Dr A")
    assert standing(db, "A1") == (ReadState.UNALLOCATED, None)


# --- taking over -----------------------------------------------------------------------------------------------------


def test_a_claim_without_heartbeats_is_taken_over_and_the_claimant_is_told(db: Database) -> None:
    """The read is in the queue; a heartbeat says what happened; the report is accepted all the same."""
    on_a_list(db, "A1")
    claimed(db, "A1", "R1")
    assert take_over_read(db, read_id(db, "A1"), minutes(1), by=MANAGER, reason="gone home") is ReadState.UNALLOCATED
    assert (asked_for_a_run(db), balanced(db)) == (True, True)
    with pytest.raises(ConflictError, match="a manager has taken the read over"):
        renew_claim(db, read_id(db, "A1"), "R1", minutes(2), by=PACS)
    assert complete_read(db, read_id(db, "A1"), "R1", minutes(3), by=PACS)


def test_a_read_is_taken_over_for_somebody_else_who_must_say_that_they_are_there(db: Database) -> None:
    """Else it lapses as any other: nothing is stuck with somebody who never heard of it."""
    on_a_list(db, "A1")
    claimed(db, "A1", "R1")
    take = read_id(db, "A1")
    assert take_over_read(db, take, minutes(1), by=MANAGER, reason="gone home", reporter_id="R2") is ReadState.CLAIMED
    assert (standing(db, "A1"), balanced(db)) == ((ReadState.CLAIMED, "R2"), True)
    with pytest.raises(ClaimedError, match="R2"):
        renew_claim(db, take, "R1", minutes(2), by=PACS)
    assert renew_claim(db, take, "R2", minutes(2), by=PACS).lease_until == minutes(12)
    assert not complete_read(db, take, "R1", minutes(3), by=PACS)
    assert told(db) == [ExceptionKind.COMPLETED_BESIDE]


@pytest.mark.parametrize(
    ("before", "why"),
    [
        (expired, "the entitlement at RVV has expired"),
        (_has_another, "another read of the study"),
        (lambda db: bar_reporter(db, read_id(db, "A1"), "R2", NOW, by=MANAGER, said=SAID), "barred"),
        (lambda db: pinned(db, "A1", "R1"), r"it is pinned to Dr R1 \(R1\)"),
    ],
)
def test_it_is_taken_over_for_nobody_who_may_not_have_it(
    db: Database, before: Callable[[Database], object], why: str
) -> None:
    """And the claim goes on."""
    queued(db, incoming("A1", reads=2))
    claimed(db, "A1", "R1")
    before(db)
    with pytest.raises(ConflictError, match=why):
        take_over_read(db, read_id(db, "A1"), minutes(1), by=MANAGER, reason="gone home", reporter_id="R2")
    assert standing(db, "A1") == (ReadState.CLAIMED, "R1")


def test_what_nobody_has_open_cannot_be_taken_over(db: Database) -> None:
    """Nor from oneself."""
    on_a_list(db, "A1")
    take = read_id(db, "A1")
    with pytest.raises(ConflictError, match="nobody has claimed"):
        take_over_read(db, take, minutes(1), by=MANAGER, reason="gone home")
    claimed(db, "A1", "R1")
    with pytest.raises(ConflictError, match="already"):
        take_over_read(db, take, minutes(1), by=MANAGER, reason="gone home", reporter_id="R1")


def test_a_study_that_its_source_has_withdrawn_is_not_given_to_anybody_else(db: Database) -> None:
    """It leaves the queue with the claim."""
    on_a_list(db, "A1")
    claimed(db, "A1", "R1")
    ingest_extract(db, Feed(), extract(*OTHERS, at=15), minutes(15))
    taken = take_over_read(db, read_id(db, "A1"), minutes(16), by=MANAGER, reason="gone home", reporter_id="R2")
    assert (taken, balanced(db)) == (ReadState.WITHDRAWN, True)


# --- expediting ------------------------------------------------------------------------------------------------------


REFERRER = person("oidc:f1", "A. Referrer", Grant(Role.REFERRER, "RVV"))
A1 = StudyKey("RVV", "A1")


def expedited(
    db: Database, due: float, *, at: float = 0, priority: str | None = None, ends: float | None = None
) -> Instruction:
    """Expedite A1."""
    said = replace(SAID, expires_at=None if ends is None else minutes(ends))
    return expedite_study(db, A1, minutes(due), minutes(at), by=REFERRER, said=said, priority=priority)


def holds(db: Database, at: float = 0) -> tuple[Any, str]:
    """Return when A1 is due, and its class, in the problem."""
    problem = build_problem(db, minutes(at))
    study = next(study for study in problem.studies if study.accession_number == "A1")
    return problem.due_at(study), study.priority


def classes(db: Database, **stated: Any) -> None:
    """Take in A1, urgent, beside others; the policy knows an emergency too, and a class that may wait longer."""
    known = (priority("emergency", target_hours=1), priority("urgent"), priority("routine", target_hours=240))
    load_network(db, replace(TWO_FEEDS, policy=policy(*known)), NOW)
    ingest_extract(db, Feed(), extract(incoming("A1", **stated), *OTHERS), NOW)


def test_an_expedited_study_is_due_sooner_and_a_run_is_asked_for(db: Database) -> None:
    """With who asked and why."""
    classes(db)
    made = expedited(db, 30)
    assert holds(db) == (minutes(30), "urgent")
    assert (made.author, made.reason, asked_for_a_run(db)) == ("oidc:f1", "asked", True)


def test_a_later_word_weakens_no_earlier_one(db: Database) -> None:
    """A referrer's system that knows nothing of the manager's call does not undo it; one decision holds."""
    classes(db)
    expedited(db, 30, priority="emergency")
    expedited(db, 90, at=1, priority="urgent")
    assert holds(db, 1) == (minutes(0), "emergency")  # an hour from acquisition, an hour ago
    assert holding(db) == [(InstructionKind.EXPEDITE, None)]
    with db.session() as reading:
        (found,) = instructions.rows_of(reading, InstructionKind.EXPEDITE)
    assert found.value == {"due_at": minutes(30).isoformat(), "priority": "emergency"}


@pytest.mark.parametrize(
    ("first", "second", "expected"), [(None, 40, None), (50, 40, 50), (40, 50, 50), (40, None, None)]
)
def test_a_later_word_ends_no_earlier_one_sooner(
    db: Database, first: float | None, second: float | None, expected: float | None
) -> None:
    """What was an emergency without an end does not cease to be one with the end of what was asked after it."""
    classes(db)
    expedited(db, 30, priority="emergency", ends=first)
    made = expedited(db, 90, at=1, priority="urgent", ends=second)
    assert made.expires_at == (None if expected is None else minutes(expected))
    end_instructions(db, minutes(45))
    assert holds(db, 45)[1] == "emergency"


@pytest.mark.parametrize(
    ("due", "asked", "field"), [(0, None, "due_at"), (60 * 24, None, "due_at"), (30, "someday", "priority")]
)
def test_what_would_expedite_nothing_is_refused(db: Database, due: float, asked: str | None, field: str) -> None:
    """In the past, no sooner than it is due, of no class."""
    classes(db)
    with pytest.raises(InvalidValueError) as refused:
        expedited(db, due, priority=asked)
    assert refused.value.field == field
    assert holding(db) == []


def test_a_study_that_was_corrected_downwards_can_be_expedited(db: Database) -> None:
    """What it is taken for counts, and not that its feed had it due hours ago."""
    classes(db, priority="emergency")
    correct_study(db, A1, {"priority": "urgent"}, NOW, by=MANAGER, said=SAID)
    due, _ = holds(db)
    assert due > minutes(40)
    expedited(db, 40)
    assert holds(db) == (minutes(40), "urgent")


def test_a_study_that_was_corrected_upwards_is_not_expedited_to_later(db: Database) -> None:
    """It is due sooner than the feed says already."""
    classes(db)
    correct_study(db, A1, {"priority": "emergency"}, NOW, by=MANAGER, said=SAID)
    with pytest.raises(UntimelyError, match="due already"):
        expedited(db, 30)


def test_an_expedite_does_not_end_with_a_feeds_word_that_is_corrected(db: Database) -> None:
    """The feed says an emergency and its own time; the class is urgent again only as somebody has asked for it."""
    classes(db, priority="emergency", due_at=minutes(20))
    correct_study(db, A1, {"priority": "routine"}, NOW, by=MANAGER, said=SAID)
    made = expedited(db, 30, priority="urgent")
    end_instructions(db, minutes(1))
    with db.session() as reading:
        assert instructions.instruction(reading, made.id).state is InstructionState.IN_FORCE
    assert holds(db, 1) == (minutes(20), "urgent")


def test_a_study_that_waits_for_no_report_cannot_be_expedited(db: Database) -> None:
    """And what is not there is not found."""
    classes(db)
    ingest_extract(db, Feed(), extract(*OTHERS, at=15), minutes(15))
    with pytest.raises(ConflictError, match="withdrawn"):
        expedited(db, 60, at=16)
    with pytest.raises(NotFoundError):
        expedite_study(db, StudyKey("RVV", "Z9"), minutes(60), NOW, by=REFERRER, said=SAID)


def test_an_expedite_ends_once_the_feed_says_the_same(db: Database) -> None:
    """Not before it says all of it."""
    classes(db)
    made = expedited(db, 30, priority="emergency")

    def said(at: float, **stated: Any) -> InstructionState:
        ingest_extract(db, Feed(), extract(incoming("A1", **stated), *OTHERS, at=at), minutes(at))
        end_instructions(db, minutes(at))
        with db.session() as reading:
            return instructions.instruction(reading, made.id).state

    assert said(5, due_at=minutes(90)) is InstructionState.IN_FORCE
    assert said(10, due_at=minutes(25)) is InstructionState.IN_FORCE
    assert said(15, due_at=minutes(25), priority="emergency") is InstructionState.AGREED


def test_a_study_expedited_to_an_emergency_is_one_when_its_claim_ends(db: Database) -> None:
    """Its office hears at once that nobody reads it."""
    classes(db)
    expedited(db, 30, priority="emergency")
    claim_read(db, read_id(db, "A1"), "R1", NOW, by=PACS)
    lapse_claims(db, minutes(11))
    assert told(db) == [ExceptionKind.EMERGENCY_WAITS]


# --- drafts ----------------------------------------------------------------------------------------------------------


def test_a_draft_does_nothing_until_it_is_put_in_force(db: Database) -> None:
    """Then it does what it says, as if it had been said then."""
    on_a_list(db, "A1", "A2")
    draft = Said(reason="asked", draft_id=begin_draft(db, "Tuesday", "RVV", NOW, by=MANAGER))
    pin = pin_read(db, read_id(db, "A1"), "R2", minutes(1), by=MANAGER, said=draft)
    out = exclude_read(db, read_id(db, "A2"), minutes(1), by=MANAGER, said=draft, approver="Dr A")
    assert [standing(db, number) for number in ("A1", "A2")] == [(ReadState.ALLOCATED, "R1")] * 2
    assert (asked_for_a_run(db), holding(db)) == (False, [])
    with db.transaction() as writing:
        for made in (pin, out):
            put_in_force(writing, made.id, by=MANAGER, now=minutes(2))
    assert standing(db, "A1") == (ReadState.UNALLOCATED, None)
    assert standing(db, "A2")[0] is ReadState.EXCLUDED
    assert holding(db) == [(InstructionKind.PIN, "R2"), (InstructionKind.EXCLUDE, None)]


def test_a_draft_that_can_no_longer_be_put_in_force_says_why(db: Database) -> None:
    """Somebody opened the read since; nothing of it holds."""
    on_a_list(db, "A1")
    draft = Said(reason="asked", draft_id=begin_draft(db, "Tuesday", "RVV", NOW, by=MANAGER))
    made = pin_read(db, read_id(db, "A1"), "R2", minutes(1), by=MANAGER, said=draft)
    claimed(db, "A1", "R1")
    with pytest.raises(BalancerError, match="has claimed the read"), db.transaction() as writing:
        put_in_force(writing, made.id, by=MANAGER, now=minutes(2))
    assert holding(db) == []


# --- at once ---------------------------------------------------------------------------------------------------------


def test_of_two_pins_at_once_one_holds(db: Database) -> None:
    """Both are answered; the later one took the place of the earlier, and the trail has both."""
    on_a_list(db, "A1")
    ready = threading.Barrier(2)

    def pin(reporter_id: str) -> int:
        ready.wait()
        return pinned(db, "A1", reporter_id).id

    with ThreadPoolExecutor(2) as threads:
        made = list(threads.map(pin, ("R1", "R2")))
    assert len(holding(db)) == 1
    with db.session() as reading:
        states = sorted(instructions.instruction(reading, number).state for number in made)
    assert states == [InstructionState.IN_FORCE, InstructionState.WITHDRAWN]
    assert balanced(db)


@pytest.mark.parametrize("attempt", range(3))
def test_a_pin_and_a_claim_at_once_leave_no_read_with_two(db: Database, attempt: int) -> None:
    """Either the claim came first and the pin is refused, or the pin did and its office hears of the claim."""
    on_a_list(db, f"A{attempt}")
    number, ready = f"A{attempt}", threading.Barrier(2)

    def claim() -> None:
        ready.wait()
        claimed(db, number, "R1")

    def pin() -> bool:
        ready.wait()
        try:
            pinned(db, number, "R2")
        except ClaimedError:
            return False
        return True

    with ThreadPoolExecutor(2) as threads:
        claiming, pinning = threads.submit(claim), threads.submit(pin)
        claiming.result()
        was_pinned = pinning.result()
    assert standing(db, number) == (ReadState.CLAIMED, "R1")
    assert holding(db) == ([(InstructionKind.PIN, "R2")] if was_pinned else [])
    assert told(db) == ([ExceptionKind.CLAIMANT_NOT_ENTITLED] if was_pinned else [])
    assert balanced(db)
