"""SQLite files to copy from: what takes long to set up is set up once, and each test has a copy of its own."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from balancer.store.database import Database


def filled(empty: Path, folder: Path, fill: Callable[[Database], object]) -> Path:
    """Return a file to copy from: a copy of a migrated database, with what ``fill`` puts into it, all in one file."""
    path = folder / "filled.sqlite"
    shutil.copy(empty, path)
    db = Database(f"sqlite:///{path}")
    fill(db)
    with db.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    return path


@contextmanager
def copied(file: Path, folder: Path) -> Iterator[Database]:
    """Yield a database that is a copy of a file."""
    path = folder / "copied.sqlite"
    shutil.copy(file, path)
    db = Database(f"sqlite:///{path}")
    try:
        yield db
    finally:
        db.close()
