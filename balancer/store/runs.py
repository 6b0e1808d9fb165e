"""Allocation runs: how far each came, what it cost, what it found no place for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, func, select

from balancer.domain.errors import ConflictError, NotFoundError
from balancer.domain.life import ReadKind, ReadState
from balancer.domain.plan import Summary
from balancer.domain.states import RunKind, RunState, StudyState
from balancer.store.counts import count
from balancer.store.pages import Cut, Page, beyond, cursor
from balancer.store.tables import RunRow, StudyRow, UnallocatedRow, WorklistRow
from balancer.store.tables_kinds import FollowUpRow
from balancer.store.tables_life import ReadRow
from balancer.store.tables_runs import RunRecordRow

_NEWEST_FIRST = "run"
_BY_DUE = "unallocated"
_ASKED = "that a run is asked for: when, and why"
_HAVE_WAITED = (RunState.HELD, RunState.SUPERSEDED, RunState.DISCARDED)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnallocatedRead:
    """A read that the current plan has no place for, with its study as it stands now."""

    study: StudyRow
    read: int
    reason: str
    kind: ReadKind
    follows: FollowUpRow | None


@dataclass(frozen=True, slots=True, kw_only=True)
class UnallocatedCount:
    """How many reads of a trust's open studies have no place for a reason."""

    trust: str
    reason: str
    reads: int


def runs(session: Session, cut: Cut, *, state: RunState | None = None) -> Page[RunRow]:
    """Return a page of runs, newest first."""
    statement = select(RunRow)
    if state is not None:
        statement = statement.where(RunRow.state == state)
    total = count(session, statement)
    after = cut.after(_NEWEST_FIRST, 1)
    if after is not None:
        statement = statement.where(col(RunRow.id) < after[0])
    rows = session.exec(statement.order_by(col(RunRow.id).desc()).limit(cut.limit + 1)).all()
    more = len(rows) > cut.limit
    rows = rows[: cut.limit]
    return Page(items=tuple(rows), total=total, next_cursor=cursor(_NEWEST_FIRST, rows[-1].id) if more else None)


def some_runs(
    session: Session, state: RunState | None, kind: RunKind | None, *, limit: int, offset: int
) -> tuple[list[RunRow], int]:
    """Return runs of a state and kind, or of every one, newest first, and how many there are."""
    statement = select(RunRow)
    if state is not None:
        statement = statement.where(RunRow.state == state)
    if kind is not None:
        statement = statement.where(RunRow.kind == kind)
    found = session.exec(statement.order_by(col(RunRow.id).desc()).limit(limit).offset(offset)).all()
    return list(found), count(session, statement)


def published_before(session: Session, run_id: int) -> RunRow | None:
    """Return the last whole plan published before a run, if there is any."""
    statement = select(RunRow).where(*_of_runs(RunState.PUBLISHED), col(RunRow.id) < run_id)
    return session.exec(statement.order_by(col(RunRow.id).desc()).limit(1)).first()


def run(session: Session, run_id: int) -> RunRow:
    """Return one run; ``NotFoundError`` if there is none."""
    row = session.get(RunRow, run_id)
    if row is None:
        raise NotFoundError(f"there is no run {run_id}")
    return row


def current_run(session: Session) -> RunRow | None:
    """Return the run whose plan is the one in force: the last published one, if there is any.

    What mending has changed since is part of that plan, and so are the reads that mending found no place for.
    """
    statement = select(RunRow).where(RunRow.state == RunState.PUBLISHED, RunRow.kind != RunKind.MENDING)
    return session.exec(statement.order_by(col(RunRow.id).desc()).limit(1)).first()


def can_be_undone(session: Session) -> RunRow | None:
    """Return the run in force if it was held and somebody published it: the one that can be taken back."""
    run = current_run(session)
    return run if run is not None and run.kind is RunKind.ALLOCATION and run.decided_at is not None else None


def running(session: Session) -> RunRow | None:
    """Return the run that is under way, if there is any."""
    return _newest(session, RunState.RUNNING)


