"""A service on each kind of database, empty or with a small network that has been allocated."""

from __future__ import annotations

import pytest

from balancer.store.database import Database
from tests.api.service import Service
from tests.api.small_network import allocate


@pytest.fixture
def service(db: Database) -> Service:
    """Return a service with nothing in its database."""
    return Service(db)


@pytest.fixture
def allocated(db: Database) -> Service:
    """Return a service on a small network whose plan is published."""
    allocate(db)
    return Service(db)
