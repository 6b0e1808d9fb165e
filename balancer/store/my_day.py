"""A reporter's day: what they have done since an instant, and what they have open that no list of theirs shows."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlmodel import Session, col, func, select

from balancer.domain.life import ReadState
from balancer.store.tables import StudyRow, WorklistItemRow
from balancer.store.tables_life import ClaimRow, ReadRow
from balancer.store.worklists import WorklistItem


def done_since(session: Session, reporter_id: str, since: datetime) -> int:
    """Return how many reads a reporter has done since then, of those that have not come back."""
    statement = select(func.count()).where(
        ReadRow.reporter_id == reporter_id, ReadRow.state == ReadState.DONE, col(ReadRow.done_at) >= since
    )
    return session.exec(statement).one()


def open_elsewhere(session: Session, reporter_id: str, on_list: Collection[int]) -> list[WorklistItem]:
    """Return what a reporter has open and does not stand on their list, oldest claim first.

    A manager has given it to them, or they have opened it in a viewer: it has no place, and is planned for when it was
    opened.
    """
    statement = (
        select(ClaimRow, ReadRow, StudyRow)
        .join(ReadRow, col(ReadRow.id) == col(ClaimRow.read_id))
        .join(StudyRow, col(StudyRow.id) == col(ReadRow.study_id))
        .where(ClaimRow.reporter_id == reporter_id, col(ClaimRow.ended_at).is_(None))
        .order_by(col(ClaimRow.id))
    )
    return [
        WorklistItem(item=_no_place(claim, read, study), study=study, read=read)
        for claim, read, study in session.exec(statement)
        if read.id not in on_list
    ]


def _no_place(claim: ClaimRow, read: ReadRow, study: StudyRow) -> WorklistItemRow:
    """Return a place on no list; it is never written."""
    return WorklistItemRow(
        worklist_id=0,
        place=0,
        study_id=read.study_id,
        read=read.number,
        session_id="",
        position=0,
        planned_start=claim.claimed_at,
        planned_end=claim.claimed_at,
        due_at=study.due_at,
        late=False,
    )
