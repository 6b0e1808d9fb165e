"""``kill -9`` at a point: a child process does the work and kills itself there, and what it leaves is looked at.

The next child does it again and gets one point further, until one comes to the end. Points are before and after any
commit and, on SQLite, before any statement that may write; on PostgreSQL what is not committed is nowhere else. What is
left behind is compared, row by row, with what was there before and with what a child that nobody killed leaves.
"""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import event, inspect, make_url, text

from balancer.store import assignments, audit, conservation
from balancer.store.database import Database
from tests.conftest import Clusters
from tests.worlds import NOW

# What a run writes of itself while it goes on, in transactions of its own; whatever anybody works by is in the others.
OF_RUNS = frozenset({"runs", "run_records", "run_moves", "leases"})
MOST_POINTS = 400
Work = Callable[[Database], object]
Dump = dict[str, list[str]]


@dataclass
class Bomb:
    """Kills this process at the n-th point it comes to."""

    at: int
    passed: int = field(default=0)

    def tick(self) -> None:
        """Pass a point, or die at it."""
        self.passed += 1
        if self.passed == self.at:
            os.kill(os.getpid(), signal.SIGKILL)

    def put_into(self, db: Database) -> None:
        """Make points of every commit, before it and after it is answered, and on SQLite of what else may write."""

        def before(_connection: object, _cursor: object, statement: str, *_: object) -> None:
            if not statement.startswith("SELECT"):  # what is looked at leaves what is there as it was
                self.tick()

        if db.dialect == "sqlite":
            event.listen(db.engine, "before_cursor_execute", before)
        commit = db.engine.dialect.do_commit

        def committed(connection: Any) -> None:
            self.tick()
            commit(connection)
            self.tick()

        db.engine.dialect.do_commit = committed  # type: ignore[method-assign,assignment]


def killed_at(point: int, url: str, work: Work) -> bool:
    """Do the work in a child process that is killed at this point; tell whether it was, or came to the end before."""
    child = os.fork()
    if not child:
        code = 1
        try:
            db = Database(url)
            Bomb(point).put_into(db)
            work(db)
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    assert os.WEXITSTATUS(status) == 0, "the work failed"
    return False


class Copies:
    """A prepared database, and as many copies of it as there are points to be killed at."""

    def __init__(self, kind: str, clusters: Clusters, folder: Path, prepared: str) -> None:
        self._kind, self._clusters, self._folder, self._prepared = kind, clusters, folder, prepared

    @contextmanager
    def copy(self) -> Iterator[str]:
        """Yield the URL of a fresh copy."""
        if self._kind == "sqlite":
            path = self._folder / "copy.sqlite"
            for old in self._folder.glob("copy.sqlite*"):
                old.unlink()
            shutil.copy(self._prepared, path)
            yield f"sqlite:///{path}"
            return
        with self._clusters.get(self._kind).fresh(self._prepared) as url:
            yield url


def copies_of(db: Database, kind: str, clusters: Clusters, folder: Path) -> Copies:
    """Close a prepared database, and return what makes copies of it."""
    url = make_url(db.engine.url.render_as_string(hide_password=False))
    if kind == "sqlite":
        with db.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    return Copies(kind, clusters, folder, str(url.database))


def dump(db: Database, *, without: frozenset[str] = frozenset()) -> Dump:
    """Return every row of every table."""
    with db.connection() as connection:
        tables = sorted(set(inspect(connection).get_table_names()) - without)
        return {name: sorted(map(repr, connection.execute(text(f'SELECT * FROM "{name}"')))) for name in tables}  # noqa: S608


def is_sound(db: Database) -> None:
    """See that the books balance, the trail holds, and the change feed says what is so."""
    with db.session() as reading:
        assert conservation.faults(reading) == []
        assert audit.verify(reading).fault == ""
    with db.transaction() as writing:
        assert assignments.note_all(writing, NOW) == 0


def all_points(copies: Copies, work: Work, look: Callable[[Database], None]) -> int:
    """Kill at every point there is, and ``look`` at what each leaves; return how many there were."""
    for point in range(1, MOST_POINTS):
        with copies.copy() as url:
            died = killed_at(point, url, work)
            if not died:
                return point - 1
            db = Database(url)
            try:
                look(db)
            finally:
                db.close()
    raise AssertionError("it never came to the end")


def states(copies: Copies, work: Work, *, without: frozenset[str] = frozenset()) -> tuple[Dump, Dump]:
    """Return the database before the work, and after it."""
    with copies.copy() as url:
        db = Database(url)
        before = dump(db, without=without)
        work(db)
        after = dump(db, without=without)
        db.close()
    return before, after
