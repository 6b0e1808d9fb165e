"""The journal: every step that a read takes is there, once, in the order of commits, however quickly it was undone."""

from __future__ import annotations

from datetime import timedelta

import pytest
from pydicom.dataset import Dataset

from balancer.domain.actor import Reach
from balancer.domain.errors import GoneError
from balancer.domain.life import ReadState
from balancer.domain.states import JournalKind
from balancer.publish.ups.uids import WorkitemKey, uid_of
from balancer.services.cancel_workitem import cancel_workitem
from balancer.services.complete_read import complete_read
from balancer.services.ingest_studies import ingest_extract
from balancer.services.release_read import release_read
from balancer.services.run_allocation import run_allocation
from balancer.services.take_over_read import take_over_read
from balancer.store import journal, workitems
from balancer.store.assignments import forget_steps, note_all, note_said, void_cursors
from balancer.store.changes import Mark
from balancer.store.database import Database
from balancer.store.reads import read
from balancer.store.tables_journal import JournalRow
from tests.networks import PACS, Feed, extract, minutes, read_id, solving
from tests.services.test_claiming import MANAGER, NUMBERS, R1, five, take

U, A, O, D, W = (  # noqa: E741 - open, as a read that somebody has opened
    *(ReadState.UNALLOCATED, ReadState.ALLOCATED, ReadState.CLAIMED),
    *(ReadState.DONE, ReadState.WITHDRAWN),
)


def mark(db: Database) -> Mark:
    """Return where the journal ends."""
    with db.session() as reading:
        return journal.mark(reading)


def steps(db: Database, cursor: Mark, *, limit: int = 1_000) -> list[JournalRow]:
    """Return what has been entered since."""
    with db.session() as reading:
        return list(journal.since(reading, cursor, limit=limit).items)


def moves(db: Database, cursor: Mark, number: str = "A1") -> list[tuple[ReadState | None, ReadState, int]]:
    """Return the steps of a study's read: from which state to which, and which workitem shows it then."""
    wanted = read_id(db, number)
    return [(row.state_before, row.state, row.workitem) for row in steps(db, cursor) if row.read_id == wanted]


def test_a_claim_and_its_release_between_two_looks_are_both_told(db: Database) -> None:
    """The feed would say that nothing has happened; somebody's screen was locked for a moment, and must be unlocked."""
    five(db)
    begin = mark(db)
    take(db, "A1")
    release_read(db, read_id(db, "A1"), "R1", minutes(1), by=R1)
    first, second = steps(db, begin)
    assert (first.state_before, first.state, first.workitem_before, first.workitem) == (A, O, 0, 0)
    assert (second.state_before, second.state, second.workitem_before, second.workitem) == (O, A, 0, 1)
    assert first.sequence < second.sequence
    assert (first.trust, first.read, first.reporter_before, first.reporter_id) == ("RVV", 1, "R1", "R1")
    assert (first.at, second.at) == (minutes(0), minutes(1))


def test_what_arrives_was_nothing_before_and_what_goes_is_gone(sqlite_db: Database) -> None:
    """So that whoever tells of it can tell the first word from a change."""
    begin = mark(sqlite_db)
    five(sqlite_db)
    assert moves(sqlite_db, begin) == [(None, U, 0), (U, A, 0)]
    many = [f"C{number}" for number in range(30)]
    ingest_extract(sqlite_db, Feed(), extract(*NUMBERS, "B1", *many, at=1), minutes(1))
    begin = mark(sqlite_db)
    ingest_extract(sqlite_db, Feed(), extract(*NUMBERS[1:], "B1", *many, at=2), minutes(2))
    (row,) = steps(sqlite_db, begin)
    assert (row.state_before, row.state, row.gone) == (A, W, True)
    assert (row.reporter_before, row.reporter_id) == ("R1", None)


def test_another_reader_is_told_with_who_it_was(sqlite_db: Database) -> None:
    """A take-over: the state stays, the reporter and the workitem do not."""
    five(sqlite_db)
    take(sqlite_db, "A1")
    begin = mark(sqlite_db)
    take_over_read(
        sqlite_db, read_id(sqlite_db, "A1"), minutes(2), by=MANAGER, reason="they have gone home", reporter_id="R2"
    )
    (row,) = steps(sqlite_db, begin)
    assert (row.state_before, row.state, row.reporter_before, row.reporter_id) == (O, O, "R1", "R2")
    assert (row.workitem_before, row.workitem) == (0, 1)


def test_a_read_that_is_done_says_by_whom(sqlite_db: Database) -> None:
    """Done is gone for the feed; whose it was is told all the same."""
    five(sqlite_db)
    take(sqlite_db, "A1")
    begin = mark(sqlite_db)
    assert complete_read(sqlite_db, read_id(sqlite_db, "A1"), "R1", minutes(2), by=R1)
    (row,) = steps(sqlite_db, begin)
    assert (row.state, row.gone, row.reporter_id) == (D, True, "R1")


