"""The outlets' process: a thread for each outlet; those that change are replaced, one that fails hinders no other."""

from __future__ import annotations

import threading

import pytest

from balancer.domain.errors import Fault, InputRefusedError
from balancer.outlets.courier import Ground
from balancer.outlets.outlet import Outlet
from balancer.outlets.telling import Telling
from balancer.store.database import Database
from tests.api.service import StandingClock
from tests.networks import claimed, queued
from tests.outlets.told import Notebook
from tests.patience import until


def test_every_outlet_is_told_though_another_fails_always(sqlite_db: Database) -> None:
    """Each has a thread of its own."""
    queued(sqlite_db, "A1")
    well, ill = Notebook("well"), Notebook("ill")
    ill.letters = None  # type: ignore[assignment,method-assign]
    telling = Telling(Ground(database=sqlite_db, clock=StandingClock()), lambda _: [ill, well])
    telling.look()
    try:
        until(lambda: well.sent == ["anew"] and ill.sent == ["anew"])
        claimed(sqlite_db, "A1")
        until(lambda: len(well.sent) == 2)
    finally:
        telling.end()
    assert ill.is_closed
    assert well.is_closed


def test_an_outlet_that_is_described_otherwise_takes_the_place_of_the_one_before(sqlite_db: Database) -> None:
    """The same name is the same queue; while the files have faults the last ones stay."""
    queued(sqlite_db, "A1")
    first, second = Notebook(), Notebook()
    second.description = "another port"
    wanted: list[Outlet] = [first]

    def outlets(_: Database) -> list[Outlet]:
        if not wanted:
            raise InputRefusedError([Fault(file="receivers.toml", reason="is not TOML")])
        return wanted

    telling = Telling(Ground(database=sqlite_db, clock=StandingClock()), outlets)
    telling.look()
    try:
        until(lambda: first.sent == ["anew"])
        wanted.clear()
        telling.look()
        assert not first.is_closed
        wanted.append(second)
        telling.look()
        assert first.is_closed
        claimed(sqlite_db, "A1")
        until(lambda: len(second.sent) == 1)
    finally:
        telling.end()
    assert first.sent == ["anew"]


@pytest.mark.parametrize("looks", [1, 3])
def test_looking_again_changes_nothing_and_it_ends_when_told(sqlite_db: Database, looks: int) -> None:
    """One thread an outlet, however often the files are looked at."""
    queued(sqlite_db, "A1")
    before = threading.active_count()
    stop = threading.Event()
    telling = Telling(Ground(database=sqlite_db, clock=StandingClock()), lambda _: [Notebook()])
    for _ in range(looks):
        telling.look()
    assert threading.active_count() == before + 1
    stop.set()
    telling.keep(stop)
    assert threading.active_count() == before
