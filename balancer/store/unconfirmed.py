"""Reads done here that their source still lists, though it has had time to say that they are done."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session, col, func, select

from balancer.domain.life import PLANNABLE, ReadState
from balancer.domain.states import StudyState
from balancer.store.tables import BatchRow, FeedRow, StudyRow
from balancer.store.tables_life import ReadRow


def contradicted(session: Session, patience: timedelta) -> list[int]:
    """Return the reads done here that their source, asked at least ``patience`` later, still lists as unreported.

    What counts is the last extract that held the study, not the clock: a feed that is silent contradicts nothing, and
    neither does one that no longer holds the study but is not believed yet. Of a study of which another read is still
    to be done nothing is expected.
    """
    newest = select(BatchRow.feed, func.max(BatchRow.id).label("id")).group_by(BatchRow.feed).subquery()
    columns: Any = (
        *(ReadRow.id, ReadRow.done_at, BatchRow.extracted_at),
        *(FeedRow.last_extracted_at, newest.c.id, BatchRow.id),
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
            col(StudyRow.id).not_in(_with_more_to_do()),
        )
        .order_by(col(ReadRow.id))
    )
    found = []
    for read_id, done_at, made_at, feed_made_at, last_batch, of_batch in session.exec(statement):
        # the very same file delivered again makes no batch: it says once more what the last one said
        said_at = feed_made_at if last_batch == of_batch else made_at
        if _is_after(said_at, done_at, patience):
            found.append(read_id)
    return found


def _with_more_to_do() -> Any:
    return select(ReadRow.study_id).where(col(ReadRow.state).in_(sorted(PLANNABLE)))


def _is_after(said_at: datetime | None, done_at: datetime | None, patience: timedelta) -> bool:
    return said_at is not None and done_at is not None and said_at >= done_at + patience
