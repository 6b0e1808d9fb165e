"""Whatever becomes of a read, its workitems say so in DICOM's terms, and none goes back."""

from __future__ import annotations

from typing import NoReturn

import pytest
from sqlmodel import select

from balancer.domain.errors import ConflictError, NotFoundError
from balancer.domain.life import ReadState
from balancer.domain.steps import StepState
from balancer.publish.ups.state_table import Status
from balancer.publish.ups.uids import WorkitemKey, uid_of
from balancer.services.change_workitem import Answer, Change, change_workitem
from balancer.services.check_completions import check_completions
from balancer.services.complete_read import complete_read
from balancer.services.ingest_studies import ingest_extract
from balancer.services.lapse_claims import lapse_claims
from balancer.services.run_allocation import run_allocation
from balancer.services.see_workitem import see_workitem
from balancer.services.take_over_read import take_over_read
from balancer.store import reads, workitems
from balancer.store.assignments import void_cursors
from balancer.store.database import Database
from balancer.store.tables_life import ExceptionRow
from tests.networks import PACS, Feed, extract, minutes, read_id, solving, standing
from tests.services.test_claiming import MANAGER, NUMBERS, R1, five, take
from tests.worlds import NOW

LOCK = "2.25.111"
S, P, D, C = StepState.SCHEDULED, StepState.IN_PROGRESS, StepState.COMPLETED, StepState.CANCELED


def uid(db: Database, number: str, sequence: int = 0) -> str:
    """Return the UID of a study's workitem."""
    with db.session() as session:
        return uid_of(WorkitemKey(read_id(db, number), sequence), workitems.numbering(session))


def states(db: Database, number: str) -> list[StepState]:
    """Return the states of a study's workitems, oldest first; each says which it replaces."""
    found: list[StepState] = []
    with db.session() as session:
        while workitems.workitem(session, read_id(db, number), len(found)) is not None:
            dataset = see_workitem(db, uid(db, number, len(found)), NOW)[0]
            assert ("ReplacedProcedureStepSequence" in dataset) == bool(found)
            found.append(StepState(dataset.ProcedureStepState))
    return found


def change(db: Database, number: str, to: StepState, at: float = 1, sequence: int = 0) -> Answer:
    """Ask for a state with the lock, as the PACS of RVV; R1 begins."""
    asked = Change(to=to, transaction=LOCK, performer="R1" if to is P else "")
    return change_workitem(db, uid(db, number, sequence), asked, minutes(at), by=PACS, acting=lambda _: db)


def test_a_step_that_is_scheduled_for_another_by_now_is_not_begun_in_the_first_ones_name(db: Database) -> None:
    """Nobody is named, and a plan is published between the look and the lock: neither of the two has opened it."""
    five(db)
    begun = Change(to=P, transaction=LOCK)

    def acting(_: str) -> Database:
        placed = {"S1": NUMBERS[1:], "S2": ["B1", "A1"]}
        assert run_allocation(db, minutes(1), solver=solving(placed)).error == ""
        return db

    with pytest.raises(ConflictError):
        change_workitem(db, uid(db, "A1"), begun, minutes(1), by=PACS, acting=acting)
    assert standing(db, "A1") == (ReadState.ALLOCATED, "R2")
    change_workitem(db, uid(db, "A1"), begun, minutes(2), by=PACS, acting=lambda _: db)
    assert standing(db, "A1") == (ReadState.CLAIMED, "R2")


def test_a_lapse_cancels_and_replaces(db: Database) -> None:
    """As every end of a claim without a report."""
    five(db)
    assert states(db, "A1") == [S]
    take(db, "A1")
    assert states(db, "A1") == [P]
    lapse_claims(db, minutes(60))
    assert states(db, "A1") == [C, S]


def test_a_completion_that_its_source_contradicts_stays_one(db: Database) -> None:
    """The report came to nothing: another workitem stands for the read, and the old one is what it was."""
    five(db)
    take(db, "A1")
    assert complete_read(db, read_id(db, "A1"), "R1", minutes(2), by=R1)
    assert states(db, "A1") == [D]
    later = 60.0 * 5
    ingest_extract(db, Feed(), extract(*NUMBERS, "B1", at=later), minutes(later))
    check_completions(db, minutes(later + 1))
    assert standing(db, "A1")[0] is not ReadState.DONE
    assert states(db, "A1") == [D, S]
    assert see_workitem(db, uid(db, "A1"), NOW)[0].UnifiedProcedureStepPerformedProcedureSequence


