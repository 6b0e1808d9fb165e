"""How people's sessions are filled by their current lists, and which reads the plan leaves late or without a place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import and_, case, extract
from sqlmodel import Session, col, func, select

from balancer.domain.life import AWAITS_OTHER_READ, ON_A_LIST, UNPLANNED, ReadState
from balancer.domain.states import StudyState
from balancer.store.scope import at_every_trust
from balancer.store.tables import StudyRow, WorklistItemRow, WorklistRow
from balancer.store.tables_life import ClaimRow, ReadRow
from balancer.store.worklists import on_item

_HOUR: Final = 3600.0
_OF_READ: Final = (
    *(ReadRow.id, StudyRow.id, StudyRow.trust, StudyRow.accession_number),
    *(StudyRow.exam_code, StudyRow.priority, StudyRow.subspecialty),
    *(StudyRow.clock_started_at, StudyRow.minutes, ReadRow.reason),
)


class Planned(NamedTuple):
    """A stretch of somebody's time that the plan fills with a read."""

    reporter_id: str
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ShortRead:
    """A read that the plan does not end by its due time. ``minutes`` are the expected ones of its study.

    Without ``planned_start`` and ``planned_end`` it has no place at all, for ``reason``.
    """

    read_id: int
    study_id: int
    trust: str
    accession_number: str
    exam_code: str
    priority: str
    subspecialty: str
    began_at: datetime
    due_at: datetime
    minutes: float
    planned_start: datetime | None
    planned_end: datetime | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenRead:
    """A read that somebody has open, since when."""

    study_id: int
    exam_code: str
    trust: str
    claimed_at: datetime


def planned_time(
    session: Session, start: datetime, end: datetime, reporter_ids: Iterable[str] | None = None
) -> list[Planned]:
    """Return what current lists plan within ``[start, end)``, of everybody or of some reporters.

    Whatever the trust of the read: a session is as full as it is, whoever looks.
    """
    statement = _on_lists(
        select(WorklistRow.reporter_id, WorklistItemRow.planned_start, WorklistItemRow.planned_end)
    ).where(WorklistItemRow.planned_end > start, WorklistItemRow.planned_start < end)
    with at_every_trust(session) as wide:
        return [Planned(*row) for row in wide.exec(_of_reporters(statement, reporter_ids))]


def planned_stretches(
    session: Session, start: datetime, end: datetime, reporter_ids: Iterable[str] | None = None
) -> list[Planned]:
    """Return what ``planned_time`` does, with reads that follow each other without a gap in a session as one.

    Most sessions are read from their beginning to their end, so that a week of a network is a thousand of these and
    not its reads. Who has a gap in a session is asked for read by read.
    """
    begins, ends = col(WorklistItemRow.planned_start), col(WorklistItemRow.planned_end)
    spent = func.sum(extract("epoch", ends) - extract("epoch", begins))
    statement: Any = _of_reporters(
        _on_lists(select(WorklistRow.reporter_id, func.min(begins), func.max(ends), spent)), reporter_ids
    )
    statement = statement.where(ends > start, begins < end)
    with at_every_trust(session) as wide:
        rows = wide.exec(statement.group_by(WorklistRow.reporter_id, WorklistItemRow.session_id)).all()
    gaps = {who for who, first, last, seconds in rows if (last - first).total_seconds() != float(seconds)}
    whole = [Planned(who, first, last) for who, first, last, _ in rows if who not in gaps]
    return whole + (planned_time(session, start, end, gaps) if gaps else [])


def planned_hours(session: Session, spans: Sequence[tuple[datetime, datetime]]) -> list[dict[str, float]]:
    """Return how many hours of each of these spans current lists fill, by reporter: added up by the database.

    As ``planned_time``: whatever the trust of the read.
    """
    sums = [func.sum(_seconds_in(start, end)) for start, end in spans]
    statement = _on_lists(select(WorklistRow.reporter_id, *sums))
    first, last = min(start for start, _ in spans), max(end for _, end in spans)
    statement = statement.where(WorklistItemRow.planned_end > first, WorklistItemRow.planned_start < last)
    with at_every_trust(session) as wide:
        rows = wide.exec(statement.group_by(WorklistRow.reporter_id)).all()
    return [{row[0]: row[place] / _HOUR for row in rows if row[place]} for place in range(1, len(spans) + 1)]


def _of_reporters(statement: Any, reporter_ids: Iterable[str] | None) -> Any:
    """Return a statement about lists, of everybody's or of some reporters'."""
    if reporter_ids is None:
        return statement
    return statement.where(col(WorklistRow.reporter_id).in_(sorted(reporter_ids)))


