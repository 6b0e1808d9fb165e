"""The change feed over the wire, as a PACS follows it."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any

import httpx2
import pytest

from balancer.api.watch import Watch
from balancer.domain.actor import system
from balancer.domain.permission import Permission
from balancer.domain.study import StudyKey
from balancer.services.correct_study import correct_study
from balancer.services.decide_policy import approve_policy
from balancer.services.expedite_study import expedite_study
from balancer.services.ingest_studies import ingest_extract
from balancer.services.propose_policy import propose_policy
from balancer.services.run_allocation import run_allocation
from balancer.services.steer_read import Said
from balancer.store.assignments import void_cursors
from balancer.store.database import Database
from tests.access.doors import REPORTER, SYSTEM_EAST, KnownOnce
from tests.access.two_trusts import WEST
from tests.api.service import Service, problem
from tests.instructed import MANAGER
from tests.networks import Feed, claimed, extract, minutes, solving
from tests.worlds import NOW, policy, priority

Client = httpx2.AsyncClient
A1 = StudyKey("RVV", "A1")


def claim(db: Database, accession_number: str) -> None:
    """Let R2 claim a study's first read; the feed hears of it by itself."""
    claimed(db, accession_number, "R2")


def test_without_a_cursor_everything_comes(allocated: Service) -> None:
    """Each read once, in the order planned, those without a place last with the reason."""
    found = allocated.ask("/assignments", trust="RVV")
    assert (found["trust"], found["snapshot"], found["more"]) == ("RVV", True, False)
    assert [(item["accession_number"], item["state"], item["reporter_id"]) for item in found["items"]] == [
        ("A1", "allocated", "R1"), ("A2", "allocated", "R1"), ("A3", "unallocated", None),
    ]  # fmt: skip
    assert (found["items"][0]["planned_start"], found["items"][2]["reason"]) == ("2026-03-02T08:00:00Z", "deferred")


def test_with_a_cursor_only_what_has_changed_comes(allocated: Service, db: Database) -> None:
    """A claim, then a withdrawal; each is told once, and asked again nothing is."""
    cursor = allocated.ask("/assignments", trust="RVV")["cursor"]
    claim(db, "A3")
    found = allocated.ask("/assignments", trust="RVV", since=cursor)
    assert [(item["accession_number"], item["state"]) for item in found["items"]] == [("A3", "claimed")]
    ingest_extract(db, Feed(), extract("A1", "A2", "A3", *[f"B{n}" for n in range(30)], at=3), minutes(3))
    ingest_extract(db, Feed(), extract("A2", "A3", *[f"B{n}" for n in range(30)], at=4), minutes(4))
    later = allocated.ask("/assignments", trust="RVV", since=found["cursor"])
    gone = [(item["accession_number"], item["state"]) for item in later["items"] if item["removed"]]
    assert gone == [("A1", "withdrawn")]
    assert later["snapshot"] is False
    assert allocated.ask("/assignments", trust="RVV", since=later["cursor"])["items"] == []


def _corrected(db: Database) -> None:
    correct_study(db, A1, {"priority": "emergency"}, minutes(1), by=MANAGER, said=Said(reason="it bleeds"))


def _expedited(db: Database) -> None:
    expedite_study(db, A1, minutes(120), minutes(1), by=MANAGER, said=Said(reason="it bleeds"), priority="emergency")


@pytest.mark.parametrize("decide", [_corrected, _expedited])
def test_a_policy_that_makes_a_study_of_a_decided_class_due_at_another_time_is_told(
    allocated: Service, db: Database, decide: Callable[[Database], None]
) -> None:
    """The study's own row is of its feed's class, whose target stays; what is shown is due by what was decided."""
    decide(db)
    cursor = allocated.ask("/assignments", trust="RVV")["cursor"]
    listed = allocated.get("/worklists/R1")
    other = policy(priority("emergency", target_hours=2), priority("urgent"))
    number = propose_policy(db, other, minutes(2), by=MANAGER, author="A. Manager", reason="the winter")
    approve_policy(db, number, minutes(3), by=MANAGER, approver="Dr B. Approver", reason="agreed")
    (changed,) = allocated.ask("/assignments", trust="RVV", since=cursor)["items"]
    assert (changed["accession_number"], changed["due_at"]) == ("A1", "2026-03-02T09:00:00Z")
    again = allocated.client.get("/api/v1/worklists/R1", headers={"If-None-Match": listed.headers["etag"]})
    assert again.status_code == 200
    assert again.json()["items"][0]["due_at"] == "2026-03-02T09:00:00Z" != listed.json()["items"][0]["due_at"]


