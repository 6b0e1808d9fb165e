"""Throw a draft away: nothing of it ever held."""

from __future__ import annotations

from datetime import datetime

from balancer.domain.actor import Actor
from balancer.domain.draft import DraftState
from balancer.domain.instruction import InstructionState
from balancer.store import drafts, instructions
from balancer.store.database import Database


def discard_draft(db: Database, draft_id: int, now: datetime, *, by: Actor, why: str) -> None:
    """Discard an open draft with everything that is staged in it; it is kept, and says who did so and why.

    Raises
    ------
    NotFoundError
        If there is no such draft.
    NotAllowedError
        If it decides about trusts beyond reach.
    ConflictError
        If it has been published or discarded already.
    """
    with db.transaction() as session:
        drafts.require_whole(session, draft_id, InstructionState.STAGED)
        row = drafts.locked(session, draft_id)
        for staged in drafts.of_draft(session, draft_id, InstructionState.STAGED, lock=True):
            instructions.end(session, staged, InstructionState.DISCARDED, by=by, now=now, why=why)
        drafts.decide(session, row, DraftState.DISCARDED, by=by, now=now, why=why)
