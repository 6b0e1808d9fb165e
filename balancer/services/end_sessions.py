"""End somebody's sessions: whoever may do something no longer is out from their next request on."""

from __future__ import annotations

from datetime import datetime

from balancer.domain.errors import NotFoundError
from balancer.store import sign_ins
from balancer.store.database import Database


def end_sessions(db: Database, subject: str, now: datetime) -> int:
    """End every session and token of ``subject`` and return how many there were.

    Raises
    ------
    NotFoundError
        If there was none: a name that is misspelt must not look like a door that was shut.
    """
    with db.transaction() as session:
        ended = sign_ins.end_all_of(session, subject, now=now)
    if not ended:
        raise NotFoundError(f"nobody has signed in as {subject!r}")
    return ended
