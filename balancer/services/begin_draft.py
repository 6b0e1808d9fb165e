"""Begin a draft, in which decisions are collected until they are put in force together."""

from __future__ import annotations

from datetime import datetime

from balancer.domain.actor import Actor
from balancer.domain.draft import DraftState
from balancer.store import drafts, runs
from balancer.store.database import Database
from balancer.store.tables_drafts import DraftRow


def begin_draft(db: Database, name: str, trust: str, now: datetime, *, by: Actor) -> int:
    """Begin an empty draft that the managers of ``trust`` see, and return its number."""
    with db.transaction() as session:
        base = runs.current_run(session)
        row = DraftRow(
            name=name,
            trust=trust,
            state=DraftState.OPEN,
            author=by.subject,
            made_at=now,
            base_run_id=None if base is None else base.id,
        )
        return drafts.add(session, row, by=by, now=now).id or 0
