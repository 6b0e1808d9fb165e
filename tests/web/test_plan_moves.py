"""What a move gains, in words and in points; every shortage has a remedy; load is spread in figures."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from balancer.domain.run_changes import MoveReason
from balancer.store.plan_figures import LeftOut
from balancer.store.plans import PlannedRead, Spot
from balancer.web.load_spread import Load, loads, spread, tenths_apart
from balancer.web.not_placed import Who, by_reason, remedy
from balancer.web.plan_moves import gain_words, plan_moves
from balancer.web.points import made_of
from tests.web.planned import planned, spot
from tests.worlds import EXAMPLE_POLICY, NOW, at, policy, priority, reporter

SPECIALIST = reporter("R1", trusts=("RVV",), skills={"neuro": 3})
GENERALIST = reporter("R2", home_trust="RWF", trusts=("RVV",), skills={"neuro": 2})
PEOPLE = {"R1": SPECIALIST, "R2": GENERALIST}


@pytest.mark.parametrize(
    ("was", "becomes", "words"),
    [
        (spot("R2", 25), spot("R1", 2), "On time, not 1 h 30 min late"),
        (spot("R2", 2), spot("R1", 25), "Late by 1 h 30 min, was on time"),
        (spot("R2", 30), spot("R1", 25), "Late by 1 h 30 min, not 6 h 30 min"),
        (None, spot("R1", 2), "Placed, on time"),
        (None, spot("R1", 25), "Placed, late by 1 h 30 min"),
        (spot("R1", 2), None, "Loses its place: the plan has none"),
        (spot("R2", 5), spot("R1", 2), "A specialist reads it, and 3 h sooner"),
        (spot("R1", 5), spot("R2", 2), "3 h sooner"),
        (spot("R1", 2), spot("R2", 5), "3 h later, makes room for others"),
        (spot("R1", 2), spot("R2", 2.5), "Evens out load"),
    ],
)
def test_a_gain_is_said_by_what_matters_most(was: Spot | None, becomes: Spot | None, words: str) -> None:
    """Being placed, being on time, who reads it, when."""
    assert gain_words(planned(1, was, becomes), PEOPLE, None) == words


def test_what_had_to_move_says_so() -> None:
    """Nothing was gained by it."""
    read = planned(1, spot("R1", 2), spot("R2", 2))
    assert gain_words(read, PEOPLE, MoveReason.NOT_ROSTERED) == "Had to move: whoever had it has no session"


PRICED = policy(priority("routine", weight=2, breach=24, target_hours=48), general=0.5, remote=0.2, churn=1)


def points(read: PlannedRead) -> float | None:
    """Return what one move gains."""
    return plan_moves([read], PEOPLE, {}, PRICED, NOW)[0].points


def test_points_are_of_the_read_alone() -> None:
    """An hour and a half late, its breach, a generalist of another trust; less the price of taking it from a list."""
    assert points(planned(1, spot("R2", 25), spot("R1", 2))) == pytest.approx(2 * (24 + 1.5) + 0.5 + 0.2 - 1)


def test_points_are_said_by_what_they_are_made_of() -> None:
    """The largest by name, and the rest together: what is said adds up to the number."""
    (move,) = plan_moves([planned(1, spot("R2", 25), spot("R1", 2))], PEOPLE, {}, PRICED, NOW)
    assert (
        move.made_of == "Waiting and lateness +51.0, taken from a list that has it \u22121.0, level +0.5, the rest +0.2"
    )
    assert made_of({}) == ""


def test_what_cannot_be_priced_has_no_points() -> None:
    """A class that the policy does not know, somebody who is out of reach."""
    assert points(planned(1, None, spot("R1", 2), priority="unheard of")) is None
    assert points(planned(1, None, spot("R9", 2))) is None


def test_most_gained_comes_first() -> None:
    """And what has no price last."""
    small, great = planned(1, spot("R2", 5), spot("R1", 2)), planned(2, spot("R2", 25), spot("R1", 2))
    unpriced = planned(3, None, spot("R1", 2), priority="unheard of")
    found = plan_moves([unpriced, small, great], PEOPLE, {}, PRICED, NOW)
    assert [move.read.study_id for move in found] == [2, 1, 3]


# --- what has no place ------------------------------------------------------------------------------------------------

LAPSED = reporter("R3", trusts={"RVV": date(2026, 2, 28)}, skills={"msk": 3})
WHO = Who(people=[SPECIALIST, GENERALIST, LAPSED], trusts={"RVV": "Medway"}, productivity=0.5, now=NOW)


def without_place(count: int, reason: str, **stated: Any) -> LeftOut:
    """Return reads of RVV's CT heads, of half an hour each, that nobody has for a reason."""
    columns: dict[str, Any] = {
        "trust": "RVV",
        "subspecialty": "neuro",
        "modality": "CT",
        "minutes": 30.0 * count,
        "last_due_at": at(24),
    }
    return LeftOut(count=count, reason=reason, **(columns | stated))


