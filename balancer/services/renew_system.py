"""Give a system another key, or take its other public keys, and let it call for longer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from balancer.domain.actor import Actor
from balancer.domain.errors import ConflictError, InvalidValueError
from balancer.services.note_system import note_system
from balancer.services.register_system import require_public
from balancer.services.secret import KEY_PREFIX, digest_of, new_secret
from balancer.store import sign_ins, systems
from balancer.store.database import Database, Session
from balancer.store.tables_access import SystemRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewal:
    """Until when a system may call from now on, and by what.

    ``public_keys``: the JWK set of what it signs with from now on, for a system that signs. ``overlap``: for how long
    the key that it had is good beside the new one; with none, what it was given for its former keys ends too.
    """

    system_id: str
    expires_at: datetime
    public_keys: Mapping[str, Any] | None = None
    overlap: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewed:
    """A system's new key, which is shown this once, and until when the former is good; neither for one that signs."""

    key: str | None = None
    former_ends_at: datetime | None = None


def renew_system(database: Database, wanted: Renewal, now: datetime, *, by: Actor) -> Renewed:
    """Renew a system: its name, and with it its subscriptions and AE titles, stay as they are.

    Raises
    ------
    NotFoundError, ConflictError
        If there is no such system, or it is disabled: that is for good.
    InvalidValueError
        If public keys are given for a system with a key, none for one that signs, or they will not do.
    """
    with database.transaction() as session:
        row = systems.taken(session, wanted.system_id)
        _require_sense(row, wanted)
        renewed = Renewed() if wanted.public_keys is not None else _another_key(session, row, wanted.overlap, now)
        if wanted.public_keys is not None:
            row.public_keys = dict(wanted.public_keys)
        if not wanted.overlap:
            sign_ins.end_all_of(session, systems.subject_of(row.system_id), now=now)
        row.expires_at = wanted.expires_at
        note_system(
            session,
            "system.renew",
            row.system_id,
            now,
            by=by,
            scopes=row.scopes,
            trusts=row.at,
            shows="a key" if renewed.key else "what it signs",
            until=wanted.expires_at.isoformat(),
            former_key_until="" if renewed.former_ends_at is None else renewed.former_ends_at.isoformat(),
        )
    return renewed


def _another_key(session: Session, row: SystemRow, overlap: timedelta, now: datetime) -> Renewed:
    """Give a system another key; the former is good for the overlap, and never for longer than it was before."""
    key = new_secret(KEY_PREFIX)
    ends_at = now + overlap if row.expires_at is None else min(now + overlap, row.expires_at)
    systems.replace_key(session, row, digest_of(key), now=now, ends_at=ends_at)
    return Renewed(key=key, former_ends_at=ends_at if ends_at > now else None)


def _require_sense(row: SystemRow, wanted: Renewal) -> None:
    if row.disabled_at is not None:
        raise ConflictError(f"{row.system_id!r} is disabled, which is for good: register a system of another name")
    if row.public_keys is None:
        if wanted.public_keys is not None:
            raise InvalidValueError("public_keys", f"{row.system_id!r} does not sign: it has a key, and gets another")
        return
    if wanted.public_keys is None:
        raise InvalidValueError("public_keys", f"{row.system_id!r} signs: give the JWK set that holds from now on")
    require_public(wanted.public_keys)