def unallocated(
    session: Session, cut: Cut, *, reason: str | None = None, trust: str | None = None
) -> Page[UnallocatedRead]:
    """Return a page of the reads that the current plan has no place for, the soonest due first.

    What has been done, parked or closed since is left out.
    """
    statement = (
        select(UnallocatedRow, StudyRow, ReadRow.kind, FollowUpRow)
        .join(StudyRow, col(StudyRow.id) == col(UnallocatedRow.study_id))
        .join(ReadRow, _same_read())
        .outerjoin(FollowUpRow, col(FollowUpRow.read_id) == col(ReadRow.id))
        .where(UnallocatedRow.run_id == _current_id(session), *_still_waits())
    )
    if reason is not None:
        statement = statement.where(UnallocatedRow.reason == reason)
    if trust is not None:
        statement = statement.where(StudyRow.trust == trust)
    total = session.exec(select(func.count()).select_from(statement.order_by(None).subquery())).one()
    order = (col(StudyRow.due_at), col(UnallocatedRow.study_id), col(UnallocatedRow.read))
    after = cut.after_instant(_BY_DUE, 3)
    if after is not None:
        statement = statement.where(beyond(order, after, descending=False))
    found = session.exec(statement.order_by(*order).limit(cut.limit + 1)).all()
    items = tuple(
        UnallocatedRead(study=study, read=row.read, reason=row.reason, kind=ReadKind(kind), follows=follows)
        for row, study, kind, follows in found[: cut.limit]
    )
    if len(found) <= cut.limit:
        return Page(items=items, total=total)
    last = items[-1]
    return Page(
        items=items, total=total, next_cursor=cursor(_BY_DUE, last.study.due_at.isoformat(), last.study.id, last.read)
    )


def unallocated_by_reason(session: Session) -> list[UnallocatedCount]:
    """Return how many reads of open studies the current plan has no place for, by trust and reason."""
    found = session.exec(
        select(StudyRow.trust, UnallocatedRow.reason, func.count())
        .join(StudyRow, col(StudyRow.id) == col(UnallocatedRow.study_id))
        .join(ReadRow, _same_read())
        .where(UnallocatedRow.run_id == _current_id(session), *_still_waits())
        .group_by(StudyRow.trust, UnallocatedRow.reason)
        .order_by(StudyRow.trust, UnallocatedRow.reason)
    ).all()
    return [UnallocatedCount(trust=trust, reason=reason, reads=reads) for trust, reason, reads in found]


def _same_read() -> Any:
    return (col(ReadRow.study_id) == col(UnallocatedRow.study_id)) & (col(ReadRow.number) == col(UnallocatedRow.read))


def _still_waits() -> tuple[Any, ...]:
    """Return the conditions that a read without a place is still to be read, by whomever."""
    return StudyRow.state == StudyState.OPEN, col(ReadRow.state).in_([ReadState.UNALLOCATED, ReadState.CLAIMED])


def _newest(session: Session, state: RunState) -> RunRow | None:
    statement = select(RunRow).where(*_of_runs(state)).order_by(col(RunRow.id).desc()).limit(1)
    return session.exec(statement).first()


def _of_runs(state: RunState) -> tuple[Any, ...]:
    """Return the conditions of whole runs in a state: previews wait and run in a line of their own."""
    return RunRow.state == state, RunRow.kind == RunKind.ALLOCATION


def _current_id(session: Session) -> int | None:
    current = current_run(session)
    return None if current is None else current.id


def requested(session: Session) -> RunRow | None:
    """Return the run that has been asked for and not begun, if there is any."""
    return _newest(session, RunState.REQUESTED)


def request_run(session: Session, *, now: datetime, reason: str) -> RunRow:
    """Enter that a run is asked for; if one is waiting already, that is the one: many reasons make one run.

    One that waits does not begin before this transaction ends: begun earlier, it would be gathered without what the
    transaction changes, and nobody would ask again. One that begins at this moment is waited for, and is not the one.
    """
    # two who ask at once on PostgreSQL may both enter one: whichever begins takes the other with it
    waiting = session.exec(
        select(RunRow).where(*_of_runs(RunState.REQUESTED)).order_by(col(RunRow.id)).limit(1).with_for_update()
    ).first()
    if waiting is not None:
        return waiting
    row = _new_run(state=RunState.REQUESTED, token=0, now=now, started_at=now, seed=0, stage=reason)
    session.add(row)
    session.flush()
    return row


