"""Returned, completed, contradicted: what a read becomes, and that its clock goes on as it was."""

from __future__ import annotations

import pytest
from sqlmodel import select

from balancer.domain.errors import ConflictError
from balancer.domain.exceptional import ExceptionKind
from balancer.domain.instruction import InstructionState
from balancer.domain.life import ReadState, ReturnReason
from balancer.domain.states import BatchState
from balancer.domain.study import StudyKey
from balancer.services.build_problem import build_problem, gather
from balancer.services.complete_read import complete_read
from balancer.services.expedite_study import expedite_study
from balancer.services.ingest_studies import ingest_extract
from balancer.services.park_read import check_parked, unpark_read
from balancer.services.release_read import release_read
from balancer.services.return_read import return_read
from balancer.services.run_allocation import run_allocation
from balancer.services.steer_read import Said, pin_read
from balancer.store import audit, claims, instructions, reads, runs
from balancer.store.balance import balance
from balancer.store.database import Database
from balancer.store.instructions import InstructionFilter
from balancer.store.pages import Cut
from balancer.store.tables_life import ReadRow
from tests.networks import PACS, Feed, extract, incoming, minutes, queued, read_id, rostered, solving, standing
from tests.services.test_claiming import MANAGER, NUMBERS, R1, five, listed, opened, take
from tests.worlds import NOW, session


def give_back(db: Database, number: str, reason: ReturnReason, at: float = 1) -> ReadState:
    """Return a read of R1's."""
    return return_read(db, read_id(db, number), "R1", minutes(at), by=R1, reason=reason, note="as discussed")


def finish(db: Database, number: str, reporter_id: str = "R1", at: float = 5) -> bool:
    """Complete a read by the word of the PACS."""
    return complete_read(db, read_id(db, number), reporter_id, minutes(at), by=PACS)


def row_of(db: Database, number: str) -> ReadRow:
    """Return a read's row."""
    with db.session() as reading:
        return reads.read(reading, read_id(db, number))


# --- returned --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("claimed_first", [True, False])
def test_a_returned_read_is_nobodys_and_not_offered_to_the_returner_again(db: Database, claimed_first: bool) -> None:  # noqa: FBT001
    """Opened or not; its clock goes on as it was."""
    five(db)
    before = next(item for item in build_problem(db, NOW).studies if item.accession_number == "A1")
    if claimed_first:
        take(db, "A1")
    assert give_back(db, "A1", ReturnReason.OUTSIDE_SCOPE) is ReadState.UNALLOCATED
    assert (row_of(db, "A1").reporter_id, row_of(db, "A1").reason) == (None, "returned: outside_scope")
    assert listed(db, "R1") == NUMBERS[1:]
    after = next(item for item in build_problem(db, minutes(2)).studies if item.accession_number == "A1")
    assert after.excluded == before.excluded | {"R1"}
    assert (after.acquired_at, after.due_at, after.claimed_by) == (before.acquired_at, before.due_at, ())
    run_allocation(db, minutes(2), solver=solving({"S1": NUMBERS[1:], "S2": ["A1", "B1"]}))
    assert standing(db, "A1") == (ReadState.ALLOCATED, "R2")


def test_a_plan_that_was_thought_before_the_return_does_not_give_it_back(db: Database) -> None:
    """It was handed back while the solver was at it."""
    five(db)

    def thinking(problem: object, **arguments: object) -> object:
        give_back(db, "A1", ReturnReason.OTHER)
        return solving({"S1": NUMBERS, "S2": ["B1"]})(problem, **arguments)

    assert run_allocation(db, minutes(1), solver=thinking).error == ""  # type: ignore[arg-type]
    assert standing(db, "A1") == (ReadState.UNALLOCATED, None)
    assert listed(db, "R1") == NUMBERS[1:]


def test_missing_images_are_parked_with_an_owner_and_a_date(db: Database) -> None:
    """It is in no run until somebody has seen to it."""
    five(db)
    take(db, "A1")
    assert give_back(db, "A1", ReturnReason.IMAGES_MISSING) is ReadState.PARKED
    row = row_of(db, "A1")
    assert (row.owner, row.until, row.reason) == (
        "RVV reporting office",
        minutes(23 * 60),
        "images_missing",
    )  # when it is due
    assert "A1" not in {item.accession_number for item in build_problem(db, minutes(2)).studies}
    run_allocation(db, minutes(2), solver=solving({"S1": NUMBERS[1:], "S2": ["B1"]}))
    assert standing(db, "A1") == (ReadState.PARKED, None)


