"""The rest of a file waits until its emergencies are on a list; for no longer, and not if somebody else's wait."""

from __future__ import annotations

import threading
import time

import pytest

from balancer.domain.states import RunState
from balancer.scheduler import listed_first
from balancer.scheduler.listed_first import wait_until_listed
from balancer.store import policies, runs
from balancer.store.database import Database
from tests.networks import loaded
from tests.worlds import NOW


def mended(db: Database) -> None:
    """Enter that lists have been mended."""
    with db.transaction() as writing:
        policy_id = policies.current_policy_row(writing).id or 0
        runs.add_mending(writing, RunState.PUBLISHED, now=NOW, began_at=NOW, stage="mended", policy_id=policy_id)


def test_it_waits_until_lists_are_mended(db: Database) -> None:
    """Whatever was mended before counts for nothing."""
    loaded(db)
    mended(db)
    later = threading.Timer(0.3, mended, [db])
    later.start()
    began = time.monotonic()
    assert wait_until_listed(db, lambda: False)
    assert time.monotonic() - began > 0.3
    later.join()


def test_it_waits_for_no_list_that_never_comes(sqlite_db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """An emergency that nobody can read has none."""
    monkeypatch.setattr(listed_first, "MOST_SECONDS", 0.1)
    assert not wait_until_listed(sqlite_db, lambda: False)


def test_it_does_not_wait_while_another_file_lies_there(sqlite_db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may hold an emergency, too."""
    monkeypatch.setattr(listed_first, "MOST_SECONDS", 3_600.0)
    assert not wait_until_listed(sqlite_db, lambda: True)
