"""The scheduler's ledger: each due time of each job is taken once, and what became of it is kept."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, delete, func, select

from balancer.domain.errors import NotFoundError
from balancer.store.tables import HeartbeatRow, JobRow


def take(session: Session, job: str, scheduled_for: datetime, *, holder: str, now: datetime) -> int | None:
    """Enter that ``job`` due at ``scheduled_for`` is being done; ``None`` if it has been taken already."""
    taken = session.exec(select(JobRow.id).where(JobRow.job == job, JobRow.scheduled_for == scheduled_for)).first()
    if taken is not None:
        return None
    row = JobRow(job=job, scheduled_for=scheduled_for, holder=holder, started_at=now)
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError:  # somebody else took it at the same time
        return None
    return row.id


def finish(session: Session, job_id: int, *, outcome: str, detail: str, now: datetime) -> None:
    """Enter what became of a job; ``NotFoundError`` if it was never taken."""
    row = session.get(JobRow, job_id)
    if row is None:
        raise NotFoundError(f"there is no job {job_id}")
    row.outcome, row.detail, row.finished_at = outcome, detail, now


def forget_jobs(session: Session, before: datetime) -> None:
    """Forget entries of due times before then, but the last of each job: how it went is known however long ago."""
    last = select(func.max(JobRow.id)).group_by(col(JobRow.job))
    old = delete(JobRow).where(col(JobRow.scheduled_for) < before, col(JobRow.id).not_in(last))
    session.exec(old, execution_options={"synchronize_session": False})


def last_jobs(session: Session, job: str | None = None, limit: int = 100) -> list[JobRow]:
    """Return the last entries, newest first."""
    statement = select(JobRow)
    if job is not None:
        statement = statement.where(JobRow.job == job)
    return list(session.exec(statement.order_by(col(JobRow.id).desc()).limit(limit)))


def beat(session: Session, name: str, *, now: datetime, detail: str = "") -> None:
    """Say that the part ``name`` of the service lives at ``now``."""
    row = session.get(HeartbeatRow, name)
    if row is None:
        session.add(HeartbeatRow(name=name, beat_at=now, detail=detail))
    else:
        row.beat_at, row.detail = now, detail


def heartbeats(session: Session) -> dict[str, HeartbeatRow]:
    """Return the last beat of every part, by name."""
    return {row.name: row for row in session.exec(select(HeartbeatRow))}
