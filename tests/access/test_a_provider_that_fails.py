"""An identity provider that does not answer holds up nobody but those who are signing in."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import httpx2
import pytest
from anyio.to_thread import current_default_thread_limiter
from joserfc.jwk import KeySet

from balancer.api.sign_in.provider import Known, Provider, ProviderError, Registration
from balancer.api.sign_in.ways import Ways
from balancer.domain.claims import ClaimRules, Shape
from balancer.store.database import Database
from tests.api.service import HERE, Service
from tests.patience import PATIENCE_SECONDS
from tests.worlds import NOW

REGISTRATION = Registration(
    issuer="https://id.example", client_id="x", secret="", redirect_uri="https://here.example", shape=Shape.ENTRA
)
HOUR = timedelta(hours=1, seconds=1)


class Failing(Provider):
    """A provider that answers when it is told to, and counts how often it is asked."""

    def __init__(self, **announced: str | None) -> None:
        super().__init__(replace(REGISTRATION, post_logout_redirect_uri="https://here.example/signed-out"))
        self.answers, self.asked, self.announced = True, 0, announced

    def _published(self, now: datetime) -> Known:
        self.asked += 1
        if not self.answers:
            raise httpx2.ConnectError("nobody there")
        metadata = {"authorization_endpoint": "https://id.example/authorize", **self.announced}
        return Known(metadata=metadata, keys=KeySet([]), asked_at=now)


def _sent(provider: Provider, now: datetime) -> str:
    return provider.address(state="s", nonce="n", code_verifier="v" * 43, now=now)


def test_what_a_provider_published_holds_on_while_it_does_not_answer() -> None:
    """Its addresses and keys change once in years."""
    provider = Failing()
    _sent(provider, NOW)
    provider.answers = False
    assert _sent(provider, NOW + HOUR).startswith("https://id.example/authorize?")
    assert provider.asked == 2


@pytest.mark.parametrize(
    ("announced", "where"),
    [(None, ""), ("https://id.example/out?of=here", "https://id.example/out?of=here&client_id=x&")],
    ids=["nowhere", "with a query of its own"],
)
def test_whoever_signs_out_is_sent_only_where_the_provider_says(announced: str | None, where: str) -> None:
    """One that announces nothing ends its own sign-in as it likes."""
    provider = Failing(end_session_endpoint=announced)
    address = provider.way_out(id_token="", state="s", now=NOW)
    assert address.startswith(where)
    assert bool(address) is bool(where)


def test_nobody_shows_an_id_token_where_others_could_listen_in() -> None:
    """Signing in is refused to such a provider; signing out stays here."""
    with pytest.raises(ProviderError):
        Failing(end_session_endpoint="http://id.example/out").way_out(id_token="t", state="s", now=NOW)  # noqa: S106 - none


def test_a_provider_that_did_not_answer_is_left_alone_for_some_seconds() -> None:
    """Each who signs in would wait for as long as the one before."""
    provider = Failing()
    provider.answers = False
    for seconds in (0, 5, 10):
        with pytest.raises(ProviderError):
            _sent(provider, NOW + timedelta(seconds=seconds))
    assert provider.asked == 1
    provider.answers = True
    assert _sent(provider, NOW + timedelta(seconds=11))
    assert provider.asked == 2


class Hanging(Provider):
    """A provider that answers nobody until it is let go."""

    def __init__(self) -> None:
        super().__init__(REGISTRATION)
        self.let_go = threading.Event()

    def address(self, **_: Any) -> str:
        """Wait."""
        self.let_go.wait(2 * PATIENCE_SECONDS)
        return "https://id.example/authorize"


def test_a_provider_that_hangs_holds_up_nobody_else(sqlite_db: Database) -> None:
    """However many sign in, with no more threads than there are for everything: what is ready says so meanwhile."""
    provider = Hanging()
    ways = Ways(provider=provider, rules=ClaimRules(shape=Shape.ENTRA, rules=()))
    app = Service(sqlite_db, ways=ways).app

    async def while_it_hangs() -> tuple[int, int, list[int]]:
        current_default_thread_limiter().total_tokens = 2
        transport = httpx2.ASGITransport(app=app, client=HERE)
        async with httpx2.AsyncClient(transport=transport, base_url="http://testserver") as client:
            waiting = [asyncio.create_task(client.get("/sign-in")) for _ in range(12)]
            await asyncio.sleep(0.2)
            try:
                live = await asyncio.wait_for(client.get("/api/v1/health/live"), PATIENCE_SECONDS)
                ready = await asyncio.wait_for(client.get("/api/v1/health/ready"), PATIENCE_SECONDS)
            finally:
                provider.let_go.set()
            return live.status_code, ready.status_code, [(await task).status_code for task in waiting]

    live, ready, sent = asyncio.run(while_it_hangs())
    assert (live, ready, set(sent)) == (200, 503, {303})
