"""Reads as FHIR looks for them: by what a search says, in the order of their numbers unless it asks for another.

Whoever pages through them by number misses nothing that is there all the while, whatever is added or moves meanwhile.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Table
from sqlmodel import Session, and_, col, false, func, or_, select

from balancer.domain.life import ReadState
from balancer.domain.states import StudyState
from balancer.domain.steps import REVIVING
from balancer.store import scope
from balancer.store.chunks import chunks
from balancer.store.classes import of_class
from balancer.store.tables import ExaminationRow, ReporterRow, StudyRow, TrustRow
from balancer.store.tables_assignments import AssignmentRow
from balancer.store.tables_kinds import FollowUpRow
from balancer.store.tables_life import ReadRow
from balancer.store.tables_workitems import WorkitemRow
from balancer.store.task_order import OVER, Key, Place, after, began_at, changed_at, due_at, ended_at, parts
from balancer.store.tasks_wanted import Between, Found, Wanted
from balancer.store.workitems import is_among, listed, opened_at

_WORKITEMS: Final[Table] = WorkitemRow.__table__  # type: ignore[attr-defined]  # a table class has one


def task(session: Session, read_id: int) -> Found | None:
    """Return a read, if there is one within reach.

    When it is planned and when it last changed are told to whoever may see the read, however far the change feed is
    open to them: one version of a Task is the same for all.
    """
    row = session.exec(_statement().where(ReadRow.id == read_id), execution_options={"populate_existing": True}).first()
    if row is None:
        return None
    with scope.as_it_stands(session) as whole:
        columns = select(AssignmentRow.planned_start, changed_at()).select_from(ReadRow)
        known = whole.exec(columns.outerjoin(AssignmentRow, _standing()).where(ReadRow.id == read_id)).one()
    return replace(_found(row), planned_start=known[0], changed_at=known[1])


def count(session: Session, wanted: Wanted) -> int:
    """Return how many reads are as wanted."""
    statement = select(func.count()).select_from(ReadRow).join(StudyRow, col(StudyRow.id) == col(ReadRow.study_id))
    statement = statement.outerjoin(FollowUpRow, col(FollowUpRow.read_id) == col(ReadRow.id))
    return session.exec(statement.outerjoin(AssignmentRow, _standing()).where(*_conditions(wanted))).one()


def search(
    session: Session, wanted: Wanted, *, order: Sequence[Key] = (), place: Place = (), limit: int
) -> Sequence[Found]:
    """Return reads as wanted that come behind a place in an order; those that are equal as numbered."""
    by = parts(order, wanted.held)
    statement = _statement(*(value for value, _ in by)).where(*after(place, by), *_conditions(wanted))
    sorting = (value.desc() if falls else value for value, falls in by)
    return [_found(row, len(by)) for row in session.exec(statement.order_by(*sorting).limit(limit))]


def study(session: Session, study_id: int) -> tuple[StudyRow, str | None] | None:
    """Return a study with the name of its examination, if a read of it is within reach."""
    statement = select(StudyRow, ExaminationRow.name).outerjoin(
        ExaminationRow, col(ExaminationRow.code) == col(StudyRow.exam_code)
    )
    return session.exec(statement.where(StudyRow.id == study_id)).first()


def studies(session: Session, study_ids: Collection[int]) -> list[tuple[StudyRow, str | None]]:
    """Return studies within reach with the names of their examinations."""
    found: list[tuple[StudyRow, str | None]] = []
    for chunk in chunks(sorted(study_ids)):
        statement = select(StudyRow, ExaminationRow.name).outerjoin(
            ExaminationRow, col(ExaminationRow.code) == col(StudyRow.exam_code)
        )
        found += session.exec(statement.where(col(StudyRow.id).in_(chunk)).order_by(col(StudyRow.id))).all()
    return found


def reporters(session: Session, reporter_ids: Collection[str]) -> list[ReporterRow]:
    """Return reporters within reach."""
    found: list[ReporterRow] = []
    for chunk in chunks(sorted(reporter_ids)):
        statement = select(ReporterRow).where(col(ReporterRow.reporter_id).in_(chunk))
        found += session.exec(statement.order_by(col(ReporterRow.reporter_id))).all()
    return found


def trusts(session: Session, codes: Collection[str]) -> list[TrustRow]:
    """Return trusts within reach."""
    return list(session.exec(select(TrustRow).where(col(TrustRow.code).in_(sorted(codes))).order_by(TrustRow.code)))


def _statement(*more: Any) -> Any:
    columns: Any = (
        *(ReadRow, StudyRow, _sequence(), _given(), ExaminationRow.name, ReporterRow, FollowUpRow),
        *(AssignmentRow.planned_start, changed_at(), opened_at(), _generation(), *more),
    )
    return (
        select(*columns)
        .select_from(ReadRow)
        .join(StudyRow, col(StudyRow.id) == col(ReadRow.study_id))
        .outerjoin(ExaminationRow, col(ExaminationRow.code) == col(StudyRow.exam_code))
        .outerjoin(ReporterRow, col(ReporterRow.reporter_id) == col(ReadRow.reporter_id))
        .outerjoin(FollowUpRow, col(FollowUpRow.read_id) == col(ReadRow.id))
        .outerjoin(AssignmentRow, _standing())
    )


def _standing() -> ColumnElement[bool]:
    return and_(col(AssignmentRow.study_id) == col(ReadRow.study_id), col(AssignmentRow.read) == col(ReadRow.number))


def _sequence() -> Any:
    """Return which of a read's workitems is the current one."""
    last = select(func.max(WorkitemRow.sequence)).where(WorkitemRow.read_id == ReadRow.id)
    return func.coalesce(last.correlate(ReadRow).scalar_subquery(), 0)


