"""Sign somebody in, see who a secret belongs to, sign them out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog

from balancer.domain.actor import Actor
from balancer.services.note_look import note_access
from balancer.services.secret import TOKEN_PREFIX, digest_of, new_secret
from balancer.store import sign_ins
from balancer.store.database import Database, Session, StoreBusyError

_log = structlog.get_logger("balancer.services")

# However busy, somebody signs in anew after a working day; whoever has left their desk sooner.
LASTING: Final = timedelta(hours=12)
IDLE: Final = timedelta(minutes=30)
# SMART Backend Services: a system's token lives five minutes at most.
OF_A_TOKEN: Final = timedelta(minutes=5)
# Being seen is written down at most this often: a page that asks every few seconds must not write as often.
_SEEN: Final = timedelta(minutes=1)
_KEPT: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """Somebody who has signed in; it holds until ``ends_at``, and they are on record as seen at ``last_seen_at``."""

    id: int
    actor: Actor
    ends_at: datetime
    last_seen_at: datetime

    def holds(self, now: datetime) -> bool:
        """Tell whether it has not run out."""
        return now < self.ends_at

    def is_to_be_noted(self, now: datetime) -> bool:
        """Tell whether they were last seen so long ago that being seen again is worth writing down."""
        return now - self.last_seen_at > _SEEN


def sign_in(database: Database, actor: Actor, now: datetime, *, instead: str | None = None, id_token: str = "") -> str:
    """Sign a person in and return the secret that shows it from now on; what was shown ``instead`` ends.

    ``id_token``: what their identity provider knows this sign-in by, kept until it ends.

    A secret from before signing in is never one after it (session fixation).
    """
    secret = new_secret()
    with database.transaction() as session:
        sign_ins.forget(session, before=now - _KEPT)
        if instead:
            _end(session, instead, now)
        sign_ins.forget_id_tokens(session, before=now)
        sign_ins.begin(session, digest_of(secret), actor, now=now, lasting=LASTING, id_token=id_token or None)
        note_access(session, actor, "begun", now)
    return secret


def issue_token(session: Session, actor: Actor, now: datetime) -> str:
    """Return a token under which a system may call for five minutes, once the caller's transaction has committed."""
    secret = new_secret(TOKEN_PREFIX)
    sign_ins.begin(session, digest_of(secret), actor, now=now, lasting=OF_A_TOKEN)
    note_access(session, actor, "begun", now)
    return secret


def whose(database: Database, secret: str, now: datetime) -> SignedIn | None:
    """Return whose secret it is, if it still holds."""
    with database.session() as session:
        found = sign_ins.holder(session, digest_of(secret), now=now, idle=IDLE)
    if found is None:
        return None
    return SignedIn(
        id=found.id,
        actor=found.actor,
        ends_at=min(found.expires_at, found.last_seen_at + IDLE),
        last_seen_at=found.last_seen_at,
    )


def note_seen(database: Database, signed_in: SignedIn, now: datetime) -> None:
    """Note that somebody is still there.

    It is worth a try only: whoever comes to read must not be turned away because nothing can be written.
    """
    try:
        with database.transaction() as session:
            sign_ins.touch(session, signed_in.id, now=now)
    except StoreBusyError:
        _log.warning("sign_in.not_noted")


def sign_out(database: Database, secret: str, now: datetime) -> str:
    """End what this secret shows; return the ID token that it began with, empty if none was kept."""
    with database.transaction() as session:
        return _end(session, secret, now)


def _end(session: Session, secret: str, now: datetime) -> str:
    found = sign_ins.holder(session, digest_of(secret), now=now)
    sign_ins.end(session, digest_of(secret), now=now)
    if found is not None:
        note_access(session, found.actor, "ended", now)
    return "" if found is None else found.id_token or ""
