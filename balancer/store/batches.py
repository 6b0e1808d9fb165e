"""Batches: every file a feed or a roster delivered, with its books."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, delete, exists, or_, select

from balancer.domain.errors import NotFoundError
from balancer.domain.feed import Books
from balancer.domain.life import ReadState
from balancer.domain.states import BatchKind, BatchState, StudyState
from balancer.store.counts import count
from balancer.store.pages import Cut, Page, cursor
from balancer.store.tables import BatchRow, ExclusionRow, HeldClosureRow, RosterBatchRow, StudyRow
from balancer.store.tables_life import ReadRow

_BOOKS = tuple(Books.__dataclass_fields__)
_NEWEST_FIRST = "batch"


def batches_of(session: Session, feed: str, cut: Cut) -> Page[BatchRow]:
    """Return a page of a feed's batches, newest first."""
    return _newest(session, BatchRow, select(BatchRow).where(BatchRow.feed == feed), cut)


def roster_batches_of(session: Session, roster: str, cut: Cut) -> Page[RosterBatchRow]:
    """Return a page of a roster's files, newest first."""
    return _newest(session, RosterBatchRow, select(RosterBatchRow).where(RosterBatchRow.roster == roster), cut)


def _newest(session: Session, table: Any, statement: Any, cut: Cut) -> Page[Any]:
    total = count(session, statement)
    after = cut.after(_NEWEST_FIRST, 1)
    if after is not None:
        statement = statement.where(col(table.id) < after[0])
    rows = session.exec(statement.order_by(col(table.id).desc()).limit(cut.limit + 1)).all()
    more = len(rows) > cut.limit
    rows = rows[: cut.limit]
    return Page(items=tuple(rows), total=total, next_cursor=cursor(_NEWEST_FIRST, rows[-1].id) if more else None)


def batch(session: Session, batch_id: int) -> BatchRow:
    """Return one batch; ``NotFoundError`` if there is none."""
    row = session.get(BatchRow, batch_id)
    if row is None:
        raise NotFoundError(f"there is no batch {batch_id}")
    return row


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownFile:
    """A file that came before; ``is_last``: no other file of the feed has been taken since."""

    row: BatchRow
    is_last: bool


def same_file(session: Session, feed: str, digest: str) -> KnownFile | None:
    """Return the newest batch of the very same file, if it ever came."""
    files = select(BatchRow).where(BatchRow.feed == feed, BatchRow.kind == BatchKind.EXTRACT)
    newest = col(BatchRow.id).desc()
    row = session.exec(files.where(BatchRow.digest == digest).order_by(newest).limit(1)).first()
    if row is None:
        return None
    taken = files.where(BatchRow.state != BatchState.REFUSED, BatchRow.rows_read > 0)
    later = session.exec(taken.where(col(BatchRow.id) > row.id).limit(1)).first()
    return KnownFile(row=row, is_last=later is None)


def is_any_between(session: Session, feed: str, *, after: datetime, before: int) -> bool:
    """Tell whether a file of a feed was taken whole that came after an instant and before the batch of that number."""
    files = select(BatchRow.id).where(BatchRow.feed == feed, col(BatchRow.id) < before, BatchRow.received_at > after)
    taken = files.where(BatchRow.kind == BatchKind.EXTRACT, BatchRow.state == BatchState.APPLIED)
    return session.exec(taken.order_by(col(BatchRow.id).desc()).limit(1)).first() is not None


def held_batches_of(session: Session, feed: str) -> list[BatchRow]:
    """Return the feed's batches that wait for a person, oldest first."""
    held = select(BatchRow).where(BatchRow.feed == feed, BatchRow.state == BatchState.HELD)
    return list(session.exec(held.order_by(col(BatchRow.id))))


def open_though_held(session: Session, batch_id: int) -> set[int]:
    """Return the studies of which somebody has a read open and that a held batch says wait no longer.

    Those that it would have closed and that were opened since, and those that were open then and that it has left out
    by a rule. None that a later batch has seen.
    """
    claimed = select(ReadRow.study_id).where(ReadRow.state == ReadState.CLAIMED)
    closing = select(HeldClosureRow.study_id).where(HeldClosureRow.batch_id == batch_id)
    left_out = exists().where(
        col(ExclusionRow.trust) == col(StudyRow.trust),
        col(ExclusionRow.accession_number) == col(StudyRow.accession_number),
        col(ExclusionRow.active),
        col(ExclusionRow.last_batch_id) == batch_id,
    )
    statement = select(StudyRow.id).where(
        col(StudyRow.id).in_(claimed),
        StudyRow.state == StudyState.OPEN,
        StudyRow.last_batch_id <= batch_id,
        or_(col(StudyRow.id).in_(closing), left_out.correlate(StudyRow)),
    )
    return {study_id or 0 for study_id in session.exec(statement)}


def books_of(row: BatchRow) -> Books:
    """Return a batch's books."""
    return Books(**{name: getattr(row, name) for name in _BOOKS})


def keep_books(row: BatchRow, books: Books) -> None:
    """Write ``books`` into a batch."""
    for name in _BOOKS:
        setattr(row, name, getattr(books, name))


def add_batch(session: Session, batch: BatchRow) -> BatchRow:
    """Add a batch and return it with its number."""
    session.add(batch)
    session.flush()
    return batch


def supersede_held(session: Session, feed: str, *, before: int, now: datetime) -> None:
    """Enter that the held batches before number ``before`` are moot, and forget what they would have closed."""
    for held in held_batches_of(session, feed):
        if held.id is not None and held.id < before:
            held.state, held.resolved_at = BatchState.SUPERSEDED, now
            session.exec(delete(HeldClosureRow).where(col(HeldClosureRow.batch_id) == held.id))