def test_reads_without_a_place_are_counted_by_reason_the_most_first() -> None:
    """Every read once, whatever its kind; of which most are is said."""
    left = [
        without_place(2, "no_session"),
        without_place(2, "no_capacity"),
        without_place(3, "no_capacity", subspecialty="msk"),
    ]
    assert [(one.words, one.count, one.whose) for one in by_reason(left, WHO)] == [
        ("No hours left in time", 5, "3 MSK at Medway, 2 neuro at Medway"),
        ("No session that takes it", 2, "2 neuro at Medway"),
    ]


def test_what_no_plan_has_seen_is_said_to_have_come_since() -> None:
    """Without a reason of its own."""
    (one,) = by_reason([without_place(1, ""), without_place(1, "unplanned")], WHO)
    assert (one.words, one.count) == ("Came since the plan", 2)


@pytest.mark.parametrize(
    ("reason", "stated", "words"),
    [
        ("no_capacity", {}, "2.0 h of neuro sessions before Tue 08:00, for 2"),
        ("no_session", {}, "A session of Dr R1, for 2"),
        (
            "no_entitled_reporter",
            {"subspecialty": "msk"},
            "Renew Dr R3's authorisation for Medway, lapsed 28 Feb, for 2",
        ),
        ("no_entitled_reporter", {"trust": "RPA"}, "Authorise Dr R1 for RPA, for 2"),
        (
            "no_skilled_reporter",
            {"subspecialty": "cardiac"},
            "Record cardiac CT for 1 of 2 reporters entitled at Medway, for 2",
        ),
        ("pinned_reporter_unavailable", {}, "Take back the pins of 2 reads"),
        ("deferred", {}, "Nothing: other work is worth more now. Expedite what cannot wait"),
    ],
)
def test_every_reason_has_its_smallest_remedy(reason: str, stated: dict[str, Any], words: str) -> None:
    """With how many reads it is for."""
    assert remedy(reason, [without_place(2, reason, **stated)], WHO).words == words


# --- load -------------------------------------------------------------------------------------------------------------


def test_load_is_what_is_planned_of_what_is_left() -> None:
    """Whoever has no session has no load; the busiest of the plan that waits comes first."""
    found = loads({"R1": (1800, 900), "R2": (0, 1800)}, {"R1": 3600, "R2": 3600}, {"R1": "A", "R2": "B", "R3": "C"})
    assert [(load.name, load.was, load.becomes) for load in found] == [("B", 0.0, 0.5), ("A", 0.5, 0.25)]


def test_the_spread_is_between_the_tenths() -> None:
    """Of ten people, between the first and the last."""
    assert tenths_apart([number / 10 for number in range(1, 11)]) == 90
    assert tenths_apart([]) == 0


def test_marks_in_one_place_lie_above_each_other() -> None:
    """So that none hides another; the line of a full session is drawn where it is."""
    found = spread([Load(reporter_id=name, name=name, was=0.5, becomes=1.0) for name in ("A", "B")])
    assert [dot.layer for dot in found.was] == [0, 1]
    assert (found.full_at, found.spread_becomes) == (100.0, 0)


def test_the_example_policy_prices_what_it_knows() -> None:
    """Its classes are those of the sample."""
    moved = plan_moves([planned(1, None, spot("R1", 2))], PEOPLE, {}, EXAMPLE_POLICY, at(0))
    assert moved[0].points is not None
