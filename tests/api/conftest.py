"""A service on each kind of database, empty or with a small network that has been allocated."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

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


@pytest.fixture(scope="session")
def allocated_file(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an SQLite file to copy from: a small network whose plan is published."""
    path = tmp_path_factory.mktemp("allocated") / "balancer.sqlite"
    shutil.copy(migrated_sqlite, path)
    db = Database(f"sqlite:///{path}")
    allocate(db)
    with db.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    return path


@pytest.fixture
def allocated_copy(allocated_file: Path, tmp_path: Path) -> Iterator[Database]:
    """Yield a copy of it: A1 and A2 are R1's, A3 nobody's."""
    shutil.copy(allocated_file, tmp_path / "allocated.sqlite")
    db = Database(f"sqlite:///{tmp_path / 'allocated.sqlite'}")
    yield db
    db.close()