def _given() -> Any:
    """Return the UID that a read's current workitem was given, if it was given one."""
    mine = select(WorkitemRow.uid).where(WorkitemRow.read_id == ReadRow.id, WorkitemRow.sequence == 0)
    return mine.where(col(WorkitemRow.ended_at).is_(None)).correlate(ReadRow).scalar_subquery()


def _generation() -> Any:
    """Return how many Tasks of a read have ended for good, and been followed by another.

    Whoever may not be told of those counts them all the same: a Task has one id.
    """
    ended = _WORKITEMS.alias("ended_workitem")
    mine = select(func.count()).select_from(ended).where(ended.c.read_id == ReadRow.id)
    return mine.where(ended.c.ended_by.in_(sorted(REVIVING))).correlate(ReadRow).scalar_subquery()


def _found(row: Any, parts_of_order: int = 0) -> Found:
    columns = tuple(row)
    said, place = columns[: len(columns) - parts_of_order], columns[len(columns) - parts_of_order :]
    read, its_study, sequence, uid, exam_name, reporter, follows, planned, changed, opened, generation = said
    return Found(
        read=read,
        study=its_study,
        sequence=sequence,
        uid=uid,
        exam_name=exam_name,
        reporter=reporter,
        follows=follows,
        planned_start=planned,
        changed_at=changed,
        opened_at=opened,
        generation=generation,
        place=place,
    )


def of_study(wanted: Wanted) -> list[ColumnElement[bool]]:
    """Return the conditions of whatever does not change with a read's life."""
    lists: dict[Any, Collection[Any] | None] = {
        col(ReadRow.id): wanted.read_ids,
        col(ReadRow.study_id): wanted.study_ids,
        col(ReadRow.kind): wanted.kinds,
        col(StudyRow.trust): wanted.trusts,
    }
    found = [column.in_(sorted(values)) for column, values in lists.items() if values is not None]
    if wanted.priorities is not None:
        found.append(of_class(wanted.held.classes, wanted.priorities))
    if wanted.but_priorities is not None:
        found.append(~of_class(wanted.held.classes, wanted.but_priorities))
    for column, numbers in (
        (StudyRow.accession_number, wanted.accessions),
        (StudyRow.local_patient_id, wanted.patients),
    ):
        if numbers is not None:
            found.append(_any(_whose(col(column), trust, number) for trust, number in numbers))
    return found


def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    found = of_study(wanted)
    lists: dict[Any, Collection[Any] | None] = {
        col(ReadRow.state): wanted.states,
        col(ReadRow.reporter_id): wanted.reporter_ids,
    }
    found += [column.in_(sorted(values)) for column, values in lists.items() if values is not None]
    if wanted.task_ids is not None:
        found.append(_any(and_(ReadRow.id == number, _generation() == before) for number, before in wanted.task_ids))
    if wanted.workitems is not None:
        found.append(_any(map(_is_workitem, wanted.workitems)))
    for value, times in (
        (changed_at(), wanted.changed),
        (col(StudyRow.first_seen_at), wanted.authored),
        (col(AssignmentRow.planned_start), wanted.planned),
        (due_at(wanted.held), wanted.due),
    ):
        found += [between(value, each) for each in times]
    found += [_began(each) for each in wanted.began] + [_ended(each) for each in wanted.ended]
    return [*found, *_listed(wanted.ended_since, wanted.states)]


def _listed(ended_since: datetime | None, states: Collection[ReadState] | None) -> list[ColumnElement[bool]]:
    """Return the condition of reads that are still to be done, or ended not too long ago."""
    if ended_since is None:
        return []
    going_on = or_(col(StudyRow.state) == StudyState.OPEN, col(ReadRow.state) == ReadState.CLAIMED)
    over = col(ReadRow.state).in_(OVER)
    said = or_(and_(~over, going_on), and_(over, col(ReadRow.since) >= ended_since))
    return [said, is_among(*listed(ended_since, [*ReadState] if states is None else states))]


def _any(conditions: Any) -> ColumnElement[bool]:
    return or_(false(), *conditions)


def _whose(column: Any, trust: str | None, number: str) -> ColumnElement[bool]:
    return column == number if trust is None else and_(column == number, col(StudyRow.trust) == trust)


def _is_workitem(named: tuple[int, int] | str) -> ColumnElement[bool]:
    if isinstance(named, str):
        is_given: ColumnElement[bool] = _given() == named
        return is_given
    return and_(ReadRow.id == named[0], _sequence() == named[1])


def _began(when: Between) -> ColumnElement[bool]:
    """Return the condition of reads begun then; one that ended, and nobody said that it was begun, always had been."""
    began, ended = began_at(), ended_at()
    always = and_(began.is_(None), ended.is_not(None))
    return between(began, when) if when.before is None else or_(between(began, when), always)


def _ended(when: Between) -> ColumnElement[bool]:
    """Return the condition of reads that ended then; one that is open does so later than anything."""
    began, ended = began_at(), ended_at()
    later = and_(ended.is_(None), began.is_not(None))
    return between(ended, when) if when.since is None else or_(between(ended, when), later)


def between(column: Any, when: Between) -> ColumnElement[bool]:
    """Return the condition that something was then."""
    since = [] if when.since is None else [column >= when.since]
    before = [] if when.before is None else [column < when.before]
    return and_(*since, *before) if since or before else column.is_not(None)
