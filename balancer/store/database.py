"""The database: one door for SQLite and PostgreSQL, safe by default.

A reading session sees one state of the database and cannot write; a writing one commits when its block ends well and
is otherwise as if it had never been.
"""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from copy import copy
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Lock
from typing import Any

from sqlalchemy import (
    URL,
    Connection,
    Engine,
    ExceptionContext,
    PoolProxiedConnection,
    QueuePool,
    create_engine,
    event,
    make_url,
    text,
)
from sqlalchemy.exc import ArgumentError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionError
from sqlalchemy.pool import ConnectionPoolEntry
from sqlmodel import Session

from balancer.domain.actor import Reach
from balancer.domain.errors import InvalidValueError
from balancer.store import scope
from balancer.store.assignments import note_moved
from balancer.store.audit import seal
from balancer.store.planner import tell_sqlite
from balancer.store.right_of_way import GaveWayError, OfFile, OfServer, RightOfWay, giving_way
from balancer.store.schema import upgrade

__all__ = ["BrokenReferencesError", "Database", "GaveWayError", "Session", "StoreBusyError", "waited_in_a_circle"]

# What the driver raises when the database cannot be reached, or another writer holds it for too long.
StoreBusyError = OperationalError


class BrokenReferencesError(RuntimeError):
    """A migration would leave rows that refer to what is not there; it has not happened."""


_SQLITE = "sqlite"
_EMPTY = ("[]", b"[]")
_POSTGRESQL = "postgresql"
_WRITES, _REBUILDS = "balancer_writes", "balancer_rebuilds"
# How long a writer waits for the one before, or anybody for a connection; a publish takes about a second.
_BUSY_SECONDS = 30
# Of each process. All that were ever needed at once are kept: to open one takes longer than most of what is asked.
_CONNECTIONS = 15
# read_only_sql_transaction (PostgreSQL, appendix A).
_READ_ONLY = "25006"
# deadlock_detected (the same).
_CIRCLE = "40P01"
# Any number will do, as long as nothing else in the database takes the same advisory lock.
_MIGRATION_LOCK = 7_240_519


@dataclass(slots=True)
class Commits:
    """Whether one was attempted: then nobody can say that nothing was done, whatever became of it."""

    attempted: bool = False


# Of whatever is under way, such as the answer to a request; threads that work for it note theirs in the same one.
COMMITS: ContextVar[Commits | None] = ContextVar("balancer_commits", default=None)


@dataclass(slots=True)
class Writes:
    """How many transactions may have been committed; one for a database and all its limited views."""

    number: int = 0
    _counting: Lock = field(default_factory=Lock)

    def note(self) -> None:
        """Count one more; two threads at once never count one, which would pass for nothing written."""
        with self._counting:
            self.number += 1


