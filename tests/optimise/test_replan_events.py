"""Each event in a world small enough to see what should become of it; a read of an hour unless it says otherwise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date

import pytest

from balancer.domain.errors import InvalidValueError
from balancer.domain.events import (
    Event,
    ReadClaimed,
    ReadCompleted,
    ReadPinned,
    ReadReleased,
    ReporterUnavailable,
    SessionLost,
    StudyArrived,
    StudyWithdrawn,
    TimePassed,
)
from balancer.domain.moves import Place
from balancer.domain.plan import UnallocatedReason
from balancer.domain.policy import ReplanLimits
from balancer.domain.problem import AllocationProblem
from balancer.optimise.referee import judge
from balancer.optimise.replan import LivePlan, Replanned, replan
from tests.worlds import NOW, at, key, lay_out, policy, priority, reporter, session, study, with_true_figures, world

CLASSES = (priority("emergency", weight=100, target_hours=1), priority("routine", target_hours=24))
PAYS_FOR_WAITING = policy(*CLASSES, wait_rate=0.02, churn=1)


def two_people(**limits: float) -> AllocationProblem:
    """Return four studies, all on R1's list, who has a morning for them; R2 has one free."""
    return world(
        studies=[study(f"A{number}", published_to=("R1",)) for number in range(1, 5)],
        reporters=[reporter("R1"), reporter("R2")],
        sessions=[session("S1", "R1", hours=5), session("S2", "R2", start=8, hours=5)],
        policy=replace(PAYS_FOR_WAITING, replan=ReplanLimits(**limits)),  # type: ignore[arg-type]  # checked by it
    )


def happens(problem: AllocationProblem, placed: Mapping[str, Sequence[str]], *events: Event) -> Replanned:
    """Return what becomes of a plan that reads ``placed[session]`` in that order; the referee agrees with it."""
    result = replan(problem, with_true_figures(problem, lay_out(problem, placed)), events)
    assert [str(finding) for finding in judge(result.problem, result.plan).findings] == []
    return result


def lists(result: Replanned) -> dict[str, list[str]]:
    """Return the accession numbers of each session in order."""
    found: dict[str, list[str]] = {}
    for row in sorted(result.plan.allocations, key=lambda row: (row.session_id, row.position)):
        found.setdefault(row.session_id, []).append(row.accession_number)
    return found


FOUR = {"S1": ["A1", "A2", "A3", "A4"]}


def test_an_emergency_goes_in_front_of_what_is_protected_and_behind_what_is_open() -> None:
    """R1 has opened A1; the three after it are protected and move back, but to nobody else."""
    problem = two_people()
    open_read = [
        replace(item, claimed_by=("R1",)) if item.accession_number == "A1" else item for item in problem.studies
    ]
    problem = replace(problem, studies=tuple(open_read), sessions=problem.sessions[:1])
    result = happens(problem, FOUR, StudyArrived(at=NOW, study=study("E", priority="emergency")))
    assert lists(result) == {"S1": ["A1", "E", "A2", "A3", "A4"]}
    (move,) = result.mended.moves
    assert (move.read, move.before, move.after) == (
        key("E"),
        None,
        Place(reporter_id="R1", session_id="S1", position=2),
    )
    assert isinstance(move.event, StudyArrived)


def test_what_a_read_gains_is_what_it_would_have_cost_elsewhere_less_what_it_costs_others() -> None:
    """Emergency E, unallocated, would end after 168 + 24 hours; four reads wait an hour longer each."""
    result = happens(two_people(), FOUR, StudyArrived(at=NOW, study=study("E", priority="emergency")))
    (move,) = result.mended.moves
    nowhere, placed = 100 * (192 - 1) + 2 * 192, 2 * 1
    assert move.gain == pytest.approx(nowhere - placed - 4 * 0.02)
    assert result.mended.cost_of_events == pytest.approx(nowhere)


def test_a_read_that_makes_room_says_for_whom() -> None:
    """R1's morning is full: A4 goes to R2, and only because E stands where it stood."""
    problem = two_people(churn_budget=0.25)
    problem = replace(problem, sessions=(session("S1", "R1", hours=4), problem.sessions[1]))
    result = happens(problem, FOUR, StudyArrived(at=NOW, study=study("E", priority="emergency")))
    assert lists(result) == {"S1": ["E", "A1", "A2", "A3"], "S2": ["A4"]}
    moves = {move.read: move for move in result.mended.moves}
    assert moves[key("A4")].made_room_for == key("E")
    assert moves[key("A4")].changes_reporter
    assert moves[key("A4")].gain < 0 < moves[key("E")].gain
    assert (result.mended.churned, result.mended.budget) == (1, 1)


def test_without_a_budget_nobody_published_makes_room() -> None:
    """The same, but nothing may change reporter: E waits for R2."""
    problem = two_people(churn_budget=0.0)
    problem = replace(problem, sessions=(session("S1", "R1", hours=4), problem.sessions[1]))
    result = happens(problem, FOUR, StudyArrived(at=NOW, study=study("E", priority="emergency")))
    assert lists(result) == {**FOUR, "S2": ["E"]}


