"""End somebody's sessions: whoever may do something no longer is out from their next request on."""

from __future__ import annotations

from datetime import datetime

from balancer.domain.actor import job, person
from balancer.domain.errors import NotFoundError
from balancer.services.note_look import note_access
from balancer.store import sign_ins
from balancer.store.database import Database

# Whoever runs the service, at its own command line.
_OPERATOR = job("operator")


def end_sessions(db: Database, subject: str, now: datetime) -> int:
    """End every session and token of ``subject`` and return how many there were.

    Raises
    ------
    NotFoundError
        If there was none: a name that is misspelt must not look like a door that was shut.
    """
    with db.transaction() as session:
        ended = sign_ins.end_all_of(session, subject, now=now)
        if ended:
            note_access(session, person(subject, ""), "ended", now, by=_OPERATOR.subject)
    if not ended:
        raise NotFoundError(f"nobody has signed in as {subject!r}")
    return ended
