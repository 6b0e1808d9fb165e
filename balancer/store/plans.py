"""Two plans side by side, read by read: the one in force, and the one that waits to be published if one does.

The plan in force is what stands on current lists. The one that waits counts as if it were published now: what somebody
has open stays with them, and what came since it was made stays where it stands.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, case, extract, false, or_
from sqlmodel import Session, col, func, select

from balancer.domain.life import ON_A_LIST, PLANNABLE, THEIRS, ReadState
from balancer.domain.states import StudyState
from balancer.store.chunks import chunks
from balancer.store.scope import at_every_trust, reach_of, seeing_readings, unlimited
from balancer.store.tables import ExaminationRow, StudyRow, WorklistItemRow, WorklistRow
from balancer.store.tables_life import ReadRow
from balancer.store.tables_runs import ProposedRow


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Late:
    """How many studies become late within some hours of now: due by then, and the plan ends them later or nowhere."""

    hours: float
    was: int
    becomes: int


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
    WorklistItemRow.session_id,
    WorklistItemRow.planned_start,
    WorklistItemRow.planned_end,
    WorklistItemRow.due_at,
)
_PROPOSED: Final = (
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

    def becomes_late(self, now: datetime, hours: float) -> ColumnElement[bool]:
        """Return the condition that a read falls due within so many hours of ``now``, and the plan ends it later."""
        due, until = _due(), now + timedelta(hours=hours)
        # what somebody has open without its being on their list is being read: nothing is foretold of it
        nowhere = and_(self.end.is_(None), col(ReadRow.state) != ReadState.CLAIMED)
        return and_(due > now, due <= until, or_(nowhere, self.end > due))


IN_FORCE: Final = Plan()


def _due() -> Any:
    return func.coalesce(col(WorklistItemRow.due_at), col(StudyRow.due_at))


def _joined(statement: Any, run_id: int | None) -> Any:
    """Return a statement over every read that waits, with its place on a current list and in a plan that waits."""
    current = and_(
        col(WorklistRow.reporter_id) == col(ReadRow.reporter_id),
        col(WorklistRow.superseded_at).is_(None),
        col(ReadRow.state).in_(sorted(ON_A_LIST)),
    )
    item = and_(
        col(WorklistItemRow.worklist_id) == col(WorklistRow.id),
        col(WorklistItemRow.study_id) == col(ReadRow.study_id),
        col(WorklistItemRow.read) == col(ReadRow.number),
    )
    found = (
        statement.select_from(ReadRow)
        .join(StudyRow, col(StudyRow.id) == col(ReadRow.study_id))
        .outerjoin(WorklistRow, current)
        .outerjoin(WorklistItemRow, item)
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


def _reads(session: Session, run_id: int | None, *conditions: Any, limit: int | None = None) -> list[PlannedRead]:
    columns: Any = (*_COLUMNS, *(() if run_id is None else _PROPOSED))
    statement = _joined(select(*columns), run_id).where(*conditions)
    statement = statement.order_by(_due(), col(ReadRow.study_id), col(ReadRow.number))
    if limit is not None:
        statement = statement.limit(limit)
    return [_read(row, with_proposal=run_id is not None) for row in session.exec(statement)]


def _read(row: Sequence[Any], *, with_proposal: bool) -> PlannedRead:
    study_id, number, read_id, state, reporter_id, reason = row[:6]
    trust, accession_number, exam_code, modality, subspecialty, priority, minutes, started, study_due, prior = row[6:16]
    session_id, start, end, due = row[16:20]
    was = None
    if state in ON_A_LIST and reporter_id is not None and start is not None:
        was = Spot(reporter_id=reporter_id, session_id=session_id, start=start, end=end)
    why = "" if state in ON_A_LIST else reason
    becomes, why_then = was, why
    if with_proposal and row[20] is not None and state != ReadState.CLAIMED:
        _, to, then_session, then_start, then_end, why_then = row[20:26]
        becomes = None if to is None else Spot(reporter_id=to, session_id=then_session, start=then_start, end=then_end)
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
        due_at=due or study_due,
        prior_reporter=prior,
        is_open=state == ReadState.CLAIMED,
        was=was,
        becomes=becomes,
        why=why,
        why_then=why_then,
    )


def reads_of(
    session: Session, run_id: int | None, reporter_ids: Collection[str], start: datetime, end: datetime
) -> list[PlannedRead]:
    """Return the reads that either plan has with one of these reporters and that reach into ``[start, end)``."""
    found: dict[int, PlannedRead] = {}
    plans = [IN_FORCE] if run_id is None else [IN_FORCE, Plan(run_id=run_id)]
    for chunk in chunks(sorted(reporter_ids)):
        theirs = [and_(plan.reporter.in_(chunk), plan.start < end, plan.end > start) for plan in plans]
        found.update((item.read_id, item) for item in _reads(session, run_id, or_(*theirs)))
    return list(found.values())


def beyond_reach(
    session: Session, run_id: int | None, reporter_ids: Collection[str], start: datetime, end: datetime
) -> list[tuple[Spot | None, Spot | None]]:
    """Return where either plan has what these reporters read for trusts beyond reach, and nothing else of it.

    Without it their day would look emptier than it is. What is hidden because it is read blind is not there either.
    """
    if reach_of(session).is_everywhere:
        return []
    with seeing_readings(session) as seeing:
        within = {item.read_id for item in reads_of(seeing, run_id, reporter_ids, start, end)}
    with unlimited(session) as whole:
        found = reads_of(whole, run_id, reporter_ids, start, end)
    return [(item.was, item.becomes) for item in found if item.read_id not in within]


def moving(session: Session, run_id: int) -> list[PlannedRead]:
    """Return the reads that publishing the plan that waits would give to somebody else, or to nobody any more."""
    was, becomes = IN_FORCE.reporter, Plan(run_id=run_id).reporter
    none = func.coalesce(was, "") != func.coalesce(becomes, "")
    return _reads(session, run_id, none)


def becoming_late(session: Session, run_id: int | None, plan: Plan, now: datetime, hours: float) -> list[PlannedRead]:
    """Return the reads that a plan lets become late within so many hours, the soonest due first."""
    return _reads(session, run_id, plan.becomes_late(now, hours))


def not_placed(session: Session, run_id: int | None, plan: Plan) -> list[PlannedRead]:
    """Return the reads that nobody has in a plan, the soonest due first."""
    return _reads(session, run_id, ~plan.is_placed)


def lateness(session: Session, run_id: int | None, now: datetime, hours: Sequence[float]) -> list[Late]:
    """Return how many studies each plan lets become late within each of these times."""
    plans = (IN_FORCE, Plan(run_id=run_id))
    counted = [
        func.count(func.distinct(case((plan.becomes_late(now, within), col(ReadRow.study_id)))))
        for within in hours
        for plan in plans
    ]
    found = session.exec(_joined(select(*counted), run_id)).one()
    pairs = zip(found[::2], found[1::2], strict=True)
    return [Late(hours=within, was=was, becomes=then) for within, (was, then) in zip(hours, pairs, strict=True)]


def count_not_placed(session: Session, run_id: int | None) -> tuple[int, int]:
    """Return how many reads nobody has, in the plan in force and in the one that waits."""
    counted = [func.count(case((~plan.is_placed, 1))) for plan in (IN_FORCE, Plan(run_id=run_id))]
    was, becomes = session.exec(_joined(select(*counted), run_id)).one()
    return was, becomes


def count_states(session: Session) -> Mapping[ReadState, int]:
    """Return how many reads wait, by where they stand."""
    statement = _joined(select(ReadRow.state, func.count()), None).group_by(col(ReadRow.state))
    return {ReadState(state): count for state, count in session.exec(statement)}


def worked_since(session: Session, at: datetime) -> int:
    """Return how many reads have been opened or done since then: what putting lists back leaves where it is."""
    statement = select(func.count()).where(col(ReadRow.state).in_(sorted(THEIRS)), col(ReadRow.since) >= at)
    return session.exec(statement).one()


def planned_seconds(session: Session, run_id: int | None, now: datetime) -> Mapping[str, tuple[float, float]]:
    """Return how long everybody within reach reads from ``now`` on in each plan, whoever the studies are of.

    A reporter's load is their whole load: what they read for trusts beyond reach makes them no less busy. What is
    hidden because it is read blind is not in it, nor in their list: the difference would tell who reads it.
    """
    with at_every_trust(session) as wide:
        sums = [_seconds(wide, run_id, plan, now) for plan in (IN_FORCE, Plan(run_id=run_id))]
    names = sums[0].keys() | sums[1].keys()
    return {name: (sums[0].get(name, 0.0), sums[1].get(name, 0.0)) for name in names}


def _seconds(session: Session, run_id: int | None, plan: Plan, now: datetime) -> dict[str, float]:
    begins = case((plan.start < now, now.timestamp()), else_=extract("epoch", plan.start))
    spent = func.sum(extract("epoch", plan.end) - begins)
    reporter = plan.reporter  # one expression: PostgreSQL takes another of the same words for another
    statement = _joined(select(reporter, spent), run_id).where(reporter.is_not(None), plan.end > now)
    return {name: float(seconds) for name, seconds in session.exec(statement.group_by(reporter))}


def exam_names(session: Session) -> Mapping[str, str]:
    """Return what examinations are called, by code."""
    return dict(session.exec(select(ExaminationRow.code, ExaminationRow.name)).all())
