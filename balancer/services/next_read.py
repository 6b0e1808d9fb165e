"""Open the next read: the first on a reporter's list that nobody has opened."""

from __future__ import annotations

from datetime import datetime

from balancer.domain.actor import Actor
from balancer.domain.errors import ClaimedError, ConflictError
from balancer.services.claim_read import Claim, claim_read, next_few
from balancer.services.hold_over import reporter_as_held
from balancer.store import people
from balancer.store.database import Database
from balancer.store.policies import current_policy


def next_read(db: Database, reporter_id: str, now: datetime, *, by: Actor, heartbeats: bool = True) -> Claim | None:
    """Claim the reporter's next read and return the claim; ``None`` if there is nothing for them to read now.

    A read on their list that they may not report by now is passed by, and does not count as passed over.

    Raises
    ------
    NotFoundError
        If there is no such reporter.
    ConflictError
        If they have too many reads open, or the last that there was went a moment ago.
    """
    with db.session() as session:
        person = reporter_as_held(session, people.reporter(session, reporter_id).reporter, now)
        offered = next_few(session, person, current_policy(session).reading, now)
    why_not: ConflictError | None = None
    for item in offered:
        try:
            return claim_read(db, item.read_id, reporter_id, now, by=by, heartbeats=heartbeats)
        except ClaimedError:
            continue  # somebody opened it a moment ago
        except ConflictError as error:
            why_not = error  # it was parked or sent out a moment ago: the one after it may still be there
    if why_not is not None:
        raise why_not
    return None
