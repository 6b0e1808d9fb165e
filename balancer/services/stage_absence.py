"""Stage in a draft that a reporter is away, so that what it does is seen before it is done."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from balancer.domain.actor import Actor
from balancer.services.override_roster import mark_absent
from balancer.services.override_scope import Decision, require_at, require_known
from balancer.services.stage_in_draft import stage_in_draft
from balancer.store.database import Database


def stage_absence(  # noqa: PLR0913 - who is away from when to when, on whose word, in which draft
    db: Database,
    reporter_id: str,
    start: datetime,
    end: datetime,
    now: datetime,
    *,
    by: Actor,
    said: Decision,
    name: str,
) -> int:
    """Ensure that a draft has it that a reporter is away, and that its preview is asked for; return its number.

    The draft that ``said`` names, else a new one called ``name``; nothing changes outside of it. A new draft in which
    nothing could be staged is discarded.

    Raises
    ------
    NotFoundError
        If there is no such reporter or draft, or the trust is beyond the caller's reach.
    ConflictError
        If they do not work at the trust, or the draft is not open.
    InvalidValueError
        If the time is over already, or ends before it begins, or there is no such trust.
    """
    require_at(by, said.trust)
    with db.session() as session:
        require_known(session, said.trust)

    def mark(draft_id: int) -> None:
        mark_absent(db, reporter_id, start, end, now, by=by, said=replace(said, draft_id=draft_id))

    return stage_in_draft(db, mark, now, by=by, trust=said.trust, name=name, draft_id=said.draft_id)
