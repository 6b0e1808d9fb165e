"""Why a read has no place and the smallest addition that gives it one: built, and judged by the referee."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from balancer.domain.addition import Addition, Release, Remedy
from balancer.domain.errors import InvalidValueError
from balancer.domain.explanation import UnallocatedExplanation
from balancer.domain.placement import Placement
from balancer.domain.plan import Plan, UnallocatedReason
from balancer.domain.problem import AllocationProblem
from balancer.domain.reporter import Session, SkillLevel
from balancer.domain.study import ReadKey
from balancer.optimise.explain_read import explain, open_plan
from balancer.optimise.solve import solve
from tests.optimise.crowded import crowded_worlds
from tests.optimise.laying import in_whole_seconds, insertions, lay, sequences_of, total, total_anyway
from tests.random_worlds import problems
from tests.worlds import (
    NOW,
    at,
    breast_screening,
    key,
    lay_out,
    overloaded_morning,
    policy,
    priority,
    reporter,
    session,
    study,
    world,
)

MANY = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
A_MINUTE = timedelta(minutes=1)


def unallocated(problem: AllocationProblem, plan: Plan) -> list[UnallocatedExplanation]:
    """Return the explanations of all reads without a place."""
    opened = open_plan(problem, plan)
    found = [explain(opened, row.key) for row in plan.unallocated]
    return [explanation for explanation in found if isinstance(explanation, UnallocatedExplanation)]


def only(problem: AllocationProblem, plan: Plan | None = None) -> UnallocatedExplanation:
    """Return the explanation of the one read without a place, of a good plan if none is given."""
    (explanation,) = unallocated(problem, plan or solve(problem, work=5_000))
    return explanation


def with_remedy(problem: AllocationProblem, plan: Plan, remedy: Remedy) -> tuple[AllocationProblem, Plan]:
    """Return problem and plan with what a remedy says added and placed, and nothing else."""
    sequences = sequences_of(plan)
    for addition in remedy.additions:
        problem = addition.added_to(problem)
        own = sequences.setdefault(addition.placement.session_id, [])
        own.insert(addition.placement.position - 1, addition.key)
    return problem, lay(problem, sequences)


def slack(points: float) -> float:
    """Return by how much floating point may be out, in points."""
    return 1e-5 + 1e-8 * abs(points)


# ---------------------------------------------------------------- a remedy does what it says


@MANY
@given(crowded_worlds() | problems().map(in_whole_seconds))
def test_with_the_addition_the_named_plan_is_allowed_and_cheaper_by_what_is_said(problem: AllocationProblem) -> None:
    """Cheaper than this plan, and than the same addition with the read left out, to the exact point."""
    plan = solve(problem, work=2_000)
    for explanation in unallocated(problem, plan):
        for remedy in explanation.remedies:
            added, with_read = with_remedy(problem, plan, remedy)
            points, before = total(added, with_read), total_anyway(problem, plan)
            assert points < before
            assert points < total_anyway(added, plan)
            assert points - before == pytest.approx(remedy.difference, rel=1e-6, abs=slack(before))
            rows = {row.key: row for row in with_read.allocations}
            for addition in remedy.additions:
                row, place = rows[addition.key], addition.placement
                assert (row.reporter_id, row.start, row.end) == (place.reporter_id, place.start, place.end)


@MANY
@given(crowded_worlds() | problems().map(in_whole_seconds), st.data())
def test_with_one_minute_less_there_is_no_such_plan(problem: AllocationProblem, data: st.DataObject) -> None:
    """Nobody's session that much longer, and no extra session of that length, gives the read a place that pays."""
    plan = solve(problem, work=2_000)
    for explanation in unallocated(problem, plan):
        smallest = explanation.remedies[0] if explanation.remedies else None
        if smallest is None or len(smallest.additions) > 1 or smallest.minutes == 0:
            continue
        (addition,) = smallest.additions
        for minutes in {addition.minutes - 1, data.draw(st.integers(0, addition.minutes - 1))}:
            for lesser in lesser_additions(problem, addition, minutes):
                assert not pays(problem, plan, lesser)


@MANY
@given(crowded_worlds() | problems().map(in_whole_seconds))
def test_without_one_of_its_permissions_an_addition_does_nothing(problem: AllocationProblem) -> None:
    """Each permission named is needed, and so are the minutes that go with them."""
    plan = solve(problem, work=2_000)
    for explanation in unallocated(problem, plan):
        for remedy in explanation.remedies:
            for addition in remedy.additions:
                if addition.permissions:
                    for lesser in fewer_permissions(addition):
                        assert not pays(problem, plan, lesser)