def test_a_snapshot_comes_in_pages(allocated: Service) -> None:
    """As many at a time as the caller can take; all pages of it say that they are of a snapshot."""
    query: dict[str, Any] = {"trust": "RVV", "limit": 1}
    pages: list[dict[str, Any]] = []
    while not pages or pages[-1]["more"]:
        pages.append(allocated.ask("/assignments", **query))
        query["since"] = pages[-1]["cursor"]
    assert [item["accession_number"] for page in pages for item in page["items"]] == ["A1", "A2", "A3"]
    assert all(page["snapshot"] for page in pages)


def test_what_has_not_changed_is_not_sent_again(allocated: Service, db: Database) -> None:
    """304 to whoever gives the ETag back, until a read of this trust is moved."""
    first = allocated.get("/assignments", trust="RVV")
    given = {"If-None-Match": first.headers["etag"]}
    again = allocated.client.get("/api/v1/assignments?trust=RVV", headers=given)
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
    claim(db, "A3")
    assert allocated.client.get("/api/v1/assignments?trust=RVV", headers=given).status_code == 200


def test_a_cursor_of_before_a_restored_backup_is_gone(allocated: Service, db: Database) -> None:
    """410, and the words say what to do."""
    cursor = allocated.ask("/assignments", trust="RVV")["cursor"]
    with db.transaction() as writing:
        void_cursors(writing)
    found = problem(allocated.get("/assignments", trust="RVV", since=cursor), 410, "begin-again")
    assert "begin again without a cursor" in found["detail"]


@pytest.mark.parametrize("since", ["nonsense", "WyJydW4iLDFd", "e30="])
def test_what_is_no_cursor_of_this_feed_is_told_apart(allocated: Service, since: str) -> None:
    """A cursor of runs, JSON of another kind, noise."""
    problem(allocated.get("/assignments", trust="RVV", since=since), 404, "no-such-page")


def test_an_unknown_trust_has_no_feed(allocated: Service) -> None:
    """A typing error in a code must not look like a trust without work."""
    problem(allocated.get("/assignments", trust="RV"), 404, "not-found")


# --- waiting ---------------------------------------------------------------------------------------------------------


def together(service: Service, do: Callable[[Client], Coroutine[Any, Any, None]]) -> None:
    """Run what several clients do at the same time."""

    async def go() -> None:
        transport = httpx2.ASGITransport(service.app)
        async with Client(transport=transport, base_url="http://testserver/api/v1", timeout=60) as client:
            await do(client)

    asyncio.run(go())


async def _news(waiting: list[asyncio.Task[httpx2.Response]]) -> set[int]:
    return {answer.status_code for answer in await asyncio.gather(*waiting)}


def test_many_wait_without_a_thread_or_a_connection_each(allocated: Service, db: Database) -> None:
    """Two hundred who wait for changes and lists: the pool of connections and the threads stay as they were."""
    cursor = allocated.ask("/assignments", trust="RVV")["cursor"]
    tag = allocated.get("/worklists/R1").headers["etag"]
    most = {"threads": 0, "connections": 0}

    async def look() -> None:
        for _ in range(10):
            await asyncio.sleep(0.05)
            most["threads"] = max(most["threads"], threading.active_count())
            most["connections"] = max(most["connections"], db.engine.pool.checkedout())  # type: ignore[attr-defined]

    async def do(client: Client) -> None:
        feeds = [
            asyncio.create_task(client.get("/assignments", params={"trust": "RVV", "since": cursor, "wait": 50}))
            for _ in range(100)
        ]
        lists = [
            asyncio.create_task(client.get("/worklists/R1", params={"wait": 50}, headers={"If-None-Match": tag}))
            for _ in range(100)
        ]
        before = threading.active_count()
        await look()
        assert not any(task.done() for task in (*feeds, *lists))
        assert most["connections"] <= 1
        assert most["threads"] <= before + 2
        await asyncio.to_thread(claim, db, "A2")
        assert await _news(feeds) == {200}
        assert await _news(lists) == {200}
        assert [item["accession_number"] for item in feeds[0].result().json()["items"]] == ["A2"]

    together(allocated, do)