def _seconds_in(start: datetime, end: datetime) -> Any:
    """Return how many seconds of a read's place lie in ``[start, end)``."""
    begins, ends = col(WorklistItemRow.planned_start), col(WorklistItemRow.planned_end)
    first = case((begins < start, start.timestamp()), else_=extract("epoch", begins))
    last = case((ends > end, end.timestamp()), else_=extract("epoch", ends))
    return case((and_(begins < end, ends > start), last - first), else_=0.0)


def _on_lists(statement: Any) -> Any:
    """Return a statement over what current lists plan and is still whoever's list it is."""
    return (
        statement.join(WorklistItemRow, col(WorklistItemRow.worklist_id) == col(WorklistRow.id))
        .join(ReadRow, on_item(WorklistItemRow))
        .where(col(WorklistRow.superseded_at).is_(None), *_is_theirs())
    )


def short_reads(session: Session, start: datetime, end: datetime) -> list[ShortRead]:
    """Return the reads due within ``[start, end)`` that the plan ends later, or has no place for, by due time.

    A read that no plan has seen yet, or that waits for another one of its study, is not short of anything.
    """
    late = (
        select(*_OF_READ, WorklistItemRow.due_at, WorklistItemRow.planned_start, WorklistItemRow.planned_end)  # type: ignore[call-overload]
        .join(StudyRow, col(StudyRow.id) == col(ReadRow.study_id))
        .join(WorklistItemRow, on_item(WorklistItemRow))
        .join(WorklistRow, col(WorklistRow.id) == col(WorklistItemRow.worklist_id))
        .where(col(WorklistRow.superseded_at).is_(None), *_is_theirs(), col(WorklistItemRow.late))
        .where(StudyRow.state == StudyState.OPEN, WorklistItemRow.due_at >= start, WorklistItemRow.due_at < end)
    )
    unplaced = (
        select(*_OF_READ, StudyRow.due_at)  # type: ignore[call-overload]
        .join(StudyRow, col(StudyRow.id) == col(ReadRow.study_id))
        .where(ReadRow.state == ReadState.UNALLOCATED, col(ReadRow.reason).not_in([UNPLANNED, AWAITS_OTHER_READ]))
        .where(StudyRow.state == StudyState.OPEN, StudyRow.due_at >= start, StudyRow.due_at < end)
    )
    found = [_short_read(*row) for statement in (late, unplaced) for row in session.exec(statement)]
    return sorted(found, key=lambda read: (read.due_at, read.read_id))


def open_reads(session: Session, reporter_id: str) -> list[OpenRead]:
    """Return what somebody has open, oldest first."""
    statement = (
        select(StudyRow.id, StudyRow.exam_code, StudyRow.trust, ClaimRow.claimed_at)
        .join(ReadRow, col(ReadRow.study_id) == col(StudyRow.id))
        .join(ClaimRow, col(ClaimRow.read_id) == col(ReadRow.id))
        .where(ClaimRow.reporter_id == reporter_id, col(ClaimRow.ended_at).is_(None))
        .order_by(col(ClaimRow.id))
    )
    return [
        OpenRead(study_id=study_id or 0, exam_code=exam, trust=trust, claimed_at=at)
        for study_id, exam, trust, at in session.exec(statement)
    ]


def reads_on_lists(session: Session) -> dict[str, int]:
    """Return how many reads within reach stand on each reporter's current list and are still theirs to read."""
    statement = _on_lists(select(WorklistRow.reporter_id, func.count())).group_by(WorklistRow.reporter_id)
    return dict(session.exec(statement).all())


def _is_theirs() -> list[Any]:
    """Return the conditions that a read on a list is still of whoever's list it is."""
    return [col(ReadRow.state).in_(sorted(ON_A_LIST)), col(ReadRow.reporter_id) == col(WorklistRow.reporter_id)]


def _short_read(  # noqa: PLR0913, PLR0917 - a row
    read_id: int | None,
    study_id: int | None,
    trust: str,
    accession_number: str,
    exam_code: str,
    priority: str,
    subspecialty: str,
    began_at: datetime,
    minutes: float,
    reason: str,
    due_at: datetime,
    planned_start: datetime | None = None,
    planned_end: datetime | None = None,
) -> ShortRead:
    return ShortRead(
        read_id=read_id or 0,
        study_id=study_id or 0,
        trust=trust,
        accession_number=accession_number,
        exam_code=exam_code,
        priority=priority,
        subspecialty=subspecialty,
        began_at=began_at,
        due_at=due_at,
        minutes=minutes,
        planned_start=planned_start,
        planned_end=planned_end,
        reason=reason,
    )