def test_a_workitem_replaced_while_its_read_stands_is_a_step(sqlite_db: Database) -> None:
    """Somebody asks for a step that nobody has begun to be cancelled: the read stays, under another UID."""
    five(sqlite_db)
    begin = mark(sqlite_db)
    with sqlite_db.session() as reading:
        uid = uid_of(WorkitemKey(read_id(sqlite_db, "A1"), 0), workitems.numbering(reading))
    cancel_workitem(sqlite_db, uid, Dataset(), minutes(1), by=PACS)
    assert moves(sqlite_db, begin) == [(A, A, 1)]


def test_times_that_drift_are_no_step(sqlite_db: Database) -> None:
    """Every run moves every time a little; twenty thousand steps an hour that nobody waits for."""
    five(sqlite_db)
    begin = mark(sqlite_db)
    run_allocation(sqlite_db, minutes(7), solver=solving({"S1": NUMBERS[::-1], "S2": ["B1"]}))
    assert mark(sqlite_db).sequence > begin.sequence
    assert steps(sqlite_db, begin) == []


def test_nothing_is_told_twice_and_pages_join(sqlite_db: Database) -> None:
    """Read a step at a time, from mark to mark, it is what it is when read at once; looking again finds nothing new."""
    begin = cursor = mark(sqlite_db)
    five(sqlite_db)
    take(sqlite_db, "A2")
    with sqlite_db.transaction() as writing:
        note_all(writing, minutes(3))
    found: list[int] = []
    more = True
    while more:
        with sqlite_db.session() as reading:
            page = journal.since(reading, cursor, limit=1)
        found += [row.sequence for row in page.items]
        cursor, more = page.mark, page.more
    assert found == [row.sequence for row in steps(sqlite_db, begin)]
    assert len(found) == len(set(found)) == 6 + 6 + 1
    assert steps(sqlite_db, cursor) == []


def test_what_is_undone_is_not_told(db: Database) -> None:
    """A transaction that does not commit has taken no step."""
    five(db)
    begin = mark(db)
    with pytest.raises(RuntimeError), db.transaction() as writing:  # noqa: PT012 - the transaction must fail
        note_said(writing, (read_of(db), 1), JournalKind.PROGRESS, {}, minutes(1))
        raise RuntimeError("the process was killed")
    assert steps(db, begin) == []
    assert mark(db) == begin


def test_what_is_said_of_a_read_leaves_it_as_it_is(db: Database) -> None:
    """A progress is a step with words and without a change."""
    five(db)
    take(db, "A1")
    begin = mark(db)
    words = {"00741004": {"vr": "DS", "Value": [50]}}
    with db.transaction() as writing:
        note_said(writing, (read_of(db), 1), JournalKind.PROGRESS, words, minutes(1))
    (row,) = steps(db, begin)
    assert (row.kind, row.said, row.read_id) == (JournalKind.PROGRESS, words, read_id(db, "A1"))
    assert (row.state_before, row.reporter_before, row.workitem_before) == (row.state, row.reporter_id, row.workitem)


def test_a_cursor_that_missed_what_was_forgotten_is_refused(db: Database) -> None:
    """Whoever was away for a week begins again; whoever has everything need not, though all of it is forgotten."""
    begin = mark(db)
    five(db)
    take(db, "A1", at=1)
    end = mark(db)
    with db.transaction() as writing:
        forget_steps(writing, minutes(1) + timedelta(seconds=1))
    with pytest.raises(GoneError):
        steps(db, begin)
    assert steps(db, end) == []


def test_young_steps_are_kept(sqlite_db: Database) -> None:
    """What happened at the very instant, too."""
    five(sqlite_db)
    begin = mark(sqlite_db)
    take(sqlite_db, "A1", at=1)
    with sqlite_db.transaction() as writing:
        forget_steps(writing, minutes(1))
    assert moves(sqlite_db, begin) == [(A, O, 0)]


def test_once_a_backup_is_restored_no_cursor_holds(sqlite_db: Database) -> None:
    """Numbers are given a second time."""
    begin = mark(sqlite_db)
    with sqlite_db.transaction() as writing:
        void_cursors(writing)
    with pytest.raises(GoneError):
        steps(sqlite_db, begin)


def test_a_caller_hears_of_their_own_trusts_only(sqlite_db: Database) -> None:
    """As everywhere: what is out of reach is not there."""
    begin = mark(sqlite_db)
    five(sqlite_db)
    assert steps(sqlite_db.within(Reach(trusts=frozenset({"RVV"}))), begin)
    assert steps(sqlite_db.within(Reach(trusts=frozenset({"RWF"}))), begin) == []


def read_of(db: Database, number: str = "A1") -> int:
    """Return the internal number of a read's study."""
    with db.session() as reading:
        return read(reading, read_id(db, number)).study_id
