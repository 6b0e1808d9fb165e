"""Quarantine: rows that could not be taken, by feed and reason."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlmodel import Session, col, func, insert, select, update

from balancer.domain.errors import NotFoundError
from balancer.domain.feed import QuarantinedRow
from balancer.domain.states import QuarantineState
from balancer.store.counts import count
from balancer.store.pages import Cut, Page, cursor
from balancer.store.tables import FeedRow, QuarantineRow

_NEWEST_FIRST = "quarantine"
# A row in one of these states is no study and may be listed by its trust still.
KEPT: Final = (QuarantineState.OPEN, QuarantineState.REFUSED)


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
    statement = _meant(which)
    total = count(session, statement)
    after = cut.after(_NEWEST_FIRST, 1)
    if after is not None:
        statement = statement.where(col(QuarantineRow.id) < after[0])
    rows = session.exec(statement.order_by(col(QuarantineRow.id).desc()).limit(cut.limit + 1)).all()
    more = len(rows) > cut.limit
    rows = rows[: cut.limit]
    return Page(items=tuple(rows), total=total, next_cursor=cursor(_NEWEST_FIRST, rows[-1].id) if more else None)


def _meant(which: QuarantineFilter) -> Any:
    """Return the statement of the rows that are meant."""
    statement = select(QuarantineRow)
    for column, wanted in (
        (QuarantineRow.feed, which.feed),
        (QuarantineRow.reason, which.reason),
        (QuarantineRow.state, which.state),
        (QuarantineRow.last_batch_id, which.batch),
    ):
        if wanted is not None:
            statement = statement.where(column == wanted)
    return statement


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


def refused_count(session: Session) -> int:
    """Return how many rows are refused and may be listed by their trusts still."""
    return count(session, select(QuarantineRow).where(QuarantineRow.state == QuarantineState.REFUSED))


def open_count(session: Session) -> int:
    """Return how many rows wait to be mended."""
    return count(session, select(QuarantineRow).where(QuarantineRow.state == QuarantineState.OPEN))


def open_rows(session: Session, feed: str) -> list[QuarantineRow]:
    """Return every open row of a feed, by the batch it last stood in."""
    return _rows(session, feed, (QuarantineState.OPEN,))


def kept_rows(session: Session, feed: str) -> list[QuarantineRow]:
    """Return every row of a feed that its trust may list still: open ones, and those that are refused."""
    return _rows(session, feed, KEPT)


def _rows(session: Session, feed: str, states: Collection[QuarantineState]) -> list[QuarantineRow]:
    statement = select(QuarantineRow).where(QuarantineRow.feed == feed, col(QuarantineRow.state).in_(states))
    return list(session.exec(statement.order_by(col(QuarantineRow.last_batch_id), col(QuarantineRow.id))))


def rows_like(
    session: Session, which: QuarantineFilter, *, limit: int, offset: int = 0
) -> tuple[Sequence[QuarantineRow], int]:
    """Return some of the rows that are meant, those that came last first, and how many there are."""
    statement = _meant(which)
    found = session.exec(statement.order_by(col(QuarantineRow.id).desc()).offset(offset).limit(limit)).all()
    return found, count(session, statement)


def last_seen_in(session: Session, batch_ids: Collection[int]) -> dict[int, int]:
    """Return how many rows these batches were the last to hold, whatever became of them."""
    counted = select(QuarantineRow.last_batch_id, func.count()).group_by(col(QuarantineRow.last_batch_id))
    return dict(session.exec(counted.where(col(QuarantineRow.last_batch_id).in_(batch_ids))).all())


def waiting(session: Session, *, feed: str | None, reason: str | None, limit: int) -> tuple[list[QuarantineRow], int]:
    """Return open rows, those that came last first, and how many there are."""
    statement = select(QuarantineRow).where(QuarantineRow.state == QuarantineState.OPEN)
    for column, wanted in ((QuarantineRow.feed, feed), (QuarantineRow.reason, reason)):
        if wanted:
            statement = statement.where(column == wanted)
    found = session.exec(statement.order_by(col(QuarantineRow.id).desc()).limit(limit)).all()
    return list(found), count(session, statement)


# --- going in ---------------------------------------------------------------------------------------------------------


def fingerprint(sheet: str, raw: Mapping[str, str]) -> str:
    """Return a digest of a row's cells, wherever in the file they stand."""
    content = json.dumps([sheet, sorted(raw.items())], ensure_ascii=True)
    return hashlib.sha256(content.encode("ascii")).hexdigest()


def quarantine_columns(row: QuarantinedRow) -> dict[str, Any]:
    """Return the columns that say where a row stands and what is wrong with it."""
    return {
        "line": row.row.line,
        "sheet": row.row.sheet,
        "column": row.column,
        "reason": row.reason,
        "detail": row.detail,
        "trust": row.key.trust if row.key else None,
        "accession_number": row.key.accession_number if row.key else None,
    }


def add_quarantined(
    session: Session, feed: FeedRow, rows: Iterable[QuarantinedRow], *, batch_id: int, now: datetime
) -> None:
    """Put rows in quarantine, whole."""
    added = [
        {
            **quarantine_columns(row),
            "feed": feed.name,
            "first_batch_id": batch_id,
            "last_batch_id": batch_id,
            "raw": dict(row.row.raw),
            "fingerprint": fingerprint(row.row.sheet, row.row.raw),
            "state": QuarantineState.OPEN,
            "first_seen_at": now,
            "last_seen_at": now,
            "resolved_at": None,
            "resolved_batch_id": None,
        }
        for row in rows
    ]
    if added:
        session.exec(insert(QuarantineRow), params=added)


def change_quarantined(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Change quarantined rows by ``id``; every row gives the same columns."""
    if rows:
        session.exec(update(QuarantineRow), params=rows)
