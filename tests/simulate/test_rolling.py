"""Simulated weeks: the same arrivals for everybody, reads worked off in plan order, nothing lost, nothing twice."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from functools import cache

import pytest

from balancer.domain.errors import InvalidValueError
from balancer.domain.plan import Plan
from balancer.domain.problem import AllocationProblem
from balancer.domain.reporter import Session
from balancer.domain.study import Study
from balancer.optimise.dispatch import Rule
from balancer.optimise.referee import judge
from balancer.simulate.arrivals import HOUR, Stretch, Weeks, draw_weeks
from balancer.simulate.methods import PEERS, each_trust_alone, optimised, pull
from balancer.simulate.rolling import Course, Method, run_weeks
from tests.worlds import NOW, at, policy, priority, reporter, session, study, world

SMALL = Stretch(trusts=2, studies=300, reporters=4, days=2, horizon_days=3, seed=5)


@cache
def weeks() -> Weeks:
    """Return two days of two trusts."""
    return draw_weeks(SMALL)


def by_hand(*studies: Study, sessions: tuple[Session, ...], pace: float = 1.0) -> Weeks:
    """Return a day of R1 and R2 with these studies; every read takes ``pace`` times what is expected."""
    people = (reporter("R1"), reporter("R2"))
    reference = world(
        studies=studies, reporters=people, sessions=sessions, policy=policy(priority(), hours=48), now=at(24)
    )
    return Weeks(
        stretch=Stretch(trusts=1, studies=1, reporters=2, days=1, start=NOW),
        policy=reference.policy,
        trusts=reference.trusts,
        examinations=reference.examinations,
        reporters=people,
        sessions=sessions,
        studies=tuple(sorted(studies, key=lambda s: s.acquired_at)),
        pace={s.key: (pace,) * s.reads for s in studies},
    )


def ended(course: Course) -> dict[str, float | None]:
    """Return when each study was completed, in hours after the start."""
    return {
        fate.study.accession_number: round((fate.completed_at - NOW) / HOUR, 2) if fate.completed_at else None
        for fate in course.fates
    }


STRICT = pull(Rule.STRICT_PRIORITY)


def test_the_same_seed_gives_the_same_weeks() -> None:
    """And another one others."""
    assert draw_weeks(SMALL) == weeks()
    assert draw_weeks(replace(SMALL, seed=6)) != weeks()


def test_arrivals_come_at_the_rate_asked_for_and_in_working_hours() -> None:
    """1,000 a week; a tenth more or less would be four standard deviations. Few by night, fewer at weekends."""
    drawn = draw_weeks(replace(SMALL, studies=1000, reporters=14, days=14))
    arrived = [s.acquired_at for s in drawn.studies if s.acquired_at >= SMALL.start]
    assert 1820 < len(arrived) < 2180
    assert len(drawn.studies) - len(arrived) == 500
    by_day = Counter(at.weekday() for at in arrived)
    assert by_day[5] < by_day[1] / 2
    assert sum(9 <= at.hour < 18 for at in arrived) > 0.7 * len(arrived)


def test_the_load_is_what_was_asked_for() -> None:
    """Expected minutes that arrive in a week over what the rosters of a week hold."""
    drawn = draw_weeks(replace(SMALL, studies=1000, reporters=14, days=14))
    minutes = sum(s.minutes * s.reads for s in drawn.studies) / len(drawn.studies) * 1000
    held = sum((s.end - s.start) / timedelta(minutes=1) * s.productivity for s in drawn.sessions) / (17 / 7)
    assert minutes / held == pytest.approx(1.3, rel=0.01)


def test_too_few_people_for_the_load_are_refused() -> None:
    """Rather than a load that is not what it says."""
    with pytest.raises(InvalidValueError, match="half-days"):
        draw_weeks(replace(SMALL, load=0.1))


def test_reads_are_worked_off_in_plan_order() -> None:
    """By due time, from the session's start; what was expected to take an hour takes an hour and a half."""
    open_all_day = (session("S1", "R1", hours=8),)
    course = run_weeks(
        by_hand(study("A1", due=9), study("A2", due=8), study("A3", due=7), sessions=open_all_day, pace=1.5), STRICT
    )
    assert ended(course) == {"A3": 1.5, "A2": 3.0, "A1": 4.5}


