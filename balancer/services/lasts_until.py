"""Until when what a caller has shown holds: nothing that is given for it may last longer."""

from __future__ import annotations

from datetime import datetime

from balancer.services.secret import KEY_PREFIX, digest_of
from balancer.store import sign_ins, systems
from balancer.store.database import Database


def lasts_until(database: Database, secret: str, now: datetime) -> datetime | None:
    """Return when a key, a token or a session ends; ``None`` if it has no end, ``now`` if it is no good."""
    digest = digest_of(secret)
    with database.session() as session:
        if secret.startswith(KEY_PREFIX):
            known = systems.by_key(session, digest, now=now)
            return now if known is None else known.expires_at
        found = sign_ins.holder(session, digest, now=now)
        return now if found is None else found.expires_at
