"""Reads as FHIR looks for them: by what a search says, in the order of their numbers, which never changes.

So whoever pages through them misses nothing that is there all the while, whatever is added or moves meanwhile.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement
from sqlmodel import Session, and_, case, col, false, func, or_, select

from balancer.domain.life import ReadKind, ReadState
from balancer.domain.states import StudyState
from balancer.store import scope
from balancer.store.chunks import chunks
from balancer.store.classes import of_class
from balancer.store.tables import ExaminationRow, ReporterRow, StudyRow, TrustRow
from balancer.store.tables_assignments import AssignmentRow
from balancer.store.tables_kinds import FollowUpRow
from balancer.store.tables_life import ReadRow
from balancer.store.tables_workitems import WorkitemRow
from balancer.store.workitems import opened_at

_OVER = (ReadState.DONE, ReadState.EXCLUDED, ReadState.WITHDRAWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A read with its study; ``sequence`` says which of its workitems is the current one, ``uid`` which it was given.

    ``planned_start`` and ``changed_at`` as the change feed has them, ``opened_at`` when the claim was made under which
    it is open, or was done. ``held_...``: what people have decided, once somebody has looked.
    """

    read: ReadRow
    study: StudyRow
    sequence: int
    uid: str | None
    exam_name: str | None
    reporter: ReporterRow | None
    follows: FollowUpRow | None
    planned_start: datetime | None
    changed_at: datetime
    opened_at: datetime | None
    held_priority: str | None = None
    held_due_at: datetime | None = None

    @property
    def priority(self) -> str:
        """What class it is of."""
        return self.held_priority or self.study.priority

    @property
    def due_at(self) -> datetime:
        """When it is due."""
        said = self.study.due_at if self.follows is None else self.follows.due_of(self.study.due_at)
        return self.held_due_at or said


@dataclass(frozen=True, slots=True, kw_only=True)
class Between:
    """From an instant, before another; either may be open."""

    since: datetime | None = None
    before: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is looked for; ``None`` where it does not matter, and an empty list finds nothing.

    ``workitems``: by read and number, or by the UID that one was given. ``but_priorities``: any class but these, known
    or not. ``accessions`` and ``patients`` are numbers with whose they are, or with nobody's. ``ended_since``: what has
    ended before is not shown. ``held``: the classes that people have decided, by study.
    """

    ended_since: datetime | None = None
    read_ids: Collection[int] | None = None
    workitems: Collection[tuple[int, int] | str] | None = None
    study_ids: Collection[int] | None = None
    states: Collection[ReadState] | None = None
    kinds: Collection[ReadKind] | None = None
    priorities: Collection[str] | None = None
    but_priorities: Collection[str] | None = None
    reporter_ids: Collection[str] | None = None
    trusts: Collection[str] | None = None
    accessions: Collection[tuple[str | None, str]] | None = None
    patients: Collection[tuple[str | None, str]] | None = None
    changed: Sequence[Between] = ()
    authored: Sequence[Between] = ()
    held: Mapping[int, str] = field(default_factory=dict)


def task(session: Session, read_id: int) -> Found | None:
    """Return a read, if there is one within reach.

    When it is planned and when it last changed are told to whoever may see the read, however far the change feed is
    open to them: one version of a Task is the same for all.
    """
    row = session.exec(_statement().where(ReadRow.id == read_id), execution_options={"populate_existing": True}).first()
    if row is None:
        return None
    with scope.as_it_stands(session) as whole:
        columns = select(AssignmentRow.planned_start, _changed_at()).select_from(ReadRow)
        known = whole.exec(columns.outerjoin(AssignmentRow, _standing()).where(ReadRow.id == read_id)).one()
    return replace(_found(row), planned_start=known[0], changed_at=known[1])


def count(session: Session, wanted: Wanted) -> int:
    """Return how many reads are as wanted."""
    statement = select(func.count()).select_from(ReadRow).join(StudyRow, col(StudyRow.id) == col(ReadRow.study_id))
    return session.exec(statement.outerjoin(AssignmentRow, _standing()).where(*_conditions(wanted))).one()


def search(session: Session, wanted: Wanted, *, after: int = 0, limit: int) -> Sequence[Found]:
    """Return reads as wanted whose numbers come after that one."""
    statement = _statement().where(col(ReadRow.id) > after, *_conditions(wanted))
    return [_found(row) for row in session.exec(statement.order_by(col(ReadRow.id)).limit(limit))]


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


def _statement() -> Any:
    columns: Any = (
        *(ReadRow, StudyRow, _sequence(), _given(), ExaminationRow.name, ReporterRow, FollowUpRow),
        *(AssignmentRow.planned_start, _changed_at(), opened_at()),
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


def _changed_at() -> Any:
    """Return when a read last changed: by what was done with it, or by what the change feed has of it."""
    later = col(AssignmentRow.changed_at) > col(ReadRow.since)
    return case((later, col(AssignmentRow.changed_at)), else_=col(ReadRow.since))


def _found(row: Any) -> Found:
    read, its_study, sequence, uid, exam_name, reporter, follows, planned, changed, opened = row
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
    )


def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    lists: dict[Any, Collection[Any] | None] = {
        col(ReadRow.id): wanted.read_ids,
        col(ReadRow.study_id): wanted.study_ids,
        col(ReadRow.state): wanted.states,
        col(ReadRow.kind): wanted.kinds,
        col(ReadRow.reporter_id): wanted.reporter_ids,
        col(StudyRow.trust): wanted.trusts,
    }
    found = [column.in_(sorted(values)) for column, values in lists.items() if values is not None]
    if wanted.priorities is not None:
        found.append(of_class(wanted.held, wanted.priorities))
    if wanted.but_priorities is not None:
        found.append(~of_class(wanted.held, wanted.but_priorities))
    for column, numbers in (
        (StudyRow.accession_number, wanted.accessions),
        (StudyRow.local_patient_id, wanted.patients),
    ):
        if numbers is not None:
            found.append(_any(_whose(col(column), trust, number) for trust, number in numbers))
    if wanted.workitems is not None:
        found.append(_any(map(_is_workitem, wanted.workitems)))
    found += [_between(_changed_at(), between) for between in wanted.changed]
    found += [_between(col(StudyRow.first_seen_at), between) for between in wanted.authored]
    return [*found, *_listed(wanted.ended_since)]


def _listed(ended_since: datetime | None) -> list[ColumnElement[bool]]:
    """Return the condition of reads that are still to be done, or ended not too long ago."""
    if ended_since is None:
        return []
    going_on = or_(col(StudyRow.state) == StudyState.OPEN, col(ReadRow.state) == ReadState.CLAIMED)
    over = col(ReadRow.state).in_(_OVER)
    return [or_(and_(~over, going_on), and_(over, col(ReadRow.since) >= ended_since))]


def _any(conditions: Any) -> ColumnElement[bool]:
    return or_(false(), *conditions)


def _whose(column: Any, trust: str | None, number: str) -> ColumnElement[bool]:
    return column == number if trust is None else and_(column == number, col(StudyRow.trust) == trust)


def _is_workitem(named: tuple[int, int] | str) -> ColumnElement[bool]:
    if isinstance(named, str):
        is_given: ColumnElement[bool] = _given() == named
        return is_given
    return and_(ReadRow.id == named[0], _sequence() == named[1])


def _between(column: Any, between: Between) -> ColumnElement[bool]:
    since = [] if between.since is None else [column >= between.since]
    before = [] if between.before is None else [column < between.before]
    return and_(*since, *before) if since or before else column.is_not(None)
