"""Have a read done again that was done here: a person has seen what the source does not say."""

from __future__ import annotations

from datetime import datetime

from balancer.domain.actor import Actor
from balancer.domain.errors import ConflictError
from balancer.domain.life import Again, ReadEvent, ReadKind, ReadState
from balancer.domain.states import StudyState
from balancer.services.end_claim import put_back
from balancer.store import reads, runs
from balancer.store.database import Database, Session
from balancer.store.tables_life import ReadRow

# What is built on what: a report is verified, and two that differ are decided between.
_ORDER = (ReadKind.INTERPRETATION, ReadKind.VERIFICATION, ReadKind.ARBITRATION)


def reopen_read(db: Database, read_id: int, now: datetime, *, by: Actor, reason: str) -> ReadState:
    """Put a read that was completed here back into the queue, with its clock as it was; return where it stands.

    For a report that is of another patient, was never saved, or needs an addendum before it can be verified. What was
    done stays on record, and whoever did it is given it again if they can do it in time. A run is asked for.

    Raises
    ------
    NotFoundError
        If there is no such read.
    ConflictError
        If it is not done; if a verification or an arbitration rests on it, whose reader decides what becomes of it; or
        if its source has said that the study is reported: then the report stands there, and the study comes back when
        its source asks for it again.
    """
    with db.transaction() as session:
        row, study = reads.locked_read(session, read_id)
        if row.state is not ReadState.DONE:
            raise ConflictError(f"the read is {row.state}: only one that is done can be done again")
        if row.confirmed_at is not None or study.state is not StudyState.OPEN:
            raise ConflictError(
                "its source says that it is reported: have the report corrected there, and it comes back when it is "
                "asked for again"
            )
        if _rests_on(session, row):
            raise ConflictError("another read rests on it: whoever has that one decides")
        put_back(session, row, ReadEvent.DISPUTE, reason=Again.REOPENED.value, by=by, now=now, why=reason)
        runs.ask_for_run(session, now=now, reason="a read was reopened")
        return row.state


def _rests_on(session: Session, row: ReadRow) -> bool:
    """Tell whether a read that follows from this one is there, whoever asks and may see it."""
    later = _ORDER[_ORDER.index(row.kind) + 1 :]
    siblings = reads.locked_reads(session, {row.study_id})[row.study_id]
    return any(other.kind in later and other.state is not ReadState.WITHDRAWN for other in siblings)