def test_only_what_is_ones_own_can_be_returned(db: Database) -> None:
    """Not what is on somebody else's list, nor what has gone."""
    five(db)
    for number in ("B1", "A1"):
        if number == "A1":
            give_back(db, "A1", ReturnReason.OTHER)
        with pytest.raises(ConflictError, match="not on this reporter's list"):
            give_back(db, number, ReturnReason.OTHER)


def test_a_returned_emergency_does_not_wait_for_the_clock(db: Database) -> None:
    """A run is asked for at once."""
    queued(db, incoming("A1", priority="emergency"))
    rostered(db, session("S1", "R1"))
    run_allocation(db, NOW, solver=solving({"S1": ["A1"]}))
    give_back(db, "A1", ReturnReason.OTHER)
    with db.session() as reading:
        waiting = runs.requested(reading)
    assert waiting is not None
    assert waiting.stage == "an emergency was handed back"


def test_an_emergency_whose_images_are_missing_is_the_offices_at_once(db: Database) -> None:
    """It is parked for no longer than it has; taken up again, it is planned at once."""
    queued(db, incoming("A1", priority="emergency", acquired_at=NOW))
    rostered(db, session("S1", "R1"))
    run_allocation(db, NOW, solver=solving({"S1": ["A1"]}))
    give_back(db, "A1", ReturnReason.IMAGES_MISSING)
    assert row_of(db, "A1").until == minutes(60)
    assert opened(db) == [(ExceptionKind.EMERGENCY_WAITS, "RVV reporting office")]
    run_allocation(db, minutes(2), solver=solving({}))
    unpark_read(db, read_id(db, "A1"), minutes(3), by=MANAGER, reason="they came")
    with db.session() as reading:
        waiting = runs.requested(reading)
    assert waiting is not None


def test_what_is_late_already_is_parked_until_now(db: Database) -> None:
    """It becomes an exception with the next round of the job."""
    queued(db, incoming("A1", acquired_at=minutes(-100 * 60)))
    rostered(db, session("S1", "R1"))
    run_allocation(db, NOW, solver=solving({"S1": ["A1"]}))
    give_back(db, "A1", ReturnReason.IMAGES_MISSING)
    assert row_of(db, "A1").until == minutes(1)
    assert check_parked(db, minutes(1)) == 1


def test_what_is_asked_for_sooner_is_parked_for_no_longer_than_it_has(db: Database) -> None:
    """Whoever has asked for it, and not the source: the office hears while there is time."""
    five(db)
    expedite_study(db, StudyKey("RVV", "A1"), minutes(60), NOW, by=MANAGER, said=Said(reason="the ward rang"))
    give_back(db, "A1", ReturnReason.IMAGES_MISSING)
    assert row_of(db, "A1").until == minutes(60)


def test_who_hands_back_what_is_pinned_to_them_ends_the_pin(db: Database) -> None:
    """It would be nobody's: theirs only, and never offered to them. Another read's pin stays."""
    five(db)
    for number in ("A1", "A2"):
        pin_read(db, read_id(db, number), "R1", NOW, by=MANAGER, said=Said(reason="knows the patient"))
    give_back(db, "A1", ReturnReason.CONFLICT_OF_INTEREST)
    with db.session() as reading:
        (left,) = instructions.in_force(reading, minutes(2))
        (ended,) = instructions.instructions(reading, InstructionFilter(state=InstructionState.WITHDRAWN), Cut()).items
    assert (left.read_id, ended.read_id) == (read_id(db, "A2"), read_id(db, "A1"))
    assert (ended.ended_why, ended.ended_by) == ("handed back: conflict_of_interest", R1.subject)
    with db.session() as reading:
        entries = audit.entries(reading, Cut(), subject_kind="instruction", subject_id=str(ended.id)).items
    assert [entry.action for entry in entries] == ["instruction.withdrawn", "instruction.made"]
    with pytest.raises(ConflictError):
        take(db, "A1", at=2)
    run_allocation(db, minutes(2), solver=solving({"S1": NUMBERS[1:], "S2": ["A1", "B1"]}))
    assert standing(db, "A1") == (ReadState.ALLOCATED, "R2")