def test_what_arrives_is_seen_at_the_next_plan() -> None:
    """A more urgent one goes first from then on, but what is begun is finished."""
    studies = [study(f"A{number}", due=20 + number) for number in range(3)]
    course = run_weeks(
        by_hand(*studies, study("new", acquired=0.5, due=2), sessions=(session(hours=8),), pace=1.2), STRICT
    )
    assert ended(course) == {"A0": 1.2, "new": 2.4, "A1": 3.6, "A2": 4.8}


def test_a_read_that_would_not_end_in_its_session_is_not_begun() -> None:
    """Two hours and a half hold two reads of an hour, however quick the first was."""
    course = run_weeks(by_hand(*(study(f"A{n}") for n in range(3)), sessions=(session(hours=2.5),), pace=0.5), STRICT)
    assert sorted(ended(course).values(), key=str) == [0.5, 1.0, 1.5]
    course = run_weeks(by_hand(*(study(f"A{n}") for n in range(3)), sessions=(session(hours=2.5),)), STRICT)
    assert sorted(ended(course).values(), key=str) == [1.0, 2.0, None]


def test_two_reads_are_two_peoples() -> None:
    """The second is still open when R1 has done the first, and R1 may not do it too."""
    sessions = (session("S1", "R1", hours=8), session("S2", "R2", start=5))
    seen: list[AllocationProblem] = []
    course = run_weeks(
        by_hand(study("B", reads=2), sessions=sessions), STRICT, watch=lambda problem, _: seen.append(problem)
    )
    assert ended(course) == {"B": 6.0}
    assert [(s.reads, s.excluded) for s in seen[3].studies] == [(1, frozenset({"R1"}))]


@pytest.mark.parametrize("name", ["balancer", *PEERS])
def test_every_hourly_plan_keeps_the_rules_and_nothing_is_lost(name: str) -> None:
    """Each study that arrived is either completed or open; each reporter reads no longer than rostered, or little."""
    method: Method = optimised(work=2_000) if name == "balancer" else PEERS[name]

    def watch(problem: AllocationProblem, plan: Plan) -> None:
        broken = [str(finding) for finding in judge(problem, plan).findings if finding.rule.startswith("H")]
        assert broken == []

    course = run_weeks(weeks(), method, watch=watch)
    assert len(course.fates) == len([s for s in weeks().studies if s.acquired_at < SMALL.end])
    assert any(fate.completed_at for fate in course.fates)
    assert any(not fate.completed_at for fate in course.fates)
    assert all(fate.completed_at is None or fate.completed_at > fate.study.acquired_at for fate in course.fates)
    assert 0 < course.churned < course.published


def test_the_same_weeks_go_the_same_way() -> None:
    """Methods and simulation are deterministic."""
    day = draw_weeks(replace(SMALL, days=1))
    assert run_weeks(day, optimised(work=2_000)) == run_weeks(day, optimised(work=2_000))


def test_nobody_starves_in_an_hourly_plan_of_ours_but_does_where_lists_are_pulled() -> None:
    """The referee looks at every plan of three overloaded days."""
    days = draw_weeks(replace(SMALL, studies=400, days=3, horizon_days=7, seed=1))
    starved: Counter[str] = Counter()
    for name, method in (("ours", optimised(work=2_000)), ("pulled", STRICT)):

        def watch(problem: AllocationProblem, plan: Plan, name: str = name) -> None:
            starved[name] += len(judge(problem, plan).starved)

        run_weeks(days, method, watch=watch)
    assert starved["ours"] == 0
    assert starved["pulled"] > 0


def test_each_trust_alone_reads_only_its_own() -> None:
    """Though its people are entitled elsewhere."""
    problem = world(
        studies=[study("A1", trust="RWF")],
        reporters=[reporter(trusts=("RVV", "RWF")), reporter("R2", home_trust="RWF", trusts=("RVV", "RWF"))],
        sessions=[session("S1", "R1"), session("S2", "R2", start=3)],
    )
    assert [row.reporter_id for row in each_trust_alone(problem).allocations] == ["R2"]
    assert [row.reporter_id for row in STRICT(problem).allocations] == ["R1"]