def test_a_lost_session_gives_its_reads_to_others_protected_or_not() -> None:
    """That is the event itself taking them away; it costs no budget."""
    result = happens(two_people(churn_budget=0.0), FOUR, SessionLost(at=NOW, session_id="S1"))
    assert lists(result) == {"S2": ["A1", "A2", "A3", "A4"]}
    assert all(isinstance(move.event, SessionLost) for move in result.mended.moves)
    assert result.mended.churned == 0


def test_reads_that_nobody_else_can_take_are_left_with_the_event_to_say_why() -> None:
    """R2 has room for two of the four."""
    problem = two_people()
    problem = replace(problem, sessions=(problem.sessions[0], session("S2", "R2", start=8, hours=2)))
    result = happens(problem, FOUR, SessionLost(at=NOW, session_id="S1"))
    left = [move for move in result.mended.moves if move.after is None]
    assert len(left) == len(result.mended.unallocated) == 2
    assert all(move.before is not None and move.gain == 0 for move in left)


def test_an_absence_cuts_sessions_to_what_is_left() -> None:
    """R1 is away from the second to the third hour: the session is in two pieces, the later with a name of its own."""
    result = happens(two_people(), FOUR, ReporterUnavailable(at=NOW, reporter_id="R1", since=at(1), until=at(3)))
    pieces = [(item.session_id, item.start, item.end) for item in result.problem.sessions if item.reporter_id == "R1"]
    assert pieces == [("S1", at(0), at(1)), ("S1~2", at(3), at(5))]
    assert {name: len(reads) for name, reads in lists(result).items()} == {"S1": 1, "S1~2": 2, "S2": 1}


def test_two_pieces_of_a_session_hold_no_more_reads_than_it_could() -> None:
    """Three at most, by length: two in the longer piece."""
    problem = two_people()
    limited = (session("S1", "R1", hours=5, max_reads=3), problem.sessions[1])
    problem = replace(problem, sessions=limited, studies=problem.studies[:3])
    away = ReporterUnavailable(at=NOW, reporter_id="R1", since=at(1), until=at(3))
    result = happens(problem, {"S1": ["A1", "A2", "A3"]}, away)
    assert sum(item.max_reads or 0 for item in result.problem.sessions if item.reporter_id == "R1") == 3


def test_a_claimed_read_goes_to_its_claimant_at_once() -> None:
    """R2 opens A3, which is on R1's list: it is R2's first read now."""
    result = happens(two_people(), FOUR, ReadClaimed(at=NOW, read=key("A3"), reporter_id="R2"))
    assert lists(result) == {"S1": ["A1", "A2", "A4"], "S2": ["A3"]}


def test_what_is_claimed_next_goes_behind_what_is_open() -> None:
    """A3 was opened first."""
    events = [ReadClaimed(at=NOW, read=key(name), reporter_id="R1") for name in ("A3", "A2")]
    assert lists(happens(two_people(), FOUR, *events)) == {"S1": ["A3", "A2", "A1", "A4"]}


def test_a_full_session_makes_room_for_a_claim() -> None:
    """H8: unclaimed reads give way, from the end."""
    problem = two_people()
    problem = replace(
        problem,
        studies=(*problem.studies, study("B", published_to=("R2",))),
        sessions=(session("S1", "R1", hours=4), problem.sessions[1]),
    )
    result = happens(problem, {**FOUR, "S2": ["B"]}, ReadClaimed(at=NOW, read=key("B"), reporter_id="R1"))
    assert lists(result) == {"S1": ["B", "A1", "A2", "A3"], "S2": ["A4"]}


def test_a_released_read_is_anybodys_again() -> None:
    """R2 had claimed it, but R1 can read it earlier."""
    problem = two_people()
    claimed = [replace(item, claimed_by=("R2",)) if item.accession_number == "A4" else item for item in problem.studies]
    problem = replace(problem, studies=tuple(claimed))
    result = happens(problem, {"S1": ["A1", "A2", "A3"], "S2": ["A4"]}, ReadReleased(at=NOW, read=key("A4")))
    assert "A4" in lists(result)["S1"]


def test_a_completed_read_is_gone_and_those_behind_it_are_earlier() -> None:
    """By whomever."""
    result = happens(two_people(), FOUR, ReadCompleted(at=NOW, read=key("A1"), reporter_id="R2"))
    assert lists(result) == {"S1": ["A2", "A3", "A4"]}
    assert result.mended.moves == ()


def test_who_completed_one_read_does_not_do_the_other() -> None:
    """R2 has read it once; the other read, which was R2's, goes to somebody else (H9)."""
    problem = world(
        studies=[study("B", reads=2)],
        reporters=[reporter("R1"), reporter("R2"), reporter("R3")],
        sessions=[session("S1", "R1"), session("S2", "R2"), session("S3", "R3", start=5)],
        policy=PAYS_FOR_WAITING,
    )
    result = happens(problem, {"S1": ["B#1"], "S2": ["B#2"]}, ReadCompleted(at=NOW, read=key("B#1"), reporter_id="R2"))
    (left,) = result.problem.studies
    assert (left.reads, left.excluded) == (1, frozenset({"R2"}))
    assert lists(result) == {"S1": ["B"]}


