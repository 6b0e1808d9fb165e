"""What was found of a key, a token or a session answers questions for a moment, and only as far as it may."""

from __future__ import annotations

import asyncio
import math
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from balancer.api import recent
from balancer.api.recent import Recent
from balancer.store.database import Database
from balancer.store.tables import HeartbeatRow
from tests.patience import PATIENCE_SECONDS, until

THEN = datetime(2026, 3, 2, 8, tzinfo=UTC)


class Looks:
    """Finds ``answers`` one after the other, the last for ever; counts, and waits before each until it is let go."""

    def __init__(self, *answers: str | None) -> None:
        self.answers = list(answers)
        self.count = 0
        self.go_on = threading.Event()

    def __call__(self, _: Database) -> str | None:
        """Look."""
        self.count += 1
        found = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        assert self.go_on.wait(PATIENCE_SECONDS)
        if found == "fails":
            raise ConnectionError(found)
        return found

    async def to_be(self, count: int) -> None:
        """Wait until so many have begun."""
        await asyncio.to_thread(until, lambda: self.count >= count or None)


@pytest.fixture
def people(sqlite_db: Database, monkeypatch: pytest.MonkeyPatch) -> Recent[str]:
    """Return one that has found nothing yet; nothing grows old in it."""
    monkeypatch.setattr(recent, "OLDEST_SECONDS", math.inf)
    return Recent(lambda: sqlite_db)


async def all_at_once(people: Recent[str], looks: Looks, number: int = 20) -> list[str | BaseException | None]:
    """Ask that often at once, and let the first look go on when all have asked."""
    asking = [asyncio.create_task(people.found("secret", looks, will_do=lambda _: True)) for _ in range(number)]
    await looks.to_be(1)
    looks.go_on.set()
    return await asyncio.wait_for(asyncio.gather(*asking, return_exceptions=True), PATIENCE_SECONDS)


def test_of_many_who_show_the_same_at_once_one_looks(people: Recent[str]) -> None:
    """A PACS asks from every workstation under one key; each second all of them would look, each by a thread."""
    looks = Looks("somebody")
    assert asyncio.run(all_at_once(people, looks)) == ["somebody"] * 20
    assert asyncio.run(all_at_once(people, looks)) == ["somebody"] * 20
    assert looks.count == 1


def test_whoever_waited_for_a_look_that_is_old_by_then_waits_for_one_more(
    people: Recent[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the database is slow, not all of them look: a look that begins after one has asked is as good as one's own."""
    monkeypatch.setattr(recent, "OLDEST_SECONDS", 0.0)
    looks = Looks("before", "after")
    assert asyncio.run(all_at_once(people, looks)) == ["before", *["after"] * 19]
    assert looks.count == 2


def test_a_look_goes_on_for_others_though_whoever_began_it_has_gone(people: Recent[str]) -> None:
    """A browser is closed, or a connection ends."""
    looks = Looks("somebody")

    async def leave() -> tuple[bool, str | None]:
        first, second = (asyncio.create_task(people.found("secret", looks, will_do=lambda _: True)) for _ in range(2))
        await looks.to_be(1)
        first.cancel()
        await asyncio.wait([first])
        looks.go_on.set()
        return first.cancelled(), await second

    assert asyncio.run(asyncio.wait_for(leave(), PATIENCE_SECONDS)) == (True, "somebody")
    assert looks.count == 1


def test_whoever_asks_in_another_event_loop_looks(people: Recent[str]) -> None:
    """Nobody can wait for what another loop does."""
    looks = Looks("somebody")
    with ThreadPoolExecutor(2) as threads:
        asked = [
            threads.submit(lambda: asyncio.run(people.found("secret", looks, will_do=lambda _: True))) for _ in range(2)
        ]
        until(lambda: looks.count == 2 or None)
        looks.go_on.set()
    assert [one.result() for one in asked] == ["somebody"] * 2


def test_whoever_waited_for_a_look_that_failed_looks(people: Recent[str]) -> None:
    """That one met a busy database says nothing of the next."""
    found = asyncio.run(all_at_once(people, Looks("fails", "somebody"), 2))
    assert [str(one) for one in found] == ["fails", "somebody"]


def test_a_look_that_found_nothing_is_nobody_elses(people: Recent[str]) -> None:
    """What has just begun to hold is not refused because somebody tried it too early."""
    assert asyncio.run(all_at_once(people, Looks(None, "somebody"), 2)) == [None, "somebody"]


def test_whoever_changes_something_is_looked_up(people: Recent[str]) -> None:
    """Neither what was found before will do, nor what somebody else is just finding."""
    looks = Looks("somebody")

    async def change() -> str | None:
        question = asyncio.create_task(people.found("secret", looks, will_do=lambda _: True))
        await looks.to_be(1)
        changes = [asyncio.create_task(people.found("secret", looks, will_do=None)) for _ in range(2)]
        await looks.to_be(3)
        looks.go_on.set()
        await asyncio.gather(question, *changes)
        return await people.found("secret", looks, will_do=None)

    assert asyncio.run(asyncio.wait_for(change(), PATIENCE_SECONDS)) == "somebody"
    assert looks.count == 4


def test_what_was_looked_up_before_something_was_written_here_is_looked_up_again(
    people: Recent[str], sqlite_db: Database
) -> None:
    """It may be what ended it, even while it was being looked up."""
    looks = Looks("somebody", None)

    async def end() -> list[str | None]:
        asking = asyncio.create_task(people.found("secret", looks, will_do=lambda _: True))
        await looks.to_be(1)
        with sqlite_db.transaction() as session:
            session.merge(HeartbeatRow(name="test", beat_at=THEN))
        after = asyncio.create_task(people.found("secret", looks, will_do=lambda _: True))
        await asyncio.sleep(0)  # it has asked by then
        looks.go_on.set()
        return list(await asyncio.gather(asking, after))

    assert asyncio.run(asyncio.wait_for(end(), PATIENCE_SECONDS)) == ["somebody", None]


def test_what_a_change_was_refused_for_answers_no_question_either(people: Recent[str]) -> None:
    """Another process has ended it, and here that is known by then."""
    looks = Looks("somebody", None)
    looks.go_on.set()

    async def ask() -> list[str | None]:
        ways: list[Callable[[str], bool] | None] = [lambda _: True, None, lambda _: True]
        return [await people.found("secret", looks, will_do=will_do) for will_do in ways]

    assert asyncio.run(ask()) == ["somebody", None, None]


def test_what_is_old_will_not_do(people: Recent[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process may have ended it."""
    looks = Looks("somebody")
    looks.go_on.set()

    async def ask(often: int) -> int:
        for _ in range(often):
            await people.found("secret", looks, will_do=lambda _: True)
        return looks.count

    assert asyncio.run(ask(3)) == 1
    monkeypatch.setattr(recent, "OLDEST_SECONDS", 0.0)
    assert asyncio.run(ask(3)) == 4
