"""Reads done here that their source still lists, though it has had time to say that they are done."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import aliased
from sqlmodel import Session, and_, col, exists, func, or_, select

from balancer.domain.feed import FeedKind
from balancer.domain.life import ReadKind, ReadState
from balancer.domain.states import BatchState, StudyState
from balancer.store import sources
from balancer.store.tables import BatchRow, FeedRow, HeldClosureRow, StudyRow
from balancer.store.tables_kinds import FollowUpRow
from balancer.store.tables_life import ReadRow

# Where a read stands that nobody is going to do here: its source hears nothing of it.
_NOT_TO_BE = (ReadState.WITHDRAWN, ReadState.EXCLUDED)
_TO_DO = col(ReadRow.state).not_in([ReadState.DONE, *_NOT_TO_BE])


def contradicted(session: Session, patience: timedelta) -> list[int]:
    """Return the reads done here that their source, asked at least ``patience`` later, still lists as unreported.

    What counts is what the feed last said, not the clock: a feed that is silent contradicts nothing, and neither does
    one that closes the study but is not believed yet. A snapshot says that a study is unreported by holding it; a feed
    of changes does with every extract that does not say that it is reported. Of a study of which another read is still
    to be done, or waits for something, nothing is expected, and so its source is asked from when the last of them was
    done; one that is not to be read here is waited for by nobody. Nor is one that follows readings which no longer ask
    for it, whatever has become of it.
    Whoever makes studies known by workitems says of each what they have to say once, and contradicts nothing.
    """
    newest = select(BatchRow.feed, func.max(BatchRow.id).label("id")).group_by(BatchRow.feed).subquery()
    columns: Any = (
        *(ReadRow.id, _last_done(), BatchRow.extracted_at),
        *(FeedRow.last_extracted_at, newest.c.id, BatchRow.id, FeedRow.kind),
    )
    statement = (
        select(*columns)
        .join(StudyRow, col(StudyRow.id) == col(ReadRow.study_id))
        .join(BatchRow, col(BatchRow.id) == col(StudyRow.last_batch_id))
        .join(FeedRow, col(FeedRow.name) == col(BatchRow.feed))
        .join(newest, newest.c.feed == col(BatchRow.feed))
        .where(
            ReadRow.state == ReadState.DONE,
            col(ReadRow.confirmed_at).is_(None),
            StudyRow.state == StudyState.OPEN,
            col(FeedRow.name) != sources.named_by_workitems(),
            ~_is_moot(),
            ~_has_read(_TO_DO, ~_is_moot()),
            col(StudyRow.id).not_in(_closed_by_held_batches()),
            ~_is_followed(),
        )
    )
    found = []
    for read_id, last_done_at, made_at, feed_made_at, last_batch, of_batch, kind in session.exec(statement):
        # the very same file delivered again makes no batch: it says once more what the last one said
        said_at = feed_made_at if kind is FeedKind.DELTA or last_batch == of_batch else made_at
        if _is_after(said_at, last_done_at, patience):
            found.append(read_id)
    return sorted(found)  # to have them in order, SQLite would go through all reads that are done


def finished(session: Session, before: datetime) -> dict[str, list[int]]:
    """Return the studies that were made known by workitems, and of which nothing has been left to do since ``before``.

    By their source, which is nobody's to say that they have been reported.
    """
    statement = (
        select(StudyRow.feed, StudyRow.id)
        .join(FeedRow, col(FeedRow.name) == col(StudyRow.feed))
        .where(
            StudyRow.state == StudyState.OPEN,
            col(FeedRow.name) == sources.named_by_workitems(),
            _has_read(col(ReadRow.state) == ReadState.DONE),
            ~_has_read(or_(_TO_DO, col(ReadRow.done_at) > before)),
        )
        .order_by(col(StudyRow.id))
    )
    found: dict[str, list[int]] = {}
    for source, study_id in session.exec(statement):
        found.setdefault(source, []).append(study_id or 0)
    return found


def _has_read(*conditions: Any) -> Any:
    """Return the condition that a study has such a read; asked of each study, not of all reads there ever were."""
    its = exists().where(col(ReadRow.study_id) == col(StudyRow.id), *conditions)
    return its.correlate(StudyRow)


def _last_done() -> Any:
    """Return when the last of a study's reads that are done was; of what nobody asks for any more it is no matter."""
    its = select(func.max(ReadRow.done_at)).where(
        col(ReadRow.study_id) == col(StudyRow.id), col(ReadRow.state) == ReadState.DONE, ~_is_moot()
    )
    return its.correlate(StudyRow).scalar_subquery()


def _is_moot() -> Any:
    """Return the condition that a read follows others that no longer ask for it."""
    moot = exists().where(col(FollowUpRow.read_id) == col(ReadRow.id), ~col(FollowUpRow.wanted))
    return moot.correlate(ReadRow)


def _closed_by_held_batches() -> Any:
    held = select(HeldClosureRow.study_id).join(BatchRow, col(BatchRow.id) == col(HeldClosureRow.batch_id))
    return held.where(BatchRow.state == BatchState.HELD)


def _is_followed() -> Any:
    """Return the condition that a reading has been verified or decided on, or is to be; or what verifies one has."""
    later, kind = aliased(ReadRow), col(ReadRow.kind)
    verifies = and_(kind == ReadKind.INTERPRETATION, col(FollowUpRow.of_read_id) == col(ReadRow.id))
    decides = and_(kind != ReadKind.ARBITRATION, col(later.kind) == ReadKind.ARBITRATION)
    return (
        exists()
        .where(col(FollowUpRow.read_id) == col(later.id), col(later.study_id) == col(ReadRow.study_id))
        .where(col(later.state).not_in(_NOT_TO_BE), col(FollowUpRow.wanted))
        .where(or_(verifies, decides))
        .correlate(ReadRow)
    )


def _is_after(said_at: datetime | None, done_at: datetime | None, patience: timedelta) -> bool:
    return said_at is not None and done_at is not None and said_at >= done_at + patience
