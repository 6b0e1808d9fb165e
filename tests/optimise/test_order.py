"""Nobody starves: no read that could wait stands directly before one past its ceiling."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from balancer.domain.plan import Plan, StoppedBy
from balancer.domain.policy import EMERGENCY
from balancer.domain.problem import AllocationProblem
from balancer.domain.reporter import Reporter
from balancer.domain.study import Study
from balancer.optimise.dispatch import Rule, deal, dispatch, group_reads
from balancer.optimise.order import let_the_starved_pass
from balancer.optimise.plan import make_plan
from balancer.optimise.problem import UNPLACED, Compiled, compile_problem
from balancer.optimise.referee import judge
from balancer.optimise.schedule import INFEASIBLE, Schedule, can_hold, can_read, empty_schedule, insert, insertion_at
from balancer.optimise.solve import solve
from balancer.simulate.instances import Shape, generate
from tests.random_worlds import problems
from tests.worlds import lay_out, policy, priority, reporter, session, study, world

SLOW = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
ROUTINE, OLD = "routine", "old"


def morning(*studies: Study, readers: Sequence[Reporter] = ()) -> AllocationProblem:
    """Return four hours of R1; class ``old`` has a ceiling of 10 h, the others none; waiting and ceilings cost."""
    return world(
        studies=studies,
        reporters=readers or [reporter()],
        sessions=[session()],
        policy=policy(
            priority(EMERGENCY, weight=100),
            priority(ROUTINE),
            priority(OLD, ceiling_hours=10, target_hours=1),
            wait_rate=0.02,
            ceiling_weight=50,
        ),
    )


def as_plan(compiled: Compiled, x: Schedule) -> Plan:
    """Return the schedule as a plan."""
    return make_plan(compiled, x, bound=0, stopped_by=StoppedBy.WORK, seconds={}, seed=0)


def in_this_order(problem: AllocationProblem, *names: str) -> tuple[Compiled, Schedule]:
    """Return the schedule that puts these studies into the only session, in this order."""
    compiled = compile_problem(problem)
    p, x = compiled.arrays, empty_schedule(compiled.arrays)
    first = {s.accession_number: int(row["first_read"]) for s, row in zip(problem.studies, p.studies, strict=True)}
    for position, name in enumerate(names):
        insert(p.studies, x.reads, x.sessions, x.reporters, x.slots, first[name], 0, position)
    return compiled, x


def order_after(problem: AllocationProblem, *names: str) -> list[str]:
    """Return the order in which the pass leaves these studies."""
    compiled, x = in_this_order(problem, *names)
    let_the_starved_pass(compiled, x)
    rows = sorted(as_plan(compiled, x).allocations, key=lambda row: row.position)
    return [row.accession_number for row in rows]


def starved(problem: AllocationProblem, *names: str) -> int:
    """Return how many starved reads the referee sees where these studies stand in the only session, in this order."""
    return len(judge(problem, lay_out(problem, {"S1": list(names)})).starved)


# ---------------------------------------------------------------- which pairs, one condition at a time


def can_wait(**own: object) -> Study:
    """Return an hour's work, due in three hours."""
    return study("wait", **{"due": 3, **own})  # type: ignore[arg-type]  # fields of a study


def past(**own: object) -> Study:
    """Return an hour's work, acquired nine hours ago: past its ceiling if it ends later than in an hour."""
    return study("past", priority=OLD, **{"acquired": -9, **own})  # type: ignore[arg-type]  # fields of a study