def test_what_its_source_withdraws_and_lists_again_has_a_new_one(db: Database) -> None:
    """CANCELED is for ever."""
    five(db)
    many = [f"C{number}" for number in range(30)]
    ingest_extract(db, Feed(), extract(*NUMBERS, "B1", *many, at=1), minutes(1))
    ingest_extract(db, Feed(), extract(*NUMBERS[1:], "B1", *many, at=2), minutes(2))
    assert states(db, "A1") == [C]
    ingest_extract(db, Feed(), extract(*NUMBERS, "B1", *many, at=3), minutes(3))
    assert states(db, "A1") == [C, S]


def test_one_that_is_taken_over_is_another_performers_under_another_lock(db: Database) -> None:
    """The first claimant's Transaction UID opens nothing any more."""
    five(db)
    assert change(db, "A1", P).status is Status.SUCCESS
    take_over_read(db, read_id(db, "A1"), minutes(2), by=MANAGER, reason="they have gone home", reporter_id="R2")
    assert states(db, "A1") == [C, P]
    assert change(db, "A1", D, at=3, sequence=1).status is Status.WRONG_TRANSACTION
    assert standing(db, "A1") == (ReadState.CLAIMED, "R2")


def test_a_report_that_comes_after_it_was_taken_over_is_kept(db: Database) -> None:
    """The state table refuses it; that a report has been written is a fact, and the office is told."""
    five(db)
    change(db, "A1", P)
    take_over_read(db, read_id(db, "A1"), minutes(2), by=MANAGER, reason="they have gone home", reporter_id="R2")
    assert change(db, "A1", D, at=3) == Answer(status=Status.NO_LONGER, kept=True)
    assert standing(db, "A1") == (ReadState.CLAIMED, "R2")
    with db.session() as session:
        assert [row.kind.value for row in session.exec(select(ExceptionRow))] == ["completed_beside"]


@pytest.mark.parametrize("again", [True, False])
def test_a_report_that_comes_after_its_source_had_stopped_asking_is_kept(db: Database, again: bool) -> None:  # noqa: FBT001
    """Its claimant has written it; it counts if the source asks again by now, else the office is told."""
    five(db)
    change(db, "A1", P)
    ingest_extract(db, Feed(), extract(*NUMBERS[1:], "B1", at=2), minutes(2))
    lapse_claims(db, minutes(30))
    assert standing(db, "A1") == (ReadState.WITHDRAWN, None)
    if again:
        ingest_extract(db, Feed(), extract(*NUMBERS, "B1", at=31), minutes(31))
    assert change(db, "A1", D, at=32) == Answer(status=Status.NO_LONGER, kept=True)
    assert standing(db, "A1") == ((ReadState.DONE, "R1") if again else (ReadState.WITHDRAWN, None))
    with db.session() as session:
        assert [row.kind.value for row in session.exec(select(ExceptionRow))] == ([] if again else ["completed_beside"])


def test_the_claim_and_its_lock_are_one(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Should the service fail between them there is neither: nobody has a read that they cannot give back."""
    five(db)

    def fail(*_: object) -> NoReturn:
        raise RuntimeError("the process was killed")

    with monkeypatch.context() as patched:
        patched.setattr(workitems, "kept", fail)
        with pytest.raises(RuntimeError):
            change(db, "A1", P)
    assert standing(db, "A1") == (ReadState.ALLOCATED, "R1")
    assert change(db, "A1", P, at=2).status is Status.SUCCESS


def test_once_a_backup_is_restored_old_uids_name_nothing(db: Database) -> None:
    """Reads are numbered anew then: an old UID must not open another patient's study."""
    five(db)
    old = uid(db, "A1")
    assert see_workitem(db, old, NOW)[0].SOPInstanceUID == old
    with db.transaction() as session:
        void_cursors(session)
    with pytest.raises(NotFoundError, match="no such workitem"):
        see_workitem(db, old, NOW)
    assert see_workitem(db, uid(db, "A1"), NOW)[0].ProcedureStepState == S


def test_a_publish_leaves_workitems_as_they_are(db: Database) -> None:
    """Being planned anew is no end of anything."""
    five(db)
    with db.session() as session:
        assert reads.read(session, read_id(db, "A1")).state is ReadState.ALLOCATED
        assert workitems.search(session, workitems.Wanted(since=NOW))[0].row is None
