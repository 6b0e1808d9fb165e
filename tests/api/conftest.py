"""A service on each kind of database, empty or with a small network that has been allocated."""

from __future__ import annotations

import pytest

from balancer.services.ingest_studies import ingest_extract
from balancer.services.run_allocation import run_allocation
from balancer.store.database import Database
from tests.api.service import Service
from tests.networks import Feed, bad_row, extract, incoming, queued, rostered, solving
from tests.worlds import NOW, session


@pytest.fixture
def service(db: Database) -> Service:
    """Return a service with nothing in its database."""
    return Service(db)


@pytest.fixture
def allocated(db: Database) -> Service:
    """Return a service on a network whose plan is published: A1 and A2 are R1's in this order, A3 has no place."""
    queued(db, *_STUDIES)
    ingest_extract(db, Feed(), extract(*_STUDIES, at=1, quarantined=[bad_row("B9", NHS="999 123 4567")]), NOW)
    rostered(db, session("S1", "R1", hours=2.5), session("S2", "R2", hours=2.5))
    plan = solving({"S1": ["A1", "A2"]}, {"A3": "deferred"})
    run_allocation(db, NOW, solver=plan)
    return Service(db)


_STUDIES = (incoming("A1", prior_reporter="R1"), incoming("A2"), incoming("A3"))