@MANY
@given(crowded_worlds() | problems().map(in_whole_seconds))
def test_where_nothing_is_proposed_no_longer_session_would_do(problem: AllocationProblem) -> None:
    """Not by an hour, nor by ten. Where somebody's other claim has no place either, H8 may stand in the way."""
    plan = solve(problem, work=2_000)
    studies = {one.key: one for one in problem.studies}
    claims = {row.key for row in plan.unallocated if studies[row.key[:2]].claimed(row.read)}  # type: ignore[index]
    for explanation in unallocated(problem, plan):
        if explanation.remedies or explanation.waiting_with or claims - {explanation.key}:
            continue
        nothing = Placement(reporter_id="", session_id="", position=1, start=NOW, end=NOW)
        for minutes in (0, 60, 600):
            for lesser in longer_sessions(
                problem, Addition(key=explanation.key, placement=nothing, until=NOW), minutes
            ):
                assert not pays(problem, plan, lesser)


def lesser_additions(problem: AllocationProblem, addition: Addition, minutes: int) -> Iterator[Addition]:
    """Yield every addition of the family that is that many minutes long."""
    yield from longer_sessions(problem, addition, minutes)
    if minutes:
        yield from extra_sessions(problem, addition, minutes)


def longer_sessions(problem: AllocationProblem, addition: Addition, minutes: int) -> Iterator[Addition]:
    """Yield the addition with any session of its reporter, or of anybody if it permits nothing, made longer."""
    for one in problem.sessions:
        if addition.permissions and one.reporter_id != addition.placement.reporter_id:
            continue
        until = one.end + minutes * A_MINUTE
        if minutes and (until > problem.horizon_end or is_busy(problem, one, one.end, until)):
            continue
        yield replace(
            addition,
            placement=replace(addition.placement, session_id=one.session_id, reporter_id=one.reporter_id),
            minutes=minutes,
            is_extra_session=False,
            more_reads=0,
        )


def extra_sessions(problem: AllocationProblem, addition: Addition, minutes: int) -> Iterator[Addition]:
    """Yield the addition with an extra session now, when one of the reporter's ends, and once the read is ready.

    Not for somebody who has claimed another read, to which H8 might give the extra session.
    """
    claimants = {who for one in problem.studies if one.key != addition.key[:2] for who in one.claimed_by}
    for who in problem.reporters:
        if who.reporter_id in claimants:
            continue
        if addition.permissions and who.reporter_id != addition.placement.reporter_id:
            continue
        own = [one for one in problem.sessions if one.reporter_id == who.reporter_id]
        ready = next(one for one in problem.studies if one.key == addition.key[:2]).ready_at
        for instant in {problem.now, *(one.end for one in own), *([ready] if ready else [])}:
            start = instant + (NOW - instant) % A_MINUTE  # on a whole minute
            if start < problem.now or start + minutes * A_MINUTE > problem.horizon_end:
                continue
            place = replace(addition.placement, reporter_id=who.reporter_id, session_id="an extra one", start=start)
            yield replace(addition, placement=place, minutes=minutes, is_extra_session=True)


def is_busy(problem: AllocationProblem, but: Session, start: datetime, end: datetime) -> bool:
    """Tell whether the reporter of a session is rostered for anything else that begins meanwhile."""
    others = (one for one in problem.sessions if one.reporter_id == but.reporter_id and one is not but)
    return any(start <= one.start < end for one in others)


def fewer_permissions(addition: Addition) -> Iterator[Addition]:
    """Yield the addition without one of its permissions, or with a minute less."""
    if addition.entitled_for is not None:
        yield replace(addition, entitled_for=None)
    if addition.level is not None:
        yield replace(addition, level=SkillLevel(addition.level - 1) if addition.level > 1 else None)
    if addition.in_scope:
        yield replace(addition, in_scope=False)
    if addition.minutes:
        yield replace(addition, minutes=addition.minutes - 1)


def pays(problem: AllocationProblem, plan: Plan, addition: Addition) -> bool:
    """Tell whether the read, anywhere in the session that the addition is about, lowers the total by the referee."""
    try:
        added = addition.added_to(problem)
    except InvalidValueError:
        return False  # overlaps another session
    name = addition.placement.session_id
    if name not in {one.session_id for one in added.counted_sessions()}:
        return False
    without = total_anyway(added, plan)
    return any(
        total(added, lay(added, sequences)) < without - slack(without)
        for sequences in insertions(sequences_of(plan), addition.key, name)
    )


# ---------------------------------------------------------------- each reason, by hand


