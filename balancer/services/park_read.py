"""Park a read that cannot be read now, and take it up again."""

from __future__ import annotations

from datetime import datetime

from balancer.domain.actor import Actor, job
from balancer.domain.errors import InvalidValueError
from balancer.domain.exceptional import ExceptionKind, office_of
from balancer.domain.life import ReadEvent, ReadState
from balancer.services.each_read import each_read
from balancer.store import reads, runs
from balancer.store.database import Database
from balancer.store.exceptions import open_exception
from balancer.store.policies import current_policy

_JOB = job("parked reads")


def park_read(  # noqa: PLR0913 - what is parked, why, with whom and until when
    db: Database, read_id: int, now: datetime, *, by: Actor, reason: str, until: datetime, owner: str = ""
) -> None:
    """Take a read out of the runs until ``until``; its owner is the trust's reporting office if nobody is named.

    Raises
    ------
    NotFoundError
        If there is no such read.
    InvalidValueError
        If ``until`` is not after ``now``.
    ConflictError
        If somebody has it open, or it is not to be read.
    """
    if until <= now:
        raise InvalidValueError("until", "must lie in the future")
    with db.transaction() as session:
        row, study = reads.locked_read(session, read_id)
        whose = owner or office_of(study.trust)
        to = ReadState.PARKED
        reads.move(session, row, ReadEvent.PARK, to, by=by, now=now, reason=reason, owner=whose, until=until)


def unpark_read(db: Database, read_id: int, now: datetime, *, by: Actor, reason: str) -> None:
    """Put a parked read back into the queue, with its clock as it was; for an emergency a run is asked for.

    Raises
    ------
    NotFoundError
        If there is no such read.
    ConflictError
        If it is not parked.
    """
    with db.transaction() as session:
        row, study = reads.locked_read(session, read_id)
        to = ReadState.UNALLOCATED
        reads.move(session, row, ReadEvent.UNPARK, to, by=by, now=now, why=reason, reason="unparked")
        if current_policy(session).is_emergency(study.priority):
            runs.request_run(session, now=now, reason="an emergency can be read again")


def check_parked(db: Database, now: datetime) -> int:
    """Make an exception of every read that is parked beyond its date; return how many are new."""
    with db.session() as session:
        over = reads.parked_beyond(session, now)
    return each_read(over, lambda read_id: _notice(db, read_id, now), job=_JOB.name)


def _notice(db: Database, read_id: int, now: datetime) -> bool:
    with db.transaction() as session:
        row, study = reads.locked_read(session, read_id)
        if row.state is not ReadState.PARKED or row.until is None or row.until > now:
            return False
        detail = f"parked with {row.owner}: {row.reason}"
        kind = ExceptionKind.PARKED_TOO_LONG
        return open_exception(session, kind, read_id, study, by=_JOB, now=now, detail=detail)
