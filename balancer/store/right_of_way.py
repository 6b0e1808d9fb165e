"""The right of way: whoever has something that cannot wait has it, and whoever puts a whole plan in force gives way.

Publishing everybody's lists shuts other writers out while it lasts. It is all or nothing, so it can be given up until
the last moment and begun again, which loses time and nothing else. What cannot wait is told of beside the database,
since whoever waits for its lock can write nothing in it: by a lock on a file that lies beside an SQLite database, by a
shared advisory lock on PostgreSQL. The system, or the server, takes both back from whoever dies with one.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Protocol

import structlog
from sqlalchemy import Connection, Engine, event, text
from sqlmodel import Session

_log = structlog.get_logger("balancer.store")
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

    def is_taken_in(self, session: Session) -> bool:
        """Tell whether anybody has it now, with no connection but the session's own."""
        ...


class OfFile:
    """By a lock on a file beside the database: those who have it share it, whoever looks tries to get it alone.

    Whoever looks waits for others who do (a second file), so that nobody takes one of them for somebody who has it.
    Where the files cannot be opened or locked there is no right of way: everybody takes turns as they come.
    """

    def __init__(self, database: str) -> None:
        self._path, self._looks = Path(f"{database}-urgent"), Path(f"{database}-urgent-looks")

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Have it while the block runs."""
        with ExitStack() as stack:
            try:
                file = stack.enter_context(_opened(self._path))
                fcntl.flock(file, fcntl.LOCK_SH)  # whoever looks has it for an instant
            except OSError:
                _log.warning("right_of_way.not_taken", exc_info=True)
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
        with ExitStack() as stack:
            try:
                file, looks = (stack.enter_context(_opened(path)) for path in (self._path, self._looks))
            except OSError:
                _log.warning("right_of_way.not_seen", exc_info=True)
                yield lambda: False
                return
            yield lambda: _is_locked(file, looks)

    def is_taken_in(self, session: Session) -> bool:
        """Tell whether anybody has it now."""
        del session
        with self.looking() as is_taken:
            return is_taken()


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    """Yield a file to lock, which is made if it is not there; to read is enough, whoever made it."""
    file = os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        yield file
    finally:
        os.close(file)


def _is_locked(file: int, looks: int) -> bool:
    try:
        fcntl.flock(looks, fcntl.LOCK_EX)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            fcntl.flock(file, fcntl.LOCK_UN)
        finally:
            fcntl.flock(looks, fcntl.LOCK_UN)
    except BlockingIOError:
        return True
    except OSError:
        _log.warning("right_of_way.not_seen", exc_info=True)
    return False


class OfServer:
    """By an advisory lock that those who have it share and nobody takes alone: to take it never waits."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Have it while the block runs, by a connection of its own."""
        # not the server's own level, which may keep a state of the database for as long as this lasts
        committed = self._engine.execution_options(isolation_level="READ COMMITTED")
        with committed.begin() as connection:
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
            yield lambda: _is_taken(connection)

    def is_taken_in(self, session: Session) -> bool:
        """Tell whether anybody has it now, whatever state of the database the session sees: locks are in none."""
        return _is_taken(session.connection())


def _is_taken(connection: Connection) -> bool:
    return bool(connection.execute(_IS_TAKEN, {"lock": _LOCK}).scalar_one())


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
