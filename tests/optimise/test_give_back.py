"""What has changed hands for nothing goes back: never dearer, always allowed."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings

from balancer.domain.plan import StoppedBy
from balancer.domain.problem import AllocationProblem
from balancer.optimise.dispatch import Rule, dispatch, group_reads
from balancer.optimise.give_back import give_back
from balancer.optimise.plan import make_plan
from balancer.optimise.problem import compile_problem
from balancer.optimise.referee import judge
from balancer.optimise.schedule import empty_schedule, insert, score
from tests.random_worlds import problems
from tests.worlds import policy, reporter, session, study, world

SLOW = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize("full", [False, True])
def test_two_reads_that_were_exchanged_for_nothing_are_each_their_own_readers_again(full: bool) -> None:  # noqa: FBT001
    """One after the other where there is room, in exchange where there is none."""
    hours = 0.5 if full else 2.0
    problem = world(
        studies=[study("A", minutes=20, published_to=("R1",)), study("B", minutes=20, published_to=("R2",))],
        reporters=[reporter("R1"), reporter("R2")],
        sessions=[session("S1", "R1", hours=hours), session("S2", "R2", hours=hours)],
        policy=policy(churn=1.5),
    )
    p = compile_problem(problem).arrays
    x = empty_schedule(p)
    for read in (0, 1):
        insert(p.studies, *x, read, 1 - read, 0)
    before = score(p, x).sum()
    assert give_back(p, x) >= 1
    assert x.reads["session"].tolist() == [0, 1]
    assert score(p, x).sum() == pytest.approx(before - 3)


@SLOW
@given(problems())
def test_a_plan_is_no_dearer_for_it_and_breaks_no_rule(problem: AllocationProblem) -> None:
    """With claims, pins, reads that become ready later, second reads and entitlements that end."""
    compiled = compile_problem(problem)
    p = compiled.arrays
    x = dispatch(p, group_reads(p), Rule.STRICT_PRIORITY)
    before = score(p, x).sum()
    returned = give_back(p, x)
    after = score(p, x).sum()
    assert after <= before - returned * 1e-9 + 1e-9 * abs(before)
    plan = make_plan(compiled, x, bound=0, stopped_by=StoppedBy.WORK, seconds={}, seed=0)
    assert [str(finding) for finding in judge(problem, plan).findings if finding.rule[0] == "H"] == []


def test_nothing_more_is_begun_once_the_time_is_over() -> None:
    """What has gone back has gone back."""
    problem = world(
        studies=[study("A", minutes=20, published_to=("R1",))],
        reporters=[reporter("R1"), reporter("R2")],
        sessions=[session("S1", "R1"), session("S2", "R2")],
        policy=policy(churn=1.5),
    )
    p = compile_problem(problem).arrays
    x = empty_schedule(p)
    insert(p.studies, *x, 0, 1, 0)
    assert give_back(p, x, go_on=lambda: False) == 0
    assert x.reads["session"].tolist() == [1]