def test_no_capacity_is_answered_by_the_minutes_that_are_missing() -> None:
    """Five hours of work for a session of 4 h: of the 60 minutes, none are free."""
    problem = overloaded_morning(5)
    explanation = only(problem)
    assert explanation.reason is UnallocatedReason.NO_CAPACITY
    (addition,) = explanation.remedies[0].additions
    assert (addition.minutes, addition.placement.session_id, addition.placement.end) == (60, "S1", at(5))
    # breach 24 and 7 x 24 + 24 - 4 h late, against the breach and 1 h
    assert explanation.remedies[0].difference == pytest.approx(-(188 - 1))


def test_what_is_idle_at_the_end_of_a_session_need_not_be_added() -> None:
    """Three reads of 70 min leave 30 of 240; the fourth needs 40 more."""
    problem = world(
        studies=[study(f"A{n}", minutes=70) for n in range(4)], reporters=[reporter()], sessions=[session()]
    )
    assert only(problem).remedies[0].minutes == 40


def test_nobody_entitled_is_answered_by_an_entitlement_for_someone_with_room() -> None:
    """R1 has no room, R2 has, and knows neuro; R3 has room and does not."""
    problem = world(
        studies=[study("A1", trust="RWF"), study("B1", minutes=240, due=1)],
        reporters=[reporter("R1"), reporter("R2"), reporter("R3", skills={"msk": 3})],
        sessions=[session("S1", "R1", hours=0.5), session("S2", "R2", hours=6), session("S3", "R3")],
    )
    explanation = only(problem)
    assert explanation.reason is UnallocatedReason.NO_ENTITLED_REPORTER
    (addition,) = explanation.remedies[0].additions
    assert (addition.placement.reporter_id, addition.entitled_for, addition.minutes) == ("R2", "RWF", 0)
    assert addition.level is None


def test_nobody_skilled_is_answered_by_the_lowest_level_that_pays() -> None:
    """A fallback read costs more than it saves here, a general one does not."""
    problem = world(
        studies=[study("A1", subspecialty="msk", due=8 * 24)],
        reporters=[reporter()],
        sessions=[session()],
        policy=policy(fallback=500, general=1, wait_rate=0.1),
    )
    explanation = only(problem)
    assert explanation.reason is UnallocatedReason.NO_SKILLED_REPORTER
    (addition,) = explanation.remedies[0].additions
    assert (addition.level, addition.minutes) == (SkillLevel.GENERAL, 0)
    # 1 h instead of 192 h of waiting, a tenth of a point an hour, and a point for the match
    assert explanation.remedies[0].difference == pytest.approx(-(19.1 - 1))


def test_an_entitlement_that_ends_is_prolonged_where_time_does_not_help() -> None:
    """R1's entitlement ends today; the session is tomorrow, and there is no time before."""
    problem = world(
        studies=[study("A1", ready=20)],
        reporters=[reporter(trusts={"RVV": date(2026, 3, 2)})],
        sessions=[session(start=24)],
    )
    explanation = only(problem)
    assert explanation.reason is UnallocatedReason.NO_SESSION
    (addition,) = explanation.remedies[0].additions
    assert (addition.entitled_for, addition.minutes) == ("RVV", 0)


def test_no_session_is_answered_by_an_extra_one() -> None:
    """R1 reports msk only, all day; an hour more of neuro must come after it."""
    problem = world(studies=[study("A1")], reporters=[reporter()], sessions=[session(subspecialties=["msk"], hours=8)])
    explanation = only(problem)
    assert explanation.reason is UnallocatedReason.NO_SESSION
    (addition,) = explanation.remedies[0].additions
    assert addition.is_extra_session
    assert (addition.minutes, addition.placement.start) == (60, at(8))


def test_a_session_that_is_full_by_its_number_of_reads_takes_one_more() -> None:
    """Three hours are idle, so that no minute is missing."""
    problem = world(
        studies=[study("A1"), study("A2")], reporters=[reporter()], sessions=[session(max_reads=1, hours=4)]
    )
    explanation = only(problem)
    assert [remedy.additions[0].more_reads for remedy in explanation.remedies] == [0, 1]
    assert explanation.remedies[1].minutes == 0


