"""Leave moves of a plan that waits out: each read stays with whoever has it, staged together and previewed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from balancer.domain.actor import Actor
from balancer.services.stage_in_draft import stage_in_draft
from balancer.services.steer_read import Said, pin_read
from balancer.store.database import Database


def leave_moves_out(  # noqa: PLR0913 - which reads stay with whom, on whose word
    db: Database, stays: Mapping[int, str], trust: str, now: datetime, *, by: Actor, reason: str, name: str
) -> int:
    """Ensure that a new draft pins each read to the reporter who has it, and that its preview is asked for.

    Returns the draft's number. Nothing changes until it is published; then a run is asked for that keeps these reads
    where they are. If one of them cannot be pinned nothing is staged at all.

    Raises
    ------
    NotFoundError
        If there is no such read within the caller's reach.
    ConflictError
        If one cannot be pinned any more; it says why.
    """

    def pin(draft_id: int) -> None:
        for read_id, reporter_id in sorted(stays.items()):
            pin_read(db, read_id, reporter_id, now, by=by, said=Said(reason=reason, draft_id=draft_id))

    return stage_in_draft(db, pin, now, by=by, trust=trust, name=name)
