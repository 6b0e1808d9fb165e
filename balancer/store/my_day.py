"""A reporter's day: what they have done since an instant, and what they have open that no list of theirs shows."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, exists, func, select

from balancer.domain.life import ReadState
from balancer.store.listed import ListedRead, ListedStudy, Place, columns_of
from balancer.store.tables import StudyRow
from balancer.store.tables_life import ClaimRow, CompletionRow, ReadRow
from balancer.store.worklists import WorklistItem


def done_since(session: Session, reporter_id: str, since: datetime) -> int:
    """Return how many reads a reporter has done since then, of those that have not come back."""
    statement = select(func.count()).where(
        ReadRow.reporter_id == reporter_id, ReadRow.state == ReadState.DONE, col(ReadRow.done_at) >= since
    )
    return session.exec(statement).one()


@dataclass(frozen=True, slots=True, kw_only=True)
class DoneRead:
    """A read that is done in somebody's name; ``here``: they said so themselves, and not its source alone."""

    read: ReadRow
    study: StudyRow
    here: bool


def done_reads(session: Session, reporter_id: str, since: datetime, most: int) -> list[DoneRead]:
    """Return what a reporter has done since then and has not come back: the last ``most``, in the order they did it."""
    said = exists().where(
        col(CompletionRow.read_id) == col(ReadRow.id),
        col(CompletionRow.reporter_id) == reporter_id,
        col(CompletionRow.accepted),
    )
    statement = (
        select(ReadRow, StudyRow, said)
        .join(StudyRow, col(StudyRow.id) == col(ReadRow.study_id))
        .where(ReadRow.reporter_id == reporter_id, ReadRow.state == ReadState.DONE, col(ReadRow.done_at) >= since)
        .order_by(col(ReadRow.done_at).desc(), col(ReadRow.id).desc())
        .limit(most)
    )
    found = [DoneRead(read=read, study=study, here=here) for read, study, here in session.exec(statement)]
    return found[::-1]


def open_elsewhere(session: Session, reporter_id: str, on_list: Collection[int]) -> list[WorklistItem]:
    """Return what a reporter has open and does not stand on their list, oldest claim first.

    A manager has given it to them, or they have opened it in a viewer: it has no place, and is planned for when it was
    opened.
    """
    statement: Any = (
        select(ClaimRow.claimed_at, *columns_of(ListedRead, ReadRow), *columns_of(ListedStudy, StudyRow))
        .select_from(ClaimRow)
        .join(ReadRow, col(ReadRow.id) == col(ClaimRow.read_id))
        .join(StudyRow, col(StudyRow.id) == col(ReadRow.study_id))
        .where(ClaimRow.reporter_id == reporter_id, col(ClaimRow.ended_at).is_(None))
        .order_by(col(ClaimRow.id))
    )
    width = len(ListedRead._fields)
    found = [(at, ListedRead(*row[:width]), ListedStudy(*row[width:])) for at, *row in session.exec(statement)]
    return [
        WorklistItem(_no_place(at, read, study), study, read) for at, read, study in found if read.id not in on_list
    ]


def _no_place(claimed_at: datetime, read: ListedRead, study: ListedStudy) -> Place:
    """Return a place on no list."""
    return Place(
        place=0,
        read=read.number,
        session_id="",
        position=0,
        planned_start=claimed_at,
        planned_end=claimed_at,
        due_at=study.due_at,
        late=False,
    )
