"""The identity provider: OpenID Connect Core 1.0, authorization code flow with PKCE (RFC 7636, S256)."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import httpx2
import structlog
from anyio import CapacityLimiter
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.httpx_client import OAuth2Client
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from balancer.domain.claims import Shape
from balancer.domain.errors import BalancerError

_log = structlog.get_logger("balancer.api")
_SECONDS: Final = 5.0
_KEPT: Final = timedelta(hours=1)
_AFTER_FAILURE: Final = timedelta(seconds=10)
_MOST_WAITING: Final = 8
_LEEWAY_SECONDS: Final = 30
# An ID token is repeated in an address when somebody signs out; one that is longer might not get through.
_LONGEST_HINT: Final = 4_000
_NO_ANSWER: Final = "the organisation's sign-in does not answer, or not as it should"
# Signatures with the provider's own private key only: never "none", never a secret shared with us (RFC 8725, 3.1).
_ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA")
_SCOPES: Final = {
    Shape.ENTRA: "openid profile",
    Shape.CIS2: "openid profile nationalrbacaccess selectedrole",
}


class ProviderError(BalancerError):
    """The identity provider does not answer, or not as OpenID Connect says; nobody is signed in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """What we are at the identity provider.

    ``secret``: its secret for us, or, with ``signs``, the PEM of the private key whose public half it knows.
    ``redirect_uri`` and ``post_logout_redirect_uri`` are registered there, character by character; without the second
    nobody is sent there to sign out.
    """

    issuer: str
    client_id: str
    secret: str = field(repr=False)
    redirect_uri: str
    shape: Shape
    signs: bool = False
    scope: str = ""
    post_logout_redirect_uri: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the provider publishes of itself (OpenID Connect Discovery 1.0), and when we asked."""

    metadata: Mapping[str, Any]
    keys: KeySet
    asked_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What the provider says of somebody, and the ID token it said it in; empty if it is too long to be repeated."""

    claims: Mapping[str, Any]
    id_token: str = field(repr=False)


