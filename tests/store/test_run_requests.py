"""Asking for a run: many reasons make one, and the next run to begin is the one that was asked for."""

from __future__ import annotations

import threading
from datetime import timedelta

from balancer.domain.states import RunState
from balancer.services.request_run import request_run
from balancer.store import runs
from balancer.store.database import Database
from balancer.store.tables import SettingRow
from tests.databases import wait_until_somebody_waits
from tests.worlds import NOW

LATER = NOW + timedelta(minutes=5)


def test_while_a_run_waits_everybody_who_asks_gets_that_one(db: Database) -> None:
    """Ten feeds that change at once make one run."""
    assert len({request_run(db, NOW, reason=f"feed {number} changed") for number in range(10)}) == 1


def test_a_run_that_begins_is_the_one_that_was_asked_for(db: Database) -> None:
    """Whoever asked can follow its number from waiting to published."""
    asked = request_run(db, NOW, reason="changes")
    with db.transaction() as session:
        begun = runs.begin_run(session, token=1, now=LATER, started_at=LATER, seed=4)
    with db.session() as session:
        row = runs.run(session, begun)
        assert runs.requested(session) is None
    assert (begun, row.state, row.now, row.seed, row.token) == (asked, RunState.RUNNING, LATER, 4, 1)


def test_what_is_asked_for_during_a_run_is_another_run(db: Database) -> None:
    """A change that comes after the problem was gathered is not in the plan that is being made."""
    first = request_run(db, NOW, reason="changes")
    with db.transaction() as session:
        runs.begin_run(session, token=1, now=NOW, started_at=NOW, seed=0)
    assert request_run(db, LATER, reason="more changes") > first


def test_whoever_asks_within_a_change_is_not_answered_by_a_run_that_does_not_see_it(db: Database) -> None:
    """A run that waits does not begin before the change that asks for it is there to be gathered."""
    request_run(db, NOW, reason="changes")
    begun: list[tuple[int, bool]] = []

    def begin() -> None:
        with db.transaction() as session:
            number = runs.begin_run(session, token=1, now=LATER, started_at=LATER, seed=0)
        with db.session() as reading:
            begun.append((number, reading.get(SettingRow, "changed") is not None))

    thread = threading.Thread(target=begin)
    with db.transaction() as session:
        session.add(SettingRow(key="changed", value=""))
        session.flush()
        asked = runs.request_run(session, now=NOW, reason="within a change").id
        thread.start()
        wait_until_somebody_waits(db)
        assert begun == []
    thread.join()
    assert begun == [(asked, True)]


def test_a_run_that_begins_as_somebody_asks_is_not_the_one_they_get(db: Database) -> None:
    """They wait until it has begun, and ask for another."""
    first = request_run(db, NOW, reason="changes")
    asked: list[int] = []
    thread = threading.Thread(target=lambda: asked.append(request_run(db, LATER, reason="more changes")))
    with db.transaction() as session:
        runs.begin_run(session, token=1, now=NOW, started_at=NOW, seed=0)
        thread.start()
        wait_until_somebody_waits(db)
    thread.join()
    assert asked[0] > first
    with db.session() as session:
        waiting = runs.requested(session)
    assert waiting is not None
    assert waiting.id == asked[0]
