"""Which reads of a study are those that it needs now: of one that has come back, what was read before is over.

So whoever read it before may read it again: an addendum is best written by whoever wrote the report.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import or_
from sqlmodel import col

from balancer.domain.life import ReadKind
from balancer.store.reads import Standing
from balancer.store.tables import StudyRow
from balancer.store.tables_life import ReadRow


def counts(row: ReadRow | Standing, study: StudyRow) -> bool:
    """Tell whether a read is one of those that its study needs now, and not of before it came back.

    What its source names as done counts, whenever it was.
    """
    if row.kind is not ReadKind.INTERPRETATION or row.done_at is None or study.reopened_at is None:
        return True
    return row.done_at >= study.reopened_at or row.confirmed_at is None or row.reporter_id in study.excluded


def counting(read: Any = ReadRow) -> Any:
    """Return the condition that a read joined to its study counts, as ``counts`` tells it of one.

    That whoever the source names is kept from the study is said by the study itself: it is no part of this.
    """
    return or_(
        col(read.kind) != ReadKind.INTERPRETATION,
        col(read.done_at).is_(None),
        col(StudyRow.reopened_at).is_(None),
        col(read.confirmed_at).is_(None),
        col(read.done_at) >= col(StudyRow.reopened_at),
    )
