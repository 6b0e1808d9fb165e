"""Believe completions no longer than the policy says: what its source still lists comes back to the queue."""

from __future__ import annotations

from datetime import datetime, timedelta

from balancer.domain.actor import job
from balancer.domain.exceptional import ExceptionKind
from balancer.domain.life import Again, ReadEvent, ReadState
from balancer.domain.states import StudyState
from balancer.services.each_read import each_read
from balancer.services.end_claim import put_back
from balancer.services.urgency import is_emergency
from balancer.store import reads, runs, unconfirmed
from balancer.store.database import Database
from balancer.store.exceptions import open_exception
from balancer.store.policies import current_policy

_JOB = job("completions")


def check_completions(db: Database, now: datetime) -> int:
    """Put back every read done here that its source, asked the policy's hours later, still lists; return how many.

    Each becomes an exception of its trust's reporting office. The study's clock goes on as it was from the beginning.
    """
    with db.session() as session:
        patience = timedelta(hours=current_policy(session).reading.confirm_hours)
        found = unconfirmed.contradicted(session, patience)
    return each_read(found, lambda read_id: _put_back(db, read_id, now), job=_JOB.name)


def _put_back(db: Database, read_id: int, now: datetime) -> bool:
    with db.transaction() as session:
        row, study = reads.locked_read(session, read_id)
        if row.state is not ReadState.DONE or row.confirmed_at is not None or row.done_at is None:
            return False
        if study.state is not StudyState.OPEN:  # its source has said in the meantime that it is done
            return False
        kind, done_at = ExceptionKind.UNCONFIRMED, row.done_at.isoformat(timespec="minutes")
        detail = f"completed by {row.reporter_id} at {done_at}, still unreported at its source"
        put_back(session, row, ReadEvent.DISPUTE, reason=Again.UNCONFIRMED.value, by=_JOB, now=now)
        if is_emergency(session, study, now):
            runs.ask_for_run(session, now=now, reason="an emergency is still unreported")
        open_exception(session, kind, read_id, study, by=_JOB, now=now, detail=detail)
        return True
