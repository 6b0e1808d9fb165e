"""Waiting is bounded: by how many wait in one name, by whether they are still there, and never by one another."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import httpx2
import pytest

from balancer.api import bodies, looks, watch
from balancer.api.bodies import Bodies, Turns
from balancer.api.routes import runs as run_routes
from balancer.api.watch import MOST_SECONDS, Marks, Watch
from balancer.domain.actor import EVERY_TRUST, Grant, person
from balancer.domain.permission import Role
from balancer.store import changes
from balancer.store.changes import Mark
from balancer.store.database import Database, Session
from balancer.store.tables import HeartbeatRow
from balancer.store.worklists import ListMark
from balancer.web import lists
from tests.access.doors import Known
from tests.api.service import HERE, Service
from tests.networks import claimed
from tests.patience import PATIENCE_SECONDS
from tests.worlds import NOW


def test_as_many_wait_in_one_name_as_may_and_another_is_still_let_in(
    allocated: Service, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One caller's flood of waiting requests is nobody else's trouble; without `wait` they are served too."""
    monkeypatch.setattr(watch, "MOST_WAITING", 3)
    headers = {"If-None-Match": allocated.get("/worklists/R1").headers["etag"]}
    run_id = allocated.post("/runs").json()["run_id"]

    async def flood() -> tuple[list[int], list[int], int, str]:
        transport = httpx2.ASGITransport(app=allocated.app, client=HERE)
        async with httpx2.AsyncClient(transport=transport, base_url="http://testserver/api/v1") as client:

            async def ask(wait: float, path: str = "/worklists/R1") -> httpx2.Response:
                return await client.get(path, params={"wait": wait}, headers=headers)

            tasks = [asyncio.create_task(ask(MOST_SECONDS)) for _ in range(5)]
            for first in itertools.islice(asyncio.as_completed(tasks), 2):
                await first
            more = [(await ask(0)).status_code, (await ask(1, f"/runs/{run_id}/events")).status_code]
            allocated.app.state.door = Known(person("test:other", "A", Grant(Role.MANAGER, EVERY_TRUST)))
            other = (await ask(0.1)).status_code
            await asyncio.to_thread(claimed, db, "A1")
            answers = [await task for task in tasks]
            refused = [answer for answer in answers if answer.status_code == 429]
            assert {answer.headers["retry-after"] for answer in refused} == {"5"}
            kinds = {answer.json()["type"] for answer in refused}
            return sorted(answer.status_code for answer in answers), more, other, *kinds

    assert asyncio.run(asyncio.wait_for(flood(), PATIENCE_SECONDS)) == (
        [200, 200, 200, 429, 429],
        [304, 429],
        304,
        "/problems#too-many-waiting",
    )
    headers = {"If-None-Match": allocated.get("/worklists/R1").headers["etag"]}
    assert allocated.client.get("/api/v1/worklists/R1?wait=0.1", headers=headers).status_code == 304


