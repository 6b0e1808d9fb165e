"""Balancer at a real hub: a reporter's screens follow what is claimed here, and what they open there is claimed.

The hub is our own, on a port; the viewer is a peer of it by WebSocket, as any viewer is.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from httpx2 import get

from balancer.api.routes.fhircast import hub_of
from balancer.bootstrap import with_following
from balancer.config import read_settings
from balancer.domain.errors import NotFoundError
from balancer.domain.life import ReadState
from balancer.outlets.fhircast.address import HubAddress
from balancer.outlets.fhircast.following import Following
from balancer.publish.fhircast.report import meant_by
from balancer.scheduler.leading import Leader
from balancer.services.complete_read import complete_read
from balancer.services.open_in_viewer import open_in_viewer
from balancer.services.release_read import release_read
from balancer.services.see_open_reads import see_open_reads
from balancer.store import claims
from balancer.store.database import Database, StoreBusyError
from balancer.store.leases import Lease
from tests.api.fhircast.hubs import Peer, closed, hub, names, opened, post
from tests.api.service import Service
from tests.networks import PACS, claimed, incoming, queued, read_id, standing
from tests.patience import PATIENCE_SECONDS, until
from tests.worlds import NOW

OPEN, CLOSE = "DiagnosticReport-open", "DiagnosticReport-close"


@contextlib.contextmanager
def following(db: Database, url: str, service: Service, reporters: Sequence[str] = ("R1", "R2")) -> Iterator[None]:
    """Let Balancer follow the sessions of whoever the network lists at a hub; yield once it does."""
    stop = threading.Event()
    thread = threading.Thread(target=Following(db, service.clock, HubAddress(url=url)).keep, args=(stop,))
    thread.start()
    try:
        until(lambda: hub_of(service.app).followers(*reporters) == ["Balancer"] * len(reporters))
        yield
    finally:
        stop.set()
        thread.join()


@pytest.fixture
def url(sqlite_db: Database) -> Iterator[str]:
    """Yield the address of a hub that Balancer follows; A1 has one reading, A2 has two."""
    queued(sqlite_db, "A1", incoming("A2", reads=2), "A3")
    with hub(sqlite_db) as (url, service), following(sqlite_db, url, service):
        yield url


def test_what_is_claimed_here_is_opened_there_and_closed_when_it_is_done(sqlite_db: Database, url: str) -> None:
    """By whichever door it was claimed: the context names the study, and the close names the same report."""
    with Peer(url) as viewer:
        claimed(sqlite_db, "A1")
        told = viewer.follow()
        assert told["event"]["hub.event"] == OPEN
        assert [number.value for number in meant_by(tuple(told["event"]["context"])).accession_numbers] == ["A1"]
        complete_read(sqlite_db, read_id(sqlite_db, "A1"), "R1", NOW, by=PACS)
        gone = viewer.follow()
        assert gone["event"]["hub.event"] == CLOSE
        assert gone["event"]["context"] == told["event"]["context"]


def test_what_is_released_is_closed_and_what_is_opened_again_is_another_report(sqlite_db: Database, url: str) -> None:
    """A release ends the workitem, and so the report that had its number."""
    with Peer(url) as viewer:
        claimed(sqlite_db, "A1")
        first = viewer.follow()
        release_read(sqlite_db, read_id(sqlite_db, "A1"), "R1", NOW, by=PACS)
        assert viewer.follow()["event"]["hub.event"] == CLOSE
        claimed(sqlite_db, "A1")
        again = viewer.follow()["event"]["context"][0]["resource"]["id"]
        assert again != first["event"]["context"][0]["resource"]["id"]


def test_what_one_reporter_opens_no_other_is_told(sqlite_db: Database, url: str) -> None:
    """Two read the same study, blind: each session has its own reading only."""
    with Peer(url, "R1") as first, Peer(url, "R2") as second:
        claimed(sqlite_db, "A2", "R1", read=1)
        claimed(sqlite_db, "A3", "R2")
        for peer, reporter, number in ((first, "R1", "A2"), (second, "R2", "A3")):
            told = peer.follow()["event"]
            assert told["hub.topic"] == reporter
            assert [found.value for found in meant_by(tuple(told["context"])).accession_numbers] == [number]


def test_what_is_opened_in_the_viewer_is_claimed_here_and_told_once(sqlite_db: Database, url: str) -> None:
    """And not told back as another open; its close gives it up in the end, and is no completion."""
    with Peer(url) as viewer:
        event = opened("A1")
        post(url, event=event)
        assert names(viewer.follow())[1] == event.id
        until(lambda: standing(sqlite_db, "A1") == (ReadState.CLAIMED, "R1"))
        complete_read(sqlite_db, read_id(sqlite_db, "A1"), "R1", NOW, by=PACS)
        gone = viewer.follow()
        assert gone["event"]["hub.event"] == CLOSE
        assert gone["event"]["context"] == list(event.context)


def test_what_is_opened_there_and_done_here_between_two_looks_is_closed_there(
    sqlite_db: Database, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No look has seen it open; the viewer that opened it would show it for ever."""
    between = threading.Lock()

    def look(*told: Any) -> Any:
        with between:
            return see_open_reads(*told)

    monkeypatch.setattr("balancer.outlets.fhircast.following.see_open_reads", look)
    with Peer(url) as viewer:
        event = opened("A1")
        with between:
            post(url, event=event)
            until(lambda: standing(sqlite_db, "A1") == (ReadState.CLAIMED, "R1"))
            complete_read(sqlite_db, read_id(sqlite_db, "A1"), "R1", NOW, by=PACS)
        assert names(viewer.follow())[1] == event.id
        gone = viewer.follow()["event"]
        assert (gone["hub.event"], gone["context"]) == (CLOSE, list(event.context))


