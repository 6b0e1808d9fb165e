"""Two plans side by side, read by read: the one in force, and the one that waits to be published if one does.

The plan in force is what stands on current lists. The one that waits counts as if it were published now: what somebody
has open stays with them, and what came since it was made stays where it stands.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, case, false, or_
from sqlmodel import Session, col, func, select

from balancer.domain.life import ON_A_LIST, PLANNABLE, ReadState
from balancer.domain.states import StudyState
from balancer.store.chunks import chunks
from balancer.store.tables import ExaminationRow, StudyRow, WorklistItemRow
from balancer.store.tables_life import ReadRow
from balancer.store.tables_runs import ProposedRow
from balancer.store.worklists import with_place


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """Where a plan has a read: whose it is, in which session, from when to when."""

    reporter_id: str
    session_id: str
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedRead:
    """A read that still waits, and where both plans have it; ``None`` is nowhere, and ``why`` it is says the reason.

    Without a plan that waits, ``becomes`` is ``was``. ``due_at`` is when it is due by the plan in force.
    """

    study_id: int
    read: int
    read_id: int
    trust: str
    accession_number: str
    exam_code: str
    modality: str
    subspecialty: str
    priority: str
    minutes: float
    clock_started_at: datetime
    due_at: datetime
    prior_reporter: str | None
    is_open: bool
    was: Spot | None
    becomes: Spot | None
    why: str
    why_then: str


LISTED: Final = (WorklistItemRow.session_id, WorklistItemRow.planned_start, WorklistItemRow.planned_end)
_COLUMNS: Final = (
    ReadRow.study_id,
    ReadRow.number,
    ReadRow.id,
    ReadRow.state,
    ReadRow.reporter_id,
    ReadRow.reason,
    StudyRow.trust,
    StudyRow.accession_number,
    StudyRow.exam_code,
    StudyRow.modality,
    StudyRow.subspecialty,
    StudyRow.priority,
    StudyRow.minutes,
    StudyRow.clock_started_at,
    StudyRow.due_at,
    StudyRow.prior_reporter,
    *LISTED,
    WorklistItemRow.due_at,
)
PROPOSED: Final = (
    ProposedRow.study_id,
    ProposedRow.reporter_id,
    ProposedRow.session_id,
    ProposedRow.planned_start,
    ProposedRow.planned_end,
    ProposedRow.reason,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One of the two plans, as conditions and columns of a statement: the one in force if ``run_id`` is ``None``."""

    run_id: int | None = None

    @property
    def counts(self) -> ColumnElement[bool]:
        """The condition that the plan that waits says where a read is to be."""
        if self.run_id is None:
            return false()
        return and_(col(ProposedRow.study_id).is_not(None), col(ReadRow.state) != ReadState.CLAIMED)

    @property
    def reporter(self) -> Any:
        """Whose a read is."""
        listed = case((col(ReadRow.state).in_(sorted(ON_A_LIST)), col(ReadRow.reporter_id)), else_=None)
        return listed if self.run_id is None else case((self.counts, col(ProposedRow.reporter_id)), else_=listed)

    def _column(self, proposed: Any, listed: Any) -> Any:
        return listed if self.run_id is None else case((self.counts, proposed), else_=listed)

    @property
    def session_id(self) -> Any:
        """In which session of theirs."""
        return self._column(col(ProposedRow.session_id), col(WorklistItemRow.session_id))

    @property
    def start(self) -> Any:
        """When it is planned to begin."""
        return self._column(col(ProposedRow.planned_start), col(WorklistItemRow.planned_start))

    @property
    def end(self) -> Any:
        """When it is planned to end; nothing if it is nowhere."""
        return self._column(col(ProposedRow.planned_end), col(WorklistItemRow.planned_end))

    @property
    def why(self) -> Any:
        """Why nobody has it."""
        return self._column(col(ProposedRow.reason), col(ReadRow.reason))

    @property
    def is_placed(self) -> Any:
        """The condition that somebody has it."""
        return self.reporter.is_not(None)

    def is_of(self, reporter_ids: Collection[str]) -> ColumnElement[bool]:
        """Return the condition that one of these reporters has it."""
        if self.run_id is not None:
            theirs: ColumnElement[bool] = self.reporter.in_(reporter_ids)
            return theirs
        # by the column itself there is an index
        return and_(col(ReadRow.state).in_(sorted(ON_A_LIST)), col(ReadRow.reporter_id).in_(reporter_ids))

    def reaches_into(self, start: datetime, end: datetime) -> ColumnElement[bool]:
        """Return the condition that its place reaches into ``[start, end)``."""
        return and_(self.start < end, self.end > start)

    def becomes_late(self, now: datetime, hours: float) -> ColumnElement[bool]:
        """Return the condition that a read falls due within so many hours of ``now``, and the plan ends it later."""
        due_at, until = due(), now + timedelta(hours=hours)
        # what somebody has open without its being on their list is being read: nothing is foretold of it
        nowhere = and_(self.end.is_(None), col(ReadRow.state) != ReadState.CLAIMED)
        return and_(due_at > now, due_at <= until, or_(nowhere, self.end > due_at))


IN_FORCE: Final = Plan()


def both(run_id: int | None) -> list[Plan]:
    """Return the plan in force, and the one of a run that waits if one does."""
    return [IN_FORCE] if run_id is None else [IN_FORCE, Plan(run_id=run_id)]


def due() -> Any:
    """Return when a read is due, by the plan in force if it is in it."""
    return func.coalesce(col(WorklistItemRow.due_at), col(StudyRow.due_at))


