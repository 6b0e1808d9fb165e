"""A heartbeat: whoever has a read open is still there."""

from __future__ import annotations

from datetime import datetime, timedelta

from balancer.domain.actor import Actor
from balancer.services.claim_read import Claim, claim_of, require_claim
from balancer.store import reads
from balancer.store.database import Database
from balancer.store.policies import current_policy


def renew_claim(db: Database, read_id: int, reporter_id: str, now: datetime, *, by: Actor) -> Claim:  # noqa: ARG001
    """Ensure that the claim lasts a lease longer, and return it: it says whether the study has been withdrawn.

    A claim by a system that sends no heartbeats does not lapse, and goes on so: a heartbeat from elsewhere (the
    reporter's own screen) says nothing of how long that system has the read open. A heartbeat is no transition: the
    trail has none.

    Raises
    ------
    NotFoundError
        If there is no such read.
    ClaimedError
        If somebody else has it open by now; it says who.
    ConflictError
        If the claim has ended.
    """
    with db.transaction() as session:
        rules = current_policy(session).reading
        claim = require_claim(session, reads.read(session, read_id), reporter_id)
        if claim.lease_until is not None:
            claim.lease_until = max(claim.lease_until, now + timedelta(minutes=rules.lease_minutes))
        return claim_of(claim)