def test_a_look_that_is_older_than_a_claim_closes_nothing(
    sqlite_db: Database, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it has not seen has not ended: it is closed once, when it is done."""
    kept = threading.Lock()

    def look(*told: Any) -> Any:
        found = see_open_reads(*told)
        with kept:
            return found

    monkeypatch.setattr("balancer.outlets.fhircast.following.see_open_reads", look)
    with Peer(url) as viewer:
        event, other = opened("A1"), opened("A3", at=NOW + timedelta(seconds=1))
        with kept:
            post(url, event=event)
            assert names(viewer.follow())[1] == event.id
            until(lambda: standing(sqlite_db, "A1") == (ReadState.CLAIMED, "R1"))
        post(url, event=other)
        assert names(viewer.follow())[1] == other.id
        until(lambda: standing(sqlite_db, "A3") == (ReadState.CLAIMED, "R1"))
        complete_read(sqlite_db, read_id(sqlite_db, "A1"), "R1", NOW, by=PACS)
        gone = viewer.follow()["event"]
        assert (gone["hub.event"], gone["context"]) == (CLOSE, list(event.context))
        assert standing(sqlite_db, "A3") == (ReadState.CLAIMED, "R1")


def test_a_viewer_that_comes_second_is_told_so(sqlite_db: Database, url: str) -> None:
    """The first committed claim wins; the loser's session gets a SyncError, in its own protocol, naming nobody."""
    claimed(sqlite_db, "A1", "R2")
    with Peer(url) as viewer:
        event = opened("A1")
        post(url, event=event)
        viewer.follow()
        error = viewer.hear()
        assert error["event"]["hub.event"] == "SyncError"
        assert "Balancer" in str(error)
        assert "R2" not in str(error)
    assert standing(sqlite_db, "A1") == (ReadState.CLAIMED, "R2")


def test_what_we_do_not_know_disturbs_nobody(sqlite_db: Database, url: str) -> None:
    """A study of elsewhere is opened in the same session: no error, no claim."""
    with Peer(url) as viewer:
        strange, ours = opened("elsewhere"), opened("A3", at=NOW + timedelta(seconds=1))
        for event in (strange, ours):
            post(url, event=event)
        assert [names(viewer.follow())[1] for _ in range(2)] == [strange.id, ours.id]
        until(lambda: standing(sqlite_db, "A3") == (ReadState.CLAIMED, "R1"))


def test_what_was_given_up_is_not_claimed_by_an_event_that_comes_late(sqlite_db: Database) -> None:
    """Whoever subscribes is told what is open at the hub: an hour later that may be long over here."""
    queued(sqlite_db, "A1", "A2")
    with hub(sqlite_db) as (url, service):
        service.clock.at = NOW + timedelta(hours=1)
        claimed(sqlite_db, "A1")
        release_read(sqlite_db, read_id(sqlite_db, "A1"), "R1", NOW + timedelta(minutes=5), by=PACS)
        post(url, event=opened("A1"))
        post(url, event=opened("A2", topic="R2"))
        with following(sqlite_db, url, service):
            until(lambda: standing(sqlite_db, "A2") == (ReadState.CLAIMED, "R2"))
            assert standing(sqlite_db, "A1")[0] is ReadState.UNALLOCATED


def test_a_hub_that_is_started_anew_is_told_what_is_open(sqlite_db: Database) -> None:
    """It has forgotten every session; the screens are told again."""
    queued(sqlite_db, "A1")
    claimed(sqlite_db, "A1")
    with hub(sqlite_db) as (url, service), following(sqlite_db, url, service):
        context = until(lambda: get(f"{url}/R1", timeout=PATIENCE_SECONDS).json()["context"])
    assert [number.value for number in meant_by(tuple(context)).accession_numbers] == ["A1"]


@pytest.mark.parametrize(
    "error", [StoreBusyError("SELECT", None, OSError()), NotFoundError("there is no such read"), KeyError("x")]
)
def test_what_cannot_be_done_here_is_told_and_the_session_followed_on(
    sqlite_db: Database, url: str, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """A viewer that shows what nobody has claimed must say so, and one fault must not end the session for ever."""
    failing = [error]

    def opened_sometimes(*told: Any, **more: Any) -> list[int]:
        if failing:
            raise failing.pop()
        return open_in_viewer(*told, **more)

    monkeypatch.setattr("balancer.outlets.fhircast.following.open_in_viewer", opened_sometimes)
    with Peer(url) as viewer:
        post(url, event=opened("A1"))
        viewer.follow()
        assert "(503)" in str(viewer.hear()["event"]["context"])
        post(url, event=opened("A3"))
        viewer.follow()
        until(lambda: standing(sqlite_db, "A3") == (ReadState.CLAIMED, "R1"))


def test_a_viewers_close_is_heard(sqlite_db: Database, url: str) -> None:
    """The claim goes on for a lease, in which the completion may come."""
    event = opened("A1")
    post(url, event=event)
    until(lambda: standing(sqlite_db, "A1") == (ReadState.CLAIMED, "R1"))
    post(url, event=closed(event))

    def has_a_lease() -> bool:
        with sqlite_db.session() as session:
            return claims.live(session)[0].lease_until is not None

    until(has_a_lease)


def test_the_leading_scheduler_follows_in_a_process_of_its_own(sqlite_db: Database) -> None:
    """It is there with the lead and gone with it; without a hub there is none."""
    queued(sqlite_db, "A1")
    with hub(sqlite_db) as (url, service):
        settings = read_settings(
            database_url=str(sqlite_db.engine.url), sign_in="local", fhircast_hub=url, network=Path("unused")
        )
        idle = Leader(begin=lambda _: None, end=lambda: None)
        leader = with_following(settings, idle)
        leader.begin(Lease(name="scheduler", holder="test", token=1))
        try:
            until(lambda: "Balancer" in hub_of(service.app).followers("R1"))
            with Peer(url) as viewer:
                claimed(sqlite_db, "A1")
                assert viewer.follow()["event"]["hub.event"] == OPEN
        finally:
            leader.end()
        until(lambda: hub_of(service.app).followers("R1") == [])
    assert with_following(read_settings(sign_in="local"), idle) is idle
