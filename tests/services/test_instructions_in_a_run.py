"""What people have decided, laid over what the feeds say: in the problem that is solved, and in the lists after."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from balancer.domain.errors import ConflictError
from balancer.domain.instruction import InstructionKind, InstructionState
from balancer.domain.life import ReadEvent, ReadState
from balancer.domain.states import RunState
from balancer.domain.study import Study
from balancer.services.build_problem import build_problem, gather
from balancer.services.end_instructions import end_instructions
from balancer.services.ingest_studies import ingest_extract
from balancer.services.load_network import load_network
from balancer.services.release_read import release_read
from balancer.services.run_allocation import run_allocation
from balancer.services.withdraw_instruction import withdraw_instruction
from balancer.store import instructions, reads, runs
from balancer.store.database import Database
from tests.instructed import MANAGER, instructed
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
from tests.worlds import NOW, policy, priority, session

PIN, BAR, EXPEDITE = InstructionKind.PIN, InstructionKind.BAR, InstructionKind.EXPEDITE
CORRECTION = InstructionKind.STUDY


def the_study(db: Database, *, at: float = 0, with_draft: int | None = None) -> Study:
    """Return the only study of the problem."""
    (study,) = gather(db, minutes(at), with_draft).problem.studies
    return study


def moved(db: Database, number: str, event: ReadEvent, to: ReadState, *, read: int = 1, **columns: Any) -> None:
    """Let something happen to a read."""
    with db.transaction() as writing:
        row, _ = reads.locked_read(writing, read_id(db, number, read=read))
        reads.move(writing, row, event, to, by=MANAGER, now=NOW, **columns)


# --- whose it is -----------------------------------------------------------------------------------------------------


def test_a_pinned_read_is_pinned_in_the_problem(db: Database) -> None:
    """H7, in the order of the reads that are left: the first of two is done, so the second is the first."""
    queued(db, incoming("A1", reads=3))
    instructed(db, PIN, "A1", read=3, reporter_id="R2")
    assert the_study(db).pinned_to == (None, None, "R2")
    moved(db, "A1", ReadEvent.COMPLETE, ReadState.DONE, read=1, reporter_id="R1", done_at=NOW)
    assert (the_study(db).reads, the_study(db).pinned_to) == (2, (None, "R2"))


def test_who_has_it_open_reads_it_whoever_it_is_pinned_to(db: Database) -> None:
    """A claim is a fact; the pin counts again if the claim ends."""
    queued(db, "A1")
    instructed(db, PIN, "A1", reporter_id="R2")
    claimed(db, "A1", "R1")
    assert (the_study(db).claimed_by, the_study(db).pinned_to) == (("R1",), ())
    release_read(db, read_id(db, "A1"), "R1", minutes(1), by=PACS)
    assert the_study(db).pinned_to == ("R2",)


def test_a_read_pinned_to_somebody_who_has_gone_is_nobodys_and_is_named(db: Database) -> None:
    """It is not quietly given to somebody else, and not quietly given to nobody."""
    queued(db, "A1")
    instructed(db, PIN, "A1", reporter_id="R1")
    load_network(db, replace(TWO_FEEDS, reporters=TWO_FEEDS.reporters[1:]), minutes(1))
    gathered = gather(db, minutes(1))
    assert gathered.problem.studies[0].pinned_to == ("R1",)
    assert gathered.warnings == ("1 reads are pinned to somebody who is no longer listed; nobody is given them",)


def test_whoever_is_barred_is_not_offered_the_study(db: Database) -> None:
    """H6, beside whoever the feed excludes; until it is over."""
    queued(db, incoming("A1", excluded=frozenset({"R9"})))
    instructed(db, BAR, "A1", reporter_id="R2", expires_at=minutes(10))
    assert the_study(db).excluded == {"R9", "R2"}
    end_instructions(db, minutes(10))
    assert the_study(db, at=10).excluded == {"R9"}


@pytest.mark.parametrize(("decided", "reporter_id"), [(PIN, "R2"), (BAR, "R1")])
def test_what_is_decided_while_the_solver_thinks_wins_over_the_plan(
    db: Database, decided: InstructionKind, reporter_id: str
) -> None:
    """A plan of an instant before it does not give the read to the one whom it must not go to."""
    queued(db, "A1", "A2")
    rostered(db, session("S1", "R1"))
    laid_out = solving({"S1": ["A1", "A2"]})

    def deciding(*given: object, **named: object) -> object:
        instructed(db, decided, "A1", reporter_id=reporter_id)
        return laid_out(*given, **named)

    assert run_allocation(db, NOW, solver=deciding).state is RunState.PUBLISHED  # type: ignore[arg-type]
    assert standing(db, "A1") == (ReadState.UNALLOCATED, None)
    assert standing(db, "A2") == (ReadState.ALLOCATED, "R1")


@pytest.mark.parametrize(("decided", "reporter_id"), [(PIN, "R2"), (BAR, "R1")])
def test_a_read_does_not_fall_back_to_the_list_of_one_who_may_not_have_it(
    db: Database, decided: InstructionKind, reporter_id: str
) -> None:
    """Its place on that list is of a time before."""
    queued(db, "A1", *(f"B{number}" for number in range(20)))
    rostered(db, session("S1", "R1"))
    run_allocation(db, NOW, solver=solving({"S1": ["A1"]}, {f"B{number}": "no_session" for number in range(20)}))
    claimed(db, "A1", "R1")
    instructed(db, decided, "A1", reporter_id=reporter_id)
    release_read(db, read_id(db, "A1"), "R1", minutes(1), by=PACS)
    assert standing(db, "A1") == (ReadState.UNALLOCATED, None)


@pytest.mark.parametrize(("decided", "reporter_id"), [(PIN, "R2"), (BAR, "R1")])
def test_a_study_that_comes_back_finds_what_was_decided_about_it(
    db: Database, decided: InstructionKind, reporter_id: str
) -> None:
    """A source that forgets a study for a quarter of an hour does not undo a manager's decision."""
    others = [f"B{number}" for number in range(20)]
    queued(db, "A1", *others)
    rostered(db, session("S1", "R1"))
    run_allocation(db, NOW, solver=solving({"S1": ["A1"]}, dict.fromkeys(others, "no_session")))
    instructed(db, decided, "A1", reporter_id=reporter_id)
    ingest_extract(db, Feed(), extract(*others, at=15), minutes(15))
    assert standing(db, "A1")[0] is ReadState.WITHDRAWN
    ingest_extract(db, Feed(), extract("A1", *others, at=30), minutes(30))
    assert standing(db, "A1") == (ReadState.UNALLOCATED, None)
    found = {study.accession_number: study for study in build_problem(db, minutes(30)).studies}["A1"]
    assert reporter_id in {*found.pinned_to, *found.excluded}


