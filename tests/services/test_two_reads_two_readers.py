"""Two reads of a study are two people's (H9), not in plans alone: whoever claims or completes is held to it.

That no list in force has both is looked at as that every read is somewhere is.
"""

from __future__ import annotations

import threading

import pytest
from sqlmodel import delete, select

from balancer.domain.errors import ConflictError
from balancer.domain.exceptional import ExceptionKind
from balancer.domain.life import ReadState
from balancer.services.claim_read import claim_read
from balancer.services.complete_read import complete_read
from balancer.services.next_read import next_read
from balancer.services.run_allocation import run_allocation
from balancer.store import conservation
from balancer.store.conservation import Fault, SameReader
from balancer.store.database import Database
from balancer.store.tables import WorklistItemRow, WorklistRow
from balancer.store.tables_life import ExceptionRow, ReadRow
from tests.databases import wait_until_somebody_waits
from tests.networks import PACS, claim_within, incoming, minutes, queued, read_id, rostered, solving, standing
from tests.services.test_claiming import R1, opened
from tests.worlds import NOW, session

_TOLD = [(ExceptionKind.SAME_READER, "RVV reporting office")]


def twice(db: Database, *, first: str) -> None:
    """Let R1 have the first read open or done, by the word of the PACS, and the second stand on R1's list."""
    queued(db, incoming("A1", reads=2))
    rostered(db, session("S1", "R1"), session("S2", "R2"))
    run_allocation(db, NOW, solver=solving({"S1": ["A1#2"], "S2": ["A1"]}))
    claim_read(db, read_id(db, "A1"), "R1", NOW, by=PACS)
    if first == "done":
        complete_read(db, read_id(db, "A1"), "R1", NOW, by=PACS)
    assert opened(db) == []


@pytest.mark.parametrize("first", ["open", "done"])
def test_nobody_opens_the_second_read_of_a_study_for_themselves(db: Database, first: str) -> None:
    """It is theirs by an old list; it is not offered, and not given."""
    twice(db, first=first)
    assert next_read(db, "R1", minutes(1), by=R1) is None
    with pytest.raises(ConflictError, match="another read"):
        claim_read(db, read_id(db, "A1", read=2), "R1", minutes(1), by=R1)
    assert standing(db, "A1", read=2) == (ReadState.ALLOCATED, "R1")


@pytest.mark.parametrize("first", ["open", "done"])
def test_a_system_that_says_so_is_believed_and_the_office_is_told(db: Database, first: str) -> None:
    """Both are open at one person's: that is so, and somebody has to see to it before both are reported."""
    twice(db, first=first)
    claim_read(db, read_id(db, "A1", read=2), "R1", minutes(1), by=PACS)
    assert standing(db, "A1", read=2) == (ReadState.CLAIMED, "R1")
    assert opened(db) == _TOLD


def test_nobody_completes_both_for_themselves(db: Database) -> None:
    """The second was opened by the word of the PACS."""
    twice(db, first="done")
    claim_read(db, read_id(db, "A1", read=2), "R1", minutes(1), by=PACS)
    with pytest.raises(ConflictError, match="another read"):
        complete_read(db, read_id(db, "A1", read=2), "R1", minutes(2), by=R1)
    assert standing(db, "A1", read=2) == (ReadState.CLAIMED, "R1")


def test_a_completion_of_both_by_a_system_is_kept_and_the_office_is_told(db: Database) -> None:
    """It comes without a claim."""
    twice(db, first="done")
    assert complete_read(db, read_id(db, "A1", read=2), "R1", minutes(2), by=PACS)
    assert standing(db, "A1", read=2) == (ReadState.DONE, "R1")
    assert [what for what in opened(db) if what[0] is not ExceptionKind.OUTCOME_UNSAID] == _TOLD


