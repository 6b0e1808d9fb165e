"""Opening a batch and closing its books."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from balancer.domain.errors import BooksError
from balancer.domain.feed import Books, ParsedExtract
from balancer.domain.states import BatchKind, BatchState
from balancer.services.outcomes import BatchOutcome
from balancer.store import assignments
from balancer.store.batches import add_batch, books_of, keep_books
from balancer.store.database import Session
from balancer.store.intake import brought_by
from balancer.store.studies import open_count
from balancer.store.tables import BatchRow, FeedRow

_COLUMNS = tuple(Books.__dataclass_fields__)


def open_batch(session: Session, row: FeedRow, parsed: ParsedExtract, file_name: str, now: datetime) -> BatchRow:
    """Return a new batch for a file, entered as applied until something is found against it."""
    batch = BatchRow(
        feed=row.name,
        file_name=file_name,
        digest=parsed.digest,
        extracted_at=parsed.extracted_at,
        received_at=now,
        last_received_at=now,
        state=BatchState.APPLIED,
    )
    return add_batch(session, batch)


def closing_batch(session: Session, feed: str, now: datetime, why: str) -> BatchRow:
    """Return a new batch of a feed that no file has brought: studies are closed in it."""
    batch = BatchRow(
        feed=feed,
        kind=BatchKind.RELEASE,
        file_name="",
        digest="",
        received_at=now,
        last_received_at=now,
        state=BatchState.APPLIED,
        reason=why,
    )
    return add_batch(session, batch)


def settle(  # noqa: PLR0913 - a batch, its books, and what it is about
    session: Session,
    row: FeedRow,
    batch: BatchRow,
    counts: Mapping[str, int],
    *,
    open_before: int,
    touched: Collection[int],
) -> BatchOutcome:
    """Close a batch's books: count what is open now, and keep the books if they balance.

    ``counts`` gives the columns that are not 0; open studies are counted, not reckoned. The change feed is told of the
    studies ``touched`` and of those the batch brought, and of no other: a batch of one study is taken in the time that
    one study takes, however many its trust has.

    Raises
    ------
    BooksError
        If they do not balance; the caller's transaction must not commit.
    """
    session.flush()
    given = {**dict.fromkeys(_COLUMNS, 0), **counts, "open_before": open_before}
    books = Books(**{**given, "open_after": open_count(session, row.trust)})
    if not books.balance:
        raise BooksError(f"the books of feed {row.name!r} do not balance: {books}")
    keep_books(batch, books)
    brought = brought_by(session, row.trust, batch.id or 0)
    assignments.moved(session, {*touched, *brought}, batch.received_at)
    return outcome_of(batch)


def outcome_of(batch: BatchRow, state: BatchState | None = None) -> BatchOutcome:
    """Return what became of a batch, or of the file that was it once more."""
    if batch.id is None:
        raise ValueError("the batch has not been stored")
    return BatchOutcome(
        batch_id=batch.id,
        feed=batch.feed,
        state=state or batch.state,
        reason=batch.reason,
        books=books_of(batch),
        waiting=batch.waiting,
    )


def take_extracted_at(row: FeedRow, extracted_at: datetime, now: datetime) -> None:
    """Enter that the feed is known as it was at ``extracted_at``; a clock that runs ahead says no more than now."""
    row.last_extracted_at = max(filter(None, (row.last_extracted_at, min(extracted_at, now))))
