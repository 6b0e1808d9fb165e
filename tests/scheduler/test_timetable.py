"""When things run: by the clock, one at a time, and not at all once dropped."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from balancer.scheduler.timetable import Timetable
from tests.patience import PATIENCE_SECONDS

SOON = timedelta(seconds=0.1)


@pytest.fixture
def timetable() -> Iterator[Timetable]:
    """Yield a timetable that has begun."""
    table = Timetable()
    table.start()
    yield table
    table.stop()


def test_a_job_comes_round_again(timetable: Timetable) -> None:
    """For as long as nobody drops it."""
    rounds = threading.Semaphore(0)
    timetable.every("job", SOON, rounds.release)
    for _ in range(3):
        assert rounds.acquire(timeout=PATIENCE_SECONDS)


def test_in_a_replay_intervals_are_of_the_time_that_is_shown() -> None:
    """An hour that passes in 0.1 s has its jobs done in 0.1 s."""
    table, rounds = Timetable(speed=36_000), threading.Semaphore(0)
    table.start()
    table.every("job", timedelta(hours=1), rounds.release)
    came_round = [rounds.acquire(timeout=PATIENCE_SECONDS) for _ in range(3)]
    table.stop()
    assert all(came_round)


def test_what_is_taken_in_takes_turns(timetable: Timetable) -> None:
    """Two feeds at once would fight over the database and the processor."""
    busy, clashes, rounds = threading.Lock(), [], threading.Semaphore(0)

    def job() -> None:
        if not busy.acquire(blocking=False):
            clashes.append(1)
            return
        threading.Event().wait(0.05)
        busy.release()
        rounds.release()

    timetable.every("one", SOON, job)
    timetable.every("two", SOON, job)
    for _ in range(6):
        assert rounds.acquire(timeout=PATIENCE_SECONDS)
    assert clashes == []


def test_what_is_to_be_done_once_more_while_it_is_done_is_done_after_it(timetable: Timetable) -> None:
    """A feed's second file, with an emergency, comes while its first is taken in: it waits for no interval."""
    begun, released, rounds = threading.Semaphore(0), threading.Event(), threading.Semaphore(0)

    def job() -> None:
        begun.release()
        released.wait(PATIENCE_SECONDS)
        rounds.release()

    timetable.once("feed delivered", job)
    assert begun.acquire(timeout=PATIENCE_SECONDS)
    timetable.once("feed delivered", job)
    threading.Event().wait(0.2)
    released.set()
    assert rounds.acquire(timeout=PATIENCE_SECONDS)
    assert rounds.acquire(timeout=PATIENCE_SECONDS)


def test_a_long_run_does_not_keep_files_from_being_taken_in(timetable: Timetable) -> None:
    """Runs have a line of their own."""
    released, taken = threading.Event(), threading.Event()
    timetable.tick("run", lambda: released.wait(PATIENCE_SECONDS))
    timetable.every("feed", SOON, taken.set)
    assert taken.wait(PATIENCE_SECONDS)
    released.set()


def test_a_job_that_is_described_anew_replaces_the_old_one(timetable: Timetable) -> None:
    """And one that is no longer described is dropped."""
    timetable.every("feed A", timedelta(days=9), list)
    timetable.every("feed A", timedelta(days=8), list)
    timetable.every("feed B", timedelta(days=9), list)
    assert timetable.names == {"feed A", "feed B"}
    timetable.keep_only({"feed B"})
    assert timetable.names == {"feed B"}


def test_a_job_that_raises_is_logged_and_comes_round_again(timetable: Timetable) -> None:
    """Nothing ends the timetable but whoever began it."""
    rounds = threading.Semaphore(0)

    def fail() -> None:
        rounds.release()
        raise ArithmeticError

    with capture_logs() as lines:
        timetable.every("job", SOON, fail)
        for _ in range(2):
            assert rounds.acquire(timeout=PATIENCE_SECONDS)
        timetable.keep_only(set())
    assert {line["event"] for line in lines} == {"job.failed"}