def test_whoever_waits_in_vain_is_told_that_nothing_is_new(allocated: Service) -> None:
    """An empty answer with the same cursor; or 304, to whoever asks with an ETag."""
    cursor = allocated.ask("/assignments", trust="RVV")["cursor"]
    began = time.monotonic()
    found = allocated.ask("/assignments", trust="RVV", since=cursor, wait=0.3)
    assert (found["items"], found["cursor"]) == ([], cursor)
    assert time.monotonic() - began >= 0.3
    headers = {"If-None-Match": allocated.get("/worklists/R1").headers["etag"]}
    assert allocated.client.get("/api/v1/worklists/R1?wait=0.2", headers=headers).status_code == 304


def test_whoever_may_no_longer_be_told_is_told_nothing_that_came_while_they_waited(allocated: Service) -> None:
    """A key that ends, or a session, ends what waits with it: neither what came is told, nor that nothing did."""
    cursor = allocated.ask("/assignments", trust="RVV")["cursor"]
    headers = {"If-None-Match": allocated.get("/worklists/R1").headers["etag"]}
    for door, path in (
        (KnownOnce(SYSTEM_EAST), f"/assignments?trust=RVV&since={cursor}&wait=0.05"),
        (KnownOnce(REPORTER), "/worklists/R1?wait=0.05"),
    ):
        allocated.app.state.door = door
        assert allocated.client.get(f"/api/v1{path}", headers=headers).status_code == 401


def test_whoever_reaches_less_far_by_the_end_of_waiting_is_told_no_more_than_that(allocated: Service) -> None:
    """Their role at the trust has ended; at another it has not."""
    cursor = allocated.ask("/assignments", trust="RVV")["cursor"]
    allocated.app.state.door = KnownOnce(SYSTEM_EAST, then=system("test:pacs", "a PACS", Permission, [WEST]))
    assert allocated.client.get(f"/api/v1/assignments?trust=RVV&since={cursor}&wait=0.05").status_code == 404


def test_whoever_has_not_everything_yet_never_waits(
    allocated: Service, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Waiting is for news: what is there already is sent at once, however long one would wait."""
    cursor = allocated.ask("/assignments", trust="RVV")["cursor"]
    claim(db, "A3")

    async def waits(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(Watch, "_wait", waits)
    assert allocated.ask("/assignments", trust="RVV", since=cursor, wait=60)["items"]
    assert allocated.ask("/assignments", trust="RVV", wait=60)["items"]
    assert allocated.get("/worklists/R1", wait=60).status_code == 200


def test_what_another_process_publishes_wakes_whoever_waits(allocated: Service, db: Database) -> None:
    """The solver is a process of its own, with a door of its own to the database."""
    other = Database(db.engine.url.render_as_string(hide_password=False))
    tag = allocated.get("/worklists/R1").headers["etag"]

    def publish() -> None:
        run_allocation(other, NOW, solver=solving({"S1": ["A2"], "S2": ["A1"]}, {"A3": "deferred"}))

    async def do(client: Client) -> None:
        waiting = asyncio.create_task(client.get("/worklists/R1", params={"wait": 50}, headers={"If-None-Match": tag}))
        await asyncio.to_thread(publish)
        assert (await waiting).json()["version"] == 2

    together(allocated, do)
    other.close()
