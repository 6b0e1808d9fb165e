"""Workitems: kept in step with their reads, found by number and by what a search can say in SQL."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, exists
from sqlmodel import Session, and_, col, func, or_, select, union_all

from balancer.domain.life import ReadEvent, ReadState
from balancer.domain.states import StudyState
from balancer.domain.steps import FINAL, STEP_STATES, StepState, needs_another
from balancer.store import scope
from balancer.store.chunks import chunks
from balancer.store.classes import of_class
from balancer.store.tables import ExaminationRow, ReporterRow, StudyRow
from balancer.store.tables_assignments import AssignmentRow, ChangeFeedRow
from balancer.store.tables_kinds import FollowUpRow
from balancer.store.tables_life import ClaimRow, ReadRow
from balancer.store.tables_workitems import WorkitemRow


class Moved(NamedTuple):
    """What happened to a read: from which state, by which event, to which; whose it was."""

    read_id: int
    state: ReadState
    event: ReadEvent
    to: ReadState
    reporter_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A workitem with its read and study; ``row`` is what is kept of it, if there is anything.

    ``planned_start`` and ``changed_at`` as the change feed has them, ``opened_at`` when the read's claim was made.
    ``follows``: what it has of its own if it is no reading of the images. ``held_...``: what people have decided, once
    somebody has looked; ``is_unsaid``: why it is away is in words that are not told to whoever asks.
    """

    read: ReadRow
    study: StudyRow
    row: WorkitemRow | None
    exam_name: str | None
    reporter: ReporterRow | None
    planned_start: datetime | None
    changed_at: datetime | None
    opened_at: datetime | None
    follows: FollowUpRow | None = None
    held_priority: str | None = None
    held_due_at: datetime | None = None
    is_unsaid: bool = False

    @property
    def priority(self) -> str:
        """What class it is of."""
        return self.held_priority or self.study.priority

    @property
    def due_at(self) -> datetime:
        """When it is due."""
        said = self.study.due_at if self.follows is None else self.follows.due_of(self.study.due_at)
        return self.held_due_at or said

    @property
    def sequence(self) -> int:
        """Which of the read's workitems it is."""
        return 0 if self.row is None else self.row.sequence

    @property
    def is_over(self) -> bool:
        """Whether another has replaced it."""
        return self.row is not None and self.row.ended_at is not None

    @property
    def state(self) -> StepState:
        """The state of the step."""
        if self.row is not None and self.row.ended_at is not None:
            return StepState.COMPLETED if self.row.completed else StepState.CANCELED
        return STEP_STATES[self.read.state]

    @property
    def reporter_id(self) -> str | None:
        """Whose it is, or was."""
        return self.row.reporter_id if self.row is not None and self.is_over else self.read.reporter_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What of a search the database looks for; ``None`` where it does not matter.

    ``since``: what has ended before is not shown. ``held``: the classes that people have decided, by study.
    """

    since: datetime
    held: Mapping[int, str] = field(default_factory=dict)
    states: Collection[StepState] | None = None
    reporter_id: str | None = None
    priority: str | None = None
    accession_number: str | None = None
    patient_id: str | None = None
    study_instance_uids: Collection[str] | None = None


def numbering(session: Session) -> str:
    """Return what UIDs of workitems are made with: another one once a backup has been restored."""
    return session.get_one(ChangeFeedRow, 1).incarnation


def moved(session: Session, moves: Iterable[Moved], now: datetime) -> None:
    """End the workitems that cannot follow their reads, and begin those that replace them."""
    left = {move.read_id: move for move in moves if needs_another(move.state, move.event, move.to)}
    if not left:
        return
    with scope.unlimited(session) as whole:
        last = _last(whole, left)
        for read_id, move in left.items():
            row = last.get(read_id) or WorkitemRow(read_id=read_id, sequence=0, said={})
            row.ended_at, row.ended_by, row.reporter_id = now, move.event, move.reporter_id
            row.completed = STEP_STATES[move.state] is StepState.COMPLETED
            whole.add_all([row, _next(row)])


def _last(session: Session, read_ids: Collection[int]) -> dict[int, WorkitemRow]:
    found: dict[int, WorkitemRow] = {}
    for chunk in chunks(sorted(read_ids)):
        statement = select(WorkitemRow).where(col(WorkitemRow.read_id).in_(chunk))
        found.update((row.read_id, row) for row in session.exec(statement.order_by(col(WorkitemRow.sequence))))
    return found


def with_current(statement: Any) -> Any:
    """Return a statement about reads with which of its workitems shows each now as a last column."""
    current = and_(col(WorkitemRow.read_id) == col(ReadRow.id), col(WorkitemRow.ended_at).is_(None))
    return statement.add_columns(func.coalesce(WorkitemRow.sequence, 0)).outerjoin(WorkitemRow, current)


def reporter(session: Session, reporter_id: str) -> ReporterRow | None:
    """Return whoever performs a step, if they are within reach."""
    return session.exec(select(ReporterRow).where(ReporterRow.reporter_id == reporter_id)).first()


def kept(session: Session, found: Found) -> WorkitemRow:
    """Return the row of a current workitem, to write in; it is made if there is none. The read must be locked."""
    read_id = found.read.id or 0
    row = session.get(WorkitemRow, (read_id, found.sequence), populate_existing=True)
    if row is None:
        row = WorkitemRow(read_id=read_id, sequence=found.sequence, said={})
        session.add(row)
    return row


def replace_current(session: Session, found: Found, now: datetime, *, said: dict[str, Any]) -> None:
    """End a current workitem as cancelled, and begin another for its read, which stays as it is."""
    row = kept(session, found)
    row.ended_at, row.reporter_id, row.said = now, found.read.reporter_id, said
    session.add(_next(row))


def _next(row: WorkitemRow) -> WorkitemRow:
    """Return the workitem that stands for the read of one that has ended."""
    return WorkitemRow(read_id=row.read_id, sequence=row.sequence + 1, said={}, replaces=row.uid or "")


def begin_as(session: Session, read_id: int, uid: str) -> None:
    """Let the first workitem of a read have the UID that whoever created it gave it."""
    session.add(WorkitemRow(read_id=read_id, sequence=0, said={}, uid=uid))
    session.flush()


def given(session: Session, uid: str) -> tuple[int, int] | None:
    """Return which workitem within reach was given that UID: its read, and which of the read's it is."""
    return session.exec(select(WorkitemRow.read_id, WorkitemRow.sequence).where(WorkitemRow.uid == uid)).first()


