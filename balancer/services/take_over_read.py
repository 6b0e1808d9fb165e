"""Take over a read that somebody has open: their claim ends, and they are told."""

from __future__ import annotations

from datetime import datetime, timedelta

from balancer.domain.actor import Actor
from balancer.domain.errors import ConflictError
from balancer.domain.life import ReadEvent, ReadState
from balancer.services.claim_read import why_not_verify, why_outside
from balancer.services.follow_reads import note_not_followed_up
from balancer.services.hold_over import StudiesAsHeld, reporter_as_held
from balancer.services.not_theirs import not_theirs
from balancer.store import claims, instructions, people, queue, reads, runs
from balancer.store.database import Database, Session
from balancer.store.policies import current_policy
from balancer.store.tables import StudyRow
from balancer.store.tables_life import ClaimRow, ReadRow


def take_over_read(  # noqa: PLR0913 - what is taken from whom, for whom and why
    db: Database, read_id: int, now: datetime, *, by: Actor, reason: str, reporter_id: str | None = None
) -> ReadState:
    """End somebody's claim of a read, whether or not heartbeats keep it; return where the read stands now.

    It is ``reporter_id``'s from now, for a lease of the policy, until they say that they are there; or nobody's, and a
    run is asked for. Whoever had it open hears so with their next heartbeat. A report that they complete all the same
    is kept, as any that comes after the end of a claim.

    Raises
    ------
    NotFoundError
        If there is no such read or reporter.
    ConflictError
        If nobody has it open, or it is not to be ``reporter_id``'s; it says why, but to somebody who may read blind.
    """
    with db.transaction() as session:
        row, study = reads.locked_read(session, read_id)
        claim = claims.live_claim(session, read_id)
        if claim is None:
            raise ConflictError(f"nobody has claimed the read: it is {row.state}")
        if reporter_id is not None:
            _require_may(session, row, study, reporter_id, now)
        claims.end_claim(session, read_id, ReadEvent.TAKE_OVER, now=now)
        if claim.withdrawn_at is not None:
            reads.move(session, row, ReadEvent.TAKE_OVER, ReadState.WITHDRAWN, by=by, now=now, why=reason)
            note_not_followed_up(session, row, study, by, now)
        elif reporter_id is None:
            to = ReadState.UNALLOCATED
            reads.move(session, row, ReadEvent.TAKE_OVER, to, by=by, now=now, why=reason, reason="taken over")
            runs.ask_for_run(session, now=now, reason="a read was taken over")
        else:
            _give(session, row, reporter_id, by=by, now=now, why=reason)
        return row.state


def _require_may(session: Session, row: ReadRow, study: StudyRow, reporter_id: str, now: datetime) -> None:
    if row.reporter_id == reporter_id:
        raise ConflictError("the reporter has the read open already")
    why_not = "they have another read of the study" if claims.has_another(session, row, reporter_id) else ""
    person = reporter_as_held(session, people.reporter(session, reporter_id).reporter, now)
    why_not = why_not or why_not_verify(row, person, current_policy(session))
    why_not = why_not or why_outside(StudiesAsHeld(session, now).of(study), person, now)
    if not why_not and reporter_id in queue.barred(session, [row.study_id])[row.study_id]:
        why_not = "they have handed the study back, or are barred from it"
    pinned = instructions.pins(session, row.study_id).get((row.study_id, row.number), reporter_id)
    if not why_not and pinned != reporter_id:
        why_not = f"it is pinned to {people.name_of(session, pinned)} ({pinned})"
    if why_not:
        raise not_theirs(session, row.study_id, why_not)


def _give(  # noqa: PLR0913
    session: Session, row: ReadRow, reporter_id: str, *, by: Actor, now: datetime, why: str
) -> None:
    to = ReadState.CLAIMED
    reads.move(session, row, ReadEvent.TAKE_OVER, to, by=by, now=now, why=why, reporter_id=reporter_id)
    until = now + timedelta(minutes=current_policy(session).reading.lease_minutes)
    claims.add_claim(session, ClaimRow(read_id=row.id or 0, reporter_id=reporter_id, claimed_at=now, lease_until=until))
