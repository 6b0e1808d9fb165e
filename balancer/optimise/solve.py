"""The one door: an allocation problem in, a plan out.

In this order: simple dispatching rules, so that a plan exists at once; the pooled flow, which sees who should go
without; annealing from the better of the two; beside it, a lower bound. The search never looks at the bound, so the
plan is the same with one worker or two.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from balancer.domain.plan import Plan, StoppedBy
from balancer.domain.problem import AllocationProblem
from balancer.optimise.bound import lower_bound
from balancer.optimise.chance import chance_from
from balancer.optimise.cooling import Cooling, cooling_for
from balancer.optimise.dispatch import Rule, deal, dispatch, group_reads
from balancer.optimise.flow import Flow, pooled_flow
from balancer.optimise.give_back import give_back
from balancer.optimise.improve import Nearby, improve, tidy
from balancer.optimise.order import let_the_starved_pass
from balancer.optimise.plan import make_plan
from balancer.optimise.problem import HOUR, Compiled, compile_problem
from balancer.optimise.relax import cheapest_sessions
from balancer.optimise.schedule import Schedule, copy_schedule, empty_schedule, score
from balancer.optimise.sequence import sequence
from balancer.optimise.start import by_urgency, start_from_flow

LEAST_PROPOSALS = 1_000_000
_MOST_PROPOSALS = 140_000_000  # of all England's studies: with more, the whole command takes over a quarter of an hour
_PROPOSALS_A_READ, _SO_MANY_READS, _FEWER = 1_200, 6_000, 0.34  # one of 16 times as many reads gets 0.4 times as many
_RULES_UNTIL = 5_000  # reads; for more, the flow's start was far better than any rule's, and rules take long
_BOUND_WORK_A_PROPOSAL = 0.15  # sessions looked into; twice as much raises it by a tenth of a per cent
_STEPS_A_PROPOSAL, _MOST_STEPS = 600, 60_000_000  # of the search within sessions: half a second at most, measured
_LOOK_AHEAD_HOURS = (12.0, 24.0, 48.0)
_SEARCH_SHARE = 0.75  # of the time left, where search and bound take turns
_RULE_A_DEAL = 5.0  # a dispatching rule takes about as long as dealing reads out so many times,
_FLOW_A_RULE = 4.0  # and the flow as so many rules (measured on 24,000 studies)
_MOST_BOUND_WORK_A_READ = 2_000  # by default: where a search has more work a read than that, the bound gains little
_NEARBY = 16  # sessions tried first for each read
_NOISE = 10.0  # of the last temperature
_RESERVE = 0.06  # of the time given, for explaining and handing over,
_RESERVE_SECONDS_A_READ = 4e-5  # which takes at least this long (measured, rounded up)


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a run has come: seconds since it began, the best total and the proven bound so far, in points.

    ``gap`` is as in section 4, on what is avoidable.
    """

    stage: str
    seconds: float
    incumbent: float | None = None
    bound: float | None = None
    gap: float | None = None


