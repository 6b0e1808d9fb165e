"""Whose a key or token is that a system shows with a request."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from balancer.domain.actor import Actor, ActorKind
from balancer.services.secret import KEY_PREFIX, digest_of
from balancer.store import sign_ins, systems
from balancer.store.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Bearer:
    """Whoever may call with it, and until when; ``None`` if it has no end of its own."""

    actor: Actor
    expires_at: datetime | None

    def holds(self, now: datetime) -> bool:
        """Tell whether its time is not over."""
        return self.expires_at is None or now < self.expires_at


def whose_bearer(database: Database, shown: str, now: datetime) -> Bearer | None:
    """Return whose it is; ``None`` if it is no good, not any more, or a person's, who shows theirs as a cookie."""
    digest = digest_of(shown)
    with database.session() as session:
        if shown.startswith(KEY_PREFIX):
            found = systems.by_key(session, digest, now=now)
            return None if found is None else Bearer(actor=found.actor, expires_at=found.expires_at)
        signed_in = sign_ins.holder(session, digest, now=now)
        if signed_in is None or signed_in.actor.kind is not ActorKind.SYSTEM:
            return None
        # however it came by its token: a system that may call no more has none that is good
        known = systems.by_subject(session, signed_in.actor.subject, now=now)
    if known is None:
        return None
    ends_at = signed_in.expires_at
    return Bearer(actor=signed_in.actor, expires_at=min(ends_at, known.expires_at or ends_at))
