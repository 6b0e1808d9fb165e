"""What mending a plan always does: obey every rule, lose no read, add up, and leave people's lists alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from balancer.domain.errors import InvalidValueError
from balancer.domain.events import (
    Event,
    ReadClaimed,
    ReadCompleted,
    ReadPinned,
    ReporterUnavailable,
    SessionLost,
    StudyArrived,
    StudyWithdrawn,
    TimePassed,
)
from balancer.domain.moves import Mended
from balancer.domain.plan import Plan, StoppedBy
from balancer.domain.policy import ReplanLimits
from balancer.domain.problem import AllocationProblem
from balancer.domain.study import ReadKey, StudyKey
from balancer.optimise.dispatch import Rule, dispatch, group_reads
from balancer.optimise.plan import make_plan
from balancer.optimise.problem import compile_problem
from balancer.optimise.referee import judge
from balancer.optimise.replan import LivePlan, Replanned, replan
from balancer.optimise.solve import solve
from balancer.simulate.instances import Shape, generate
from tests.optimise.happenings import happenings
from tests.random_worlds import problems

Situation = tuple[AllocationProblem, Plan, list[Event]]
SLOW = settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
WEEK = generate(Shape(trusts=2, studies=300, reporters=8, seed=4, load=1.1, published=1.0))
WEEKS_PLAN = solve(WEEK, work=50_000)


@st.composite
def any_change(draw: st.DrawFn) -> Situation:
    """Return a random small problem, a plan for it, and what happens then."""
    problem = draw(problems())
    limits = ReplanLimits(churn_budget=draw(st.sampled_from([0.0, 0.3, 1.0])), protected_next=draw(st.integers(0, 2)))
    problem = replace(problem, policy=replace(problem.policy, replan=limits))
    return problem, simple_plan(problem), draw(happenings(problem))


def simple_plan(problem: AllocationProblem) -> Plan:
    """Return a plan that obeys every rule and leaves something to gain: earliest due first."""
    compiled = compile_problem(problem)
    schedule = dispatch(compiled.arrays, group_reads(compiled.arrays), Rule.EARLIEST_DUE)
    return make_plan(compiled, schedule, bound=0.0, stopped_by=StoppedBy.WORK, seconds={}, seed=0)


@st.composite
def change_of_the_week(draw: st.DrawFn) -> list[Event]:
    """Return what happens to a busy week of 300 studies."""
    return draw(happenings(WEEK, most=3))


def readers(plan: Plan) -> dict[ReadKey, str]:
    """Return who has which read."""
    return {row.key: row.reporter_id for row in plan.allocations}


def wrong(problem: AllocationProblem, plan: Plan) -> list[str]:
    """Return what the referee finds wrong with a plan, reads that starve included."""
    verdict = judge(problem, plan)
    return [str(finding) for finding in (*verdict.findings, *verdict.starved)]


def faults(result: Replanned) -> list[str]:
    """Return what is wrong with a mended plan."""
    return wrong(result.problem, result.plan)


@SLOW
@given(any_change())
def test_the_referee_finds_nothing_wrong_with_a_mended_plan(
    change: Situation,
) -> None:
    """Rules, times, reasons and figures, whatever happened; and every read is there once (H10)."""
    assert faults(replan(*change)) == []


@settings(SLOW, max_examples=25)
@given(change_of_the_week())
def test_the_referee_finds_nothing_wrong_with_a_mended_week(events: list[Event]) -> None:
    """Sessions that are full, so that reads have to make room."""
    assert faults(replan(WEEK, WEEKS_PLAN, events)) == []


def adds_up(before: float, mended: Mended, plan: Plan) -> None:
    """Check that totals are true and differ by what the events cost less what the moves gained."""
    assert mended.total_before == pytest.approx(before, rel=1e-9, abs=1e-6)
    assert mended.total_after == pytest.approx(plan.summary.total, rel=1e-9, abs=1e-6)
    expected = mended.total_before + mended.cost_of_events - sum(move.gain for move in mended.moves)
    scale = abs(before) + abs(mended.cost_of_events)
    assert mended.total_after == pytest.approx(expected, abs=1e-6 + 1e-9 * scale)


@SLOW
@given(any_change())
def test_the_gains_add_up_to_the_difference_of_the_totals(change: Situation) -> None:
    """With what the events cost on their own."""
    result = replan(*change)
    adds_up(change[1].summary.total, result.mended, result.plan)


@settings(SLOW, max_examples=25)
@given(change_of_the_week())
def test_the_gains_add_up_in_a_busy_week(events: list[Event]) -> None:
    """Where many reads move."""
    result = replan(WEEK, WEEKS_PLAN, events)
    adds_up(WEEKS_PLAN.summary.total, result.mended, result.plan)


@SLOW
@given(any_change())
def test_moves_are_the_difference_of_the_plans(change: Situation) -> None:
    """A read that changes session is told, with where it was and where it is."""
    problem, plan, events = change
    result = replan(problem, plan, events)
    moves = {move.read: move for move in result.mended.moves}
    now = {row.key: row for row in result.plan.allocations}
    for move in moves.values():
        row = now.get(move.read)
        assert (row is None) == (move.after is None)
        if row is not None and move.after is not None:
            assert (move.after.session_id, move.after.position) == (row.session_id, row.position)
    if any(isinstance(event, ReadCompleted | ReporterUnavailable) for event in events):
        return  # reads are numbered anew, or sessions are in pieces
    before = {row.key: row.session_id for row in plan.allocations}
    stays = {key: row.session_id for key, row in now.items() if key not in moves}
    assert stays == {key: before[key] for key in stays}


@SLOW
@given(any_change())
def test_the_same_events_give_the_same_plan(change: Situation) -> None:
    """And the same moves."""
    assert replan(*change) == replan(*change)


@SLOW
@given(any_change())
def test_a_live_plan_is_right_after_each_event(change: Situation) -> None:
    """One after the other, on the same object."""
    problem, plan, events = change
    live = LivePlan(problem, plan)
    for event in events:
        before = live.total
        mended = live.apply([event])
        now = live.plan()
        adds_up(before, mended, now)
        assert wrong(live.problem, now) == []


@settings(SLOW, max_examples=25)
@given(st.data())
def test_a_live_week_is_right_after_each_event(data: st.DataObject) -> None:
    """Rows that did not change are kept from one plan to the next."""
    live = LivePlan(WEEK, WEEKS_PLAN)
    for event in data.draw(happenings(WEEK, most=6)):
        live.apply([event])
        assert wrong(live.problem, live.plan()) == []


# --- what may not move -----------------------------------------------------------------------------------------------


def next_reads(problem: AllocationProblem, plan: Plan, most: int) -> set[ReadKey]:
    """Return each reporter's next reads, claimed ones apart."""
    claimed = {
        ReadKey(*study.key, read)
        for study in problem.studies
        for read in range(1, study.reads + 1)
        if study.claimed(read)
    }
    found: set[ReadKey] = set()
    for reporter in problem.reporters:
        rows = [row for row in plan.allocations if row.reporter_id == reporter.reporter_id]
        own = sorted((row.start, row.end, row.key) for row in rows)
        found |= {key for *_, key in [row for row in own if row[-1] not in claimed][:most]}
    return found | claimed


