"""Return a read: its reporter hands it back with a reason and is not offered the study again."""

from __future__ import annotations

from datetime import datetime, timedelta

from balancer.domain.actor import Actor
from balancer.domain.errors import ConflictError
from balancer.domain.exceptional import ExceptionKind, office_of
from balancer.domain.instruction import InstructionKind, InstructionState
from balancer.domain.life import ReadEvent, ReadState, ReturnReason
from balancer.services.claim_read import require_claim
from balancer.services.follow_reads import note_not_followed_up
from balancer.services.urgency import is_emergency
from balancer.services.what_holds import what_holds
from balancer.store import claims, follow_ups, instructions, reads, runs
from balancer.store.database import Database, Session
from balancer.store.exceptions import open_exception
from balancer.store.policies import current_policy
from balancer.store.tables import StudyRow
from balancer.store.tables_life import ClaimRow, ReadRow, ReturnRow


def return_read(  # noqa: PLR0913 - what is handed back, by whom and why
    db: Database,
    read_id: int,
    reporter_id: str,
    now: datetime,
    *,
    by: Actor,
    reason: ReturnReason,
    note: str = "",
) -> ReadState:
    """Take a read that is on the reporter's list, or that they have open, from them; return where it stands now.

    It is nobody's, its study's clock goes on as it was, and the returner is not offered the study again; if it was
    pinned to them, it is no longer. One whose images are missing is parked with the trust's reporting office until the
    policy's hours have passed, or until it is due if that is sooner, by whoever's word; if it is an emergency, the
    office is told at once.

    Raises
    ------
    NotFoundError
        If there is no such read.
    ClaimedError
        If somebody else has it open; it says who.
    ConflictError
        If it is not this reporter's.
    """
    with db.transaction() as session:
        row, study = reads.locked_read(session, read_id)
        claim = require_claim(session, row, reporter_id) if row.state is ReadState.CLAIMED else None
        if row.state not in {ReadState.CLAIMED, ReadState.ALLOCATED} or row.reporter_id != reporter_id:
            raise ConflictError(f"the read is not on this reporter's list: it is {row.state}")
        claims.end_claim(session, read_id, ReadEvent.RETURN, now=now)
        session.add(ReturnRow(read_id=read_id, reporter_id=reporter_id, reason=reason, note=note, returned_at=now))
        _unpin(session, row, reason, by, now)
        _put_back(session, row, study, claim, reason, by, now)
        if is_emergency(session, study, now):
            runs.ask_for_run(session, now=now, reason="an emergency was handed back")
        return row.state


def _unpin(session: Session, row: ReadRow, reason: ReturnReason, by: Actor, now: datetime) -> None:
    """End the pin of a read to whoever hands it back: it would be nobody's for as long as that holds."""
    for given in instructions.locked_of_study(session, row.study_id, InstructionKind.PIN):
        if given.read_id == row.id and given.reporter_id == row.reporter_id:
            why = f"handed back: {reason.value}"
            instructions.end(session, given, InstructionState.WITHDRAWN, by=by, now=now, why=why)


def _due_at(session: Session, row: ReadRow, study: StudyRow, now: datetime) -> datetime:
    """Return when the read is due as a run takes it: what people have asked for counts, and its own target."""
    follows = follow_ups.of_reads(session, [row.id or 0]).get(row.id or 0)
    return what_holds(session, [study], now)[study.id or 0].due_of(follows)


def _put_back(  # noqa: PLR0913, PLR0917
    session: Session,
    row: ReadRow,
    study: StudyRow,
    claim: ClaimRow | None,
    reason: ReturnReason,
    by: Actor,
    now: datetime,
) -> None:
    policy, reporter_id = current_policy(session), row.reporter_id
    if claim is not None and claim.withdrawn_at is not None:
        reads.move(session, row, ReadEvent.RETURN, ReadState.WITHDRAWN, by=by, now=now, why=reason.value)
        note_not_followed_up(session, row, study, by, now)
    elif reason is ReturnReason.IMAGES_MISSING:
        until = min(now + timedelta(hours=policy.reading.parked_hours), max(now, _due_at(session, row, study, now)))
        owner = office_of(study.trust)
        to = ReadState.PARKED
        reads.move(session, row, ReadEvent.RETURN, to, by=by, now=now, reason=reason.value, owner=owner, until=until)
        if is_emergency(session, study, now):
            kind, detail = ExceptionKind.EMERGENCY_WAITS, f"handed back by {reporter_id}: its images are missing"
            open_exception(session, kind, row.id or 0, study, by=by, now=now, detail=detail)
    else:
        to = ReadState.UNALLOCATED
        reads.move(session, row, ReadEvent.RETURN, to, by=by, now=now, reason=f"returned: {reason.value}")
