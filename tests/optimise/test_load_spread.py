"""How evenly work lies on those entitled to it, by figures worked out by hand."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings

from balancer.domain.problem import AllocationProblem
from balancer.optimise.load_spread import load_spread
from balancer.optimise.opened import open_plan
from balancer.optimise.solve import solve
from tests.random_worlds import problems
from tests.worlds import lay_out, policy, reporter, session, study, two_trusts, world

BANDS = ((0.5, 0.0), (1.0, 2.0))


def two_readers(*, second_hours: float = 4) -> AllocationProblem:
    """Return four hours of work for R1 (4 h rostered) and R2; the upper half of a roster costs 2 points an hour."""
    return world(
        studies=[study(f"A{n}") for n in range(1, 5)],
        reporters=[reporter("R1"), reporter("R2")],
        sessions=[session("S1", "R1"), session("S2", "R2", hours=second_hours)],
        policy=policy(bands=BANDS),
    )


def test_work_on_one_desk_costs_what_two_desks_would_not() -> None:
    """R1 reads all 4 h of 4: 2 h in the band of 2 points. Half each would be 50 % for both: nothing."""
    problem = two_readers()
    everybody, group = load_spread(open_plan(problem, lay_out(problem, {"S1": ["A1", "A2", "A3", "A4"]})))
    assert (group.trust, group.subspecialty, group.reporters) == ("RVV", "neuro", 2)
    assert (group.least, group.mean, group.most) == (0, 0.5, 1)
    assert group.cost == everybody.cost == pytest.approx(4)


def test_even_is_by_rostered_hours() -> None:
    """R2 has 12 h: one hour for R1 and three for R2 is a quarter of each roster, and even."""
    problem = two_readers(second_hours=12)
    (_, group) = load_spread(open_plan(problem, lay_out(problem, {"S1": ["A1"], "S2": ["A2", "A3", "A4"]})))
    assert (group.least, group.median, group.most, group.rostered_hours) == (0.25, 0.25, 0.25, 16)
    assert group.cost == 0


def test_the_median_is_weighted_by_hours() -> None:
    """R1, all busy, has 4 of 16 h: more than half of the hours are R2's, idle."""
    problem = two_readers(second_hours=12)
    (_, group) = load_spread(open_plan(problem, lay_out(problem, {"S1": ["A1", "A2", "A3", "A4"]})))
    assert (group.median, group.mean) == (0, 0.25)


def test_only_those_who_may_read_it_are_in_a_group() -> None:
    """R2 is no msk reader at RVV once the skill is gone; everybody is both."""
    problem = two_trusts()
    groups = load_spread(open_plan(problem, solve(problem, work=5_000)))
    assert {(group.trust, group.subspecialty): group.reporters for group in groups} == {
        ("", ""): 2,
        ("RVV", "neuro"): 2,
        ("RWF", "neuro"): 2,
        ("RWF", "msk"): 2,
        ("RVV", "msk"): 2,
    }


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(problems())
def test_spread_never_saves_and_what_all_pay_is_the_load_term(problem: AllocationProblem) -> None:
    """Prices of load do not fall, so even is cheapest; and utilisations keep their order."""
    plan = solve(problem, work=1_000)
    for group in load_spread(open_plan(problem, plan)):
        assert 0 <= group.cost <= plan.summary.terms.load * (1 + 1e-9) + 1e-6
        assert group.least - 1e-9 <= group.mean <= group.most + 1e-9
        assert group.least <= group.median <= group.most
