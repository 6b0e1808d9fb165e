"""Jobs of one machine as reads of one session: a point is a weight-hour of tardiness, whatever the order."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from balancer.domain.plan import StoppedBy
from balancer.optimise.plan import make_plan
from balancer.optimise.problem import compile_problem
from balancer.optimise.referee import judge
from balancer.optimise.schedule import empty_schedule, insert
from tests.benchmarks import external_truth
from tests.benchmarks.weighted_tardiness import Instance, as_problem, read_instances

JOBS = st.lists(st.tuples(st.integers(1, 100), st.integers(1, 10), st.integers(0, 400)), min_size=1, max_size=8)


@settings(deadline=None, max_examples=50)
@given(JOBS.flatmap(lambda jobs: st.tuples(st.just(jobs), st.permutations(range(len(jobs))))))
def test_the_referee_s_total_of_an_order_is_its_weighted_tardiness(
    drawn: tuple[list[tuple[int, int, int]], list[int]],
) -> None:
    """With the jobs' own numbers: hours and points, no scale between."""
    jobs, order = drawn
    processing, weights, due = (tuple(column) for column in zip(*jobs, strict=True))
    instance = Instance(number=1, processing=processing, weights=weights, due=due, optimum=0)
    problem = as_problem(instance)
    compiled = compile_problem(problem)
    p, x = compiled.arrays, empty_schedule(compiled.arrays)
    for position, job in enumerate(order):
        insert(p.studies, x.reads, x.sessions, x.reporters, x.slots, job, 0, position)
    verdict = judge(problem, make_plan(compiled, x, bound=0, stopped_by=StoppedBy.WORK, seconds={}, seed=0))
    assert verdict.ok
    assert verdict.terms.total == pytest.approx(instance.value(order))


def test_instances_are_read_as_or_library_lays_them_out(tmp_path: Path) -> None:
    """All processing times of an instance, then all weights, then all due dates, over any number of lines."""
    (tmp_path / "wt2.txt").write_text(" 1 2\n 3 4 5 6\n 7 8 9 1\n 2 3\n", encoding="ascii")
    (tmp_path / "wtopt2.txt").write_text(" 0\n 17\n", encoding="ascii")
    first, second = read_instances(tmp_path, jobs=2)
    assert (first.processing, first.weights, first.due, first.optimum) == ((1, 2), (3, 4), (5, 6), 0)
    assert (second.number, second.processing, second.due, second.optimum) == (2, (7, 8), (2, 3), 17)


def test_numbers_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    """Or every instance after the missing number would be nonsense."""
    (tmp_path / "wt2.txt").write_text("1 2 3 4 5", encoding="ascii")
    (tmp_path / "wtopt2.txt").write_text("0", encoding="ascii")
    with pytest.raises(ValueError, match="5 numbers"):
        list(read_instances(tmp_path, jobs=2))


def test_a_target_that_is_missed_is_named() -> None:
    """One instance beyond one per cent, one optimum of 0 not found."""
    rows = [(1, 1000, 1011), (2, 100_000, 100_000), (3, 0, 2), (4, 0, 0)]
    records = [{"number": n, "optimum": optimum, "value": value, "seconds": 1} for n, optimum, value in rows]
    verdict = external_truth.judge(records)
    assert (verdict.beyond_one_per_cent, verdict.zeros_missed, verdict.optimal) == ((1,), (3,), 2)
    assert verdict.above == pytest.approx(13 / 101_000)
    assert not verdict.holds
    assert external_truth.judge(records[1:2] + records[3:]).holds