# --- completed -------------------------------------------------------------------------------------------------------


def test_a_completed_read_is_done_and_in_no_run(db: Database) -> None:
    """Nor on any list; its source has not said anything yet, and the balance shows it."""
    five(db)
    take(db, "A1")
    assert finish(db, "A1")
    row = row_of(db, "A1")
    assert (row.state, row.reporter_id, row.done_at, row.confirmed_at) == (ReadState.DONE, "R1", minutes(5), None)
    assert listed(db, "R1") == NUMBERS[1:]
    assert "A1" not in {item.accession_number for item in build_problem(db, minutes(6)).studies}
    with db.session() as reading:
        east = balance(reading)[0]
    assert (east.open_reads, east.states[ReadState.DONE], east.allocated, east.balances) == (6, 1, 5, True)


def test_completing_twice_is_completing_once(db: Database) -> None:
    """The answer was lost, the client asks again."""
    five(db)
    take(db, "A1")
    assert finish(db, "A1")
    assert finish(db, "A1", at=6)
    assert row_of(db, "A1").done_at == minutes(5)
    with db.session() as reading:
        assert len(claims.completions(reading, read_id(db, "A1"))) == 1


def test_nobody_completes_what_they_never_opened(db: Database) -> None:
    """By mistake, the next one on the list; a system that has the report is another matter."""
    five(db)
    with pytest.raises(ConflictError, match="has not claimed"):
        complete_read(db, read_id(db, "A1"), "R1", NOW, by=R1)
    assert finish(db, "A1")


def test_a_completion_after_the_claim_ended_is_accepted_if_nobody_else_has_claimed(db: Database) -> None:
    """The network was down for a quarter of an hour; the report is written."""
    five(db)
    take(db, "A1")
    release_read(db, read_id(db, "A1"), "R1", minutes(2), by=R1)
    assert complete_read(db, read_id(db, "A1"), "R1", minutes(5), by=R1)
    assert standing(db, "A1") == (ReadState.DONE, "R1")
    assert opened(db) == []


def test_two_completions_are_both_kept_and_the_office_is_told(db: Database) -> None:
    """R2 has opened it since: neither is dropped, whichever is later."""
    five(db)
    take(db, "A1")
    release_read(db, read_id(db, "A1"), "R1", minutes(2), by=R1)
    take(db, "A1", "R2", by=PACS, at=3)
    assert not complete_read(db, read_id(db, "A1"), "R1", minutes(5), by=R1)
    assert standing(db, "A1") == (ReadState.CLAIMED, "R2")
    assert opened(db) == [(ExceptionKind.COMPLETED_BESIDE, "RVV reporting office")]
    assert finish(db, "A1", "R2", at=6)
    assert standing(db, "A1") == (ReadState.DONE, "R2")
    with db.session() as reading:
        kept = claims.completions(reading, read_id(db, "A1"))
    assert [(row.reporter_id, row.accepted) for row in kept] == [("R1", False), ("R2", True)]
    assert not complete_read(db, read_id(db, "A1"), "R1", minutes(7), by=R1)


def test_what_was_completed_after_all_is_kept_when_it_is_not_to_be_read_any_more(db: Database) -> None:
    """Parked, or withdrawn."""
    five(db)
    give_back(db, "A1", ReturnReason.IMAGES_MISSING)
    assert not finish(db, "A1")
    assert standing(db, "A1") == (ReadState.PARKED, None)
    assert opened(db) == [(ExceptionKind.COMPLETED_BESIDE, "RVV reporting office")]