def ask_for_run(session: Session, *, now: datetime, reason: str) -> None:
    """Remember that a run is asked for, which is entered once nothing but the change feed's turn is still to be locked.

    Whoever changes things asks in this way, several times if there are several reasons: with the run that waits in
    hand, which all of them need, nobody is to wait for what another of them changes. ``assignments`` enters it, before
    it takes the turn, and before the transaction commits.
    """
    session.info.setdefault(_ASKED, {"now": now, "reason": reason})


def enter_asked(session: Session) -> None:
    """Enter the run that this transaction has asked for, if it has."""
    asked = session.info.pop(_ASKED, None)
    if asked is not None:
        request_run(session, **asked)


def begin_run(session: Session, *, token: int, now: datetime, started_at: datetime, seed: int) -> int:
    """Enter that a run has begun, and that any other that says it is under way has died; return its number.

    If one has been asked for, it is that one. Called by whoever holds the lease under which runs go, ``token``: no
    other can be alive.
    """
    for dead in session.exec(select(RunRow).where(*_of_runs(RunState.RUNNING))).all():
        dead.state, dead.finished_at, dead.error = RunState.FAILED, started_at, "the process that ran it stopped"
    begun = {"state": RunState.RUNNING, "token": token, "now": now, "started_at": started_at, "seed": seed}
    row = _first_requested(session, started_at) or _new_run(**begun)
    for name, value in {**begun, "stage": "gather"}.items():
        setattr(row, name, value)
    session.add(row)
    session.flush()
    return row.id or 0


def _new_run(**columns: Any) -> RunRow:
    return RunRow(**columns, progress={}, warnings=[])


def _first_requested(session: Session, now: datetime) -> RunRow | None:
    """Return the first run asked for; any other asked for at the same time is answered by it."""
    statement = select(RunRow).where(*_of_runs(RunState.REQUESTED)).order_by(col(RunRow.id)).with_for_update()
    waiting = session.exec(statement, execution_options={"populate_existing": True}).all()
    for other in waiting[1:]:
        other.state, other.finished_at, other.error = RunState.FAILED, now, f"run {waiting[0].id} was asked for as well"
    return waiting[0] if waiting else None


def add_mending(  # noqa: PLR0913 - what became of it, and when
    session: Session,
    state: RunState,
    *,
    now: datetime,
    began_at: datetime,
    stage: str,
    policy_id: int,
    error: str = "",
    summary: Summary | None = None,
) -> RunRow:
    """Enter a mending, which is over as soon as it is known: published with its ``summary``, or why not."""
    row = _new_run(state=state, token=0, now=now, started_at=began_at, seed=0, stage=stage)
    row.kind, row.finished_at, row.policy_id, row.error = RunKind.MENDING, now, policy_id, error
    if summary is not None:
        keep_summary(row, summary)
    session.add(row)
    session.flush()
    return row


def last_mending(session: Session) -> int | None:
    """Return the number of the last mending, whatever became of it; ``None`` if nothing was ever mended."""
    statement = select(RunRow.id).where(RunRow.kind == RunKind.MENDING)
    return session.exec(statement.order_by(col(RunRow.id).desc()).limit(1)).first()


def add_restoring(session: Session, *, now: datetime, stage: str, policy_id: int | None) -> RunRow:
    """Enter that lists are put back as they were; whoever does so says that it is published."""
    row = _new_run(state=RunState.RUNNING, token=0, now=now, started_at=now, seed=0, stage=stage)
    row.kind, row.finished_at, row.policy_id = RunKind.RESTORING, now, policy_id
    session.add(row)
    session.flush()
    return row


def own_run(session: Session, run_id: int, token: int) -> RunRow:
    """Return a run that is under way with this token, for changing.

    Raises
    ------
    ConflictError
        If it has ended, or been declared dead.
    """
    row = session.exec(select(RunRow).where(RunRow.id == run_id).with_for_update()).first()
    if row is None or row.state is not RunState.RUNNING or row.token != token:
        raise ConflictError(f"run {run_id} is no longer under way")
    return row


