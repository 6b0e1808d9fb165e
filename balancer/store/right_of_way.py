"""The right of way: whoever has something that cannot wait has it, and whoever puts a whole plan in force gives way.

Publishing everybody's lists shuts other writers out while it lasts. It is all or nothing, so it can be given up until
the last moment and begun again, which loses time and nothing else. What cannot wait is told of beside the database,
since whoever waits for its lock can write nothing in it: by a lock on a file that lies beside an SQLite database, by a
shared advisory lock on PostgreSQL. The system, or the server, takes both back from whoever dies with one.
"""

from __future__ import annotations

import fcntl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import Engine, event, text
from sqlmodel import Session

# Any number will do, as long as nothing else in the database takes the same advisory lock; below 2 to the 32nd.
_LOCK = 7_240_520
_TAKE = text("SELECT pg_advisory_xact_lock_shared(:lock)")
# A bigint's upper half is the lock's ``classid``, its lower half the ``objid`` (PostgreSQL: pg_locks).
_IS_TAKEN = text(
    "SELECT EXISTS (SELECT FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database"
    " WHERE locktype = 'advisory' AND classid = 0 AND objid = :lock AND objsubid = 1"
    " AND datname = current_database())"
)
# Between two statements of a publication it is looked whether anybody has taken it, but no more often than this.
_LOOK_EVERY_SECONDS = 0.01


class GaveWayError(Exception):
    """Somebody has something that cannot wait: this transaction has been given up, and nothing of it has happened."""


class RightOfWay(Protocol):
    """Taken by any number at once; of a database, for all processes that use it."""

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Have it while the block runs."""
        ...

    @contextmanager
    def taken_in(self, session: Session) -> Iterator[None]:
        """Have it from before the transaction waits for anybody, until it ends."""
        ...

    @contextmanager
    def looking(self) -> Iterator[Callable[[], bool]]:
        """Yield what tells whether anybody has it now."""
        ...


class OfFile:
    """By a lock on a file beside the database: those who have it share it, whoever looks tries to get it alone."""

    def __init__(self, database: str) -> None:
        self._path = Path(f"{database}-urgent")

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Have it while the block runs."""
        with self._path.open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_SH)  # whoever looks has it for an instant
            yield

    @contextmanager
    def taken_in(self, session: Session) -> Iterator[None]:
        """Have it from before the transaction waits for anybody: it has not begun before its first statement."""
        del session
        with self.taken():
            yield

    @contextmanager
    def looking(self) -> Iterator[Callable[[], bool]]:
        """Yield what tells whether anybody has it now."""
        with self._path.open("ab") as file:

            def is_taken() -> bool:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    return True
                fcntl.flock(file, fcntl.LOCK_UN)
                return False

            yield is_taken


class OfServer:
    """By an advisory lock that those who have it share and nobody takes alone: to take it never waits."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Have it while the block runs, by a connection of its own."""
        with self._engine.begin() as connection:
            connection.execute(_TAKE, {"lock": _LOCK})
            yield

    @contextmanager
    def taken_in(self, session: Session) -> Iterator[None]:
        """Have it until the transaction ends, by its own connection: one that waited for a second could wait long."""
        session.connection().execute(_TAKE, {"lock": _LOCK})
        yield

    @contextmanager
    def looking(self) -> Iterator[Callable[[], bool]]:
        """Yield what tells whether anybody has it now, by a connection of its own."""
        with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            yield lambda: bool(connection.execute(_IS_TAKEN, {"lock": _LOCK}).scalar_one())


@contextmanager
def giving_way(session: Session, way: RightOfWay) -> Iterator[None]:
    """Let a transaction be given up as soon as anybody has the right of way: looked at before each of its statements.

    Raises
    ------
    GaveWayError
        From the statement that is not made any more.
    """
    looked, over = 0.0, False
    with way.looking() as is_taken:

        def look(*_: Any) -> None:
            nonlocal looked
            if over or time.monotonic() - looked < _LOOK_EVERY_SECONDS:
                return
            looked = time.monotonic()
            if is_taken():
                raise GaveWayError("something cannot wait")

        connection = session.connection()
        event.listen(connection, "before_cursor_execute", look)
        look()
        try:
            yield
        finally:
            over = True  # what is still to be written is so with the commit
