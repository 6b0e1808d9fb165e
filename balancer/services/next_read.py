"""Open the next read: the first on a reporter's list that nobody has opened."""

from __future__ import annotations

from datetime import datetime

from balancer.domain.actor import Actor
from balancer.domain.errors import ClaimedError
from balancer.services.claim_read import Claim, claim_read
from balancer.store import choice, people
from balancer.store.database import Database
from balancer.store.policies import current_policy


def next_read(db: Database, reporter_id: str, now: datetime, *, by: Actor, heartbeats: bool = True) -> Claim | None:
    """Claim the reporter's next read and return the claim; ``None`` if there is nothing for them to read now.

    Raises
    ------
    NotFoundError
        If there is no such reporter.
    ConflictError
        If they have too many reads open, or may not report what is next by now.
    """
    with db.session() as session:
        people.reporter(session, reporter_id)
        offered = choice.offered(session, reporter_id, now, current_policy(session).reading.choice)
    for item in offered:
        try:
            return claim_read(db, item.read_id, reporter_id, now, by=by, heartbeats=heartbeats)
        except ClaimedError:
            continue  # somebody opened it a moment ago
    return None
