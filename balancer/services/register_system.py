"""Let a trust's system call, and stop letting it."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from balancer.domain.actor import Actor
from balancer.domain.errors import InvalidValueError
from balancer.domain.permission import Permission
from balancer.services.note_system import note_system
from balancer.services.secret import KEY_PREFIX, digest_of, new_secret
from balancer.store import sign_ins, standing, systems
from balancer.store.database import Database
from balancer.store.tables_access import SystemRow

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9.-]{0,62}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """What a system may do (``scopes``) at which trusts, and until when.

    ``public_keys`` is the JWK set (RFC 7517) of what it signs its assertions with; a system without any gets a key.
    """

    system_id: str
    name: str
    scopes: frozenset[Permission]
    trusts: frozenset[str]
    public_keys: Mapping[str, Any] | None = None
    expires_at: datetime | None = None


def register_system(database: Database, wanted: Registration, now: datetime, *, by: Actor) -> str | None:
    """Register a system and return its key, which is shown this once; ``None`` for one that signs.

    Raises
    ------
    InvalidValueError
        If the name, a trust or the public keys will not do, or nothing is permitted.
    ConflictError
        If there is a system of that name already.
    """
    _require_sense(wanted)
    key = new_secret(KEY_PREFIX) if wanted.public_keys is None else None
    with database.transaction() as session:
        unknown = wanted.trusts - {trust.code for trust in standing.trusts(session)}
        if unknown:
            raise InvalidValueError("trust", f"{', '.join(sorted(unknown))}: no such trust in the network")
        row = SystemRow(
            system_id=wanted.system_id,
            name=wanted.name,
            scopes=sorted(wanted.scopes),
            at=sorted(wanted.trusts),
            public_keys=None if wanted.public_keys is None else dict(wanted.public_keys),
            key_digest=None if key is None else digest_of(key),
            created_at=now,
            expires_at=wanted.expires_at,
        )
        systems.add_system(session, row)
        note_system(
            session,
            "system.add",
            row.system_id,
            now,
            by=by,
            scopes=row.scopes,
            trusts=row.at,
            shows="a key" if key else "what it signs",
            until="" if row.expires_at is None else row.expires_at.isoformat(),
        )
    return key


def disable_system(database: Database, system_id: str, now: datetime, *, by: Actor) -> None:
    """Let a system in no more, from its next request on; ``NotFoundError`` if there is none."""
    with database.transaction() as session:
        row = systems.disable(session, system_id, now=now)
        sign_ins.end_all_of(session, systems.subject_of(system_id), now=now)
        note_system(session, "system.disable", system_id, now, by=by, scopes=row.scopes, trusts=row.at)


def _require_sense(wanted: Registration) -> None:
    if not _NAME.fullmatch(wanted.system_id):
        raise InvalidValueError("system", "is named in small letters, digits, dots and hyphens, 63 at most")
    if not wanted.scopes or not wanted.trusts:
        raise InvalidValueError("scope", "a system that may nothing anywhere needs no access")
    if wanted.public_keys is not None:
        require_public(wanted.public_keys)


def require_public(keys: Mapping[str, Any]) -> None:
    """Ensure that keys are a JWK set of public keys, each with the name that assertions call it by."""
    try:
        found: Collection[Any] = KeySet.import_key_set({"keys": list(keys["keys"])}).keys
    except (JoseError, KeyError, TypeError, ValueError) as error:
        raise InvalidValueError("public_keys", "is not a JWK set (RFC 7517)") from error
    if not found or any(key.is_private or not key.kid or key.key_type == "oct" for key in found):
        raise InvalidValueError("public_keys", "needs public keys, each with a kid: private ones stay where they are")
