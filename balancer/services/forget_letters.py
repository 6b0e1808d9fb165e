"""Forget letters that were taken or given up so long ago that nobody asks for them, and what was told by them."""

from __future__ import annotations

from datetime import datetime

from balancer.store import outbox
from balancer.store.database import Database


def forget_letters(database: Database, now: datetime) -> None:
    """Forget letters that ended more than seven days ago; those that wait are kept for as long as they do.

    What was told of a study is forgotten with the last letter about it, unless the study still waits for a report.
    """
    with database.session() as session:
        if not outbox.has_old_ended(session, now):
            return
    with database.transaction() as session:
        outbox.purge(session, now)
