"""Ways to share out work that can be run through simulated weeks: ours, and what departments and products do today."""

from __future__ import annotations

from dataclasses import replace

from balancer.domain.plan import Plan, StoppedBy
from balancer.domain.problem import AllocationProblem
from balancer.optimise.dispatch import Rule, deal, dispatch, group_reads
from balancer.optimise.plan import make_plan
from balancer.optimise.problem import Compiled, compile_problem
from balancer.optimise.schedule import Schedule
from balancer.optimise.solve import solve
from balancer.simulate.rolling import Method


def optimised(*, work: int, seed: int = 0) -> Method:
    """Return our own method: the optimiser, with this much work an hour."""
    return lambda problem: solve(problem, work=work, seed=seed)


def pull(rule: Rule) -> Method:
    """Return the method of a shared worklist: whoever is free takes the first by ``rule``."""

    def method(problem: AllocationProblem) -> Plan:
        compiled = compile_problem(problem)
        return _as_plan(compiled, dispatch(compiled.arrays, group_reads(compiled.arrays), rule))

    return method


def least_loaded(problem: AllocationProblem) -> Plan:
    """Deal studies out by urgency to whoever has the least to do: what worklist products' assignment engines do."""
    compiled = compile_problem(problem)
    return _as_plan(compiled, deal(compiled.arrays))


def each_trust_alone(problem: AllocationProblem) -> Plan:
    """Let each trust's own people pull its studies by strict priority: what there is without a network."""
    at_home = tuple(
        replace(one, trusts={code: until for code, until in one.trusts.items() if code == one.home_trust})
        for one in problem.reporters
    )
    return pull(Rule.STRICT_PRIORITY)(replace(problem, reporters=at_home))


PEERS: dict[str, Method] = {
    "strict priority": pull(Rule.STRICT_PRIORITY),
    "earliest due": pull(Rule.EARLIEST_DUE),
    "generalised c-mu": pull(Rule.GENERALISED_C_MU),
    "least loaded": least_loaded,
    "each trust alone": each_trust_alone,
}


def _as_plan(compiled: Compiled, x: Schedule) -> Plan:
    return make_plan(compiled, x, bound=0.0, stopped_by=StoppedBy.WORK, seconds={}, seed=0)