def is_given(session: Session, uid: str) -> bool:
    """Tell whether a workitem was given that UID, within reach or not."""
    with scope.unlimited(session) as whole:
        return given(whole, uid) is not None


def is_there(session: Session, read_id: int, sequence: int) -> bool:
    """Tell whether there is such a workitem, within reach or not."""
    with scope.unlimited(session) as whole:
        return workitem(whole, read_id, sequence) is not None


def created_here(session: Session, trust: str, closed: Collection[int]) -> set[int]:
    """Return which of a trust's open studies, and of these ``closed`` ones, somebody made known by a workitem."""
    statement = select(ReadRow.study_id).join(WorkitemRow, col(WorkitemRow.read_id) == col(ReadRow.id))
    has_uid = col(WorkitemRow.uid).is_not(None)
    # mostly nobody has made any: that is seen first, before all reads of the trust are gone through
    created = statement.where(has_uid, exists(select(WorkitemRow.read_id).where(has_uid).correlate(None)))
    # by trust, not by number: to ask for thousands by their numbers takes longer than to look
    of_trust = created.join(StudyRow, col(StudyRow.id) == col(ReadRow.study_id)).where(StudyRow.trust == trust)
    found = set(session.exec(of_trust.where(StudyRow.state == StudyState.OPEN)))
    for chunk in chunks(sorted(closed)):
        found.update(session.exec(created.where(col(ReadRow.study_id).in_(chunk))))
    return found


def workitem(session: Session, read_id: int, sequence: int) -> Found | None:
    """Return a workitem, if there is one."""
    statement = _statement().where(ReadRow.id == read_id, func.coalesce(WorkitemRow.sequence, 0) == sequence)
    row = session.exec(statement, execution_options={"populate_existing": True}).first()
    return None if row is None else _found(row)


def of_reads(session: Session, read_ids: Collection[int]) -> Sequence[Found]:
    """Return every workitem of these reads."""
    found: list[Found] = []
    for chunk in chunks(sorted(read_ids)):
        found += [_found(row) for row in session.exec(_statement().where(col(ReadRow.id).in_(chunk)))]
    return found


def current(session: Session, read_id: int) -> Found | None:
    """Return the workitem that stands for a read now, if there is such a read."""
    statement = _statement().where(ReadRow.id == read_id).order_by(func.coalesce(WorkitemRow.sequence, 0).desc())
    row = session.exec(statement.limit(1), execution_options={"populate_existing": True}).first()
    return None if row is None else _found(row)


def count(session: Session, wanted: Wanted) -> int:
    """Return how many workitems are as wanted."""
    statement = select(func.count()).select_from(ReadRow).join(StudyRow, col(StudyRow.id) == col(ReadRow.study_id))
    statement = statement.outerjoin(WorkitemRow, col(WorkitemRow.read_id) == col(ReadRow.id))
    return session.exec(statement.where(*_conditions(wanted))).one()


def search(session: Session, wanted: Wanted, *, offset: int = 0, limit: int | None = None) -> Sequence[Found]:
    """Return workitems as wanted, what is due first first; of equals the one that was there first."""
    statement = _statement().where(*_conditions(wanted))
    ordered = statement.order_by(col(StudyRow.due_at), col(ReadRow.id), col(WorkitemRow.sequence))
    cut = ordered.offset(offset) if limit is None else ordered.offset(offset).limit(limit)
    return [_found(row) for row in session.exec(cut)]


