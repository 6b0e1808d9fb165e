"""Whoever takes in a trust's studies and whoever opens one of them do not wait for each other in a circle."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from balancer.store.database import Database
from balancer.store.sources import lock_trust
from tests.databases import SERVERS
from tests.networks import claimed, queued
from tests.patience import PATIENCE_SECONDS


@pytest.mark.parametrize("kind", SERVERS)
def test_a_read_is_opened_while_its_trust_is_taken_in(db: Database) -> None:
    """Who opens it has the turn and enters what moved, which refers to the trust; who takes in waits for the turn last.

    If one waited for the other's trust, each would have what the other needs. SQLite has one writer.
    """
    queued(db, "A1")
    with ThreadPoolExecutor(1) as thread, db.transaction() as session:
        lock_trust(session, "RVV")
        thread.submit(claimed, db, "A1").result(PATIENCE_SECONDS)
