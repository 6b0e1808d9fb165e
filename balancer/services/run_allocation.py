"""Run an allocation: gather the problem, solve it, let the referee judge, publish; one run at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

from balancer import __version__
from balancer.domain.instant import Clock
from balancer.domain.plan import Plan
from balancer.domain.problem import AllocationProblem
from balancer.domain.states import RunState
from balancer.optimise.referee import judge
from balancer.services.build_problem import Gathered, gather
from balancer.services.keep_lease import LASTING, ElapsedClock, Telling, kept
from balancer.services.keep_proposal import keep_proposal
from balancer.services.keep_run import NOT_KEPT, keep_run
from balancer.services.outcomes import RunOutcome
from balancer.services.publish_worklists import publish
from balancer.services.this_process import is_gone, this_process
from balancer.services.without_numbers import without_numbers
from balancer.store import assignments, jobs, leases, queue, run_records, runs
from balancer.store.database import Database, Session
from balancer.store.leases import Lease

LEASE = "allocation"
_FINDINGS_KEPT = 20
# A network of 6,000 reads that plans every quarter of an hour fills half a million rows a day.
_KEPT = timedelta(days=7)
# What a run was made from and its plan, packed: a million bytes for so many reads, four times an hour.
_RECORDS_KEPT = timedelta(days=2)
# A PACS that was away for longer begins again with a snapshot.
_TOMBSTONES_KEPT = timedelta(days=30)
_STEPS_KEPT = timedelta(days=7)
# Ten feeds on intervals of five minutes enter 2,880 due times a day.
_JOBS_KEPT = timedelta(days=30)


class Solver(Protocol):
    """Whatever turns a problem into a plan: ``balancer.optimise.solve.solve``, or a stand-in for it in a test."""

    def __call__(
        self,
        problem: AllocationProblem,
        *,
        seed: int,
        work: int | None,
        seconds: float | None,
        on_progress: Callable[[Any], None] | None,
    ) -> Plan:
        """Return a plan for ``problem``."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """A run under way: its number, the lease it goes under, its clock."""

    db: Database
    id: int
    lease: Lease
    clock: Clock

    def change(self, **columns: Any) -> None:
        with self.db.transaction() as session:
            row = runs.own_run(session, self.id, self.lease.token)
            for name, value in columns.items():
                setattr(row, name, value)

    def end(self, state: RunState, error: str) -> None:
        self.change(state=state, error=error, stage="", finished_at=self.clock.now())


def run_allocation(  # noqa: PLR0913 - the solver's own arguments
    db: Database,
    now: datetime,
    *,
    seed: int = 0,
    work: int | None = None,
    seconds: float | None = None,
    on_progress: Callable[[Any], None] | None = None,
    solver: Solver | None = None,
    clock: Clock | None = None,
) -> RunOutcome:
    """Allocate everything that is open at ``now`` and publish new worklists; if anything fails, the last ones stand.

    If the policy says so the plan is ``held`` instead, for a manager to publish.

    The run is on record from its beginning, with its stage and the solver's progress. A plan the referee rejects is
    never published: the run is ``rejected`` with the findings. If another run is under way, nothing is done and the
    outcome says so; a run whose process died is declared dead by the next one: at once on the same machine, elsewhere
    once its lease has run out. What it
    does is of the instant that it is by ``clock``: ``now`` and what has elapsed since, unless one is given.

    Raises
    ------
    Exception
        Whatever went wrong; the run is ``failed``, with that as its error.
    """
    clock = clock or ElapsedClock(now)
    run = _begin(db, now, seed, clock)
    if isinstance(run, RunOutcome):
        return run
    telling = Telling()

    def tell(progress: Any) -> None:
        telling.tell(progress)
        if on_progress is not None:
            on_progress(progress)

    try:
        with kept(db, run.lease, clock, lambda session: _note(session, run, telling)):
            gathered = _gather(run, now, work)
            plan = (solver or _solver())(gathered.problem, seed=seed, work=work, seconds=seconds, on_progress=tell)
            return _judge_and_publish(run, gathered, plan)
    except Exception as error:
        _fail(run, error)
        raise
    finally:
        with db.transaction() as session:
            leases.release(session, run.lease)


def _begin(db: Database, now: datetime, seed: int, clock: Clock) -> _Run | RunOutcome:
    with db.transaction() as session:
        lease = leases.acquire(session, LEASE, this_process(), now=now, lasting=LASTING, is_gone=is_gone)
        if lease is None:
            other = runs.running(session)
            return RunOutcome(run_id=other.id if other else None, state=None, error="another run is under way")
        run_id = runs.begin_run(session, token=lease.token, now=now, started_at=clock.now(), seed=seed)
    return _Run(db=db, id=run_id, lease=lease, clock=clock)


def _solver() -> Solver:
    from balancer.optimise.solve import solve  # noqa: PLC0415 - OR-Tools takes seconds to import; few need it

    return solve


def _gather(run: _Run, now: datetime, work: int | None) -> Gathered:
    gathered = gather(run.db, now)
    run.change(
        stage="solve",
        policy_id=gathered.policy_id,
        warnings=list(gathered.warnings),
        work=work,
        code_version=__version__,
    )
    return gathered


def _judge_and_publish(run: _Run, gathered: Gathered, plan: Plan) -> RunOutcome:
    run.change(stage="judge")
    findings = [str(finding) for finding in judge(gathered.problem, plan).findings]
    if findings:
        more = [f"and {len(findings) - _FINDINGS_KEPT} more"] if len(findings) > _FINDINGS_KEPT else []
        with run.db.session() as session:
            kept_findings = without_numbers(session, "\n".join(findings[:_FINDINGS_KEPT]))
        error = "\n".join(["the referee rejected the plan:", kept_findings, *more])
        run.end(RunState.REJECTED, error)
        return RunOutcome(run_id=run.id, state=RunState.REJECTED, error=error, warnings=gathered.warnings, plan=plan)
    run.change(stage="publish")
    at = run.clock.now()
    digest = keep_run(run.db, run.id, gathered, plan, at)
    warnings = gathered.warnings if digest else (*gathered.warnings, NOT_KEPT)
    plan = replace(plan, summary=replace(plan.summary, digest=digest))
    run.change(warnings=list(warnings))
    published = not gathered.problem.policy.publishing.hold and publish(
        run.db,
        run.id,
        plan,
        gathered.problem,
        at,
        lease=run.lease,
        left_out=gathered.reasons(plan),
        numbers=gathered.numbers,
    )
    if not published:
        _hold(run, gathered, plan, at)
    with run.db.transaction() as session:
        queue.forget_plans(session, at - _KEPT)
        run_records.forget(session, records_before=at - _RECORDS_KEPT, moves_before=at - _KEPT)
        assignments.forget_gone(session, at - _TOMBSTONES_KEPT)
        assignments.forget_steps(session, at - _STEPS_KEPT)
        jobs.forget_jobs(session, at - _JOBS_KEPT)
    state = RunState.PUBLISHED if published else RunState.HELD
    return RunOutcome(run_id=run.id, state=state, warnings=warnings, plan=plan)


def _hold(run: _Run, gathered: Gathered, plan: Plan, at: datetime) -> None:
    """Let a plan wait for a manager, in place of any that waits already; nobody's list changes."""
    with run.db.transaction() as session:
        leases.require(session, run.lease)
        row = runs.own_run(session, run.id, run.lease.token)
        runs.keep_summary(row, plan.summary)
        row.state, row.stage, row.finished_at, row.held_at = RunState.HELD, "", at, at
        runs.supersede_held(session, by=run.id, why=f"run {run.id} waits in its place")
        keep_proposal(session, run.id, gathered, plan)


def _note(session: Session, run: _Run, telling: Telling) -> None:
    """Write the solver's last word into the run."""
    progress = telling.take()
    if progress is not None:
        runs.note_progress(session, run.id, run.lease.token, progress, run.clock.now())


def _fail(run: _Run, error: Exception) -> None:
    """Enter that a run has failed, unless it has been declared dead, or ended, already."""
    with run.db.transaction() as session:
        row = runs.run(session, run.id)
        if row.state is RunState.RUNNING and row.token == run.lease.token:
            row.state, row.stage, row.finished_at = RunState.FAILED, "", run.clock.now()
            row.error = without_numbers(session, f"{type(error).__name__}: {error}")