@dataclass(slots=True)
class _Run:
    """What a run keeps account of while it goes."""

    compiled: Compiled
    seconds: float | None
    on_progress: Callable[[Progress], None] | None
    began: float
    spent: dict[str, float] = field(default_factory=dict)
    best: Schedule | None = None
    best_points: float = np.inf
    bound: float = -np.inf
    is_hurried: bool = False
    until: float | None = None  # seconds since it began at which the clock ends the stage

    def __post_init__(self) -> None:
        if self.seconds is not None:
            reserve = max(_RESERVE * self.seconds, _RESERVE_SECONDS_A_READ * len(self.compiled.arrays.reads))
            self.until = max(0.0, self.seconds - reserve)

    @property
    def elapsed(self) -> float:
        return time.perf_counter() - self.began

    @property
    def is_over(self) -> bool:
        """Whether the clock, not the work, ends the stage now."""
        if self.until is not None and self.elapsed > self.until:
            self.is_hurried = True
            return True
        return False

    @property
    def seconds_left(self) -> float | None:
        """What the clock leaves the stage, in seconds."""
        return None if self.until is None else max(1e-3, self.until - self.elapsed)

    def has_time_for(self, seconds: float) -> bool:
        """Tell whether a step that nothing can interrupt would end before the clock ends the stage."""
        if self.until is None or self.elapsed + seconds <= self.until:
            return True
        self.is_hurried = True
        return False

    @contextmanager
    def share_of_time(self, share: float) -> Iterator[None]:
        """Leave the block only ``share`` of the time that is left, the rest to what follows."""
        until = self.until
        if until is not None:
            self.until = self.elapsed + share * max(0.0, until - self.elapsed)
        try:
            yield
        finally:
            self.until = until

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        before = self.elapsed
        self.tell(name)
        try:
            yield
        finally:
            self.spent[name] = round(self.spent.get(name, 0.0) + self.elapsed - before, 3)
            self.tell(name)

    def tell(self, stage: str) -> None:
        if self.on_progress is None:
            return
        incumbent = None if self.best is None else self.best_points + self.compiled.fixed
        bound = None if np.isinf(self.bound) else self.bound + self.compiled.fixed
        gap = None
        if incumbent is not None and bound is not None:
            gap = max(0.0, incumbent - bound) / max(1.0, incumbent - self.compiled.sunk)
        self.on_progress(Progress(stage=stage, seconds=self.elapsed, incumbent=incumbent, bound=bound, gap=gap))

    def offer(self, x: Schedule) -> None:
        """Keep ``x`` if it is the best so far."""
        points = float(score(self.compiled.arrays, x).sum())
        if points < self.best_points:
            self.best, self.best_points = x, points