# --- how soon --------------------------------------------------------------------------------------------------------


def due(minutes_from_now: float, **more: str) -> dict[str, str]:
    """Return what an expedite decides."""
    return {"due_at": minutes(minutes_from_now).isoformat(), **more}


def test_an_expedited_study_is_due_when_a_person_said(db: Database) -> None:
    """Whatever the feed says of it later, as long as that is no sooner."""
    queued(db, incoming("A1", due_at=minutes(300)))
    instructed(db, EXPEDITE, "A1", value=due(30))
    assert the_study(db).due_at == minutes(30)
    ingest_extract(db, Feed(), extract(incoming("A1", due_at=minutes(900)), at=15), minutes(15))
    assert the_study(db, at=15).due_at == minutes(30)


def test_a_feed_that_wants_it_sooner_still_is_heard(db: Database) -> None:
    """A person said that it is needed sooner, never that it may wait."""
    queued(db, incoming("A1", due_at=minutes(300)))
    instructed(db, EXPEDITE, "A1", value=due(30))
    ingest_extract(db, Feed(), extract(incoming("A1", due_at=minutes(20)), at=15), minutes(15))
    assert the_study(db, at=15).due_at == minutes(20)


@pytest.mark.parametrize(("asked", "holds"), [(30, 30), (2000, 23 * 60)])
def test_without_a_due_time_of_its_own_the_policys_counts_if_it_is_sooner(
    db: Database, asked: float, holds: float
) -> None:
    """Urgent is a day from acquisition, an hour ago."""
    queued(db, "A1")
    instructed(db, EXPEDITE, "A1", value=due(asked))
    assert the_study(db).due_at == minutes(holds)


@pytest.mark.parametrize(
    ("feeds", "asked", "holds"),
    [
        ("urgent", "emergency", "emergency"),
        ("emergency", "urgent", "emergency"),
        ("urgent", "forgotten", "urgent"),
        ("forgotten", "emergency", "emergency"),
    ],
)
def test_the_more_urgent_class_holds(db: Database, feeds: str, asked: str, holds: str) -> None:
    """One that the policy does not know gives way to one that it does."""
    load_network(db, replace(TWO_FEEDS, policy=policy(priority("emergency", target_hours=1), priority("urgent"))), NOW)
    ingest_extract(db, Feed(), extract(incoming("A1", priority=feeds)), NOW)
    instructed(db, EXPEDITE, "A1", value=due(600, priority=asked))
    assert the_study(db).priority == holds