def waiting(statement: Any, run_id: int | None) -> Any:
    """Return a statement over every read that waits, with its place in a plan that waits."""
    found = (
        statement.select_from(ReadRow)
        .join(StudyRow, col(StudyRow.id) == col(ReadRow.study_id))
        .where(StudyRow.state == StudyState.OPEN, col(ReadRow.state).in_(sorted(PLANNABLE)))
    )
    if run_id is None:
        return found
    proposed = and_(
        col(ProposedRow.run_id) == run_id,
        col(ProposedRow.study_id) == col(ReadRow.study_id),
        col(ProposedRow.read) == col(ReadRow.number),
    )
    return found.outerjoin(ProposedRow, proposed)


def joined(statement: Any, run_id: int | None) -> Any:
    """Return a statement over every read that waits, with its place on a current list and in a plan that waits."""
    return with_place(waiting(statement, run_id))


def _reads(session: Session, run_id: int | None, *conditions: Any, limit: int | None = None) -> list[PlannedRead]:
    columns: Any = (*_COLUMNS, *(() if run_id is None else PROPOSED))
    statement = joined(select(*columns), run_id).where(*conditions)
    statement = statement.order_by(due(), col(ReadRow.study_id), col(ReadRow.number))
    if limit is not None:
        statement = statement.limit(limit)
    return [_read(row, with_proposal=run_id is not None) for row in session.exec(statement)]


def _read(row: Sequence[Any], *, with_proposal: bool) -> PlannedRead:
    study_id, number, read_id, state, reporter_id, reason = row[:6]
    trust, accession_number, exam_code, modality, subspecialty, priority, minutes, started, study_due, prior = row[6:16]
    due_at, proposed = row[19], row[20:26] if with_proposal else None
    was, becomes = places(state, reporter_id, row[16:19], proposed)
    why = "" if state in ON_A_LIST else reason
    return PlannedRead(
        study_id=study_id,
        read=number,
        read_id=read_id,
        trust=trust,
        accession_number=accession_number,
        exam_code=exam_code,
        modality=modality,
        subspecialty=subspecialty,
        priority=priority,
        minutes=minutes,
        clock_started_at=started,
        due_at=due_at or study_due,
        prior_reporter=prior,
        is_open=state == ReadState.CLAIMED,
        was=was,
        becomes=becomes,
        why=why,
        why_then=proposed[5] if proposed is not None and _counts(state, proposed) else why,
    )


def places(
    state: ReadState, reporter_id: str | None, listed: Sequence[Any], proposed: Sequence[Any] | None
) -> tuple[Spot | None, Spot | None]:
    """Return where both plans have a read; ``listed`` and ``proposed`` are what stands on a list and in the other."""
    was = None
    if state in ON_A_LIST and reporter_id is not None and listed[1] is not None:
        was = Spot(reporter_id=reporter_id, session_id=listed[0], start=listed[1], end=listed[2])
    if proposed is None or not _counts(state, proposed):
        return was, was
    _, to, session_id, start, end, *_ = proposed
    return was, None if to is None else Spot(reporter_id=to, session_id=session_id, start=start, end=end)


def _counts(state: ReadState, proposed: Sequence[Any]) -> bool:
    """Tell whether the plan that waits says where a read is to be, as ``Plan.counts`` has it."""
    return proposed[0] is not None and state != ReadState.CLAIMED


def of_reporters(
    run_id: int | None, reporter_ids: Collection[str], start: datetime, end: datetime
) -> Iterator[ColumnElement[bool]]:
    """Yield the condition that either plan has a read with one of these reporters in that time, a chunk each."""
    for chunk in chunks(sorted(reporter_ids)):
        yield or_(*(and_(plan.is_of(chunk), plan.reaches_into(start, end)) for plan in both(run_id)))


def reads_of(
    session: Session, run_id: int | None, reporter_ids: Collection[str], start: datetime, end: datetime
) -> list[PlannedRead]:
    """Return the reads that either plan has with one of these reporters and that reach into ``[start, end)``."""
    found: dict[int, PlannedRead] = {}
    for theirs in of_reporters(run_id, reporter_ids, start, end):
        found.update((item.read_id, item) for item in _reads(session, run_id, theirs))
    return list(found.values())


def moving(session: Session, run_id: int) -> list[PlannedRead]:
    """Return the reads that publishing the plan that waits would give to somebody else, or to nobody any more."""
    return _reads(session, run_id, _moves(run_id))


def count_moving(session: Session, run_id: int) -> int:
    """Return how many ``moving`` returns."""
    counted: int = session.exec(joined(select(func.count()).select_from(ReadRow), run_id).where(_moves(run_id))).one()
    return counted


def _moves(run_id: int) -> ColumnElement[bool]:
    """Return the condition that two plans do not have a read with the same reporter."""
    was, becomes = IN_FORCE.reporter, Plan(run_id=run_id).reporter
    differ: ColumnElement[bool] = func.coalesce(was, "") != func.coalesce(becomes, "")
    return differ


def becoming_late(session: Session, run_id: int | None, plan: Plan, now: datetime, hours: float) -> list[PlannedRead]:
    """Return the reads that a plan lets become late within so many hours, the soonest due first."""
    return _reads(session, run_id, plan.becomes_late(now, hours))


def not_placed(session: Session, run_id: int | None, plan: Plan) -> list[PlannedRead]:
    """Return the reads that nobody has in a plan, the soonest due first."""
    return _reads(session, run_id, ~plan.is_placed)


def exam_names(session: Session) -> Mapping[str, str]:
    """Return what examinations are called, by code."""
    return dict(session.exec(select(ExaminationRow.code, ExaminationRow.name)).all())