def solve(
    problem: AllocationProblem,
    *,
    seed: int = 0,
    work: int | None = None,
    seconds: float | None = None,
    workers: int | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Plan:
    """Return a plan that obeys section 3, with a bound that is valid for every plan that does.

    Parameters
    ----------
    seed
        The same input, seed and work give the same plan.
    work
        Proposals of the search; by the number of reads if not given.
    seconds
        A guard in clock time. A run that it ends says so and promises nothing else.
    workers
        Threads. With two, search and bound run side by side, and a part of several large flows is solved by a process
        beside this one; the plan is the same with one.
    on_progress
        Is called now and then, from this thread.
    """
    began = time.perf_counter()
    workers = workers or os.cpu_count() or 1
    compiled = compile_problem(problem)
    p = compiled.arrays
    run = _Run(compiled, seconds, on_progress, began)
    run.bound = compiled.sunk - compiled.waited  # nothing completes before now, and nothing else is below 0
    if work is None:
        work = default_work(len(p.reads))
    with run.stage("dispatch"):
        took = _dispatch(run)
    flow: Flow | None = None
    if run.has_time_for(_FLOW_A_RULE * took):
        with run.stage("flow"):
            flow = pooled_flow(p, workers)
            run.offer(start_from_flow(p, flow))
    if flow is not None and not run.is_over:
        _search_and_bound(run, flow, work, seed, workers)
    with run.stage("explain"):
        best = copy_schedule(run.best) if run.best is not None else empty_schedule(p)
        tidy(p, best, by_urgency(p))
        let_the_starved_pass(compiled, best)
        stopped_by = StoppedBy.TIME if run.is_hurried else StoppedBy.WORK
        bound = run.bound + compiled.fixed
        plan = make_plan(compiled, best, bound=bound, stopped_by=stopped_by, seconds=run.spent, seed=seed)
    run.tell("done")
    return plan


def default_work(reads: int) -> int:
    """Return how many proposals the search of a problem of this size makes unless told otherwise."""
    share = min(1.0, (_SO_MANY_READS / max(1, reads)) ** _FEWER)
    return min(_MOST_PROPOSALS, max(LEAST_PROPOSALS, int(_PROPOSALS_A_READ * reads * share)))


def _dispatch(run: _Run) -> float:
    """Offer what simple rules make, the quickest first: a plan can only get better from there.

    Return how long a rule takes, in seconds: nothing can interrupt one.
    """
    p = run.compiled.arrays
    before = run.elapsed
    run.offer(deal(p))
    run.tell("dispatch")
    took = _RULE_A_DEAL * (run.elapsed - before)
    if run.until is not None and run.elapsed + _FLOW_A_RULE * took > run.until:
        # the first call in a process loads what was compiled, which says nothing of how long anything else takes
        before = run.elapsed
        deal(p)
        took = min(took, _RULE_A_DEAL * (run.elapsed - before))
    if len(p.reads) > _RULES_UNTIL:
        return took
    groups = group_reads(p)
    rules = [(Rule.LOOK_AHEAD, hours * HOUR) for hours in _LOOK_AHEAD_HOURS]
    rules += [(Rule.STRICT_PRIORITY, 0.0), (Rule.GENERALISED_C_MU, 0.0), (Rule.EARLIEST_DUE, 0.0)]
    for rule, look_ahead in rules:
        flow = _FLOW_A_RULE * took  # which finds more than another rule, if there is time for it at all
        if not run.has_time_for(took + flow if run.has_time_for(flow) else took):
            break
        before = run.elapsed
        run.offer(dispatch(p, groups, rule, look_ahead))
        run.tell("dispatch")
        took = run.elapsed - before
    return took


def _search_and_bound(run: _Run, flow: Flow, work: int, seed: int, workers: int) -> None:
    """Improve the best schedule and prove a bound, side by side if there are two workers."""
    p = run.compiled.arrays
    cooling = cooling_for(p, work)
    with run.stage("flow"):
        noise = _NOISE * cooling.cold
        nearby = Nearby(*cheapest_sessions(p, flow, count=_NEARBY, noise=noise, seed=seed, workers=workers))
    usual = default_work(len(p.reads))
    bound_work = int(work / usual * min(_BOUND_WORK_A_PROPOSAL * usual, _MOST_BOUND_WORK_A_READ * len(p.reads)))

    def prove() -> None:
        before = run.elapsed

        def hear(points: float) -> bool:
            nonlocal before
            run.bound = max(run.bound, points)
            took, before = run.elapsed - before, run.elapsed
            return run.has_time_for(took)  # nothing interrupts a step, and the next takes as long

        hear(lower_bound(p, flow, nearby.sessions, nearby.number, work=bound_work, go_on=hear)[0])

    if workers == 1:
        with run.stage("improve"), run.share_of_time(_SEARCH_SHARE):
            _search(run, nearby, cooling, seed, workers)
        with run.stage("bound"):
            prove()
        return
    with ThreadPoolExecutor(1) as pool:
        proof: Future[None] = pool.submit(prove)
        with run.stage("improve"):
            _search(run, nearby, cooling, seed, workers)
        with run.stage("bound"):
            proof.result()


def _search(run: _Run, nearby: Nearby, cooling: Cooling, seed: int, workers: int) -> None:
    p, work = run.compiled.arrays, cooling.proposals
    if run.best is None or len(p.reads) == 0 or len(p.sessions) == 0:
        return
    before = run.elapsed

    def ahead(done: int, points: float) -> int:
        nonlocal before
        run.best_points = min(run.best_points, points)
        run.tell("improve")
        if run.is_over:
            return done
        took, before = run.elapsed - before, run.elapsed
        left = run.seconds_left
        if done == 0 or left is None:
            return done + cooling.chunk
        # cool faster if at this pace the clock would end the run while it is still hot
        needed = (work - done) / cooling.chunk * took
        if needed <= left:
            return done + cooling.chunk
        run.is_hurried = True
        return done + int(cooling.chunk * needed / left)

    run.best, run.best_points = improve(p, run.best, nearby, seed, cooling, ahead, workers)
    give_back(p, run.best, go_on=lambda: not run.is_over)
    run.best_points = float(score(p, run.best).sum())
    steps = min(_STEPS_A_PROPOSAL * work, _MOST_STEPS)
    run.best_points -= sequence(p, run.best, chance_from(seed, stream=2), work=steps, go_on=lambda: not run.is_over)
