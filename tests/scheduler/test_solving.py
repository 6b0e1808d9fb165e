"""A run in a process of its own: it can be ended, it can die, and it is never left behind."""

from __future__ import annotations

import os
import signal
import sys
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from balancer.domain.plan import Plan
from balancer.domain.states import RunState
from balancer.scheduler import solving as module
from balancer.scheduler.solving import BUSY, DONE, NOT_PUBLISHED, SolveOrder, Solving, at_low_priority, run_once, tell
from balancer.services.outcomes import RunOutcome
from balancer.services.run_allocation import LEASE
from balancer.store import leases, runs
from balancer.store.database import Database
from tests.api.service import StandingClock
from tests.networks import queued, rostered, solving
from tests.processes import started
from tests.scheduler.bodies import (
    end_at_once,
    is_gone,
    noted,
    order_then_sleep,
    solve_and_crash,
    solve_for_ever,
    solve_quietly,
    tell_niceness,
)
from tests.worlds import NOW, session


def _silently() -> None:
    """Prepare nothing."""


def _order(path: Path, seconds: float = 100.0) -> SolveOrder:
    return SolveOrder(database_url=str(path), clock=StandingClock(), seconds=seconds, workers=1, prepare=_silently)


def test_a_run_ends_with_what_its_process_says(tmp_path: Path) -> None:
    """In a process that is another."""
    assert Solving(_order(tmp_path / "pids"), solve_quietly).run() == DONE
    assert is_gone(noted(tmp_path / "pids")[0])


def test_a_run_whose_process_crashes_takes_nothing_with_it(tmp_path: Path) -> None:
    """Native code that aborts, memory that runs out: the exit code says which signal it was."""
    assert Solving(_order(tmp_path / "pids"), solve_and_crash).run() == -signal.SIGABRT


def test_a_run_that_is_over_leaves_its_memory_to_the_system(tmp_path: Path) -> None:
    """Taking it apart would take the processor for a second, just as everybody's new list is fetched."""
    assert Solving(_order(tmp_path / "pids"), end_at_once).run() == DONE + 7


def test_a_run_is_ended_when_the_scheduler_stops(tmp_path: Path) -> None:
    """It does not keep a stopping scheduler waiting."""
    running = Solving(_order(tmp_path / "pids"), solve_for_ever)
    thread = threading.Thread(target=running.run)
    thread.start()
    pid = noted(tmp_path / "pids")[0]
    running.stop()
    thread.join()
    assert is_gone(pid)


def test_a_run_that_never_ends_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its time is the solver's and some more."""
    monkeypatch.setattr(module, "_GRACE_SECONDS", 1.0)
    assert Solving(_order(tmp_path / "pids", seconds=0.5), solve_for_ever).run() == -signal.SIGTERM


def test_a_run_whose_scheduler_is_killed_ends_by_itself(tmp_path: Path) -> None:
    """Kill -9 of the scheduler leaves no solve behind."""
    with started(order_then_sleep, tmp_path / "scheduler", _order(tmp_path / "pids")):
        pid = noted(tmp_path / "pids")[0]
    assert is_gone(pid)


@pytest.mark.skipif(sys.platform != "linux", reason="niceness is a thread's on Linux only")
def test_what_is_solved_waits_for_everybody_and_what_is_published_for_nobody(sqlite_db: Database) -> None:
    """A publish that holds the write lock at the solver's priority would keep every claim waiting on a busy machine."""
    queued(sqlite_db, "A1")
    rostered(sqlite_db, session("S1", "R1"))
    before, during = os.nice(0), []

    def solve(*given: Any, **more: Any) -> Plan:
        during.append(os.nice(0))
        return solving({"S1": ["A1"]})(*given, **more)

    assert run_once(sqlite_db, NOW, seconds=1, solver=at_low_priority(solve)) == DONE
    assert (during, os.nice(0)) == ([min(before + 10, 19)], before)


@pytest.mark.skipif(sys.platform != "linux", reason="niceness is inherited from a thread on Linux only")
def test_what_nobody_waits_for_has_low_priority_from_its_start(tmp_path: Path) -> None:
    """What a process imports before its own first line would keep an emergency from its list for a second or two."""
    before = os.nice(0)
    assert Solving(_order(tmp_path / "pids"), tell_niceness, at_low_priority=True).run() == min(before + 10, 19)
    assert (Solving(_order(tmp_path / "pids"), tell_niceness).run(), os.nice(0)) == (before, before)


def test_a_solver_that_raises_publishes_nothing_and_is_logged_without_its_words(sqlite_db: Database) -> None:
    """What it says may quote a study."""
    queued(sqlite_db, "A1")
    rostered(sqlite_db, session("S1", "R1"))

    def fail(*_: object, **__: object) -> None:
        raise ArithmeticError("RVV A1 is not a number")

    with capture_logs() as lines:
        assert run_once(sqlite_db, NOW, seconds=1, solver=fail) == NOT_PUBLISHED  # type: ignore[arg-type]
    assert [line["event"] for line in lines] == ["run.failed"]
    with sqlite_db.session() as reading:
        assert runs.current_run(reading) is None


def test_a_published_run_is_logged_in_figures(sqlite_db: Database) -> None:
    """How many, how late, how good: and no study by its number."""
    queued(sqlite_db, "A1")
    rostered(sqlite_db, session("S1", "R1"))
    with capture_logs() as lines:
        assert run_once(sqlite_db, NOW, seconds=1, solver=solving({"S1": ["A1"]})) == DONE
    (line,) = lines
    assert (line["event"], line["allocated"], line["unallocated"]) == ("run.published", 1, 0)
    assert "A1" not in str(lines)


def test_a_run_that_finds_another_under_way_says_so(sqlite_db: Database) -> None:
    """And is tried again a little later."""
    queued(sqlite_db, "A1")
    with sqlite_db.transaction() as writing:
        leases.acquire(writing, LEASE, "another", now=NOW, lasting=timedelta(minutes=1))
    assert run_once(sqlite_db, NOW, seconds=1, solver=solving({})) == BUSY


def test_a_rejected_plan_is_an_error_in_the_log(sqlite_db: Database) -> None:
    """Its findings are on record; the log has none of them."""
    queued(sqlite_db, "A1")
    rostered(sqlite_db, session("S1", "R1"))
    with capture_logs() as lines:
        assert run_once(sqlite_db, NOW, seconds=1, solver=solving({}, {"A1": "no_session"})) == NOT_PUBLISHED
    assert [(line["event"], line["log_level"]) for line in lines] == [("run.rejected", "error")]
    assert "A1" not in str(lines)


def test_an_outcome_without_a_plan_can_be_told() -> None:
    """A run that was declared dead has none."""
    with capture_logs() as lines:
        tell(RunOutcome(run_id=3, state=RunState.FAILED))
    assert lines[0]["event"] == "run.failed"
