"""Make a run again from what was kept of it, and compare: the same problem, seed and work give the same plan."""

from __future__ import annotations

from dataclasses import dataclass

from balancer.domain.errors import GoneError
from balancer.domain.plan import Allocation, Plan, StoppedBy, Unallocated
from balancer.domain.problem import AllocationProblem
from balancer.domain.study import ReadKey
from balancer.ingest.problem_archive import read_archive
from balancer.publish.run_record import instant_of, unpack_plan
from balancer.services.run_allocation import Solver
from balancer.services.scratch_folder import scratch_folder
from balancer.store import run_records, runs
from balancer.store.database import Database
from balancer.store.tables import RunRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Remade:
    """A run made again: the plan that came, the one that was kept, and the reads in which they differ."""

    run: RunRow
    problem: AllocationProblem
    plan: Plan
    kept: Plan
    differ: tuple[ReadKey, ...]

    @property
    def is_same(self) -> bool:
        """Whether every read is where it was, to the second."""
        return not self.differ

    @property
    def was_hurried(self) -> bool:
        """Whether the clock ended the run: then another plan is no surprise."""
        return self.kept.summary.stopped_by is StoppedBy.TIME


def remake_run(db: Database, run_id: int, *, solver: Solver) -> Remade:
    """Solve again what a run solved, with its seed and its work; nothing is published.

    Raises
    ------
    NotFoundError
        If there is no such run.
    GoneError
        If its problem is no longer kept, or could not be.
    """
    with db.session() as session:
        run = runs.run(session, run_id)
        record = run_records.record(session, run_id)
    if record.problem is None:
        raise GoneError(f"what run {run_id} was made from could not be kept")
    with scratch_folder() as scratch:
        problem, _ = read_archive(record.problem, scratch, now=instant_of(record.problem))
    kept = unpack_plan(record.plan).plan
    plan = solver(problem, seed=run.seed, work=run.work, seconds=None, on_progress=None)
    return Remade(run=run, problem=problem, plan=plan, kept=kept, differ=_differ(plan, kept))


def _differ(plan: Plan, kept: Plan) -> tuple[ReadKey, ...]:
    one, other = _by_read(plan), _by_read(kept)
    return tuple(sorted(key for key in one.keys() | other.keys() if one.get(key) != other.get(key)))


def _by_read(plan: Plan) -> dict[ReadKey, Allocation | Unallocated]:
    placed: dict[ReadKey, Allocation | Unallocated] = {row.key: row for row in plan.allocations}
    return placed | {row.key: row for row in plan.unallocated}
