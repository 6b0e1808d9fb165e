"""What each feed's newest extract said is unreported, held against what we hold of it; and its batches by page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement
from sqlmodel import Session, and_, case, col, func, select

from balancer.domain.feed import FeedKind
from balancer.domain.states import BatchKind, BatchState, QuarantineState, StudyState
from balancer.store.counts import count
from balancer.store.tables import BatchRow, FeedRow, QuarantineRow, StudyRow


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedSaid:
    """A snapshot feed's newest extract that was taken, against what is here.

    ``said`` are the rows of it that are studies, each once: all but repeated ones and those that a rule leaves out; and
    emergencies of a newer one that were not here, which have been taken before the rest of it.
    ``listed`` are open studies that it, or a row of it that was read again, brought or confirmed; ``kept`` are open
    studies that it no longer lists, because something speaks against closing them yet; ``quarantined`` are rows of it
    that could not be taken and wait, ``refused`` those that a person has decided are not to be mended.
    """

    feed: str
    batch: BatchRow
    said: int
    listed: int
    kept: int
    quarantined: int
    refused: int = 0

    @property
    def unexplained(self) -> int:
        """How many of what it said are neither in the queue nor kept in quarantine; below nought: are here unsaid."""
        return self.said - self.listed - self.quarantined - self.refused


def said_by_feeds(session: Session) -> dict[str, FeedSaid]:
    """Return what each listed feed said last, by name; five statements, whatever the number.

    A feed from which nothing has been taken yet said nothing.
    """
    newest = _newest().group_by(col(BatchRow.feed))
    last = {row.feed: row for row in session.exec(select(BatchRow).where(col(BatchRow.id).in_(newest)))}
    studies = _since_newest(session, StudyRow, StudyRow.state == StudyState.OPEN, newest)
    rows, refused = (
        _since_newest(session, QuarantineRow, QuarantineRow.state == state, newest)
        for state in (QuarantineState.OPEN, QuarantineState.REFUSED)
    )
    early, none = _come_early(session, newest), (0, 0)
    return {
        name: _said(batch, early.get(name, 0), studies.get(name, none), rows.get(name, none), refused.get(name, none))
        for name, batch in last.items()
    }


def _newest() -> Any:
    """Return the newest extract that was taken; of which feed, is for the caller to say."""
    return select(func.max(BatchRow.id)).where(
        BatchRow.kind == BatchKind.EXTRACT, BatchRow.state != BatchState.REFUSED, col(BatchRow.rows_read) > 0
    )


def is_kept() -> ColumnElement[bool]:
    """Return the condition that an open study is ``kept``: its snapshot feed's newest extract lists it no longer."""
    whole = select(FeedRow.name).where(FeedRow.kind == FeedKind.SNAPSHOT, col(FeedRow.listed))
    newest = _newest().where(col(BatchRow.feed) == col(StudyRow.feed)).correlate(StudyRow).scalar_subquery()
    return and_(col(StudyRow.feed).in_(whole), col(StudyRow.last_batch_id) < newest)


def _since_newest(session: Session, table: Any, still: Any, newest: Any) -> dict[str, tuple[int, int]]:
    """Return by feed how many open rows of a table there are, and how many the newest extract still held."""
    marks = newest.add_columns(BatchRow.feed).subquery()
    last_id, feed = marks.c[0], marks.c.feed
    seen = func.sum(case((col(table.last_batch_id) >= last_id, 1), else_=0))
    counted: Any = select(table.feed, func.count(), seen).join(marks, feed == col(table.feed)).where(still)
    return {name: (every, here) for name, every, here in session.exec(counted.group_by(col(table.feed)))}


def _come_early(session: Session, newest: Any) -> dict[str, int]:
    """Return by feed how many emergencies, of an extract whose rest is still to be taken, have come to the queue."""
    marks = newest.add_columns(BatchRow.feed).subquery()
    last_id, feed = marks.c[0], marks.c.feed
    counted: Any = select(BatchRow.feed, func.sum(BatchRow.new + BatchRow.reopened)).join(
        marks, and_(feed == col(BatchRow.feed), col(BatchRow.id) > last_id)
    )
    return dict(session.exec(counted.where(BatchRow.kind == BatchKind.EMERGENCIES).group_by(col(BatchRow.feed))).all())


def _said(
    batch: BatchRow, early: int, studies: tuple[int, int], rows: tuple[int, int], refused: tuple[int, int]
) -> FeedSaid:
    return FeedSaid(
        feed=batch.feed,
        batch=batch,
        said=batch.rows_read - batch.duplicate - batch.excluded + early,
        listed=studies[1],
        kept=studies[0] - studies[1],
        quarantined=rows[1],
        refused=refused[1],
    )


def heard_since(session: Session, since: datetime) -> Mapping[str, Sequence[tuple[datetime, BatchState]]]:
    """Return when something came for each feed since then, and what became of it, oldest first."""
    found: dict[str, list[tuple[datetime, BatchState]]] = {}
    statement = select(BatchRow.feed, BatchRow.received_at, BatchRow.last_received_at, BatchRow.state).where(
        col(BatchRow.last_received_at) >= since, BatchRow.kind == BatchKind.EXTRACT
    )
    for feed, first, again, state in session.exec(statement.order_by(col(BatchRow.id))):
        ticks = found.setdefault(feed, [])
        if first >= since:
            ticks.append((first, BatchState(state)))
        if again != first:
            ticks.append((again, BatchState.UNCHANGED))
    return {feed: sorted(ticks) for feed, ticks in found.items()}


def batches_page(session: Session, feed: str, *, limit: int, offset: int) -> tuple[Sequence[BatchRow], int]:
    """Return a page of a feed's batches, newest first, and how many there are."""
    statement = select(BatchRow).where(BatchRow.feed == feed)
    rows = session.exec(statement.order_by(col(BatchRow.id).desc()).limit(limit).offset(offset)).all()
    return rows, count(session, statement)
