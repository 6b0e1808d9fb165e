"""Redeem what a system has signed for an access token (RFC 7523; SMART Backend Services)."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from balancer.domain.errors import BalancerError
from balancer.domain.permission import Permission, permissions_named
from balancer.services.sign_in import OF_A_TOKEN, issue_token
from balancer.store import systems
from balancer.store.database import Database

# SMART asks for RS384 and ES384; the others are as good. Never a shared secret, never "none".
ALGORITHMS: Final = ("RS384", "ES384", "RS256", "ES256", "PS256", "PS384", "EdDSA")
_MOST: Final = timedelta(minutes=5)
_LEEWAY: Final = timedelta(seconds=30)


class AssertionRefusedError(BalancerError):
    """What a system has signed is no good; ``code`` says so as RFC 6749, 5.2, does."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """A token, what it permits, and for how long."""

    token: str
    scopes: frozenset[Permission]
    seconds: int


def redeem_assertion(
    database: Database, assertion: str, audience: str, scopes: Collection[str], now: datetime
) -> Issued:
    """Return an access token for a system that has signed ``assertion`` for ``audience``, our token endpoint.

    ``scopes``: what it asks for, all that it may if it names none; what it may not is left out.

    Raises
    ------
    AssertionRefusedError
        If its key, its signature, or any claim is not as RFC 7523, 3, and SMART say; or it was shown before; or
        nothing of what is asked for may be had. Which of these it was, whoever tries is not told.
    """
    claims, known = _verified(database, assertion, audience, now)
    granted = known.actor.scopes & permissions_named(scopes) if scopes else known.actor.scopes
    if not granted:
        raise AssertionRefusedError("invalid_scope")
    # kept for longer than it holds: replicas' clocks differ, and one that is set back must not take it again
    expires_at = datetime.fromtimestamp(claims["exp"], tz=UTC) + _LEEWAY + _MOST
    with database.transaction() as session:
        # whoever disables or renews it meanwhile ends its tokens after this one, or before it is looked at here
        if not systems.is_still(session, claims["sub"], known, now=now):
            raise AssertionRefusedError("invalid_client")
        if not systems.is_first_use(session, claims["sub"], claims["jti"], now=now, expires_at=expires_at):
            raise AssertionRefusedError("invalid_client")
        token = issue_token(session, replace(known.actor, scopes=granted), now)
    return Issued(token=token, scopes=granted, seconds=int(OF_A_TOKEN.total_seconds()))


def _verified(
    database: Database, assertion: str, audience: str, now: datetime
) -> tuple[Mapping[str, Any], systems.KnownSystem]:
    """Return what an assertion says, and the system whose signature it bears."""
    try:
        said = json.loads(jws.extract_compact(assertion.encode("ascii")).payload)
        system_id = said["iss"] if isinstance(said, dict) else None
        if not isinstance(system_id, str) or not system_id.isprintable():
            raise AssertionRefusedError("invalid_client")
        with database.session() as session:
            known = systems.by_name(session, system_id, now=now)
        if known is None or known.public_keys is None:
            raise AssertionRefusedError("invalid_client")
        keys = KeySet.import_key_set({"keys": known.public_keys["keys"]})
        token = jwt.decode(assertion, keys, algorithms=list(ALGORITHMS))
        _require_claims(token.claims, system_id, audience, now)
    except (JoseError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise AssertionRefusedError("invalid_client") from error
    return token.claims, known


def _require_claims(claims: Mapping[str, Any], system_id: str, audience: str, now: datetime) -> None:
    """Ensure what RFC 7523, 3, asks, and that it holds for five minutes at most (SMART)."""
    registry = jwt.JWTClaimsRegistry(
        now=int(now.timestamp()),
        leeway=int(_LEEWAY.total_seconds()),
        iss={"essential": True, "value": system_id},
        sub={"essential": True, "value": system_id},
        aud={"essential": True, "value": audience},
        exp={"essential": True},
        jti={"essential": True},
    )
    registry.validate(dict(claims))
    if claims["exp"] > (now + _MOST + _LEEWAY).timestamp():
        raise ValueError("holds for longer than five minutes")
    if not isinstance(claims["jti"], str) or not claims["jti"].isprintable():
        raise TypeError("jti is not text that can be kept")
