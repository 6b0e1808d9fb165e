"""A run is made again from what was kept of it, and the same plan comes."""

from __future__ import annotations

import functools
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings

from balancer.domain.errors import GoneError, InputRefusedError, InvalidValueError, NotFoundError
from balancer.domain.problem import AllocationProblem
from balancer.domain.states import RunState
from balancer.ingest.problem_archive import read_archive
from balancer.optimise.solve import solve
from balancer.publish.run_record import KeptPlan, digest_of, instant_of, pack_plan, pack_problem, unpack_plan
from balancer.services.ingest_studies import ingest_extract
from balancer.services.keep_run import NOT_KEPT
from balancer.services.remake_run import remake_run
from balancer.services.run_allocation import run_allocation
from balancer.services.scratch_folder import scratch_folder
from balancer.store import run_records, runs
from balancer.store.database import Database
from tests.networks import Feed, extract, incoming, minutes, queued, rostered, solving
from tests.random_worlds import problems
from tests.worlds import NOW, at, session

SOLVER = functools.partial(solve, workers=1)


def packed(problem: AllocationProblem) -> bytes:
    """Return a problem as a run keeps it."""
    with scratch_folder() as scratch:
        return pack_problem(problem, scratch)


def network(db: Database) -> None:
    """Let a dozen studies of two classes wait for two reporters who cannot do them all."""
    queued(
        db,
        *(incoming(f"A{number}", minutes=25 + number, priority="urgent") for number in range(10)),
        *(incoming(f"E{number}", minutes=20, priority="emergency", acquired_at=minutes(-5)) for number in range(2)),
    )
    rostered(db, session("S1", "R1", hours=2), session("S2", "R2", hours=1.5))


def test_a_run_made_again_gives_the_same_plan(db: Database) -> None:
    """By the same problem, seed and work, whatever has happened to the network since."""
    network(db)
    run_id = run_allocation(db, NOW, seed=5, work=2_000, solver=SOLVER).run_id or 0
    ingest_extract(db, Feed(), extract("B1", at=5), minutes(5))
    rostered(db, session("S9", "R1", start=20))
    remade = remake_run(db, run_id, solver=SOLVER)
    assert (remade.is_same, remade.was_hurried) == (True, False)
    assert remade.plan.allocations == remade.kept.allocations
    assert len(remade.plan.allocations) > 3
    assert (remade.plan.summary.terms, remade.plan.summary.bound) == (
        remade.kept.summary.terms, remade.kept.summary.bound,
    )  # fmt: skip


def test_a_run_says_what_it_was_made_from(db: Database) -> None:
    """Policy, seed, work, version of the code, and a digest that two runs of one problem share."""
    network(db)
    first, again, later = (
        run_allocation(db, when, seed=5, work=2_000, solver=SOLVER).run_id or 0 for when in (NOW, NOW, at(1))
    )
    with db.session() as reading:
        rows = [runs.run(reading, number) for number in (first, again, later)]
        content = run_records.record(reading, again).problem
    assert content is not None
    assert [(row.seed, row.work, row.code_version != "", row.policy_id) for row in rows] == [(5, 2_000, True, 1)] * 3
    assert rows[1].digest == digest_of(content)
    assert rows[0].digest != rows[1].digest  # between the two the first was published


def test_a_plan_that_differs_is_seen(db: Database) -> None:
    """A solver that has changed gives another plan, and the reads are named by which it differs."""
    queued(db, *(incoming(number, minutes=60) for number in ("A1", "A2", "A3")))
    rostered(db, session("S1", "R1", hours=2.5), session("S2", "R2", hours=2.5))
    run_id = run_allocation(db, NOW, solver=solving({"S1": ["A1", "A2"], "S2": ["A3"]})).run_id or 0
    remade = remake_run(db, run_id, solver=solving({"S1": ["A1"], "S2": ["A3", "A2"]}))
    assert [key.accession_number for key in remade.differ] == ["A2"]
    assert not remade.is_same


def test_what_is_not_kept_cannot_be_made_again(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A problem that cannot be packed keeps nobody from their list; the run says so."""

    def fail(_problem: AllocationProblem, _scratch: Path) -> bytes:
        raise KeyError("CTH")

    network(db)
    with monkeypatch.context() as patched:
        patched.setattr("balancer.services.keep_run.pack_problem", fail)
        outcome = run_allocation(db, NOW, work=500, solver=SOLVER)
    assert (outcome.state, NOT_KEPT in outcome.warnings) == (RunState.PUBLISHED, True)
    with db.session() as reading:
        assert NOT_KEPT in runs.run(reading, outcome.run_id or 0).warnings
    with pytest.raises(GoneError, match="could not be kept"):
        remake_run(db, outcome.run_id or 0, solver=SOLVER)
    with pytest.raises(NotFoundError):
        remake_run(db, 77, solver=SOLVER)


@settings(max_examples=40, deadline=None)
@given(problems())
def test_any_problem_is_unpacked_as_it_was_packed(problem: AllocationProblem) -> None:
    """Bank holidays apart, which are known; and packed twice it is the same bytes."""
    content = packed(problem)
    with scratch_folder() as scratch:
        found, _ = read_archive(content, scratch, now=instant_of(content))
    assert replace(found, calendar=problem.calendar) == problem
    assert packed(problem) == content


def test_what_is_damaged_is_refused(db: Database, tmp_path: Path) -> None:
    """Not half-read."""
    network(db)
    run_id = run_allocation(db, NOW, work=500, solver=SOLVER).run_id or 0
    with db.session() as reading:
        record = run_records.record(reading, run_id)
    assert record.problem is not None
    kept = unpack_plan(record.plan)
    assert unpack_plan(pack_plan(kept)) == kept
    assert isinstance(kept, KeptPlan)
    with pytest.raises(InputRefusedError, match="damaged"):
        read_archive(record.problem[:200], tmp_path, now=NOW)
    with pytest.raises(InvalidValueError, match="damaged"):
        unpack_plan(record.plan[:-20])
