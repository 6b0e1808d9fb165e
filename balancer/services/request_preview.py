"""Ask what a draft would do; whoever makes previews takes it up, and nothing is ever published by it."""

from __future__ import annotations

from datetime import datetime

from balancer.domain.actor import Actor
from balancer.domain.errors import ConflictError
from balancer.domain.instruction import InstructionState
from balancer.store import drafts, previews
from balancer.store.database import Database


def request_preview(db: Database, draft_id: int, now: datetime, *, by: Actor) -> int:
    """Ask for a preview of an open draft, and return the number of its run; while one of it waits, that is the one.

    Raises
    ------
    NotFoundError
        If there is no such draft.
    NotAllowedError
        If it decides about trusts beyond reach.
    ConflictError
        If it is not open, or nothing is staged in it.
    """
    with db.transaction() as session:
        drafts.require_whole(session, draft_id, InstructionState.STAGED)
        row = drafts.locked(session, draft_id)
        if not drafts.of_draft(session, draft_id, InstructionState.STAGED):
            raise ConflictError("nothing is staged in the draft")
        run = previews.request(session, draft_id, now=now, stage=f"draft {draft_id}")
        drafts.note(session, row, "preview", row.state.value, by=by, now=now, why="", detail={"run": run.id})
        return run.id or 0
