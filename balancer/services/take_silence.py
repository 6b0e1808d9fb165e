"""Take a silent feed: whoever looks after it says so, so that nobody else does the same."""

from __future__ import annotations

from datetime import datetime

from balancer.domain.actor import Actor
from balancer.domain.errors import ConflictError
from balancer.store import silences, sources
from balancer.store.database import Database


def take_silence(db: Database, name: str, now: datetime, *, by: Actor) -> None:
    """Enter that somebody looks after a silent feed; it can be taken over by whoever says so later.

    Raises
    ------
    NotFoundError
        If there is no feed of that name.
    ConflictError
        If it is not silent any more.
    """
    with db.transaction() as session:
        feed = sources.locked_feed(session, name)
        if not sources.is_stale(feed, now):
            raise ConflictError(f"{name} is not silent any more")
        # whoever presses before it has been entered says that it is silent, too
        found = silences.open_of(session, name) or silences.begin(session, feed, by=by, now=now)
        if found is None:
            raise ConflictError(f"{name} has just been taken by somebody else")
        silences.take(session, found, by=by, now=now)
