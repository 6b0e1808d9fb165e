"""What half-days hold, worked out by hand: hours rostered, left, filled, spare and short."""

from __future__ import annotations

from datetime import date

import pytest

from balancer.domain.half_days import HalfDay, week_of_half_days
from balancer.domain.overrides import Shift
from balancer.domain.reporter import Session
from balancer.store.planned_time import Planned, ShortRead
from balancer.web.roster_hours import Hours, WeekOfHours, fields_of
from tests.worlds import NOW, at, reporter, session

MONDAY = date(2026, 3, 2)  # 08:00 in London is NOW
WEEK = week_of_half_days(MONDAY)
MORNING, AFTERNOON = WEEK[0], WEEK[1]


def shift(rostered: Session) -> Shift:
    """Return a session on RVV's roster."""
    return Shift(trust="RVV", session=rostered, said_id=rostered.session_id)


def short(
    due: float, *, minutes: float = 42, field: str = "neuro", planned: tuple[float, float] | None = None
) -> ShortRead:
    """Return a read due some hours after ``NOW``, planned from and to some hours after, or without a place."""
    return ShortRead(
        read_id=1,
        study_id=1,
        trust="RVV",
        accession_number="A1",
        exam_code="CTH",
        priority="urgent",
        subspecialty=field,
        began_at=NOW,
        due_at=at(due),
        minutes=minutes,
        planned_start=None if planned is None else at(planned[0]),
        planned_end=None if planned is None else at(planned[1]),
        reason="",
    )


def hours(held: float) -> object:
    """Return hours as a length of time."""
    return at(held) - NOW


def test_a_session_is_cut_at_noon() -> None:
    """10:00 to 14:00: two hours each, nothing filled."""
    week = WeekOfHours(WEEK, [shift(session("S1", "R1", start=2, hours=4))], [], NOW)
    assert {half: held.rostered for (_, half), held in week.held.items()} == {MORNING: hours(2), AFTERNOON: hours(2)}
    assert week.held["R1", MORNING].share == 0


def test_what_has_passed_is_rostered_and_not_left() -> None:
    """At 09:00 three of the four hours are left; 90 minutes of them are planned: half."""
    week = WeekOfHours(WEEK, [shift(session("S1", "R1"))], [Planned("R1", at(0.5), at(2.5))], at(1))
    held = week.held["R1", MORNING]
    assert (held.rostered, held.left, held.planned, held.share) == (hours(4), hours(3), hours(1.5), 0.5)


def test_a_half_day_that_is_over_is_not_filled_at_all() -> None:
    """Nothing is left of it."""
    assert WeekOfHours(WEEK, [shift(session("S1", "R1"))], [], at(20)).held["R1", MORNING].share is None


def test_time_outside_the_week_does_not_count() -> None:
    """A night from Sunday to Monday counts from midnight."""
    week = WeekOfHours(WEEK, [shift(session("S1", "R1", start=-12, hours=4))], [], at(-24))
    assert {half: held.rostered for (_, half), held in week.held.items() if held.rostered} == {}
    night = WeekOfHours(WEEK, [shift(session("S1", "R1", start=-12, hours=8))], [], at(-24))
    assert {half: held.rostered for (_, half), held in night.held.items()} == {MORNING: hours(4)}


def test_what_is_planned_where_no_session_is_any_more_fills_nothing() -> None:
    """The session was taken away, and the lists are not mended yet."""
    week = WeekOfHours(WEEK, [shift(session("S1", "R1", start=5, hours=4))], [Planned("R1", at(0), at(1))], NOW)
    assert week.held["R1", AFTERNOON].planned == hours(0)


def test_a_stretch_of_reads_fills_what_its_reads_do() -> None:
    """Across noon, over the end of a session that has been cut, and into the one that follows it."""
    shifts = [shift(session("S1", "R1", hours=1)), shift(session("S2", "R1", start=2, hours=4))]
    reads = [Planned("R1", at(hour / 2), at(hour / 2 + 0.5)) for hour in range(12)]
    one_by_one = WeekOfHours(WEEK, shifts, reads, NOW)
    at_once = WeekOfHours(WEEK, shifts, [Planned("R1", at(0), at(6))], NOW)
    assert at_once.held == one_by_one.held
    assert sum((held.planned for held in at_once.held.values()), at(0) - at(0)) == at(5) - at(0)


def test_free_time_counts_for_every_field_that_somebody_reports() -> None:
    """R1 has three free hours for neuro and for msk; level 1 does not count, nor do emergency sessions."""
    people = {
        "R1": reporter("R1", skills={"neuro": 3, "msk": 2, "cardiac": 1}),
        "R2": reporter("R2", skills={"neuro": 2}),
    }
    shifts = [shift(session("S1", "R1")), shift(session("S2", "R2", priorities=("emergency",)))]
    found = WeekOfHours(WEEK, shifts, [Planned("R1", at(0), at(1))], NOW).spare(people, [], 0.7)
    assert {name: of_field[MORNING].free for name, of_field in found.items()} == {"neuro": 3, "msk": 3}


def test_a_session_for_one_field_is_free_for_no_other() -> None:
    """R1's session takes neuro only."""
    people = {"R1": reporter("R1", skills={"neuro": 3, "msk": 2})}
    found = WeekOfHours(WEEK, [shift(session("S1", "R1", subspecialties=("neuro",)))], [], NOW).spare(people, [], 0.7)
    assert (found["neuro"][MORNING].free, found["msk"][MORNING].free) == (4, 0)


def test_what_ends_late_or_never_is_short_where_it_is_due() -> None:
    """An hour that is planned too late, and 42 minutes without a place: an hour at a productivity of 0.7."""
    found = WeekOfHours(WEEK, [], [], NOW).spare({}, [short(3, planned=(4, 5)), short(3)], 0.7)
    assert found["neuro"][MORNING].late == pytest.approx(2)
    assert found["neuro"].keys() == {HalfDay(MONDAY, False)}


def test_free_time_does_not_make_up_for_late_work() -> None:
    """If it did, the plan would have used it."""
    people = {"R1": reporter("R1", skills={"neuro": 3})}
    found = WeekOfHours(WEEK, [shift(session("S1", "R1"))], [], NOW).spare(people, [short(3, planned=(4, 5))], 0.7)
    assert found["neuro"][MORNING] == Hours(free=4, late=1)


def test_fields_come_best_first() -> None:
    """A level by modality counts as the field's."""
    person = reporter("R1", skills={"msk": 2, "neuro/CT": 3, "cardiac": 1})
    assert fields_of(person, 2) == ["neuro", "msk"]  # type: ignore[arg-type]  # a level is a number
