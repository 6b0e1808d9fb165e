"""Bounded choice: what a reporter may take next, and what has been passed over, by nobody in particular."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import aliased
from sqlmodel import Session, col, exists, func, or_, select

from balancer.domain.exceptional import ExceptionKind
from balancer.domain.life import THEIRS, ReadState
from balancer.domain.states import StudyState
from balancer.store.reads_that_count import counting
from balancer.store.scope import seeing_readings, unlimited
from balancer.store.tables import StudyRow, WorklistItemRow, WorklistRow
from balancer.store.tables_life import ExceptionRow, ReadRow, SkipRow
from balancer.store.worklists import on_item


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """A read on a reporter's list that can be read now, and its study."""

    read_id: int
    study: StudyRow


@dataclass(frozen=True, slots=True, kw_only=True)
class SkipCount:
    """How often reads of a kind of study have been passed over."""

    trust: str
    subspecialty: str
    modality: str
    skips: int
    reads: int


def offered(session: Session, reporter_id: str, now: datetime) -> list[Offered]:
    """Return the reads on a reporter's list that can be read now and are not open yet, in order."""
    statement = _waiting(select(ReadRow.id, StudyRow), reporter_id, now)
    in_order = statement.order_by(col(WorklistItemRow.place))
    return [Offered(read_id=read_id or 0, study=study) for read_id, study in session.exec(in_order)]


def withheld(session: Session, reporter_id: str, now: datetime) -> int:
    """Return how many reads on a reporter's list could be opened now and are at trusts out of the session's reach."""
    statement = _waiting(select(func.count(col(ReadRow.id))), reporter_id, now)
    with unlimited(session) as whole:
        every = whole.exec(statement).one()
    with seeing_readings(session) as seeing:
        return int(every - seeing.exec(statement).one())


def _waiting(statement: Any, reporter_id: str, now: datetime) -> Any:
    """Return a statement about reads for those on a reporter's list that can be read now and are not open yet.

    Without those of studies of which they have another read open or done: that is for somebody else.
    """
    other = aliased(ReadRow)
    return (
        statement.select_from(ReadRow)
        .join(WorklistItemRow, on_item(WorklistItemRow))
        .join(WorklistRow, col(WorklistRow.id) == col(WorklistItemRow.worklist_id))
        .join(StudyRow, col(StudyRow.id) == col(ReadRow.study_id))
        .where(
            WorklistRow.reporter_id == reporter_id,
            col(WorklistRow.superseded_at).is_(None),
            ReadRow.state == ReadState.ALLOCATED,
            ReadRow.reporter_id == reporter_id,
            StudyRow.state == StudyState.OPEN,
            ~exists().where(
                col(other.study_id) == col(ReadRow.study_id),
                col(other.id) != col(ReadRow.id),
                col(other.reporter_id) == reporter_id,
                col(other.state).in_(sorted(THEIRS)),
                counting(other),
            ),
            or_(col(StudyRow.ready_at).is_(None), col(StudyRow.ready_at) <= now),
        )
    )


def skip(session: Session, read_id: int, now: datetime) -> int:
    """Count that a read was passed over; return how often it was since somebody last looked into that."""
    session.add(SkipRow(read_id=read_id, skipped_at=now))
    session.flush()
    looked = session.exec(
        select(func.max(ExceptionRow.resolved_at)).where(
            ExceptionRow.kind == ExceptionKind.SKIPPED_OFTEN, ExceptionRow.read_id == read_id
        )
    ).one()
    statement = select(func.count()).where(SkipRow.read_id == read_id)
    if looked is not None:
        statement = statement.where(SkipRow.skipped_at > looked)
    return session.exec(statement).one()


def skips(session: Session, since: datetime) -> list[SkipCount]:
    """Return how often reads have been passed over, by trust, subspecialty and modality: never by whom."""
    of_kind = (StudyRow.trust, StudyRow.subspecialty, StudyRow.modality)
    statement = (
        select(*of_kind, func.count(), func.count(col(SkipRow.read_id).distinct()))  # type: ignore[call-overload]
        .join(ReadRow, col(ReadRow.study_id) == col(StudyRow.id))
        .join(SkipRow, col(SkipRow.read_id) == col(ReadRow.id))
        .where(SkipRow.skipped_at >= since)
        .group_by(*of_kind)
        .order_by(*of_kind)
    )
    return [
        SkipCount(trust=trust, subspecialty=subspecialty, modality=modality, skips=skips, reads=reads)
        for trust, subspecialty, modality, skips, reads in session.exec(statement)
    ]