def held_run(session: Session, run_id: int) -> RunRow:
    """Return a run that is held, for changing.

    Raises
    ------
    NotFoundError
        If there is no such run.
    ConflictError
        If it does not wait for anybody.
    """
    row = session.exec(select(RunRow).where(RunRow.id == run_id).with_for_update()).first()
    if row is None:
        raise NotFoundError(f"there is no run {run_id}")
    if row.state is not RunState.HELD:
        raise ConflictError(f"run {run_id} does not wait to be published: it is {row.state}")
    return row


def newest_held(session: Session) -> RunRow | None:
    """Return the last run that is held, if there is any."""
    return _newest(session, RunState.HELD)


def emergencies_overdue(session: Session, held_before: datetime) -> list[RunRow]:
    """Return the runs held since before then whose emergencies have not been let out, oldest first.

    Those that were discarded, or that a later held one took the place of, count until a plan is published: their
    emergencies wait on. One of which nothing is kept says nothing of any.
    """
    statement = _emergencies_wait(select(RunRow))
    return list(session.exec(statement.where(col(RunRow.held_at) <= held_before).order_by(col(RunRow.id))))


def emergencies_wait_since(session: Session) -> datetime | None:
    """Return since when the first of the plans has waited whose emergencies have not been let out."""
    held_at: datetime | None = session.exec(_emergencies_wait(select(func.min(RunRow.held_at)))).one()
    return held_at


def _emergencies_wait(statement: Any) -> Any:
    """Return a statement about runs for those whose emergencies wait, as ``emergencies_overdue`` says."""
    published = select(func.max(RunRow.id)).where(RunRow.state == RunState.PUBLISHED, RunRow.kind == RunKind.ALLOCATION)
    last = func.coalesce(published.scalar_subquery(), 0)
    return statement.join(RunRecordRow, col(RunRecordRow.run_id) == col(RunRow.id)).where(
        col(RunRow.state).in_(_HAVE_WAITED), col(RunRow.emergencies_out_at).is_(None), col(RunRow.id) > last
    )


def on_lists_since(session: Session, run_id: int) -> int | None:
    """Return the last run after this one of which anything is on current lists, if there is any; mendings apart."""
    later = (RunRow.kind == RunKind.ALLOCATION, col(RunRow.id) > run_id)
    published = select(func.max(RunRow.id)).where(RunRow.state == RunState.PUBLISHED, *later)
    listed = select(func.max(RunRow.id)).join(WorklistRow, col(WorklistRow.run_id) == col(RunRow.id))
    listed = listed.where(col(WorklistRow.superseded_at).is_(None), *later)
    found = [number for number in (session.exec(published).one(), session.exec(listed).one()) if number is not None]
    return max(found, default=None)


def supersede_held(session: Session, *, by: int, why: str) -> None:
    """Enter that runs held before ``by`` are not to be published any more, and why in words."""
    for row in session.exec(select(RunRow).where(RunRow.state == RunState.HELD, col(RunRow.id) < by)):
        row.state, row.error = RunState.SUPERSEDED, why


def note_progress(session: Session, run_id: int, token: int, progress: dict[str, Any], at: datetime) -> None:
    """Write how far a run is, if it is still under way with this token."""
    row = session.exec(select(RunRow).where(RunRow.id == run_id, RunRow.token == token)).first()
    if row is not None and row.state is RunState.RUNNING:
        row.progress, row.progress_at = progress, at


def keep_summary(row: RunRow, summary: Summary) -> None:
    """Write what a plan says of itself into its run."""
    for name in ("sunk", "bound", "gap", "total", "studies", "reads", "allocated", "digest"):
        setattr(row, name, getattr(summary, name))
    row.status, row.stopped_by = summary.status.value, summary.stopped_by.value
    row.terms, row.seconds = summary.terms.as_dict(), dict(summary.seconds)
    row.late, row.longest_wait_hours = dict(summary.late), dict(summary.longest_wait_hours)
