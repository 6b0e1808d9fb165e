"""What one more hour is worth beside the newest plan: worked out once a run, kept by trust, and failing alone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from balancer.domain.actor import Reach
from balancer.services import price_capacity
from balancer.services.price_capacity import price_next, priced
from balancer.services.run_allocation import run_allocation
from balancer.store import runs, scarcities
from balancer.store.database import Database
from tests.networks import incoming, queued, rostered, solving
from tests.worlds import NOW, session


def allocate(db: Database) -> None:
    """Let eight hours of neuro wait for two hours of R1's, and publish a plan of it."""
    names = [f"A{number}" for number in range(8)]
    queued(db, *(incoming(name, minutes=60.0) for name in names))
    rostered(db, session("S1", "R1", hours=2))
    run_allocation(db, NOW, solver=solving({"S1": names[:2]}, dict.fromkeys(names[2:], "no_capacity")))


def kept(db: Database, run_id: int) -> list[Mapping[str, Any]]:
    """Return what is kept of a run."""
    with db.session() as reading:
        return list(scarcities.of_run(reading, run_id))


def test_the_newest_plan_is_priced_once(db: Database) -> None:
    """Each row is of a trust, a subspecialty and modality, and a half-day, and was tried with a real session."""
    allocate(db)
    run_id = price_next(db, NOW)
    assert run_id is not None
    found = priced(kept(db, run_id))
    assert {(one.trust, one.subspecialty, one.modality) for one in found} == {("RVV", "neuro", "CT")}
    assert all(one.start is not None and one.end is not None and one.saved is not None for one in found)
    assert [one.worth for one in found] == sorted((one.worth for one in found), reverse=True)
    assert price_next(db, NOW) is None


def test_what_is_scarce_at_a_trust_is_seen_by_whoever_reaches_it(sqlite_db: Database) -> None:
    """And by nobody else."""
    allocate(sqlite_db)
    run_id = price_next(sqlite_db, NOW) or 0
    assert kept(sqlite_db.within(Reach(trusts=frozenset({"RVV"}))), run_id) == kept(sqlite_db, run_id) != []
    assert kept(sqlite_db.within(Reach(trusts=frozenset({"RWF"}))), run_id) == []


def test_what_a_killed_process_left_half_done_is_begun_again(db: Database) -> None:
    """After a minute, and not at once: it may be this run that kills it."""
    allocate(db)
    with db.transaction() as writing:
        run_id = scarcities.waiting(writing, NOW)
        assert run_id is not None
        scarcities.begin(writing, run_id, NOW)
    assert price_next(db, NOW + timedelta(seconds=59)) is None
    assert price_next(db, NOW + timedelta(seconds=60)) == run_id
    assert kept(db, run_id)
    assert price_next(db, NOW + timedelta(hours=1)) is None


def test_prices_can_be_left_for_so_long_after_a_run(sqlite_db: Database) -> None:
    """Just then the processor is needed for what cannot wait."""
    allocate(sqlite_db)
    with sqlite_db.session() as reading:
        ended = runs.current_run(reading)
        assert ended is not None
        assert ended.finished_at is not None
        after = timedelta(seconds=10)
        assert scarcities.waiting(reading, ended.finished_at + timedelta(seconds=9), after=after) is None
        assert scarcities.waiting(reading, ended.finished_at + after, after=after) == ended.id


def test_what_fails_is_on_record_and_not_begun_again(sqlite_db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next run has its own."""
    allocate(sqlite_db)

    def fail(*_: object) -> None:
        raise ArithmeticError

    monkeypatch.setattr(price_capacity, "_found", fail)
    with pytest.raises(ArithmeticError):
        price_next(sqlite_db, NOW)
    assert price_next(sqlite_db, NOW + timedelta(hours=1)) is None
    with sqlite_db.session() as reading:
        row = scarcities.pricing(reading, 1)
    assert row is not None
    assert (row.priced_at, row.error) == (None, "ArithmeticError: ")