class Provider:
    """One identity provider, asked over HTTPS; plain HTTP is for one on this machine.

    ``threads`` are those that may wait for it, so that a provider that hangs holds up nobody who has signed in already.
    """

    def __init__(self, registration: Registration) -> None:
        self.registration = registration
        self.threads = CapacityLimiter(_MOST_WAITING)
        self._known: Known | None = None
        self._failed_at: datetime | None = None
        self._asking = threading.Lock()

    def address(self, *, state: str, nonce: str, code_verifier: str, now: datetime, anew: bool = False) -> str:
        """Return where a browser is sent to sign in; ``anew``: to be asked for it though it has (Core 3.1.2.1)."""
        known = self._ask(now)
        asked = {"prompt": "login"} if anew else {}
        with self._client() as client:
            address, _ = client.create_authorization_url(
                known.metadata["authorization_endpoint"],
                state=state,
                nonce=nonce,
                code_verifier=code_verifier,
                **asked,
            )
        return str(address)

    def way_out(self, *, id_token: str, state: str, now: datetime) -> str:
        """Return where a browser ends its session at the provider too (RP-Initiated Logout 1.0, 2).

        Empty if the provider announces no such place, or nobody is to be sent there.

        Raises
        ------
        ProviderError
            If it does not answer, or announces a place that others could listen in on.
        """
        ours = self.registration
        endpoint = self._ask(now).metadata.get("end_session_endpoint")
        if not endpoint or not ours.post_logout_redirect_uri:
            return ""
        try:
            _require_private(str(endpoint))
        except ValueError as error:
            raise _failed("sign_out.provider_is_not_private", error) from error
        said = {
            **({"id_token_hint": id_token} if id_token else {}),
            "client_id": ours.client_id,
            "post_logout_redirect_uri": ours.post_logout_redirect_uri,
            "state": state,
        }
        return f"{endpoint}{'&' if '?' in str(endpoint) else '?'}{urlencode(said)}"

    def said(self, *, code: str, nonce: str, code_verifier: str, now: datetime) -> Said:
        """Return what the provider says of whoever it has sent back with ``code``.

        Raises
        ------
        ProviderError
            If it does not answer, or any of what OpenID Connect Core 3.1.3.7 asks of the ID token does not hold.
        """
        known = self._ask(now)
        endpoint = known.metadata["token_endpoint"]
        try:
            with self._client(endpoint) as client:
                token = client.fetch_token(endpoint, code=code, code_verifier=code_verifier)
                said = self._verified(token, known, nonce, now)
                hint = str(token["id_token"])
                return Said(
                    claims={**self._userinfo(client, known, said), **said},
                    id_token=hint if len(hint) <= _LONGEST_HINT else "",
                )
        except (AuthlibBaseError, JoseError, httpx2.HTTPError, ValueError, KeyError) as error:
            raise _failed("sign_in.refused_by_provider", error) from error

    def _client(self, token_endpoint: str = "") -> OAuth2Client:
        ours = self.registration
        method = "private_key_jwt" if ours.signs else "client_secret_basic"
        client = OAuth2Client(
            ours.client_id,
            ours.secret,
            scope=ours.scope or _SCOPES[ours.shape],
            redirect_uri=ours.redirect_uri,
            code_challenge_method="S256",
            token_endpoint_auth_method=method,
            timeout=_SECONDS,
            follow_redirects=False,
            trust_env=False,
        )
        if ours.signs:
            client.register_client_auth_method(PrivateKeyJWT(token_endpoint))
        return client

    def _verified(self, token: Mapping[str, Any], known: Known, nonce: str, now: datetime) -> Mapping[str, Any]:
        """Return the claims of an ID token that is the provider's, for us, of this sign-in, and not too old."""
        text = str(token["id_token"])
        try:
            decoded = jwt.decode(text, known.keys, algorithms=list(_ALGORITHMS))
        except (JoseError, ValueError):
            # its keys may have been changed since we asked
            decoded = jwt.decode(text, self._ask(now, anew=True).keys, algorithms=list(_ALGORITHMS))
        ours = self.registration
        claims = CodeIDToken(
            dict(decoded.claims),
            dict(decoded.header),
            options={
                "iss": {"essential": True, "value": ours.issuer},
                "aud": {"essential": True, "value": ours.client_id},
            },
            params={"nonce": nonce, "client_id": ours.client_id, "access_token": token.get("access_token")},
        )
        claims.validate(now=int(now.timestamp()), leeway=_LEEWAY_SECONDS)
        return dict(claims)

    def _userinfo(self, client: OAuth2Client, known: Known, said: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the claims of the UserInfo endpoint: CIS2 sends a person's roles there only.

        They count only if they are of the same person (OpenID Connect Core 5.3.2).
        """
        endpoint = known.metadata.get("userinfo_endpoint")
        if self.registration.shape is not Shape.CIS2 or not endpoint:
            return {}
        answer = client.get(endpoint)
        answer.raise_for_status()
        more = answer.json()
        if not isinstance(more, dict) or more.get("sub") != said["sub"]:
            raise ValueError("the UserInfo endpoint speaks of somebody else")
        return more

    def _ask(self, now: datetime, *, anew: bool = False) -> Known:
        """Return what the provider publishes, asked at most an hour ago, or longer if it does not answer now.

        It is not asked again for some seconds after it has not answered: all who sign in would wait in turn.
        """
        with self._asking:
            known = self._known
            if known is not None and not anew and now - known.asked_at <= _KEPT:
                return known
            try:
                self._known = self._asked(now)
            except ProviderError:
                if known is None or anew:
                    raise
                return known
            return self._known

    def _asked(self, now: datetime) -> Known:
        if self._failed_at is not None and now - self._failed_at <= _AFTER_FAILURE:
            raise ProviderError(_NO_ANSWER)
        try:
            found = self._published(now)
        except (httpx2.HTTPError, JoseError, ValueError, KeyError) as error:
            self._failed_at = now
            raise _failed("sign_in.provider_does_not_answer", error) from error
        self._failed_at = None
        return found

    def _published(self, now: datetime) -> Known:
        issuer = self.registration.issuer
        with httpx2.Client(timeout=_SECONDS, follow_redirects=False, trust_env=False) as client:
            found = client.get(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
            metadata = found.raise_for_status().json()
            if metadata["issuer"] != issuer:
                raise ValueError("the provider says that it is another one")
            for endpoint in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
                _require_private(metadata[endpoint])
            keys = client.get(metadata["jwks_uri"]).raise_for_status().json()
        return Known(metadata=metadata, keys=KeySet.import_key_set(keys), asked_at=now)


def _require_private(address: str) -> None:
    """Ensure that nobody on the way can read or change what is sent there."""
    parts = urlsplit(address)
    if parts.scheme != "https" and parts.hostname not in {"127.0.0.1", "::1", "localhost"}:
        raise ValueError("an address of the provider is not HTTPS")


def _failed(event: str, error: Exception) -> ProviderError:
    # what the provider says in words may hold anything: of an OAuth error only its code is logged
    _log.warning(event, error=type(error).__name__, code=str(getattr(error, "error", "") or ""))
    return ProviderError(_NO_ANSWER)
