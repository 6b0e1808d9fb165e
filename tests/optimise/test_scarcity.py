"""What one more minute is worth: dual prices held against real sessions and against exact solutions."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings

from balancer.domain.capacity import Scarcity
from balancer.domain.problem import AllocationProblem
from balancer.optimise.opened import open_plan
from balancer.optimise.scarcity import scarcity
from balancer.optimise.solve import solve
from tests.optimise.exhaustive import least_total
from tests.optimise.laying import in_whole_seconds
from tests.random_worlds import problems
from tests.worlds import at, policy, reporter, session, study, world


def scarce(problem: AllocationProblem, *, count: int = 10) -> tuple[Scarcity, ...]:
    """Return what is scarce beside a good plan."""
    return scarcity(open_plan(problem, solve(problem, work=10_000)), count=count)


def cells(found: tuple[Scarcity, ...]) -> list[Scarcity]:
    """Return those of one pool in one half-day."""
    return [one for one in found if one.trust and one.start]


def short_of_neuro(*, minutes: float = 6, studies: int = 30) -> AllocationProblem:
    """Return an hour each for neuro, of which three wait, and msk, of which half an hour waits, all due at once."""
    return world(
        studies=[study(f"N{n}", minutes=minutes, due=0) for n in range(studies)]
        + [study(f"M{n}", subspecialty="msk", minutes=minutes, due=0) for n in range(studies // 6)],
        reporters=[reporter("R1"), reporter("R2", skills={"msk": 3})],
        sessions=[session("S1", "R1", hours=1), session("S2", "R2", hours=1)],
        policy=policy(hours=12, beyond_hours=0),
    )


def test_what_there_is_too_little_of_is_worth_more_than_what_is_idle() -> None:
    """Neuro first, both as a cell and as a skill."""
    found = scarce(short_of_neuro())
    assert cells(found)[0].subspecialty == "neuro"
    skills = [one for one in found if one.subspecialty and not one.trust]
    assert [one.subspecialty for one in skills] == ["neuro", "msk"]
    assert skills[0].worth > 3 * skills[1].worth


def test_the_dual_is_what_a_real_hour_saves_where_reads_are_small() -> None:
    """An hour from 09:00 takes ten reads of 6 min from 12 h to between 1.1 and 2 h: 104.5 points, 1.74 a minute.

    The dual says it of the first minute, from the middles of buckets, between 08:00 and noon.
    """
    (first, *_) = cells(scarce(short_of_neuro()))
    assert first.minutes_read == 60
    assert first.saved == pytest.approx((10 * 12 - sum(1 + n / 10 for n in range(1, 11))) / 60)
    assert first.worth == pytest.approx(first.saved, rel=0.15)


def test_a_real_hour_never_saves_more_than_the_best_plan_with_it() -> None:
    """And here just as much: three neuro reads for one hour, an hour each, against every plan there is."""
    problem = world(
        studies=[study(f"N{n}", minutes=60, due=0) for n in range(3)],
        reporters=[reporter("R1")],
        sessions=[session("S1", "R1", hours=1)],
        policy=policy(hours=12, beyond_hours=0),
    )
    (first, *_) = cells(scarce(problem))
    added = replace(
        problem,
        reporters=(*problem.reporters, reporter("R2")),
        sessions=(*problem.sessions, session("S2", "R2", start=1, hours=1)),
    )
    assert first.saved is not None
    assert first.saved * first.minutes_read == pytest.approx(least_total(problem) - least_total(added))


def test_what_a_minute_saves_falls_as_the_day_goes_on() -> None:
    """The morning is scarcer than the afternoon, for what waits costs meanwhile."""
    problem = world(
        studies=[study(f"N{n}", minutes=30, due=0) for n in range(40)],
        reporters=[reporter("R1"), reporter("R2")],
        sessions=[session("S1", "R1", hours=4), session("S2", "R2", start=5, hours=4)],
        policy=policy(hours=24, beyond_hours=0),
    )
    halves = [one for one in scarce(problem) if one.start and not one.trust]
    assert [one.start for one in halves] == [at(0), at(4)]
    assert halves[0].worth > halves[1].worth > 0


def test_nothing_is_scarce_where_nothing_waits() -> None:
    """One read for four hours, due tomorrow, that costs nothing meanwhile; and a world with nobody in it."""
    idle = world(studies=[study()], reporters=[reporter()], sessions=[session()])
    assert max(one.worth for one in scarce(idle)) == pytest.approx(0, abs=1e-6)
    assert scarce(world()) == ()


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(problems().map(in_whole_seconds))
def test_no_price_is_negative_and_real_sessions_hold_whole_reads(problem: AllocationProblem) -> None:
    """At most an hour of them; the ranking is by worth within each kind."""
    found = scarce(problem, count=3)
    for one in found:
        assert one.worth >= 0
        assert one.minutes_read <= 60 + 1e-6
    ranked = [one.worth for one in cells(found)]
    assert ranked == sorted(ranked, reverse=True)