class Database:
    """A database by URL: ``sqlite:///var/balancer.sqlite`` or ``postgresql://user@host/name``.

    Raises
    ------
    InvalidValueError
        If the URL is of another kind of database, or of an SQLite one that is not a file.
    """

    def __init__(self, url: str) -> None:
        parsed = _readable(url)
        self.dialect = parsed.get_backend_name()
        # hide_parameters: an error's message must not carry what was being written, which names patients' studies
        self.engine = _sqlite_engine(parsed) if self.dialect == _SQLITE else _postgresql_engine(parsed)
        reads = {} if self.dialect == _SQLITE else {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        self._reader = self.engine.execution_options(**{scope.READS: True}, **reads)
        # READ COMMITTED, whatever the server's own setting: a writer sees what the one before it left behind its locks
        writes = {} if self.dialect == _SQLITE else {"isolation_level": "READ COMMITTED"}
        self._writer = self.engine.execution_options(**{_WRITES: True}, **writes)
        self.right_of_way: RightOfWay = (
            OfFile(parsed.database or "") if self.dialect == _SQLITE else OfServer(self.engine)
        )
        self._reach: Reach | None = None
        self._writes = Writes()
        self._closed = Event()
        event.listen(self.engine, "checkin", self._let_go)

    @property
    def writes(self) -> int:
        """How many transactions may have been committed through this door: whoever keeps what it read knows its age."""
        return self._writes.number

    @property
    def shuts_out_writers(self) -> bool:
        """Whether whoever writes keeps everybody else from writing anything meanwhile."""
        return self.dialect == _SQLITE

    def within(self, reach: Reach) -> Database:
        """Return this database as a caller may see it: every session of it is limited to ``reach``."""
        limited = copy(self)
        limited._reach = reach  # noqa: SLF001 - its own kind
        return limited

    @contextmanager
    def session(self) -> Iterator[Session]:
        """Yield a session that reads: one state of the database throughout; writing in it is an error."""
        with self._opened(self._reader, autoflush=False) as session:
            yield session

    @contextmanager
    def transaction(self, *, cannot_wait: bool = False, gives_way: bool = False) -> Iterator[Session]:
        """Yield a session that writes; it commits when the block ends well and rolls back when it raises.

        On SQLite it holds the one write lock from its first statement (BEGIN IMMEDIATE), so that it never fails
        half-way because another writer was quicker. The last things it does before it commits are to enter the reads
        that it moved into the change feed, and to chain what it appended to the audit trail.

        What ``cannot_wait`` has the right of way until it ends; what ``gives_way`` is rolled back by ``GaveWayError``
        once anybody has it.
        """
        done = False
        try:
            with self._opened(self._writer) as session, session.begin(), self._way(session, cannot_wait, gives_way):
                yield session
                note_moved(session)
                seal(session)
                commits = COMMITS.get()
                if commits is not None:
                    commits.attempted = True
                done = True
        finally:
            if done:  # if the answer to the commit was lost as well
                self._writes.note()

    def _way(self, session: Session, cannot_wait: bool, gives_way: bool) -> AbstractContextManager[None]:  # noqa: FBT001
        if gives_way:
            return giving_way(session, self.right_of_way)
        return self.right_of_way.taken_in(session) if cannot_wait else nullcontext()

    def _opened(self, engine: Engine, *, autoflush: bool = True) -> Session:
        if self._reach is None:
            return Session(engine, autoflush=autoflush, expire_on_commit=False)
        session = scope.CallersSession(engine, autoflush=autoflush, expire_on_commit=False)
        scope.limit(session, self._reach)
        return session

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """Yield a connection in a writing transaction, for what is not about rows; ``UnscopedError`` for a caller."""
        if self._reach is not None:
            raise scope.UnscopedError("a caller gets no bare connection")
        with self._writer.begin() as connection:
            yield connection

    def migrate(self) -> None:
        """Bring the schema to the version of this code; does nothing if it is there. Two at once take turns."""
        with self.rebuilding() as connection:
            if self.dialect == _POSTGRESQL:
                # however long the other migration takes
                connection.execute(text("SET LOCAL lock_timeout = 0"))
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATION_LOCK})
            upgrade(connection)
            if self.dialect == _SQLITE:
                tell_sqlite(connection)

    @contextmanager
    def rebuilding(self) -> Iterator[Connection]:
        """Yield a connection in a writing transaction in which tables may be rebuilt while others refer to them.

        SQLite changes a table by making it anew, and refuses to drop the old one while its foreign keys are watched
        (https://sqlite.org/lang_altertable.html, 7). They are looked at as a whole before the commit instead.

        Raises
        ------
        BrokenReferencesError
            If a row then refers to one that is not there: nothing has changed.
        """
        if self._reach is not None:
            raise scope.UnscopedError("a caller gets no bare connection")
        rebuilds = {_REBUILDS: True} if self.dialect == _SQLITE else {}
        with self._writer.execution_options(**rebuilds).begin() as connection:
            yield connection
            if rebuilds:
                broken = {row[0] for row in connection.exec_driver_sql("PRAGMA foreign_key_check")}
                if broken:
                    raise BrokenReferencesError(f"rows of {', '.join(sorted(broken))} refer to what is not there")

    def close(self) -> None:
        """Close all pooled connections; one that is in use is closed as soon as it comes back."""
        self._closed.set()
        self.engine.dispose()

    def _let_go(self, _connection: Any, record: ConnectionPoolEntry) -> None:
        """Close what a thread gives back that outlived its request: no pool would be left to close it."""
        if self._closed.is_set():
            record.invalidate()


def waited_in_a_circle(error: StoreBusyError) -> bool:
    """Tell whether writers have waited for each other, and this transaction is the one that the server took back."""
    return getattr(error.orig, "sqlstate", None) == _CIRCLE