def test_a_pin_that_keeps_a_read_from_everybody_can_be_taken_back() -> None:
    """R1 has half an hour; R2 has time and may not. First what R1 would need, then what the pin costs."""
    problem = world(
        studies=[study("A1", pinned_to=("R1",))],
        reporters=[reporter("R1"), reporter("R2")],
        sessions=[session("S1", "R1", hours=0.5), session("S2", "R2")],
    )
    explanation = only(problem)
    assert explanation.reason is UnallocatedReason.PINNED_REPORTER_UNAVAILABLE
    assert explanation.remedies[0].minutes == 30
    assert explanation.remedies[-1].additions[0].released is Release.PIN
    assert explanation.remedies[-1].additions[0].placement.reporter_id == "R2"


def test_a_claim_that_its_claimant_has_no_time_for() -> None:
    """The claimant's first two sessions are 20 and 30 min long; ten more of one would do for 40."""
    problem = world(
        studies=[study("A1", claimed_by=("R1",), minutes=40)],
        reporters=[reporter("R1"), reporter("R2")],
        sessions=[
            session("S1", "R1", hours=1 / 3),
            session("S2", "R1", start=2, hours=0.5),
            session("S3", "R1", start=4),
            session("S4", "R2"),
        ],
    )
    explanation = only(problem)
    assert explanation.reason is UnallocatedReason.CLAIMED_REPORTER_UNAVAILABLE
    (addition,) = explanation.remedies[0].additions
    assert (addition.placement.session_id, addition.minutes) == ("S2", 10)
    assert explanation.remedies[-1].additions[0].released is Release.CLAIM


def test_a_deferred_read_fits_at_a_higher_total_by_what_is_said() -> None:
    """In the one session there is room behind A1, but it would cost a fallback: 50 points to save 19.1."""
    problem = world(
        studies=[study("A1", due=8 * 24)],
        reporters=[reporter(skills={"neuro": 1})],
        sessions=[session()],
        policy=policy(fallback=50, wait_rate=0.1),
    )
    explanation = only(problem, lay_out(problem, {}, {"A1": "deferred"}))
    assert explanation.reason is UnallocatedReason.DEFERRED
    assert explanation.insertion is not None
    assert explanation.insertion.difference == pytest.approx(50 - 19.1)
    assert explanation.remedies == ()


def test_a_read_that_could_simply_be_placed_is_said_to_be() -> None:
    """The plan is not a good one, and the explanation does not pretend that something is missing."""
    problem = world(studies=[study("A1")], reporters=[reporter()], sessions=[session()])
    explanation = only(problem, lay_out(problem, {}, {"A1": "deferred"}))
    assert explanation.insertion is not None
    assert explanation.insertion.difference < 0
    assert explanation.remedies[0].minutes == 0
    assert explanation.remedies[0].difference == explanation.insertion.difference


def test_both_reads_of_a_screening_study_are_placed_together_or_not_at_all() -> None:
    """One alone completes nothing, so the remedy names 30 minutes of one reader and 20 of another."""
    screening = replace(
        breast_screening(),
        sessions=(
            session("S1", "R1", hours=0.01),
            session("S2", "R2", hours=1 / 6),
            session("S3", "R3", activity="mdt"),
        ),
    )
    plan = lay_out(screening, {}, {"B1#1": "no_session", "B1#2": "no_session"})
    first = unallocated(screening, plan)[0]
    assert first.waiting_with == (ReadKey("RVV", "B1", 2),)
    assert sorted(addition.minutes for addition in first.remedies[0].additions) == [20, 30]
    added, with_reads = with_remedy(screening, plan, first.remedies[0])
    assert total(added, with_reads) - total_anyway(screening, plan) == pytest.approx(first.remedies[0].difference)


def test_an_addition_does_not_reach_beyond_what_the_reporter_is_rostered_for() -> None:
    """The session is followed by a meeting: the hour must come after that, as an extra session."""
    problem = world(
        studies=[study("A1")],
        reporters=[reporter()],
        sessions=[session(hours=0.5), session("M", activity="mdt", start=0.5, hours=2)],
    )
    (addition,) = only(problem).remedies[0].additions
    assert addition.is_extra_session
    assert addition.placement.start == at(2.5)
    assert NOW.tzinfo is UTC


def test_priorities_decide_whether_it_pays_not_whether_it_fits() -> None:
    """An hour's work fits behind the emergency of 4 h only if the session is longer, never in front of it."""
    problem = world(
        studies=[study("E", priority="emergency", minutes=240, due=4), study("A1", due=6)],
        reporters=[reporter()],
        sessions=[session()],
        policy=policy(priority("emergency", weight=100), priority()),
    )
    (addition,) = only(problem).remedies[0].additions
    assert (addition.minutes, addition.placement.position) == (60, 2)
    assert explain(open_plan(problem, solve(problem, work=5_000)), key("E")).placement is not None  # type: ignore[union-attr]
