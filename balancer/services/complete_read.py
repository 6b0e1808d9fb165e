"""Complete a read: its report is written, and believed until its source contradicts."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from balancer.domain.actor import Actor, ActorKind
from balancer.domain.errors import ConflictError
from balancer.domain.exceptional import ExceptionKind
from balancer.domain.life import ReadEvent, ReadState
from balancer.services.claim_read import note_not_entitled, note_same_reader, require_first_of_study
from balancer.store import claims, people, reads
from balancer.store.database import Database, Session
from balancer.store.exceptions import open_exception
from balancer.store.tables import StudyRow
from balancer.store.tables_life import CompletionRow, ReadRow


def complete_read(db: Database, read_id: int, reporter_id: str, now: datetime, *, by: Actor) -> bool:
    """Enter that the reporter has done the read; saying so twice is saying so once.

    A completion that comes after the claim has lapsed is accepted if nobody else has claimed the read since. If
    somebody has, or the read is done or no longer to be read, both stand: the completion is kept, an exception tells
    the trust's reporting office, and the answer is ``False``. It is never dropped. So it is if the read came back
    after this reporter had completed it, and they have not opened it since: that is the old word once more, and what
    it says has been doubted. Whoever may not report the study (any more) has done so all the same, and the office is
    told.

    Raises
    ------
    NotFoundError
        If there is no such read or reporter; a reporter whose entitlements have gone is one.
    ConflictError
        If the reporter completes for themselves what they never claimed, or a second read of one study.
    """
    with db.transaction() as session:
        person = people.reporter_anywhere(session, reporter_id)
        row, study = reads.locked_read(session, read_id)
        if row.state is ReadState.DONE and row.reporter_id == reporter_id:
            return True
        if by.reporter_id == reporter_id and not claims.had_claimed(session, read_id, reporter_id):
            raise ConflictError(f"the reporter has not claimed the read: it is {row.state}")
        if by.reporter_id == reporter_id:
            require_first_of_study(session, row, reporter_id)
        repeated = claims.is_said_again(session, read_id, reporter_id)
        accepted = _is_free_for(row, reporter_id) and not repeated
        system = by.subject if by.kind is ActorKind.SYSTEM else ""
        claims.add_completion(
            session,
            CompletionRow(read_id=read_id, reporter_id=reporter_id, completed_at=now, system=system, accepted=accepted),
        )
        if accepted:
            claims.end_claim(session, read_id, ReadEvent.COMPLETE, now=now)
            done: dict[str, Any] = {"reporter_id": reporter_id, "done_at": now, "confirmed_at": None}
            reads.move(session, row, ReadEvent.COMPLETE, ReadState.DONE, by=by, now=now, **done)
            note_same_reader(session, row, study, reporter_id, by, now)
            note_not_entitled(session, row, study, person, by, now)
        else:
            _keep_beside(session, row, study, reporter_id, by, now, again=repeated)
        return accepted


def _is_free_for(row: ReadRow, reporter_id: str) -> bool:
    """Tell whether a read may be completed by this reporter: it is theirs, or nobody has it open."""
    if row.state is ReadState.CLAIMED:
        return row.reporter_id == reporter_id
    return row.state in {ReadState.ALLOCATED, ReadState.UNALLOCATED}


def _keep_beside(  # noqa: PLR0913, PLR0917
    session: Session, row: ReadRow, study: StudyRow, reporter_id: str, by: Actor, now: datetime, *, again: bool
) -> None:
    whose = f", with {row.reporter_id}" if row.reporter_id else ""
    said = "completed once more" if again else "completed"
    detail = f"{said} by {reporter_id} when it was {row.state}{whose}"
    kind = ExceptionKind.COMPLETED_BESIDE
    open_exception(session, kind, row.id or 0, study, by=by, now=now, detail=detail)
