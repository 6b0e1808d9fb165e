"""What an identity provider says counts if it is the provider's, said to us, of this sign-in, and lately.

OpenID Connect Core 3.1.3.7 and 5.3.2. A provider that works says nothing else; one that is impersonated might.
"""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import httpx2
import pytest
from authlib.integrations.httpx_client import OAuth2Client
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

from balancer.api.sign_in.provider import Known, Provider, ProviderError, Registration
from balancer.domain.claims import Shape
from tests.worlds import NOW

ISSUER, US, NONCE = "https://id.example", "balancer", "of this sign-in"
KEY, ANOTHER = (RSAKey.generate_key(2048, {"kid": "k1"}, private=True) for _ in range(2))
SAID = {
    "iss": ISSUER,
    "aud": US,
    "sub": "123",
    "nonce": NONCE,
    "iat": int(NOW.timestamp()),
    "exp": int((NOW + timedelta(minutes=5)).timestamp()),
}


def signed(said: Mapping[str, Any], key: Any = KEY, algorithm: str = "RS256") -> str:
    """Return an ID token."""
    return jwt.encode({"alg": algorithm, "kid": "k1"}, dict(said), key, algorithms=[algorithm])


def by_hand(algorithm: str, secret: bytes = b"") -> str:
    """Return an ID token as no library makes one: signed with a secret by HMAC, or not at all."""
    parts = [json.dumps(part).encode() for part in ({"alg": algorithm, "kid": "k1"}, SAID)]
    content = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts)
    mac = hmac.digest(secret, content, "sha256") if secret else b""
    return (content + b"." + base64.urlsafe_b64encode(mac).rstrip(b"=")).decode()


class Answering(Provider):
    """A provider that hands out one ID token, and says of whoever has it what it is told to."""

    def __init__(self, token: str, userinfo: Mapping[str, Any], shape: Shape) -> None:
        super().__init__(
            Registration(issuer=ISSUER, client_id=US, secret="", redirect_uri="https://here.example", shape=shape)
        )
        self._answers = {"id_token": token, "access_token": "opens the UserInfo endpoint"}
        self._says = userinfo

    def _published(self, now: datetime) -> Known:
        names = ("token_endpoint", "userinfo_endpoint")
        public = KeySet.import_key_set({"keys": [KEY.as_dict(private=False)]})
        return Known(metadata={name: f"{ISSUER}/{name}" for name in names}, keys=public, asked_at=now)

    def _client(self, token_endpoint: str = "") -> OAuth2Client:
        def answer(request: httpx2.Request) -> httpx2.Response:
            return httpx2.Response(200, json=self._answers if request.url.path == "/token_endpoint" else self._says)

        client = super()._client(token_endpoint)
        client._transport = httpx2.MockTransport(answer)  # noqa: SLF001 - instead of the network
        return client


def said_by(
    token: str, *, userinfo: Mapping[str, Any] | None = None, shape: Shape = Shape.ENTRA, at: datetime = NOW
) -> Mapping[str, Any]:
    """Return what counts of what is said."""
    provider = Answering(token, userinfo or {"sub": "123"}, shape)
    return provider.said(code="c", nonce=NONCE, code_verifier="v" * 43, now=at).claims


def test_what_is_said_as_it_should_be_counts() -> None:
    """So that what is refused below is refused for what is wrong with it."""
    assert said_by(signed(SAID))["sub"] == "123"


WRONG: dict[str, Callable[[], str]] = {
    "another provider's": lambda: signed({**SAID, "iss": "https://elsewhere.example"}),
    "nobody's": lambda: signed({name: value for name, value in SAID.items() if name != "iss"}),
    "to somebody else": lambda: signed({**SAID, "aud": "another service"}),
    "to several, not to us first of all": lambda: signed({**SAID, "aud": [US, "other"], "azp": "other"}),
    "of another sign-in": lambda: signed({**SAID, "nonce": "of another"}),
    "of no sign-in": lambda: signed({name: value for name, value in SAID.items() if name != "nonce"}),
    "over": lambda: signed({**SAID, "exp": int((NOW - timedelta(hours=1)).timestamp())}),
    "for ever": lambda: signed({name: value for name, value in SAID.items() if name != "exp"}),
    "of nobody": lambda: signed({name: value for name, value in SAID.items() if name != "sub"}),
    "signed by somebody else": lambda: signed(SAID, ANOTHER),
    "signed with what is public": lambda: by_hand("HS256", KEY.as_pem(private=False)),
    "not signed": lambda: by_hand("none"),
    "no token": lambda: "nonsense",
}


@pytest.mark.parametrize("token", WRONG.values(), ids=WRONG)
def test_what_is_wrong_in_any_way_signs_nobody_in(token: Callable[[], str]) -> None:
    """Whatever it is, and nobody is told what."""
    with pytest.raises(ProviderError):
        said_by(token())


def test_roles_count_only_of_the_person_who_signed_in() -> None:
    """CIS2 sends them apart: those of somebody else are nobody's."""
    roles = {"sub": "123", "nhsid_nrbac_roles": []}
    assert said_by(signed(SAID), userinfo=roles, shape=Shape.CIS2)["nhsid_nrbac_roles"] == []
    with pytest.raises(ProviderError):
        said_by(signed(SAID), userinfo={**roles, "sub": "456"}, shape=Shape.CIS2)
