"""A session that is followed is followed for ever, and only where nobody can listen."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest
from httpx2 import AsyncClient, MockTransport, Request, Response

from balancer.outlets.fhircast.address import HubAddress, is_private
from balancer.outlets.fhircast.following import Following
from balancer.outlets.fhircast.session import Doing, ReporterSession
from balancer.publish.fhircast.report import Report
from balancer.services.see_open_reads import OpenRead
from balancer.store.database import Database
from tests.api.service import StandingClock
from tests.networks import queued
from tests.patience import PATIENCE_SECONDS

HUB = "https://hub.example/fhircast"
REPORT = Report(
    uid="2.25.1", trust="RVV", accession_number="A1", patient_id="H-1", study_instance_uid=None, exam_name="CT"
)
READ = OpenRead(claim_id=1, read_id=1, reporter_id="R1", system="", report=REPORT)


class EnoughError(BaseException):
    """Ends what would go on for ever."""


def asked(answer: Callable[[Request], Response]) -> list[Request]:
    """Follow R1's session at a hub that answers so, until it has been asked twice; return what it was asked."""
    requests: list[Request] = []

    def hub(request: Request) -> Response:
        requests.append(request)
        if len(requests) > 1:
            raise EnoughError
        return answer(request)

    async def follow() -> None:
        async with AsyncClient(transport=MockTransport(hub)) as client:
            doing = Doing(opened=lambda *_: [], closed=lambda *_: [], own_word="system:fhircast")
            session = ReporterSession("R1", HubAddress(url=HUB), client, doing, StandingClock())
            session.begin_with({1: READ})
            await session.follow()

    with pytest.raises(EnoughError):
        asyncio.run(follow())
    return requests


def test_whatever_happens_it_is_followed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a fault that nobody has thought of too: a session that has been left shows a study that is not open."""

    def unthought_of(_: Request) -> Response:
        raise LookupError

    at_once(monkeypatch)
    assert [request.method for request in asked(unthought_of)] == ["POST", "POST"]


def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody wait."""
    sleep = asyncio.sleep
    monkeypatch.setattr(asyncio, "sleep", lambda _: sleep(0))


def test_a_session_whose_task_has_ended_is_begun_again(sqlite_db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next time that reporters are looked up."""
    stop, begun = threading.Event(), []

    async def broken(session: ReporterSession) -> None:
        begun.append(session)
        if len(begun) > 1:
            stop.set()
        raise LookupError

    queued(sqlite_db, "A1")
    monkeypatch.setattr("balancer.outlets.fhircast.following.see_reporters", lambda _: {"R1"})
    monkeypatch.setattr("balancer.outlets.fhircast.following._REPORTERS_EVERY_SECONDS", 0.0)
    monkeypatch.setattr(ReporterSession, "follow", broken)
    thread = threading.Thread(target=Following(sqlite_db, StandingClock(), HubAddress(url=HUB)).keep, args=(stop,))
    thread.start()
    ended = stop.wait(PATIENCE_SECONDS)
    stop.set()
    thread.join()
    assert ended
    assert begun[0] is begun[1]


@pytest.mark.parametrize(
    ("endpoint", "private"),
    [
        ("wss://hub.example/x", True),
        ("WSS://hub.example/x", True),
        ("ws://127.0.0.1:8000/x", True),
        ("ws://[::1]/x", True),
        ("ws://localhost/x", True),
        ("ws://hub.example/x", False),
        ("ws://localhost.example/x", False),
        ("ws://127.0.0.1@hub.example/x", False),
        ("https://hub.example/x", False),
        ("wss:///x", False),
        ("ws://[", False),
        ("", False),
    ],
)
def test_what_is_open_is_heard_only_where_nobody_can_listen(endpoint: str, *, private: bool) -> None:
    """Encrypted, or on this machine."""
    assert is_private(endpoint) is private


def test_a_hub_that_names_an_open_address_is_not_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """The hub's own address is private (a setting); so must be the one that it answers with."""
    reached: list[Any] = []
    at_once(monkeypatch)
    monkeypatch.setattr("balancer.outlets.fhircast.session.connect", lambda *told, **_: reached.append(told))
    asked(lambda _: Response(202, json={"hub.channel.endpoint": "ws://hub.example/x"}))
    assert reached == []


def test_a_topic_is_one_part_of_an_address() -> None:
    """Whatever a site's sessions are called."""
    address = HubAddress(url=HUB, topic="site/{reporter_id}?of=1#2")
    assert address.session_of("R1") == f"{HUB}/site%2FR1%3Fof%3D1%232"
