"""``kill -9`` before and after any commit, and before any statement, of publish, claim and complete: old or new.

A child process does the work and kills itself at one point; the next does it again and gets one point further, until
one comes to the end. On PostgreSQL only commits are points: what is not committed is nowhere else there. What is left
behind is compared, row by row, with what was there before and with what a child that nobody killed leaves.
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

import pytest
from sqlalchemy import event, inspect, make_url, text

from balancer.domain.states import RunState
from balancer.services.claim_read import claim_read
from balancer.services.complete_read import complete_read
from balancer.services.keep_lease import LASTING
from balancer.services.run_allocation import run_allocation
from balancer.store import assignments, audit, conservation, runs
from balancer.store.database import Database
from tests.api.service import Service, StandingClock
from tests.conftest import Clusters
from tests.networks import PACS, minutes, queued, read_id, rostered, solving
from tests.worlds import NOW, session

NUMBERS = ["A1", "A2", "A3", "A4"]
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

    def tick(self, *_: object, **__: object) -> None:
        """Pass a point, or die at it."""
        self.passed += 1
        if self.passed == self.at:
            os.kill(os.getpid(), signal.SIGKILL)

    def put_into(self, db: Database) -> None:
        """Make points of every commit, before it and after it is answered, and on SQLite of every statement."""
        if db.dialect == "sqlite":
            event.listen(db.engine, "before_cursor_execute", self.tick)
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


def prepared(db: Database) -> None:
    """Prepare four studies: A1 open at R1, the others on R1's list in order of their numbers; a plan is in force."""
    queued(db, *NUMBERS)
    rostered(db, session("S1", "R1"), session("S2", "R2"))
    assert run_allocation(db, NOW, solver=solving({"S1": NUMBERS})).error == ""
    claim_read(db, read_id(db, "A1"), "R1", minutes(1), by=PACS)


@pytest.fixture
def copies(db: Database, kind: str, clusters: Clusters, tmp_path: Path) -> Copies:
    """Return the prepared database, closed."""
    prepared(db)
    url = make_url(db.engine.url.render_as_string(hide_password=False))
    if kind == "sqlite":
        with db.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    return Copies(kind, clusters, tmp_path, str(url.database))


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


def said(db: Database) -> list[Any]:
    """Return what has come of claims and completions; a sequence of PostgreSQL's does not give a number twice."""
    with db.connection() as connection:
        return [
            sorted(map(repr, connection.execute(text(statement))))
            for statement in (
                "SELECT read_id, reporter_id, claimed_at, ended_by FROM claims",
                "SELECT read_id, reporter_id, completed_at, accepted FROM completions",
                "SELECT id, state, reporter_id, version FROM reads",
            )
        ]


def claim(db: Database) -> object:
    """Open the second of R1's next reads, by which the first is passed over."""
    by = PACS
    return claim_read(db, read_id(db, "A3"), "R1", minutes(2), by=by)


def complete(db: Database) -> object:
    """Report what is open."""
    return complete_read(db, read_id(db, "A1"), "R1", minutes(9), by=PACS)


@pytest.mark.parametrize("work", [claim, complete])
def test_a_claim_and_a_completion_have_happened_or_not(copies: Copies, work: Work) -> None:
    """Read, claim, completion, exception, change feed and trail change together; asked again, it has happened once."""
    old, new = states(copies, work)
    assert old != new
    seen = set()
    with copies.copy() as url:
        db = Database(url)
        work(db)
        wanted = said(db)
        db.close()

    def look(db: Database) -> None:
        left = dump(db)
        assert left in (old, new)
        seen.add(left == new)
        is_sound(db)
        work(db)
        assert said(db) == wanted

    assert all_points(copies, work, look) >= 2
    assert seen == {False, True}  # both sides of the commit were tried


def plan(db: Database) -> object:
    """Give everything to R2, but for what R1 has open."""
    solver = solving({"S1": ["A1"], "S2": ["A2", "A3", "A4"]})
    return run_allocation(db, minutes(5), solver=solver, clock=StandingClock(minutes(5)))


def test_a_plan_is_published_as_a_whole_or_not_at_all(copies: Copies) -> None:
    """Lists, reads, change feed, trail: all the old or all the new, and the run says which; the next run goes."""
    old, new = states(copies, plan, without=OF_RUNS)
    assert old != new
    seen = set()

    def look(db: Database) -> None:
        left = dump(db, without=OF_RUNS)
        assert left in (old, new)
        seen.add(left == new)
        with db.session() as reading:
            current = runs.current_run(reading)
            assert current is not None
            assert (current.id == 2) is (left == new)
        is_sound(db)
        later = minutes(5) + LASTING * 2  # whatever lease the dead run held has run out
        assert run_allocation(db, later, solver=solving({"S1": ["A1", "A2"], "S2": ["A3", "A4"]})).state is (
            RunState.PUBLISHED
        )
        is_sound(db)

    assert all_points(copies, plan, look) >= 10
    assert seen == {False, True}


def test_a_completion_sent_again_with_its_key_is_done_once(copies: Copies) -> None:
    """Whoever lost the answer sends the same request: it is answered, or 409 says that nobody knows."""
    body, key = {"reporter_id": "R1"}, {"Idempotency-Key": "k1"}
    answered = []

    def ask(db: Database) -> Any:
        return Service(db).post(f"/reads/{read_id(db, 'A1')}/complete", body, **key)

    def look(db: Database) -> None:
        answer = ask(db)
        answered.append(answer.status_code)
        if answer.status_code == 409:  # a new request finds out
            assert "with this key" in answer.json()["detail"]
            anew = Service(db).post(f"/reads/{read_id(db, 'A1')}/complete", body, **{"Idempotency-Key": "k2"})
            assert anew.json() == {"read_id": read_id(db, "A1"), "accepted": True}
        else:
            assert answer.json() == {"read_id": read_id(db, "A1"), "accepted": True}
        with db.connection() as connection:
            assert connection.execute(text("SELECT count(*) FROM completions")).scalar() == 1
        is_sound(db)

    all_points(copies, ask, look)
    assert set(answered) == {200, 409}
