"""Ask for an allocation run; whoever runs allocations takes it up as soon as no other is under way."""

from __future__ import annotations

from datetime import datetime

from balancer.store import runs
from balancer.store.database import Database


def request_run(db: Database, now: datetime, *, reason: str) -> int:
    """Ask for a run and return its number; while one is waiting, everybody who asks gets that one."""
    with db.transaction() as session:
        return runs.request_run(session, now=now, reason=reason).id or 0