STARVED = {
    "the plain case": morning(can_wait(), past()),
    "due exactly when it would end": morning(can_wait(due=2), past()),
    "ceiling a minute before the end": morning(can_wait(), past(acquired=-8 - 1 / 60)),
    "ready just in time": morning(can_wait(), past(ready=0)),
    "an emergency past its ceiling behind": world(
        studies=[can_wait(), study("past", priority=EMERGENCY, acquired=-9, due=-5)],
        reporters=[reporter()],
        sessions=[session()],
        policy=policy(priority(EMERGENCY, ceiling_hours=10), priority(ROUTINE)),
    ),
    "two reads, one of them unallocated": morning(can_wait(reads=2), past()),
    "entitled until tomorrow": morning(can_wait(), past(), readers=[reporter(trusts={"RVV": date(2026, 3, 2)})]),
    "late and past, before one in time but past its ceiling": morning(can_wait(priority=OLD, acquired=-20), past()),
}
NOT_STARVED = {
    "would be late": morning(can_wait(due=1.99), past()),
    "ends at its ceiling": morning(can_wait(), past(acquired=-8)),
    "an emergency goes first": morning(can_wait(priority=EMERGENCY), past()),
    "a claim goes first": morning(can_wait(claimed_by=("R1",)), past()),
    "claims are the claimant's": morning(can_wait(claimed_by=("R1",)), past(claimed_by=("R1",))),
    "not ready yet": morning(can_wait(), past(ready=0.01)),
    "the other would be starved in turn": morning(can_wait(priority=OLD, acquired=-20), past(due=3, acquired=-20)),
}


@pytest.mark.parametrize("name", STARVED)
def test_a_read_that_can_wait_lets_one_past_its_ceiling_pass(name: str) -> None:
    """The referee sees one pair before and none after, and the pass exchanges them."""
    problem = STARVED[name]
    assert starved(problem, "wait", "past") == 1
    assert order_after(problem, "wait", "past") == ["past", "wait"]
    assert starved(problem, "past", "wait") == 0


@pytest.mark.parametrize("name", NOT_STARVED)
def test_otherwise_the_order_stays(name: str) -> None:
    """The referee sees nothing, and the pass leaves them."""
    problem = NOT_STARVED[name]
    assert starved(problem, "wait", "past") == 0
    assert order_after(problem, "wait", "past") == ["wait", "past"]


def test_the_entitlement_of_what_waits_must_last() -> None:
    """H1: it would start when the entitlement for its trust is over. The session runs past midnight."""
    problem = world(
        studies=[can_wait(trust="RWF", due=30), past(acquired=0)],
        reporters=[reporter(trusts={"RVV": None, "RWF": date(2026, 3, 2)})],
        sessions=[session(start=15.5)],
        policy=policy(priority(ROUTINE), priority(OLD, ceiling_hours=10)),
    )
    assert starved(problem, "RWF/wait", "past") == 0
    assert order_after(problem, "wait", "past") == ["wait", "past"]


def test_a_read_past_its_ceiling_passes_all_that_can_wait() -> None:
    """Three of them, one after the other, up to the emergency in front."""
    waiting = [study(name, minutes=30, due=3) for name in "abc"]
    problem = morning(study("e", priority=EMERGENCY, minutes=30), *waiting, past(minutes=30, acquired=-20))
    assert order_after(problem, "e", "a", "b", "c", "past") == ["e", "past", "a", "b", "c"]


# ---------------------------------------------------------------- any schedule at all


@st.composite
def crowded(draw: st.DrawFn) -> tuple[AllocationProblem, int]:
    """Return two sessions with up to nine reads that press on each other, and a seed for their order."""
    hours = st.sampled_from([-30.0, -9.0, -4.0, 0.0])
    studies = [
        study(
            f"A{number}",
            trust=draw(st.sampled_from(["RVV", "RWF"])),
            priority=draw(st.sampled_from([EMERGENCY, ROUTINE, OLD, OLD])),
            acquired=draw(hours),
            due=draw(st.sampled_from([None, -1.0, 1.0, 2.0, 3.0, 4.5])),
            ready=draw(st.sampled_from([None, None, None, 0.5, 2.0])),
            minutes=draw(st.sampled_from([7.3, 20.0, 40.0])),
            reads=draw(st.sampled_from([1, 1, 2])),
            claimed_by=draw(st.sampled_from([(), (), (), ("R1",)])),
        )
        for number in range(draw(st.integers(2, 9)))
    ]
    problem = world(
        studies=studies,
        reporters=[
            reporter("R1", trusts={"RVV": None, "RWF": date(2026, 3, 2)}, speed=1.1),
            reporter("R2", trusts=("RVV", "RWF")),
        ],
        sessions=[session("S1", start=14), session("S2", "R2", hours=3)],
        policy=policy(
            priority(EMERGENCY, weight=100, ceiling_hours=24),
            priority(ROUTINE, target_hours=5, ceiling_hours=20),
            priority(OLD, target_hours=20, ceiling_hours=12),
            wait_rate=draw(st.sampled_from([0.0, 0.02])),
            ceiling_weight=50,
        ),
    )
    return problem, draw(st.integers(0, 2**32))