def test_a_withdrawn_study_is_gone() -> None:
    """And nothing else moves but forward."""
    result = happens(two_people(), FOUR, StudyWithdrawn(at=NOW, study=two_people().studies[1].key))
    assert lists(result) == {"S1": ["A1", "A3", "A4"]}


def test_a_pinned_read_goes_where_it_is_pinned_and_may_go_when_the_pin_is_lifted() -> None:
    """H7."""
    problem = two_people()
    result = happens(problem, FOUR, ReadPinned(at=NOW, read=key("A2"), reporter_id="R2"))
    assert lists(result) == {"S1": ["A1", "A3", "A4"], "S2": ["A2"]}
    lifted = replan(result.problem, result.plan, [ReadPinned(at=NOW, read=key("A2"), reporter_id=None)])
    assert lifted.problem.studies[1].pinned_to == ()


def test_time_that_has_passed_is_gone() -> None:
    """Two hours later nothing is reported as done: three of four reads still fit R1's morning, in their order."""
    problem = two_people()
    result = happens(problem, FOUR, TimePassed(at=at(2)))
    assert lists(result) == {"S1": ["A1", "A2", "A3"], "S2": ["A4"]}
    assert result.plan.allocations[0].start == at(2)


def test_a_session_that_comes_within_the_horizon_counts() -> None:
    """As time passes; before, the read had no place."""
    problem = world(
        studies=[study("A1")],
        reporters=[reporter("R1")],
        sessions=[session("S1", "R1", start=9, hours=2)],
        policy=policy(*CLASSES, hours=9, wait_rate=0.02),
    )
    live = LivePlan(problem, with_true_figures(problem, lay_out(problem, {}, {"A1": "no_session"})))
    # half an hour of it counts by then, which is too short; an hour and a half does
    assert live.apply([TimePassed(at=at(0.5))]).moves == ()
    live.apply([TimePassed(at=at(1.5))])
    assert [row.session_id for row in live.plan().allocations] == ["S1"]


def test_events_out_of_order_are_refused() -> None:
    """Nothing of them has happened."""
    live = LivePlan(two_people(), with_true_figures(two_people(), lay_out(two_people(), FOUR)))
    with pytest.raises(InvalidValueError, match="before now"):
        live.apply([TimePassed(at=at(2)), TimePassed(at=at(1))])
    assert live.now == NOW


def test_a_claim_stays_in_its_claimants_first_two_sessions_though_one_is_cut_in_two() -> None:
    """H8: A1 stood in R1's second session, which is the third now; it goes to the piece that is the second."""
    problem = world(
        studies=[study("A1", claimed_by=("R1",))],
        reporters=[reporter("R1")],
        sessions=[session("S1", "R1", hours=6), session("S2", "R1", start=8)],
        policy=PAYS_FOR_WAITING,
    )
    away = ReporterUnavailable(at=NOW, reporter_id="R1", since=at(0.5), until=at(3))
    assert lists(happens(problem, {"S2": ["A1"]}, away)) == {"S1~2": ["A1"]}


def test_an_entitlement_ends_as_time_passes() -> None:
    """H1 holds at now: at midnight nobody is entitled any more, and the reason says so."""
    problem = world(
        studies=[study("A1")],
        reporters=[reporter("R1", trusts={"RVV": date(2026, 3, 2)})],
        sessions=[session("S1", "R1", hours=48)],
        policy=PAYS_FOR_WAITING,
    )
    result = happens(problem, {"S1": ["A1"]}, TimePassed(at=at(16)))
    assert [row.reason for row in result.plan.unallocated] == [UnallocatedReason.NO_ENTITLED_REPORTER]


def test_gains_are_exact_to_the_fraction_of_a_second() -> None:
    """An unallocated read is deemed to end 33 h and 0.36 s after now; a placed one ends on the second."""
    problem = world(
        studies=[],
        reporters=[reporter("R1")],
        sessions=[session("S1", "R1")],
        policy=policy(priority(weight=3600, target_hours=1), hours=9.0001),
    )
    result = happens(problem, {}, StudyArrived(at=NOW, study=study("E", acquired=-1)))
    (move,) = result.mended.moves
    assert move.gain == pytest.approx(32 * 3600 + 0.36, abs=1e-6)


def test_a_study_of_a_patient_who_is_known_goes_to_the_same_reporter() -> None:
    """Split is paid for what arrives as for what was there."""
    problem = world(
        studies=[study("A1", patient_id="p")],
        reporters=[reporter("R1"), reporter("R2")],
        sessions=[session("S1", "R1"), session("S2", "R2")],
        policy=policy(*CLASSES, wait_rate=0.02, split=1),
    )
    result = happens(problem, {"S1": ["A1"]}, StudyArrived(at=NOW, study=study("A2", patient_id="p")))
    assert lists(result) == {"S1": ["A1", "A2"]}
    other = happens(problem, {"S1": ["A1"]}, StudyArrived(at=NOW, study=study("A2", patient_id="q")))
    assert lists(other) == {"S1": ["A1"], "S2": ["A2"]}
