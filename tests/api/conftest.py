"""A service on each kind of database, empty or with a small network that has been allocated."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from balancer.store.database import Database
from tests.api.service import Service
from tests.api.small_network import allocate
from tests.copies import copied, filled


@pytest.fixture
def service(db: Database) -> Service:
    """Return a service with nothing in its database."""
    return Service(db)


@pytest.fixture
def allocated(db: Database) -> Service:
    """Return a service on a small network whose plan is published."""
    allocate(db)
    return Service(db)


@pytest.fixture(scope="session")
def allocated_file(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an SQLite file to copy from: a small network whose plan is published."""
    return filled(migrated_sqlite, tmp_path_factory.mktemp("allocated"), allocate)


@pytest.fixture
def allocated_copy(allocated_file: Path, tmp_path: Path) -> Iterator[Database]:
    """Yield a copy of it: A1 and A2 are R1's, A3 nobody's."""
    with copied(allocated_file, tmp_path) as db:
        yield db
