"""Park a read that cannot be read now, take it up again, and see that nothing stays away beyond its date."""

from __future__ import annotations

from datetime import datetime, timedelta

from balancer.domain.actor import Actor, job
from balancer.domain.errors import UntimelyError
from balancer.domain.exceptional import ExceptionKind
from balancer.domain.instruction import Instruction, InstructionKind
from balancer.domain.life import ReadEvent, ReadState
from balancer.services.bring_back_read import bring_back
from balancer.services.each_read import each_read
from balancer.services.steer_read import Said, decide_about_read
from balancer.store import reads
from balancer.store.database import Database
from balancer.store.exceptions import is_resolved_since, open_exception
from balancer.store.policies import current_policy

_JOB = job("parked reads")
# What is noticed of a read that is still away, and what it says.
_NOTICED = {
    ReadState.PARKED: (ExceptionKind.PARKED_TOO_LONG, "parked with"),
    ReadState.SENT_OUT: (ExceptionKind.NOT_BACK, "sent out to"),
}


def park_read(  # noqa: PLR0913 - what is parked, why, with whom and until when
    db: Database,
    read_id: int,
    now: datetime,
    *,
    by: Actor,
    reason: str,
    until: datetime,
    owner: str = "",
    draft_id: int | None = None,
) -> Instruction:
    """Take a read out of the runs until ``until``; its owner is the trust's reporting office if nobody is named.

    Raises
    ------
    NotFoundError
        If there is no such read.
    UntimelyError
        If ``until`` is not after ``now``.
    ConflictError
        If somebody has it open, or it is not to be read.
    """
    if until <= now:
        raise UntimelyError("until", "must lie in the future")
    value = {"owner": owner, "until": until.isoformat()}
    said = Said(reason=reason, draft_id=draft_id)
    return decide_about_read(db, InstructionKind.PARK, read_id, now, by=by, said=said, value=value)


def unpark_read(db: Database, read_id: int, now: datetime, *, by: Actor, reason: str) -> None:
    """Put a parked read back into the queue, with its clock as it was; a run is asked for.

    Raises
    ------
    NotFoundError
        If there is no such read.
    ConflictError
        If it is not parked.
    """
    bring_back(db, read_id, ReadEvent.UNPARK, now, by=by, reason=reason)


def check_parked(db: Database, now: datetime) -> int:
    """Make an exception of every read that is parked, or with a provider, beyond its date; return how many are new.

    Once somebody has seen to one, the next is made when the policy's hours for a parking are over again.
    """
    with db.session() as session:
        over = reads.away_beyond(session, now)
        if not over:
            return 0
        before = now - timedelta(hours=current_policy(session).reading.parked_hours)
    return each_read(over, lambda read_id: _notice(db, read_id, now, before), job=_JOB.name)


def _notice(db: Database, read_id: int, now: datetime, before: datetime) -> bool:
    with db.transaction() as session:
        row, study = reads.locked_read(session, read_id)
        if row.state not in _NOTICED or row.until is None or row.until > now:
            return False
        kind, words = _NOTICED[row.state]
        if is_resolved_since(session, kind, read_id, max(row.since, before)):
            return False
        detail = f"{words} {row.owner}: {row.reason}"
        return open_exception(session, kind, read_id, study, by=_JOB, now=now, detail=detail)