def _statement() -> Any:
    whose = func.coalesce(WorkitemRow.reporter_id, ReadRow.reporter_id)
    columns: Any = (
        *(ReadRow, StudyRow, WorkitemRow, ExaminationRow.name, ReporterRow),
        *(AssignmentRow.planned_start, AssignmentRow.changed_at, opened_at(), FollowUpRow),
    )
    standing = and_(
        col(AssignmentRow.study_id) == col(ReadRow.study_id), col(AssignmentRow.read) == col(ReadRow.number)
    )
    return (
        select(*columns)
        .select_from(ReadRow)
        .join(StudyRow, col(StudyRow.id) == col(ReadRow.study_id))
        .outerjoin(WorkitemRow, col(WorkitemRow.read_id) == col(ReadRow.id))
        .outerjoin(ExaminationRow, col(ExaminationRow.code) == col(StudyRow.exam_code))
        .outerjoin(ReporterRow, col(ReporterRow.reporter_id) == whose)
        .outerjoin(AssignmentRow, standing)
        .outerjoin(FollowUpRow, col(FollowUpRow.read_id) == col(ReadRow.id))
    )


def opened_at() -> Any:
    """Return when the claim was made under which a read is open, or was done."""
    theirs = or_(col(ClaimRow.ended_at).is_(None), col(ClaimRow.ended_by) == ReadEvent.COMPLETE)
    latest = select(func.max(ClaimRow.claimed_at)).where(ClaimRow.read_id == ReadRow.id, theirs)
    return latest.correlate(ReadRow).scalar_subquery()


def _found(row: Any) -> Found:
    read, study, kept_row, exam_name, reporter, planned, changed, opened, follows = row
    return Found(
        read=read,
        study=study,
        row=kept_row,
        exam_name=exam_name,
        reporter=reporter,
        planned_start=planned,
        changed_at=changed,
        opened_at=opened,
        follows=follows,
    )


def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    exact = {
        col(StudyRow.accession_number): wanted.accession_number,
        col(StudyRow.local_patient_id): wanted.patient_id,
    }
    found: list[ColumnElement[bool]] = [column == value for column, value in exact.items() if value is not None]
    if wanted.priority is not None:
        found.append(of_class(wanted.held, [wanted.priority]))
    if wanted.study_instance_uids is not None:
        found.append(col(StudyRow.study_instance_uid).in_(sorted(wanted.study_instance_uids)))
    if wanted.reporter_id is not None:
        found.append(and_(col(WorkitemRow.ended_at).is_(None), col(ReadRow.reporter_id) == wanted.reporter_id))
    steps = set(StepState) if wanted.states is None else set(wanted.states)
    ended = select(WorkitemRow.read_id).where(col(WorkitemRow.ended_at) >= wanted.since)
    standing = listed(wanted.since, [state for state, step in STEP_STATES.items() if step in steps])
    among = is_among(*standing, ended) if steps & FINAL else is_among(*standing)
    return [*found, or_(*_in_states(steps, wanted.since)), among]


def listed(since: datetime, states: Collection[ReadState]) -> list[Any]:
    """Return what asks for the reads in these states, those that are over only if they ended since then, by number."""
    waiting = [state for state in states if STEP_STATES[state] not in FINAL]
    over = [state for state in states if STEP_STATES[state] in FINAL]
    asked = select(ReadRow.id).where(col(ReadRow.state).in_(waiting))
    return [asked, select(ReadRow.id).where(col(ReadRow.state).in_(over), col(ReadRow.since) >= since)]


def is_among(*reads: Any) -> ColumnElement[bool]:
    """Return the condition that a read is among these.

    It says nothing that a search does not say itself, but of reads, studies and workitems at once: no index finds what
    is asked like that, and it would be asked of all reads there ever were.
    """
    return col(ReadRow.id).in_(union_all(*reads))


def _in_states(states: set[StepState], since: datetime) -> list[ColumnElement[bool]]:
    """Return the conditions any of which makes a workitem one in these states, and not ended too long ago."""
    current, over = col(WorkitemRow.ended_at).is_(None), col(WorkitemRow.ended_at) >= since
    going_on = [state for state, step in STEP_STATES.items() if step in states - FINAL]
    ended = [state for state, step in STEP_STATES.items() if step in states & FINAL]
    completed = [step is StepState.COMPLETED for step in sorted(states & FINAL)]
    is_open = col(StudyRow.state) == StudyState.OPEN
    return [
        and_(current, col(ReadRow.state).in_(going_on), or_(is_open, col(ReadRow.state) == ReadState.CLAIMED)),
        and_(current, col(ReadRow.state).in_(ended), col(ReadRow.since) >= since),
        and_(over, col(WorkitemRow.completed).in_(completed)),
    ]
