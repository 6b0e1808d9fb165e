"""``kill -9`` at any point (``killing``) of publish, claim and complete: old or new."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from balancer.domain.states import RunState
from balancer.services.claim_read import claim_read
from balancer.services.complete_read import complete_read
from balancer.services.keep_lease import LASTING
from balancer.services.run_allocation import run_allocation
from balancer.store import runs
from balancer.store.database import Database
from tests.api.service import Service, StandingClock
from tests.conftest import Clusters
from tests.networks import PACS, minutes, queued, read_id, rostered, solving
from tests.services.killing import OF_RUNS, Copies, Work, all_points, copies_of, dump, is_sound, states
from tests.worlds import NOW, session

NUMBERS = ["A1", "A2", "A3", "A4"]


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
    return copies_of(db, kind, clusters, tmp_path)


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
