"""Quarantine: rows that could not be taken, by feed and reason."""

from __future__ import annotations

from dataclasses import dataclass

from sqlmodel import Session, col, func, select

from balancer.domain.errors import NotFoundError
from balancer.domain.states import QuarantineState
from balancer.store.counts import count
from balancer.store.pages import Cut, Page, cursor
from balancer.store.tables import QuarantineRow

_NEWEST_FIRST = "quarantine"


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantineFilter:
    """Which rows to show; ``None`` means whatever. ``batch`` is the last batch that held the row."""

    feed: str | None = None
    reason: str | None = None
    state: QuarantineState | None = QuarantineState.OPEN
    batch: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasonCount:
    """How many open rows of a feed have a reason."""

    feed: str
    reason: str
    rows: int


def quarantined(session: Session, which: QuarantineFilter, cut: Cut) -> Page[QuarantineRow]:
    """Return a page of rows with their raw content, newest first."""
    statement = select(QuarantineRow)
    for column, wanted in (
        (QuarantineRow.feed, which.feed),
        (QuarantineRow.reason, which.reason),
        (QuarantineRow.state, which.state),
        (QuarantineRow.last_batch_id, which.batch),
    ):
        if wanted is not None:
            statement = statement.where(column == wanted)
    total = count(session, statement)
    after = cut.after(_NEWEST_FIRST, 1)
    if after is not None:
        statement = statement.where(col(QuarantineRow.id) < after[0])
    rows = session.exec(statement.order_by(col(QuarantineRow.id).desc()).limit(cut.limit + 1)).all()
    more = len(rows) > cut.limit
    rows = rows[: cut.limit]
    return Page(items=tuple(rows), total=total, next_cursor=cursor(_NEWEST_FIRST, rows[-1].id) if more else None)


def quarantined_row(session: Session, row_id: int) -> QuarantineRow:
    """Return one row; ``NotFoundError`` if there is none."""
    row = session.get(QuarantineRow, row_id)
    if row is None:
        raise NotFoundError(f"there is no quarantined row {row_id}")
    return row


def reasons(session: Session, feed: str | None = None) -> list[ReasonCount]:
    """Return how many open rows there are by feed and reason, the most frequent first."""
    statement = select(QuarantineRow.feed, QuarantineRow.reason, func.count()).where(
        QuarantineRow.state == QuarantineState.OPEN
    )
    if feed is not None:
        statement = statement.where(QuarantineRow.feed == feed)
    found = session.exec(statement.group_by(QuarantineRow.feed, QuarantineRow.reason)).all()
    counted = [ReasonCount(feed=name, reason=reason, rows=rows) for name, reason, rows in found]
    return sorted(counted, key=lambda item: (-item.rows, item.feed, item.reason))


def open_rows(session: Session, feed: str) -> list[QuarantineRow]:
    """Return every open row of a feed, by the batch it last stood in."""
    statement = select(QuarantineRow).where(QuarantineRow.feed == feed, QuarantineRow.state == QuarantineState.OPEN)
    return list(session.exec(statement.order_by(col(QuarantineRow.last_batch_id), col(QuarantineRow.id))))