def test_a_correction_holds_against_the_feed(db: Database) -> None:
    """What the feed says stays what it says."""
    queued(db, incoming("A1", minutes=7))
    value = {"minutes": 20.0, "subspecialty": "msk", "modality": "MR", "ready_at": minutes(45).isoformat()}
    made = instructed(db, CORRECTION, "A1", value=value)
    found = the_study(db)
    assert (found.minutes, found.subspecialty, found.modality) == (20.0, "msk", "MR")
    assert found.ready_at == minutes(45)
    withdraw_instruction(db, made, minutes(1), by=MANAGER, why="the feed was right")
    assert (the_study(db, at=1).minutes, the_study(db, at=1).subspecialty) == (7, "neuro")


# --- drafts, and ends ------------------------------------------------------------------------------------------------


def test_a_preview_sees_its_draft_and_a_plan_does_not(db: Database) -> None:
    """What is staged changes nothing until it is published."""
    queued(db, "A1")
    instructed(db, BAR, "A1", reporter_id="R2", draft_id=4)
    instructed(db, PIN, "A1", reporter_id="R1", draft_id=4)
    assert (the_study(db).excluded, the_study(db).pinned_to) == (frozenset(), ())
    seen = the_study(db, with_draft=4)
    assert (seen.excluded, seen.pinned_to) == (frozenset({"R2"}), ("R1",))


def test_a_preview_has_no_place_for_what_its_draft_excludes(db: Database) -> None:
    """But for what somebody has open: that cannot be excluded."""
    queued(db, incoming("A1", reads=2), "A2", "A3")
    for number in ("A1", "A2", "A3"):
        instructed(db, InstructionKind.EXCLUDE, number, value={"approver": "Dr A"}, draft_id=4)
    claimed(db, "A3")
    seen = {study.accession_number: study.reads for study in gather(db, NOW, 4).problem.studies}
    assert seen == {"A1": 1, "A3": 1}
    assert gather(db, NOW, 4).numbers["RVV", "A1"] == [2]  # type: ignore[index]  # a key is a pair
    assert len(build_problem(db, NOW).studies) == 3


def test_what_is_over_is_ended_once_and_a_run_is_asked_for(db: Database) -> None:
    """The next plan is made without it."""
    queued(db, "A1")
    made = instructed(db, BAR, "A1", reporter_id="R1", expires_at=minutes(10))
    assert end_instructions(db, minutes(9)) == 0
    assert [end_instructions(db, minutes(10)), end_instructions(db, minutes(11))] == [1, 0]
    with db.session() as reading:
        ended = instructions.instruction(reading, made)
        assert (ended.state, ended.ended_by) == (InstructionState.EXPIRED, "job:instructions")
        assert runs.requested(reading) is not None


def test_what_is_decided_about_a_study_outlives_it_by_a_week(db: Database) -> None:
    """Its source may forget it for a while; but nothing is decided for ever about what has gone."""
    others = [f"B{number}" for number in range(20)]
    queued(db, "A1", *others)
    instructed(db, BAR, "A1", reporter_id="R1")
    ingest_extract(db, Feed(), extract(*others, at=15), minutes(15))
    day = 24 * 60
    assert end_instructions(db, minutes(15 + 7 * day)) == 0
    assert end_instructions(db, minutes(16 + 7 * day)) == 1


@pytest.mark.parametrize(
    ("decided", "value", "event", "state", "columns"),
    [
        (InstructionKind.EXCLUDE, {"approver": "Dr A"}, ReadEvent.EXCLUDE, ReadState.EXCLUDED, {"owner": "Dr A"}),
        (
            InstructionKind.PARK,
            {"owner": "the office", "until": NOW.isoformat()},
            ReadEvent.PARK,
            ReadState.PARKED,
            {"owner": "the office", "until": NOW},
        ),
        (
            InstructionKind.SEND_OUT,
            {"provider": "Farsight", "sent_at": NOW.isoformat(), "due_back_at": NOW.isoformat()},
            ReadEvent.SEND_OUT,
            ReadState.SENT_OUT,
            {"owner": "Farsight", "until": NOW},
        ),
    ],
)
def test_a_read_that_was_taken_out_comes_back_when_its_instruction_ends(
    db: Database,
    decided: InstructionKind,
    value: dict[str, str],
    event: ReadEvent,
    state: ReadState,
    columns: dict[str, Any],
) -> None:
    """With its clock as it was; taken back twice is refused."""
    queued(db, "A1")
    made = instructed(db, decided, "A1", value=value)
    moved(db, "A1", event, state, **columns)
    withdraw_instruction(db, made, minutes(1), by=MANAGER, why="it can be read")
    assert standing(db, "A1") == (ReadState.UNALLOCATED, None)
    with pytest.raises(ConflictError):
        withdraw_instruction(db, made, minutes(2), by=MANAGER, why="it can be read")