def thrown_together(compiled: Compiled, seed: int) -> Schedule:
    """Return a schedule that keeps every hard rule and is in no sensible order."""
    p, x = compiled.arrays, empty_schedule(compiled.arrays)
    claimed_first = sorted(range(len(p.reads)), key=lambda k: (p.reads["claimed"][k] == UNPLACED, hash((k, seed))))
    for k in claimed_first:
        for s in range(len(p.sessions)):
            row = x.sessions[s]
            if not can_read(p.studies, p.people, p.level, x.reads, x.sessions, k, row["reporter"]):
                continue
            if not can_hold(p.studies, p.takes_pool, x.reads, x.sessions, k, s):
                continue
            # a claimed read must have a place if any order of the claimed ones has one for it (H8)
            first = 0 if p.reads["claimed"][k] != UNPLACED else int(row["length"])
            places = range(int(row["length"]), first - 1, -1)
            fitting = (
                at
                for at in places
                if insertion_at(p.studies, p.latest, x.reads, x.sessions, x.slots, k, s, at) < INFEASIBLE
            )
            place = next(fitting, None)
            if place is not None:
                insert(p.studies, x.reads, x.sessions, x.reporters, x.slots, k, s, place)
                break
    return x


def broken(problem: AllocationProblem, plan: Plan) -> list[str]:
    """Return every hard rule broken and every time that is not true."""
    return [str(finding) for finding in judge(problem, plan).findings if finding.rule.startswith("H")]


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(crowded())
def test_after_the_pass_nobody_starves_and_every_rule_still_holds(drawn: tuple[AllocationProblem, int]) -> None:
    """Who reads what in which session stays; nobody but those who can wait ends later; nothing becomes late."""
    problem, seed = drawn
    compiled = compile_problem(problem)
    x = thrown_together(compiled, seed)
    before = as_plan(compiled, x)
    exchanged = let_the_starved_pass(compiled, x)
    after = as_plan(compiled, x)
    verdict = judge(problem, after)
    assert [str(finding) for finding in verdict.starved] == []
    assert broken(problem, before) == broken(problem, after) == []
    assert (exchanged == 0) == (judge(problem, before).starved == ())
    rows = {row.key: row for row in before.allocations}
    assert {key: row.session_id for key, row in rows.items()} == {r.key: r.session_id for r in after.allocations}
    for row in after.allocations:
        was = rows[row.key]
        assert row.end <= max(was.end, row.due_at)


@SLOW
@given(problems())
def test_nobody_starves_in_a_plan_of_a_random_world(problem: AllocationProblem) -> None:
    """Whatever the prices are, even where ceilings cost nothing."""
    assert judge(problem, solve(problem, work=2_000)).starved == ()


# ---------------------------------------------------------------- weeks


def test_simple_rules_starve_reads_and_the_pass_helps_them() -> None:
    """On an overloaded week of 6,000 studies: what the pass costs is below 0."""
    compiled = compile_problem(generate(Shape(trusts=3, studies=6000, reporters=60, seed=1, load=1.3)))
    p = compiled.arrays
    groups = group_reads(p)
    for x in (dispatch(p, groups, Rule.STRICT_PRIORITY), dispatch(p, groups, Rule.EARLIEST_DUE), deal(p)):
        before = as_plan(compiled, x)
        found = judge(compiled.problem, before).starved
        exchanged = let_the_starved_pass(compiled, x)
        after = as_plan(compiled, x)
        verdict = judge(compiled.problem, after)
        assert (verdict.starved, broken(compiled.problem, after)) == ((), [])
        assert exchanged >= len(found) > 0
        assert after.summary.total <= before.summary.total


@pytest.mark.parametrize(("load", "studies"), [(0.7, 1000), (1.0, 1000), (1.3, 6000)])
def test_nobody_starves_in_a_week(load: float, studies: int) -> None:
    """Nor after so little work that the search has not sorted sessions yet."""
    problem = generate(Shape(trusts=3, studies=studies, reporters=studies // 100, seed=2, load=load))
    assert judge(problem, solve(problem, work=100_000)).starved == ()
