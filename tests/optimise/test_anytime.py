"""A run can be ended by the clock at any time: it keeps to it, has a plan early, and says how far it has come.

The clock here goes on a little whenever it is looked at, and not meanwhile: no machine is too slow, and how long a run
really takes is measured (docs/benchmarks).
"""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from balancer.domain.plan import Plan, StoppedBy
from balancer.domain.problem import AllocationProblem
from balancer.optimise import solve as solving
from balancer.optimise.dispatch import deal
from balancer.optimise.referee import judge
from balancer.optimise.solve import Progress, solve
from balancer.simulate.instances import Shape, generate

SECONDS = 5.0
# Far more than there is time for.
ENDLESS = 10**12


@cache
def week() -> AllocationProblem:
    """Return an overloaded week of 6,000 studies and 60 reporters."""
    return generate(Shape(trusts=3, studies=6000, reporters=60, seed=1, load=1.3))


class Shown:
    """A clock that goes on by a hundredth of a second whenever it is looked at."""

    def __init__(self) -> None:
        self.at = 0.0

    def perf_counter(self) -> float:
        """Return what it shows."""
        self.at += 0.01
        return self.at


@cache
def run() -> tuple[Plan, float, tuple[Progress, ...]]:
    """Return the plan of a run of five seconds, how long it took, and what it told."""
    told: list[Progress] = []
    clock = Shown()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(solving, "time", clock)
        plan = solve(week(), seconds=SECONDS, work=ENDLESS, workers=1, on_progress=told.append)
    return plan, clock.at, tuple(told)


def test_the_time_given_is_kept_and_used() -> None:
    """Within a tenth, above and below, and the run says what ended it."""
    plan, took, _ = run()
    assert 0.9 * SECONDS <= took <= 1.1 * SECONDS
    assert plan.summary.stopped_by is StoppedBy.TIME
    assert judge(week(), plan).ok


def test_a_plan_exists_within_the_first_tenth() -> None:
    """The first step that tells of an incumbent."""
    _, _, told = run()
    first = next(step for step in told if step.incumbent is not None)
    assert first.seconds <= 0.1 * SECONDS


def test_progress_tells_incumbent_bound_and_gap() -> None:
    """The gap is section 4's, and ends as the plan's own."""
    plan, _, told = run()
    summary = plan.summary
    for step in told:
        if step.incumbent is not None:
            assert step.bound is not None
            assert step.gap is not None
            avoidable = max(1.0, step.incumbent - summary.sunk)
            assert step.gap == pytest.approx(max(0.0, step.incumbent - step.bound) / avoidable)
    gaps = [step.gap for step in told if step.gap is not None]
    assert gaps == sorted(gaps, reverse=True)
    assert gaps[-1] >= summary.gap - 1e-9  # what is tidied up at the end comes on top


def test_a_run_that_its_work_ends_does_not_look_at_the_clock() -> None:
    """However slow the machine, as long as there is time: the same plan as without a limit."""
    problem = generate(Shape(trusts=2, studies=300, reporters=8, seed=4))
    unlimited, limited = solve(problem, work=20_000), solve(problem, work=20_000, seconds=600)
    assert limited.allocations == unlimited.allocations
    assert {unlimited.summary.stopped_by, limited.summary.stopped_by} == {StoppedBy.WORK}


def test_a_first_call_that_only_loads_what_was_compiled_says_nothing_of_the_rest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A process that has just begun would else stop at a dispatching rule's plan with most of its time to spare."""
    called: list[object] = []
    clock = Shown()
    monkeypatch.setattr(solving, "time", clock)

    def slow_at_first(*given: Any) -> Any:
        if not called:
            clock.at += 0.1 * SECONDS
        called.append(given)
        return deal(*given)

    monkeypatch.setattr(solving, "deal", slow_at_first)
    plan = solve(generate(Shape(trusts=1, studies=50, reporters=2)), seconds=SECONDS, work=1_000, workers=1)
    assert plan.summary.stopped_by is StoppedBy.WORK
    assert "flow" in plan.summary.seconds
