"""No sum tells who has a reading that is hidden: neither how long a list is, nor how full anybody's time."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from balancer.domain.permission import Permission
from balancer.store import plans, worklists
from balancer.store.database import Database
from tests.access.test_blind_readings import COLLEAGUE, FIRST, MANAGER, let_go, read_once
from tests.worlds import NOW


@pytest.fixture
def once(sqlite_db: Database) -> Database:
    """Return a database in which R2 has one of two readings open, and a single one on their list."""
    read_once(sqlite_db)
    return sqlite_db


def within(db: Database, who: Any) -> Any:
    """Return a session as somebody has it."""
    return db.within(who.reach(*Permission)).session()


def seconds(db: Database, who: Any) -> float:
    """Return how long the plan in force has R2 read, as somebody is told."""
    with within(db, who) as reading:
        return plans.planned_seconds(reading, None, NOW)[FIRST][0]


def filled(db: Database, who: Any) -> float:
    """Return how much of R2's time the plan fills, as somebody is told."""
    with within(db, who) as reading:
        found = worklists.planned(reading, NOW, NOW + timedelta(days=1))
    return sum(((item.end - item.start).total_seconds() for item in found if item.reporter_id == FIRST), start=0.0)


def listed(db: Database, who: Any) -> int:
    """Return how long R2's list is, as somebody is told."""
    with within(db, who) as reading:
        return next(item.items for item in worklists.worklists(reading) if item.reporter_id == FIRST)


def test_a_load_does_not_tell_who_has_a_reading(once: Database) -> None:
    """Whoever may read the other hears of R2's single reading alone; whoever does not report hears of both."""
    for load in (seconds, filled):
        assert 0 < load(once, COLLEAGUE) < load(once, MANAGER)


def test_the_length_of_a_list_does_not_tell_who_has_a_reading(once: Database) -> None:
    """It agrees with the list behind it."""
    assert (listed(once, COLLEAGUE), listed(once, MANAGER)) == (1, 2)


def test_nor_does_it_once_the_reading_has_been_handed_back(once: Database) -> None:
    """Nobody has it then, and a list that grew by it would say whose it was; so would its end."""

    def figures() -> Any:
        with within(once, COLLEAGUE) as reading:
            return next(item for item in worklists.worklists(reading) if item.reporter_id == FIRST)

    before = figures()
    let_go(once, "returned")
    assert figures() == before