def test_whoever_has_gone_away_is_waited_for_no_longer(allocated: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """A workstation that was switched off holds its place for a second or so, not for a minute: of time as shown."""
    shown = itertools.count(step=0.1)
    monkeypatch.setattr(watch, "time", SimpleNamespace(monotonic=lambda: next(shown)))
    monkeypatch.setattr(watch, "_TICK_SECONDS", 1.0)
    tag = allocated.get("/worklists/R1").headers["etag"]
    scope = _asking_for_a_list(b"wait=30", (b"if-none-match", tag.encode()))
    messages = iter([{"type": "http.request", "body": b"", "more_body": False}])

    async def receive() -> Any:
        return next(messages, {"type": "http.disconnect"})

    async def send(_message: Any) -> None:
        """Nobody is there."""

    asyncio.run(asyncio.wait_for(allocated.app(scope, receive, send), PATIENCE_SECONDS))
    assert next(shown) < 10


@pytest.mark.parametrize(
    ("path", "status"),
    [("/api/v1/worklists/R1?wait=60", 304), ("/lists/R1/events?wait=60", 200), ("/api/v1/runs/{run}/events", 200)],
)
def test_nobody_is_waited_with_once_the_service_is_to_stop(
    allocated: Service, monkeypatch: pytest.MonkeyPatch, path: str, status: int
) -> None:
    """Whoever waits is answered as if their time were over, and asks whoever serves then; no time passes here."""
    stands = SimpleNamespace(monotonic=lambda: 0.0)
    for module in (watch, lists, run_routes):
        monkeypatch.setattr(module, "time", stands)
    headers = {"If-None-Match": allocated.get("/worklists/R1").headers["etag"]}
    run_id = allocated.post("/runs").json()["run_id"]

    async def stopped() -> int:
        transport = httpx2.ASGITransport(app=allocated.app, client=HERE)
        async with httpx2.AsyncClient(transport=transport, base_url="http://testserver") as client:
            asking = asyncio.create_task(client.get(path.format(run=run_id), headers=headers))
            await asyncio.wait([asking], timeout=1.0)
            assert not asking.done()
            allocated.app.state.serving.ending.set()
            return (await asking).status_code

    assert asyncio.run(asyncio.wait_for(stopped(), PATIENCE_SECONDS)) == status


def test_all_who_wait_are_told_of_one_look(allocated: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many they are, the database is asked as if one waited; and each has the news."""
    headers = {"If-None-Match": allocated.get("/worklists/R1").headers["etag"]}
    looks = []
    look = changes.marks

    def counted(session: Session) -> Mapping[str, changes.Mark]:
        looks.append(1)
        return look(session)

    async def all_told() -> tuple[list[int], int]:
        transport = httpx2.ASGITransport(app=allocated.app, client=HERE)
        async with httpx2.AsyncClient(transport=transport, base_url="http://testserver/api/v1") as client:
            asked = {"wait": MOST_SECONDS}
            # Only what is written here is looked at, and of looks that were under way none is left to be counted.
            monkeypatch.setattr(watch, "OLDEST_SECONDS", MOST_SECONDS)
            assert (await client.get("/worklists/R1", headers=headers)).status_code == 304
            monkeypatch.setattr(changes, "marks", counted)
            tasks = [asyncio.create_task(client.get("/worklists/R1", params=asked, headers=headers)) for _ in range(20)]
            await asyncio.wait(tasks, timeout=1.0)
            await asyncio.to_thread(claimed, allocated.app.state.serving.database, "A1")
            return [(await task).status_code for task in tasks], len(looks)

    assert asyncio.run(asyncio.wait_for(all_told(), PATIENCE_SECONDS)) == ([200] * 20, 1)


def test_who_has_something_that_cannot_wait_has_the_next_turn() -> None:
    """A list that is mended, before it was asked for or since, is made before those that a run has made new."""

    async def turns() -> list[str]:
        one_at_a_time, had = Turns(1), []
        mended: set[str] = {"third"}

        async def have(name: str) -> None:
            async with one_at_a_time.turn(lambda: name in mended):
                had.append(name)
                mended.add("fourth")
                await asyncio.sleep(0)

        await asyncio.gather(*(have(name) for name in ("first", "second", "third", "fourth", "fifth")))
        return had

    assert asyncio.run(turns()) == ["third", "fourth", "first", "second", "fifth"]


def test_of_lists_that_were_mended_the_newest_is_made_first() -> None:
    """It holds what they were mended for; of those alike whoever asked first."""

    async def turns() -> list[str]:
        one_at_a_time, had = Turns(1), []
        urgency = {"mended": 7, "burns": 8, "too": 8}

        async def have(name: str) -> None:
            async with one_at_a_time.turn(lambda: urgency.get(name, 0)):
                had.append(name)
                await asyncio.sleep(0)

        await asyncio.gather(*(have(name) for name in ("first", "everyday", "mended", "burns", "too")))
        return had

    assert asyncio.run(turns()) == ["burns", "too", "mended", "first", "everyday"]


def test_whoever_has_written_is_told_of_no_look_that_began_before(
    sqlite_db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reporter who has just opened a read, and whose list still says that nobody has, opens another."""
    watching, begun, go_on = Watch(sqlite_db, threading.Event()), threading.Event(), threading.Event()
    count = 0

    def marks() -> Marks:
        nonlocal count
        count += 1
        found = Marks(feeds={}, journal=Mark(incarnation="", sequence=count), lists={})
        begun.set()
        assert go_on.wait(PATIENCE_SECONDS)
        return found

    async def written() -> list[Marks]:
        before = [asyncio.create_task(watching.look()) for _ in range(2)]
        await asyncio.to_thread(begun.wait, PATIENCE_SECONDS)
        with sqlite_db.transaction() as session:
            session.merge(HeartbeatRow(name="test", beat_at=NOW))
        after = [asyncio.create_task(watching.look()) for _ in range(2)]
        await asyncio.sleep(0)  # they have asked by then
        go_on.set()
        return list(await asyncio.gather(*before, *after))

    monkeypatch.setattr(watching, "_read", marks)
    found = asyncio.run(asyncio.wait_for(written(), PATIENCE_SECONDS))
    assert [one.journal.sequence for one in found] == [1, 1, 2, 2]


def test_a_list_cannot_wait_just_after_it_was_mended(sqlite_db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """What changes on it later is as on any other list, and so is one that a run replaces it with."""
    listed = ListMark(worklist_id=7, published_at=NOW, revision=0, mended=False)
    mended = replace(listed, worklist_id=9, mended=True)
    revised, replaced = replace(mended, revision=1), replace(listed, worklist_id=11)
    end = Mark(incarnation="", sequence=0)
    monkeypatch.setattr(watch, "OLDEST_SECONDS", 0.0)
    watching = Watch(sqlite_db, threading.Event())

    def urgency(mark: ListMark, for_seconds: float = PATIENCE_SECONDS) -> tuple[int, int]:
        marks = Marks(feeds={}, journal=end, lists={"R1": mark, "R2": replace(listed, mended=True)})
        monkeypatch.setattr(watching, "_read", lambda: marks)
        monkeypatch.setattr(watch, "URGENT_FOR_SECONDS", for_seconds)
        asyncio.run(watching.look())
        return watching.urgency("R1"), watching.urgency("R2")

    assert urgency(listed) == (0, 0)
    assert urgency(mended) == (9, 0)
    assert urgency(revised, for_seconds=0.0) == (0, 0)
    assert urgency(replaced) == (0, 0)
    assert urgency(mended) == (9, 0)
    assert urgency(replaced) == (0, 0)


@pytest.mark.parametrize(("seconds", "order"), [(0.0, ["begins", "ends", "begins"]), (0.5, ["begins", "begins"])])
def test_what_is_urgent_is_made_alone_unless_it_takes_long(seconds: float, order: list[str]) -> None:
    """Two at once take twice as long each; but one that hangs keeps nobody from theirs."""

    async def turns() -> list[str]:
        two_at_a_time, had = Turns(2), []

        async def have(urgency: int, seconds: float) -> None:
            async with two_at_a_time.turn(lambda: urgency):
                had.append("begins")
                await asyncio.sleep(seconds)
                had.append("ends")

        await asyncio.gather(have(0, 0.0), have(1, seconds))
        return had

    assert asyncio.run(turns())[: len(order)] == order


def test_whoever_waits_anyway_leaves_turns_and_time_to_others() -> None:
    """Of all to whom a new plan is told one has a turn at a time, and then nobody for as long as it took."""

    async def turns() -> list[str]:
        two_at_a_time, had = Turns(2), []
        mended: set[str] = set()

        async def have(name: str, *, patient: bool, seconds: float = 0.0) -> None:
            async with two_at_a_time.turn(lambda: name in mended, patient=patient):
                had.append(name)
                await asyncio.sleep(seconds)

        first = asyncio.create_task(have("first", patient=True, seconds=0.3))
        others = [asyncio.create_task(have(name, patient=True)) for name in ("second", "third")]
        await asyncio.sleep(0.01)
        await have("asks now", patient=False)  # beside the first, though others asked before
        await first
        await have("asks in the rest", patient=False)
        mended.add("third")
        two_at_a_time.give()
        await others[1]
        assert not others[0].done()
        await others[0]
        return had

    assert asyncio.run(turns()) == ["first", "asks now", "asks in the rest", "third", "second"]


def test_whoever_waits_anyway_lets_go_first_what_cannot_wait() -> None:
    """As long as it is under way; whose list it is, and who asks without waiting, are served meanwhile."""

    async def turns() -> list[str]:
        had: list[str] = []
        mended: set[str] = set()
        under_way = True
        turns = Turns(2, hurried=lambda: under_way)

        async def have(name: str, *, patient: bool) -> None:
            async with turns.turn(lambda: name in mended, patient=patient):
                had.append(name)

        tasks = [asyncio.create_task(have(name, patient=True)) for name in ("everyday", "mended")]
        await asyncio.sleep(0)
        await have("asks now", patient=False)
        mended.add("mended")
        turns.give()
        await tasks[1]
        assert turns.are_wanted
        assert not tasks[0].done()
        under_way = False
        turns.give()
        await tasks[0]
        assert not turns.are_wanted
        return had

    assert asyncio.run(asyncio.wait_for(turns(), PATIENCE_SECONDS)) == ["asks now", "mended", "everyday"]


@pytest.mark.parametrize("stuck", [False, True])
def test_a_list_that_is_waited_for_comes_after_what_cannot_wait(
    allocated: Service, monkeypatch: pytest.MonkeyPatch, *, stuck: bool
) -> None:
    """After all of it, or after so long if that gets stuck; who asks without waiting has it at once."""
    monkeypatch.setattr(bodies, "RESTS_FOR_SECONDS", 0.5 if stuck else 10 * PATIENCE_SECONDS)
    tag = allocated.get("/worklists/R1").headers["etag"]
    database = allocated.app.state.serving.database
    claimed(database, "A1")

    async def both() -> tuple[bool, int, int]:
        transport = httpx2.ASGITransport(app=allocated.app, client=HERE)
        async with httpx2.AsyncClient(transport=transport, base_url="http://testserver/api/v1") as client:

            async def ask(**params: float) -> int:
                return (await client.get("/worklists/R1", params=params, headers={"If-None-Match": tag})).status_code

            with database.right_of_way.taken():
                waits = asyncio.create_task(ask(wait=MOST_SECONDS))
                await asyncio.wait([waits], timeout=PATIENCE_SECONDS if stuck else 0.5)
                came, at_once = waits.done(), await ask()
            return came, at_once, await waits

    assert asyncio.run(asyncio.wait_for(both(), PATIENCE_SECONDS)) == (stuck, 200, 200)


def test_a_list_that_is_waited_for_comes_after_what_is_just_being_handed_on(
    allocated: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What has been taken in is noticed a moment later by whoever mends lists: making others meanwhile slows it."""
    monkeypatch.setattr(bodies, "RESTS_FOR_SECONDS", 10 * PATIENCE_SECONDS)
    monkeypatch.setattr(watch, "HANDED_ON_WITHIN_SECONDS", 10 * PATIENCE_SECONDS)
    tag = allocated.get("/worklists/R1").headers["etag"]
    database = allocated.app.state.serving.database

    async def waits() -> tuple[bool, int]:
        transport = httpx2.ASGITransport(app=allocated.app, client=HERE)
        async with httpx2.AsyncClient(transport=transport, base_url="http://testserver/api/v1") as client:
            asked = client.get("/worklists/R1", params={"wait": MOST_SECONDS}, headers={"If-None-Match": tag})
            with database.right_of_way.taken():
                waiting = asyncio.create_task(asked)
                await asyncio.sleep(0.5)  # seen to be under way
                await asyncio.to_thread(claimed, database, "A1")
            await asyncio.wait([waiting], timeout=0.5)
            came = waiting.done()
            monkeypatch.setattr(watch, "HANDED_ON_WITHIN_SECONDS", 0.0)
            return came, (await waiting).status_code

    assert asyncio.run(asyncio.wait_for(waits(), PATIENCE_SECONDS)) == (False, 200)


def test_whoever_lets_something_go_first_is_served_though_nobody_can_look_any_more(
    allocated: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was under way when the last look was made may be over long since."""
    monkeypatch.setattr(bodies, "RESTS_FOR_SECONDS", 0.5)
    tag = allocated.get("/worklists/R1").headers["etag"]
    database = allocated.app.state.serving.database
    claimed(database, "A1")

    def fail(_: Session) -> Mapping[str, changes.Mark]:
        raise RuntimeError("no look can be made")

    async def served() -> int:
        transport = httpx2.ASGITransport(app=allocated.app, client=HERE)
        async with httpx2.AsyncClient(transport=transport, base_url="http://testserver/api/v1") as client:
            with database.right_of_way.taken():
                asked = client.get("/worklists/R1", params={"wait": MOST_SECONDS}, headers={"If-None-Match": tag})
                waits = asyncio.create_task(asked)
                await asyncio.wait([waits], timeout=0.2)
                monkeypatch.setattr(changes, "marks", fail)
                return (await waits).status_code

    assert asyncio.run(asyncio.wait_for(served(), PATIENCE_SECONDS)) == 200


def test_nobody_rests_once_some_have_waited_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where thousands are told of a plan, the last of them does not hear of it twice as late."""
    monkeypatch.setattr(bodies, "RESTS_FOR_SECONDS", 0.0)

    async def turns() -> list[str]:
        turns, had = Turns(2), []

        async def have(name: str, seconds: float = 0.0) -> None:
            async with turns.turn(lambda: False, patient=True):
                await asyncio.sleep(seconds)
            had.append(name)

        waiting = [asyncio.create_task(have("first", 0.4)), asyncio.create_task(have("second"))]
        await waiting[0]
        await asyncio.sleep(0.2)
        had.append("half of a rest")
        await asyncio.gather(*waiting)
        return had

    assert asyncio.run(turns()) == ["first", "second", "half of a rest"]


def test_whoever_has_waited_longest_has_every_second_turn_once_it_is_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where more is wanted than can be made: what is urgent, or asked for without waiting, comes between them only."""
    monkeypatch.setattr(bodies, "OVERDUE_SECONDS", 0.1)

    async def turns() -> list[str]:
        one_at_a_time, had = Turns(1), []

        async def have(name: str, urgency: int = 0, *, patient: bool = False, seconds: float = 0.0) -> None:
            async with one_at_a_time.turn(lambda: urgency, patient=patient):
                had.append(name)
                await asyncio.sleep(seconds)

        tasks = [asyncio.create_task(have("holds it", seconds=0.3))]
        await asyncio.sleep(0.01)
        tasks += [asyncio.create_task(have(f"waits {place}", patient=True)) for place in (1, 2)]
        await asyncio.sleep(0.2)
        tasks += [asyncio.create_task(have(f"urgent {place}", 9 - place)) for place in (1, 2)]
        tasks += [asyncio.create_task(have("asks now"))]
        await asyncio.gather(*tasks)
        return had

    expected = ["holds it", "waits 1", "urgent 1", "waits 2", "urgent 2", "asks now"]
    assert asyncio.run(asyncio.wait_for(turns(), PATIENCE_SECONDS)) == expected


def test_nothing_is_made_for_whoever_has_gone_away(allocated: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """They have asked again by then; what is made for nobody keeps the others waiting, and nobody has looked at it."""
    made: list[str] = []
    looked: list[object] = []
    monkeypatch.setattr(looks.Looks, "note", lambda _self, *what: looked.append(what))
    monkeypatch.setattr(Bodies, "made", lambda *_: made.append("a list"))
    gone = asyncio.run(_asked_by_nobody(allocated))
    assert (gone, made, looked) == (499, [], [])


def _asking_for_a_list(query: bytes, *headers: tuple[bytes, bytes]) -> dict[str, Any]:
    """Return a request for a list as the application gets it."""
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/api/v1/worklists/R1",
        "raw_path": b"/api/v1/worklists/R1",
        "root_path": "",
        "query_string": query,
        "headers": [(b"host", b"testserver"), *headers],
        "client": HERE,
        "server": ("testserver", 80),
    }


async def _asked_by_nobody(service: Service) -> int:
    """Return the status of a request whose client goes away as soon as it is sent."""
    sent: list[int] = []
    scope = _asking_for_a_list(b"")

    async def receive() -> dict[str, str]:
        return {"type": "http.disconnect"}

    async def send(message: Mapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            sent.append(message["status"])

    await service.app(scope, receive, send)
    return sent[0]


def test_a_turn_that_nobody_waits_for_any_more_is_the_next_ones() -> None:
    """Whoever has gone away, before it was theirs or as it became theirs, keeps nobody waiting."""

    async def turns() -> list[str]:
        one_at_a_time, had = Turns(1), []

        async def have(name: str) -> None:
            async with one_at_a_time.turn(lambda: False):
                had.append(name)

        async with one_at_a_time.turn(lambda: False):
            waiting = [asyncio.create_task(have(name)) for name in ("gone", "going", "there")]
            await asyncio.sleep(0)
            waiting[0].cancel()
            await asyncio.sleep(0)
        waiting[1].cancel()  # it has been given the turn, and does not know yet
        await asyncio.gather(*waiting, return_exceptions=True)
        await have("after")
        return had

    assert asyncio.run(asyncio.wait_for(turns(), PATIENCE_SECONDS)) == ["there", "after"]


def test_whoever_wants_another_list_does_not_wait_for_one_that_takes_long() -> None:
    """And of one list there is one maker, whoever asks."""
    bodies, begun, go_on = Bodies(), threading.Event(), threading.Event()
    made = []

    def slowly() -> tuple[bytes, str]:
        begun.set()
        go_on.wait(PATIENCE_SECONDS)
        made.append("slow")
        return b"slow", "s"

    both = [threading.Thread(target=bodies.made, args=("slow", "s", slowly)) for _ in range(2)]
    for thread in both:
        thread.start()
    begun.wait(PATIENCE_SECONDS)
    other = threading.Thread(target=bodies.made, args=("quick", "q", lambda: (b"quick", "q")))
    other.start()
    other.join()
    assert bodies.kept("quick", "q") == b"quick"
    go_on.set()
    for thread in both:
        thread.join()
    assert made == ["slow"]
