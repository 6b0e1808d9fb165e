"""The order within a session: never dearer, always allowed, the best there is where that can be known."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from balancer.domain.plan import Plan, StoppedBy
from balancer.domain.problem import AllocationProblem
from balancer.domain.study import Study
from balancer.optimise.chance import chance_from
from balancer.optimise.dispatch import Rule, dispatch, group_reads
from balancer.optimise.plan import make_plan
from balancer.optimise.problem import Compiled, ProblemArrays, compile_problem
from balancer.optimise.referee import judge
from balancer.optimise.schedule import Schedule, empty_schedule, insert, score
from balancer.optimise.sequence import sequence
from tests.benchmarks.weighted_tardiness import Instance, as_problem
from tests.random_worlds import problems
from tests.worlds import policy, priority, reporter, session, study, world

SLOW = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
JOBS = st.lists(st.tuples(st.integers(1, 9), st.integers(1, 5), st.integers(0, 30)), min_size=2, max_size=6)


def in_order(p: ProblemArrays, reads: Sequence[int]) -> Schedule:
    """Return the schedule that has these reads in the only session, in this order."""
    x = empty_schedule(p)
    for position, read in enumerate(reads):
        insert(p.studies, x.reads, x.sessions, x.reporters, x.slots, read, 0, position)
    return x


def as_plan(compiled: Compiled, x: Schedule) -> Plan:
    """Return the schedule as a plan."""
    return make_plan(compiled, x, bound=0, stopped_by=StoppedBy.WORK, seconds={}, seed=0)


@SLOW
@given(JOBS)
def test_no_order_of_a_short_session_is_cheaper(jobs: list[tuple[int, int, int]]) -> None:
    """Up to six jobs of one machine, against every order of them."""
    processing, weights, due = (tuple(row) for row in zip(*jobs, strict=True))
    instance = Instance(number=1, processing=processing, weights=weights, due=due, optimum=0)
    p = compile_problem(as_problem(instance)).arrays
    x = in_order(p, range(len(jobs)))
    sequence(p, x, chance_from(0), work=100_000)
    assert score(p, x).sum() == pytest.approx(min(instance.value(order) for order in permutations(range(len(jobs)))))


@SLOW
@given(problems(), st.integers(0, 50_000))
def test_what_it_says_it_saves_it_saves_and_breaks_no_rule(problem: AllocationProblem, work: int) -> None:
    """With claims, reads that become ready later, second reads and entitlements that end."""
    compiled = compile_problem(problem)
    p = compiled.arrays
    x = dispatch(p, group_reads(p), Rule.STRICT_PRIORITY)
    before, sessions = score(p, x).sum(), x.reads["session"].copy()
    saved = sequence(p, x, chance_from(0), work=work)
    assert saved >= 0
    assert before - score(p, x).sum() == pytest.approx(saved, rel=1e-9, abs=1e-6 + 1e-9 * abs(before))
    assert (x.reads["session"] == sessions).all()
    broken = [str(finding) for finding in judge(problem, as_plan(compiled, x)).findings if finding.rule[0] == "H"]
    assert broken == []


@pytest.mark.parametrize(("left", "order"), [((), [1, 0]), ((study("left", minutes=200, claimed_by=("R1",)),), [0, 1])])
def test_claimed_reads_stay_as_they_are_while_one_of_them_has_no_place(
    left: tuple[Study, ...], order: list[int]
) -> None:
    """Another order of those before it could make room for it, and then it would have to be taken in (H8)."""
    problem = world(
        studies=[
            study("later", ready=2, claimed_by=("R1",)),
            study("first", priority="urgent", claimed_by=("R1",)),
            *left,
        ],
        reporters=[reporter()],
        sessions=[session()],
        policy=policy(priority("urgent", weight=9, target_hours=1), priority(), wait_rate=0.02),
    )
    p = compile_problem(problem).arrays
    x = in_order(p, [0, 1])
    sequence(p, x, chance_from(0), work=10_000)
    assert x.slots[:2].tolist() == order


def test_it_stops_when_told_to() -> None:
    """And what it leaves is an order like any other."""
    instance = Instance(number=1, processing=(5, 1, 3), weights=(1, 5, 2), due=(0, 0, 0), optimum=0)
    p = compile_problem(as_problem(instance)).arrays
    x = in_order(p, [0, 1, 2])
    assert sequence(p, x, chance_from(0), work=10_000, go_on=lambda: False) == 0
    assert sequence(p, x, chance_from(0), work=10_000) == pytest.approx(
        instance.value([0, 1, 2]) - instance.value([1, 2, 0])
    )
