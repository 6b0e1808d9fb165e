"""Resolve an exception: somebody has looked, and says what became of it."""

from __future__ import annotations

from datetime import datetime

from balancer.domain.actor import Actor
from balancer.store import exceptions
from balancer.store.database import Database
from balancer.store.tables_life import ExceptionRow


def resolve_exception(db: Database, exception_id: int, now: datetime, *, by: Actor, resolution: str) -> ExceptionRow:
    """Enter what became of an exception, and return it.

    Raises
    ------
    NotFoundError
        If there is none of that number.
    ConflictError
        If it has been resolved already.
    """
    with db.transaction() as session:
        return exceptions.resolve(session, exception_id, by=by, now=now, resolution=resolution)
