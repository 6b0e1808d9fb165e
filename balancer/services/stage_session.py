"""Stage in a draft that a reporter has a session more, so that what it saves is seen before they are asked."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from balancer.domain.actor import Actor
from balancer.services.override_roster import Extra, add_session
from balancer.services.override_scope import Decision, require_at, require_known
from balancer.services.stage_in_draft import stage_in_draft
from balancer.store.database import Database


def stage_session(  # noqa: PLR0913 - whose session, which, on whose word, in which draft
    db: Database, reporter_id: str, extra: Extra, now: datetime, *, by: Actor, said: Decision, name: str
) -> int:
    """Ensure that a draft has it that a reporter has a session more, and that its preview is asked for.

    Returns the draft's number: the one that ``said`` names, else a new one called ``name``.

    Raises
    ------
    NotFoundError
        If there is no such reporter or draft, or the trust is beyond the caller's reach.
    ConflictError
        If they do not work at the trust, are rostered by another then, or the draft is not open.
    InvalidValueError
        If it is no session, or over already, or there is no such trust.
    """
    require_at(by, said.trust)
    with db.session() as session:
        require_known(session, said.trust)

    def add(draft_id: int) -> None:
        add_session(db, reporter_id, extra, now, by=by, said=replace(said, draft_id=draft_id))

    return stage_in_draft(db, add, now, by=by, trust=said.trust, name=name, draft_id=said.draft_id)