def published(problem: AllocationProblem) -> set[ReadKey]:
    """Return the reads that are on somebody's list."""
    return {
        ReadKey(*study.key, number)
        for study in problem.studies
        for number, name in enumerate(study.published_to, start=1)
        if name
    }


@st.composite
def arrivals(draw: st.DrawFn) -> Situation:
    """Return a change in which only studies arrive, unclaimed, at once: nothing is taken from anybody."""
    problem, plan, _ = draw(any_change())
    number = draw(st.integers(1, 3))
    events: list[Event] = []
    for event in draw(happenings(problem, most=1 + number)):
        if isinstance(event, StudyArrived):
            study = replace(event.study, claimed_by=(), acquired_at=min(event.study.acquired_at, problem.now))
            events.append(StudyArrived(at=problem.now, study=study))
    return problem, plan, events


@SLOW
@given(arrivals())
def test_who_arrives_takes_nobodys_next_reads_and_little_of_what_is_published(
    change: Situation,
) -> None:
    """Claimed reads and the next few never change reporter, published ones only within the budget."""
    problem, plan, _ = change
    result = replan(*change)
    limits = problem.policy.replan
    before, after = readers(plan), readers(result.plan)
    changed = {key for key, name in before.items() if after.get(key) != name}
    assert not changed & next_reads(problem, plan, limits.protected_next)
    on_lists = published(problem) & set(before)
    assert len(changed & on_lists) <= limits.churn_budget * len(on_lists)