def _readable(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise InvalidValueError("database_url", "is not a URL such as sqlite:///var/balancer.sqlite") from error
    if parsed.drivername in {"postgresql", "postgres"}:
        return parsed.set(drivername="postgresql+psycopg")
    if parsed.get_backend_name() not in {_SQLITE, _POSTGRESQL}:
        raise InvalidValueError("database_url", f"{parsed.get_backend_name()} is neither sqlite nor postgresql")
    if parsed.get_backend_name() == _SQLITE:
        if not parsed.database or parsed.database == ":memory:":
            raise InvalidValueError("database_url", "an SQLite database must be a file: several processes share it")
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    return parsed


class _Connections(QueuePool):
    """Connections that are shared; that none comes free in time is one of the ways in which a store can be busy."""

    def connect(self) -> PoolProxiedConnection:
        """Return a connection; ``StoreBusyError`` if all are in use for too long."""
        try:
            return super().connect()
        except NoConnectionError as error:
            raise StoreBusyError("a connection", None, error) from error


# SQLAlchemy names a pool's log after its class: as one of ours it would tell of every pool that is closed.
logging.getLogger(f"{_Connections.__module__}.{_Connections.__qualname__}").setLevel(logging.WARNING)


def _postgresql_engine(url: URL) -> Engine:
    """Return an engine whose writers wait for a lock as long as those of SQLite do, and no longer; times are UTC."""
    engine = create_engine(url, pool_pre_ping=True, hide_parameters=True, **_shared())
    event.listen(engine, "connect", _settle)
    event.listen(engine, "handle_error", _tell_of_a_standby)
    return engine


def _tell_of_a_standby(failed: ExceptionContext) -> None:
    """Tell whoever writes to a server that takes no writes that the store is busy, as SQLite does of such a file.

    It has become a standby, or is being looked after. For whoever only may not write it stays the error it is.
    """
    writes = failed.connection is not None and failed.connection.get_execution_options().get(_WRITES)
    if writes and getattr(failed.original_exception, "sqlstate", None) == _READ_ONLY:
        raise StoreBusyError("a change", None, failed.original_exception)


def _shared() -> dict[str, Any]:
    waits = {"pool_size": _CONNECTIONS, "max_overflow": 0, "pool_timeout": _BUSY_SECONDS}
    return {"poolclass": _Connections, "json_deserializer": _json, **waits}


def _json(text: str | bytes) -> Any:
    """Return what JSON says; most columns of it hold an empty list, and every study of a queue has some."""
    return [] if text in _EMPTY else json.loads(text)


def _settle(connection: Any, _record: Any) -> None:
    """Let whoever waits for a lock hear in time that they do not get it, and instants come as the program has them.

    PostgreSQL's own rule is to wait for ever. It sends instants in the server's zone, whatever that is, and to turn
    them into UTC one by one takes longer than to read them.
    """
    connection.execute(f"SET lock_timeout = {int(_BUSY_SECONDS * 1_000)}")
    connection.execute("SET TIME ZONE 'UTC'")
    # a rollback would take the settings back
    connection.commit()


def _sqlite_engine(url: URL) -> Engine:
    """Return an engine in which SQLAlchemy, not the driver's legacy mode, says when a transaction begins."""
    engine = create_engine(url, connect_args={"timeout": _BUSY_SECONDS}, hide_parameters=True, **_shared())
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None
    # the mode stays with the file, and the first to set it needs it for itself: the busy timeout covers that
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA foreign_keys = ON")
    # else a row that is replaced (INSERT OR REPLACE) goes without the triggers that keep the audit trail
    connection.execute("PRAGMA recursive_triggers = ON")


def _begin(connection: Connection) -> None:
    writes = bool(connection.get_execution_options().get(_WRITES))
    rebuilds = bool(connection.get_execution_options().get(_REBUILDS))
    # neither changes within a transaction; a connection comes back from the pool as it was left
    connection.exec_driver_sql(f"PRAGMA foreign_keys = {'OFF' if rebuilds else 'ON'}")
    connection.exec_driver_sql(f"PRAGMA query_only = {'OFF' if writes else 'ON'}")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
