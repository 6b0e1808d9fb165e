"""Take an exception: whoever looks at it says so, so that nobody else does the same."""

from __future__ import annotations

from datetime import datetime

from balancer.domain.actor import Actor
from balancer.store import exceptions
from balancer.store.database import Database
from balancer.store.tables_life import ExceptionRow


def take_exception(db: Database, exception_id: int, now: datetime, *, by: Actor) -> ExceptionRow:
    """Enter that somebody looks at an exception, and return it; it can be taken over by whoever says so later.

    Raises
    ------
    NotFoundError
        If there is none of that number.
    ConflictError
        If it has been resolved already.
    """
    with db.transaction() as session:
        return exceptions.take(session, exception_id, by=by, now=now)