@pytest.mark.parametrize("budget", [0.0, 0.01, 0.1])
def test_the_budget_holds_over_all_events_of_a_live_week(budget: float) -> None:
    """However many emergencies arrive, one after the other, and however much more could be gained."""
    problem = replace(WEEK, policy=replace(WEEK.policy, replan=ReplanLimits(churn_budget=budget)))
    live = LivePlan(problem, WEEKS_PLAN)
    before = readers(WEEKS_PLAN)
    for number, study in enumerate([item for item in WEEK.studies if not item.claimed_by][::20]):
        new = replace(
            study,
            accession_number=f"new {number}",
            priority="emergency",
            acquired_at=WEEK.now,
            published_to=(),
            due_at=None,
        )
        protected = next_reads(live.problem, live.plan(), 3)
        held = readers(live.plan())
        live.apply([StudyArrived(at=WEEK.now, study=new)])
        after = readers(live.plan())
        assert all(after.get(key) == held[key] for key in protected if key in held)
    on_lists = published(problem) & set(before)
    assert sum(after.get(key) != before[key] for key in on_lists) <= budget * len(on_lists)


def test_every_change_that_no_event_forces_is_worth_it() -> None:
    """All moves together gain; with nothing to gain nothing moves."""
    live = LivePlan(WEEK, WEEKS_PLAN)
    quiet = live.apply([TimePassed(at=WEEK.now)])
    assert quiet.moves == ()
    busy = live.apply([TimePassed(at=WEEK.now + timedelta(hours=5))])
    assert busy.gain > 0


# --- refusals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "event",
    [
        TimePassed(at=WEEK.now - timedelta(seconds=1)),
        StudyArrived(at=WEEK.now, study=WEEK.studies[0]),
        StudyArrived(at=WEEK.now, study=replace(WEEK.studies[0], accession_number="n", priority="whenever")),
        StudyArrived(at=WEEK.now, study=replace(WEEK.studies[0], accession_number="n", trust="nowhere")),
        StudyArrived(at=WEEK.now, study=replace(WEEK.studies[0], accession_number="n", pinned_to=("nobody",))),
        StudyWithdrawn(at=WEEK.now, study=StudyKey("T001", "unknown")),
        ReadCompleted(at=WEEK.now, read=ReadKey("T001", "unknown", 1), reporter_id="x"),
        ReadPinned(at=WEEK.now, read=ReadKey(*WEEK.studies[0].key, 9), reporter_id=None),
        ReadClaimed(at=WEEK.now, read=ReadKey(*WEEK.studies[0].key, 1), reporter_id="nobody"),
        SessionLost(at=WEEK.now, session_id="unknown"),
        ReporterUnavailable(at=WEEK.now, reporter_id="nobody", since=WEEK.now, until=WEEK.now + timedelta(hours=1)),
    ],
)
def test_events_that_contradict_the_problem_change_nothing(event: Event) -> None:
    """Not even what came with them."""
    live = LivePlan(WEEK, WEEKS_PLAN)
    with pytest.raises(InvalidValueError):
        live.apply([StudyWithdrawn(at=WEEK.now, study=WEEK.studies[5].key), event])
    assert live.problem == WEEK
    assert live.plan().allocations == WEEKS_PLAN.allocations
    assert live.apply([TimePassed(at=WEEK.now)]).moves == ()


def test_a_plan_for_another_problem_is_refused() -> None:
    """It names studies that are not there."""
    with pytest.raises(InvalidValueError, match="plan"):
        LivePlan(replace(WEEK, studies=WEEK.studies[1:]), WEEKS_PLAN)
