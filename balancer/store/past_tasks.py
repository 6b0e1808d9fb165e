"""Tasks that have ended and been followed by another of the same read: completed and cancelled are final (R4, Task).

A read that is done and is to be done again, or that was withdrawn and is asked for once more, is another Task from then
on, as it is another workitem (``workitems``). What is known of the one before is with the workitem that was its last.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Table, literal
from sqlmodel import Session, and_, case, col, false, func, or_, select

from balancer.domain.life import ReadEvent, ReadState
from balancer.domain.steps import REVIVING
from balancer.store.tables import ExaminationRow, ReporterRow, StudyRow
from balancer.store.tables_kinds import FollowUpRow
from balancer.store.tables_life import ClaimRow, CompletionRow, ReadRow
from balancer.store.tables_workitems import WorkitemRow
from balancer.store.task_order import By, Key, Place, after, due_at, parts
from balancer.store.tasks import between, of_study
from balancer.store.tasks_wanted import Between, Found, Past, Wanted
from balancer.store.types import UtcDateTime

_EARLIER: Final[Table] = WorkitemRow.__table__  # type: ignore[attr-defined]  # a table class has one
_ENDED: Final = {ReadState.DONE, ReadState.WITHDRAWN, ReadState.EXCLUDED}


def task(session: Session, read_id: int, generation: int) -> Found | None:
    """Return that Task of a read before which so many have ended, if another has followed it and it is within reach."""
    statement = _statement().where(WorkitemRow.read_id == read_id, _before() == generation)
    row = session.exec(statement, execution_options={"populate_existing": True}).first()
    return None if row is None else _found(row)


def count(session: Session, wanted: Wanted) -> int:
    """Return how many Tasks that have been followed by another are as wanted."""
    if not _may_be(wanted):
        return 0
    statement = select(func.count()).select_from(WorkitemRow)
    statement = statement.join(ReadRow, col(ReadRow.id) == col(WorkitemRow.read_id))
    statement = statement.join(StudyRow, col(StudyRow.id) == col(ReadRow.study_id))
    statement = statement.outerjoin(FollowUpRow, col(FollowUpRow.read_id) == col(ReadRow.id))
    return session.exec(statement.where(_is_past(), *_conditions(wanted))).one()


def search(session: Session, wanted: Wanted, *, order: Sequence[Key], place: Place, limit: int) -> Sequence[Found]:
    """Return such Tasks as wanted that come behind a place in an order, as ``tasks.search``."""
    if not _may_be(wanted):
        return []
    looked_at = {
        By.CHANGED: col(WorkitemRow.ended_at),
        By.PLANNED: literal(None, UtcDateTime()),
        By.BEGAN: _began_at(),
    }
    by = parts(order, wanted.held, instead=looked_at, last=col(WorkitemRow.sequence))
    statement = _statement(*(value for value, _ in by)).where(*after(place, by), *_conditions(wanted))
    sorting = (value.desc() if falls else value for value, falls in by)
    return [_found(row, len(by)) for row in session.exec(statement.order_by(*sorting).limit(limit))]


def _may_be(wanted: Wanted) -> bool:
    return wanted.states is None or bool(_ENDED & set(wanted.states))


def _is_past() -> ColumnElement[bool]:
    return col(WorkitemRow.ended_by).in_(sorted(REVIVING))


def _statement(*more: Any) -> Any:
    columns: Any = (
        *(ReadRow, StudyRow, WorkitemRow, ExaminationRow.name, ReporterRow, FollowUpRow),
        *(_began_at(), _ended_at(), _said(CompletionRow.outcome), _said(CompletionRow.provisional), _before(), *more),
    )
    return (
        select(*columns)
        .select_from(WorkitemRow)
        .join(ReadRow, col(ReadRow.id) == col(WorkitemRow.read_id))
        .join(StudyRow, col(StudyRow.id) == col(ReadRow.study_id))
        .outerjoin(ExaminationRow, col(ExaminationRow.code) == col(StudyRow.exam_code))
        .outerjoin(ReporterRow, col(ReporterRow.reporter_id) == col(WorkitemRow.reporter_id))
        .outerjoin(FollowUpRow, col(FollowUpRow.read_id) == col(ReadRow.id))
        .where(_is_past())
    )


def _began_at() -> Any:
    """Return when a Task was begun under whose claim it was completed, if it was."""
    return case((col(WorkitemRow.completed), _of_claims(ClaimRow.claimed_at)), else_=None)


def _ended_at() -> Any:
    """Return when a Task ended: when its claim did, or the report was said; at the latest when it was followed."""
    known = func.coalesce(_of_claims(ClaimRow.ended_at), _said(CompletionRow.completed_at), WorkitemRow.ended_at)
    return case((col(WorkitemRow.completed), known), else_=col(WorkitemRow.ended_at))


def _of_claims(column: Any) -> Any:
    theirs = (ClaimRow.read_id == WorkitemRow.read_id, ClaimRow.ended_by == ReadEvent.COMPLETE)
    statement = select(func.max(column)).where(*theirs, col(ClaimRow.ended_at) <= col(WorkitemRow.ended_at))
    return statement.correlate(WorkitemRow).scalar_subquery()


def _said(column: Any) -> Any:
    """Return what the last report said that was taken before a Task was followed by another."""
    theirs = (CompletionRow.read_id == WorkitemRow.read_id, CompletionRow.accepted)
    statement = select(column).where(*theirs, col(CompletionRow.completed_at) <= col(WorkitemRow.ended_at))
    latest = statement.order_by(col(CompletionRow.completed_at).desc(), col(CompletionRow.id).desc()).limit(1)
    return latest.correlate(WorkitemRow).scalar_subquery()


def _before() -> Any:
    """Return how many Tasks of its read had ended and been followed before one."""
    earlier = _EARLIER.alias("earlier")
    statement = select(func.count()).select_from(earlier)
    theirs = (earlier.c.read_id == WorkitemRow.read_id, earlier.c.sequence < WorkitemRow.sequence)
    return statement.where(*theirs, earlier.c.ended_by.in_(sorted(REVIVING))).correlate(WorkitemRow).scalar_subquery()


def _found(row: Any, parts_of_order: int = 0) -> Found:
    columns = tuple(row)
    said, place = columns[: len(columns) - parts_of_order], columns[len(columns) - parts_of_order :]
    read, its_study, last, exam_name, reporter, follows, began, ended, outcome, provisional, generation = said
    done = last.completed
    withdrawn = ReadState.WITHDRAWN if last.ended_by is ReadEvent.REOPEN else ReadState.EXCLUDED
    return Found(
        read=read,
        study=its_study,
        sequence=last.sequence,
        uid=last.uid,
        exam_name=exam_name,
        reporter=reporter,
        follows=follows,
        planned_start=None,
        changed_at=last.ended_at,
        opened_at=began,
        generation=generation,
        place=place,
        past=Past(
            state=ReadState.DONE if done else withdrawn,
            reporter_id=last.reporter_id,
            ended_at=ended,
            outcome=outcome if done else None,
            provisional=bool(provisional) and done,
        ),
    )


def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    found = of_study(wanted)
    if wanted.reporter_ids is not None:
        found.append(col(WorkitemRow.reporter_id).in_(sorted(wanted.reporter_ids)))
    if wanted.task_ids is not None:
        named = (and_(ReadRow.id == number, _before() == generation) for number, generation in wanted.task_ids)
        found.append(or_(false(), *named))
    if wanted.workitems is not None:
        found.append(or_(false(), *map(_is_workitem, wanted.workitems)))
    if wanted.states is not None:
        found.append(_in_states(set(wanted.states)))
    if wanted.planned:
        found.append(false())
    for value, times in (
        (col(WorkitemRow.ended_at), wanted.changed),
        (col(StudyRow.first_seen_at), wanted.authored),
        (due_at(wanted.held), wanted.due),
        (_ended_at(), wanted.ended),
    ):
        found += [between(value, each) for each in times]
    found += [_began(each) for each in wanted.began]
    if wanted.ended_since is not None:
        found.append(col(WorkitemRow.ended_at) >= wanted.ended_since)
    return found


def _began(when: Between) -> ColumnElement[bool]:
    """Return the condition of those begun then; where nobody said that it was begun, it always had been."""
    began = _began_at()
    return between(began, when) if when.before is None else or_(between(began, when), began.is_(None))


def _is_workitem(named: tuple[int, int] | str) -> ColumnElement[bool]:
    if isinstance(named, str):
        return col(WorkitemRow.uid) == named
    return and_(WorkitemRow.read_id == named[0], WorkitemRow.sequence == named[1])


def _in_states(states: set[ReadState]) -> ColumnElement[bool]:
    ended_by, completed = col(WorkitemRow.ended_by), col(WorkitemRow.completed)
    each = {
        ReadState.DONE: completed,
        ReadState.WITHDRAWN: and_(~completed, ended_by == ReadEvent.REOPEN),
        ReadState.EXCLUDED: and_(~completed, ended_by != ReadEvent.REOPEN),
    }
    return or_(false(), *(condition for state, condition in each.items() if state in states))