def test_of_two_reads_the_other_is_left_and_for_somebody_else(db: Database) -> None:
    """H9 over time: whoever did the first does not get the second."""
    queued(db, incoming("A1", reads=2))
    rostered(db, session("S1", "R1"), session("S2", "R2"))
    run_allocation(db, NOW, solver=solving({"S1": ["A1"], "S2": ["A1#2"]}))
    assert finish(db, "A1")
    gathered = gather(db, minutes(6))
    (study,) = gathered.problem.studies
    assert (study.reads, study.published_to, study.excluded) == (1, ("R2",), frozenset({"R1"}))
    assert list(gathered.numbers.values()) == [[2]]
    run_allocation(db, minutes(6), solver=solving({"S2": ["A1"]}))
    assert standing(db, "A1", read=2) == (ReadState.ALLOCATED, "R2")
    assert standing(db, "A1") == (ReadState.DONE, "R1")


# --- what the source says --------------------------------------------------------------------------------------------


def test_absence_from_a_snapshot_extracted_later_confirms(db: Database) -> None:
    """The study is closed, and its report stands."""
    five(db)
    finish(db, "A1", at=5)
    ingest_extract(db, Feed(), extract(*NUMBERS[1:], "B1", at=10), minutes(11), most_closed=1)
    row = row_of(db, "A1")
    assert (row.state, row.confirmed_at) == (ReadState.DONE, minutes(11))


def test_what_was_done_here_may_go_however_much_it_is(db: Database) -> None:
    """Half of the queue was read this morning: no batch is held for that, and one is for a few that nobody read."""
    numbers = [f"A{number}" for number in range(20)]
    queued(db, *numbers)
    for number in numbers[:10]:
        finish(db, number, at=5)
    held = ingest_extract(db, Feed(), extract(*numbers[12:], at=10), minutes(10))
    assert (held.state, held.waiting) == (BatchState.HELD, 12)
    assert "would close 2 of the feed's 10 open studies" in held.reason
    taken = ingest_extract(db, Feed(), extract(*numbers[10:], at=11), minutes(11))
    assert (taken.state, taken.books.withdrawn) == (BatchState.APPLIED, 10)
    assert row_of(db, "A0").confirmed_at == minutes(11)


def test_a_snapshot_extracted_before_confirms_nothing(db: Database) -> None:
    """It arrives later, and is of a time when nobody had reported it here."""
    five(db)
    finish(db, "A1", at=10)
    ingest_extract(db, Feed(), extract(*NUMBERS[1:], "B1", at=5), minutes(15), most_closed=1)
    assert row_of(db, "A1").confirmed_at is None


def test_what_comes_back_after_it_was_confirmed_is_a_read_of_its_own(db: Database) -> None:
    """Late images: the first report stands as it was, a second is asked for."""
    five(db)
    finish(db, "A1", at=5)
    ingest_extract(db, Feed(), extract(*NUMBERS[1:], "B1", at=10), minutes(11), most_closed=1)
    ingest_extract(db, Feed(), extract(*NUMBERS, "B1", at=20), minutes(20))
    assert standing(db, "A1") == (ReadState.DONE, "R1")
    assert standing(db, "A1", read=2) == (ReadState.UNALLOCATED, None)


def test_a_source_that_never_lost_sight_of_it_gets_the_same_read_back(db: Database) -> None:
    """Withdrawn and asked for again, unread: nothing is added."""
    five(db)
    ingest_extract(db, Feed(), extract(*NUMBERS[1:], "B1", at=10), minutes(10), most_closed=1)
    assert standing(db, "A1") == (ReadState.WITHDRAWN, None)
    ingest_extract(db, Feed(), extract(*NUMBERS, "B1", at=20), minutes(20))
    assert standing(db, "A1") == (ReadState.ALLOCATED, "R1")
    assert listed(db, "R1") == NUMBERS
    with db.session() as reading:
        assert len(reading.exec(select(ReadRow)).all()) == 6


def test_what_comes_back_does_not_go_to_who_may_not_have_it(db: Database) -> None:
    """Its place is on the list of somebody whom the source has excluded since."""
    five(db)
    ingest_extract(db, Feed(), extract(*NUMBERS[1:], "B1", at=10), minutes(10), most_closed=1)
    barred = incoming("A1", excluded=frozenset({"R1"}))
    ingest_extract(db, Feed(), extract(barred, *NUMBERS[1:], "B1", at=20), minutes(20))
    assert standing(db, "A1") == (ReadState.UNALLOCATED, None)