@pytest.mark.parametrize("doing", ["claiming", "completing"])
def test_nobody_gets_both_by_asking_at_the_same_moment(db: Database, doing: str) -> None:
    """In two windows: the second waits for what becomes of the first, and sees it."""
    queued(db, incoming("A1", reads=2))
    rostered(db, session("S1", "R1"), session("S2", "R2"))
    run_allocation(db, NOW, solver=solving({"S1": ["A1#2"], "S2": ["A1"]}))
    second = read_id(db, "A1", read=2)
    if doing == "completing":
        claim_read(db, second, "R1", NOW, by=R1)
    verb = claim_read if doing == "claiming" else complete_read
    refused: list[Exception] = []

    def ask() -> None:
        try:
            verb(db, second, "R1", minutes(1), by=R1)
        except ConflictError as error:
            refused.append(error)

    thread = threading.Thread(target=ask)
    with db.transaction() as writing:
        claim_within(writing, "A1")
        thread.start()
        wait_until_somebody_waits(db)
    thread.join()
    assert [str(error)[:34] for error in refused] == ["the reporter has another read of t"]


# --- what no list may have ------------------------------------------------------------------------------------------


def faults(db: Database) -> list[tuple[str, Fault, int]]:
    """Return what does not add up."""
    with db.session() as reading:
        return [(item.trust, item.fault, item.number) for item in conservation.faults(reading)]


def two_lists(db: Database) -> None:
    """Put the first read of two on R1's list and the second on R2's, and the only one of another study on R1's."""
    queued(db, incoming("A1", reads=2), "B1")
    rostered(db, session("S1", "R1"), session("S2", "R2"))
    run_allocation(db, NOW, solver=solving({"S1": ["A1", "B1"], "S2": ["A1#2"]}))


def both_on_one_list(db: Database) -> int:
    """Put the second read on R1's list too, as no code of ours may; return the study's number."""
    with db.transaction() as writing:
        second = writing.get_one(ReadRow, read_id(db, "A1", read=2))
        second.reporter_id = "R1"
        theirs = {row.reporter_id: row.id for row in writing.exec(select(WorklistRow))}
        item = writing.exec(select(WorklistItemRow).where(WorklistItemRow.worklist_id == theirs["R2"])).one()
        writing.add(WorklistItemRow(**{**item.model_dump(), "worklist_id": theirs["R1"], "place": 9, "position": 9}))
        writing.delete(item)
        return second.study_id


@pytest.mark.parametrize("opens", [(), (1,), (2,)], ids=["both wait", "the first is open", "the second is open"])
def test_a_list_that_has_both_is_a_fault(db: Database, opens: tuple[int, ...]) -> None:
    """Of the study, with whose list: one of them can never be opened there."""
    two_lists(db)
    assert faults(db) == []
    study_id = both_on_one_list(db)
    for number in opens:
        claim_read(db, read_id(db, "A1", read=number), "R1", NOW, by=PACS)
    assert faults(db) == [("RVV", Fault.SAME_READER, 1)]
    with db.session() as reading:
        (found,) = conservation.same_readers(reading)
    assert found == SameReader(trust="RVV", study_id=study_id, reporter_id="R1")


def test_two_reads_of_two_people_and_two_studies_of_one_are_none(db: Database) -> None:
    """Open or not, done or not."""
    two_lists(db)
    claim_read(db, read_id(db, "A1"), "R1", NOW, by=R1)
    claim_read(db, read_id(db, "A1", read=2), "R2", NOW, by=PACS)
    assert faults(db) == []
    complete_read(db, read_id(db, "A1"), "R1", minutes(1), by=R1)
    assert faults(db) == []


@pytest.mark.parametrize("first", ["open", "done"])
def test_what_a_system_says_somebody_has_opened_is_no_fault_of_the_lists(db: Database, first: str) -> None:
    """The other stands on their list from before, and gives way with the next."""
    twice(db, first=first)
    assert faults(db) == []
    run_allocation(
        db, minutes(1), solver=solving({"S2": ["A1"]} if first == "done" else {"S1": ["A1"], "S2": ["A1#2"]})
    )
    assert faults(db) == []


def test_two_that_are_open_at_one_person_s_are_a_fault_if_nobody_has_been_told(db: Database) -> None:
    """Whoever says that both are open, the trust's office hears of it."""
    twice(db, first="open")
    claim_read(db, read_id(db, "A1", read=2), "R1", minutes(1), by=PACS)
    assert opened(db) == _TOLD
    assert faults(db) == []
    with db.transaction() as writing:
        writing.exec(delete(ExceptionRow))
    assert faults(db) == [("RVV", Fault.SAME_READER, 1)]
