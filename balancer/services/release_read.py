"""Release a read: whoever opened it closes it again, unreported."""

from __future__ import annotations

from datetime import datetime

from balancer.domain.actor import Actor
from balancer.domain.life import ReadEvent, ReadState
from balancer.services.claim_read import require_claim
from balancer.services.end_claim import end_unread
from balancer.store import reads
from balancer.store.database import Database


def release_read(db: Database, read_id: int, reporter_id: str, now: datetime, *, by: Actor) -> ReadState:
    """End the reporter's claim; return where the read stands now.

    On the list that has a place for it, with nobody, or withdrawn.

    Raises
    ------
    NotFoundError
        If there is no such read.
    ClaimedError
        If somebody else has it open; it says who.
    ConflictError
        If nobody has.
    """
    with db.transaction() as session:
        row, study = reads.locked_read(session, read_id)
        claim = require_claim(session, row, reporter_id)
        return end_unread(session, row, study, claim, ReadEvent.RELEASE, by=by, now=now)
