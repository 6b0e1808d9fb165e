"""When a study is due (allocation model, section 4): both clocks, bank holidays, and both changes of the clocks."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balancer.domain.instant import LONDON
from balancer.domain.policy import TargetClock
from balancer.domain.working_days import WorkingCalendar
from tests.worlds import at, priority, study, world

INSTANTS = st.integers(1_577_836_800, 1_893_456_000).map(
    lambda second: datetime.fromtimestamp(second, UTC)
)  # the 2020s
EASTER_2026 = WorkingCalendar(bank_holidays=frozenset({date(2026, 4, 3), date(2026, 4, 6)}))


class EveryDay(WorkingCalendar):
    """A calendar on which the clock never stands still, so that targets can end on the Sundays of summer time."""

    def is_working_day(self, day: date) -> bool:
        """Tell that every day is a working day."""
        return day is not None


def london(text: str) -> datetime:
    """Return the instant of a London wall-clock time; the first, if it occurs twice."""
    return datetime.fromisoformat(text).replace(tzinfo=LONDON).astimezone(UTC)


def due(acquired: str, *, days: int | None = None, hours: float | None = None) -> datetime:
    """Return when a study acquired at a London time is due on the working-days clock around Easter 2026."""
    target = priority(target_working_days=days, target_hours=hours, clock=TargetClock.WORKING_DAYS)
    return target.due_at(london(acquired), EASTER_2026)


@pytest.mark.parametrize(
    ("acquired", "days", "expected"),
    [
        ("2026-03-06T16:00", 1, "2026-03-09T16:00"),  # the contract's own example: Friday 16:00 + 1 = Monday 16:00
        ("2026-03-05T16:00", 1, "2026-03-06T16:00"),
        ("2026-03-07T10:00", 1, "2026-03-10T00:00"),  # Saturday counts from Monday 00:00, so one day later is Tuesday
        ("2026-03-08T23:59", 0, "2026-03-09T00:00"),
        ("2026-03-06T16:00", 0, "2026-03-06T16:00"),
        ("2026-04-02T16:00", 1, "2026-04-07T16:00"),  # over Good Friday, the weekend and Easter Monday
        ("2026-04-03T09:00", 1, "2026-04-08T00:00"),  # on Good Friday: from Tuesday 00:00
        ("2026-03-27T08:00", 1, "2026-03-30T08:00"),  # the same local time although the clocks went forward
        ("2026-10-23T08:00", 1, "2026-10-26T08:00"),  # and although they went back
    ],
)
def test_working_days_are_the_same_local_time_later(acquired: str, days: int, expected: str) -> None:
    """``target_working_days = n`` is the same local time n working days later."""
    assert due(acquired, days=days) == london(expected)


def test_a_local_time_that_does_not_exist_moves_forward_by_the_gap() -> None:
    """01:30 on the Sunday the clocks go forward is 02:30; reached here because Sunday is made a working day."""
    assert EveryDay().add_working_days(london("2026-03-28T01:30"), 1) == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)


def test_a_local_time_that_occurs_twice_means_the_first() -> None:
    """01:30 on the Sunday the clocks go back is 01:30 summer time, 00:30 UTC."""
    assert EveryDay().add_working_days(london("2026-10-24T01:30"), 1) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("acquired", "hours", "expected"),
    [
        ("2026-03-06T16:00", 10, "2026-03-09T02:00"),  # 8 h left of Friday, 2 h into Monday
        ("2026-03-07T10:00", 24, "2026-03-10T00:00"),  # all of Monday; the clock reads 24 h at midnight
        ("2026-04-02T20:00", 5, "2026-04-07T01:00"),
        ("2026-03-27T12:00", 12, "2026-03-28T00:00"),  # exactly the rest of Friday
    ],
)
def test_working_hours_run_only_on_working_days(acquired: str, hours: float, expected: str) -> None:
    """``target_hours`` on the working-days clock is elapsed time while that clock runs."""
    assert due(acquired, hours=hours) == london(expected)


@pytest.mark.parametrize("acquired", ["2026-03-28T12:00", "2026-10-24T12:00"])
def test_calendar_hours_are_elapsed_whatever_the_clocks_do(acquired: str) -> None:
    """24 calendar hours over either change of the clocks are 24 elapsed hours, so another local time."""
    start = london(acquired)
    assert priority(target_hours=24).due_at(start, EASTER_2026) == start + timedelta(hours=24)


def test_the_ceiling_is_always_elapsed_time() -> None:
    """``ceiling = acquired_at + ceiling_hours`` even for a class on the working-days clock."""
    target = priority(target_working_days=1, clock=TargetClock.WORKING_DAYS, ceiling_hours=96)
    friday = london("2026-03-27T16:00")
    assert target.ceiling_at(friday) == friday + timedelta(hours=96)


def test_a_due_time_of_its_own_wins_over_the_class() -> None:
    """A study's own ``due_at`` is its due time, whatever its class says."""
    problem = world(studies=[study(due=3)])
    assert problem.due_at(problem.studies[0]) == at(3)


@given(
    start=INSTANTS,
    count=st.integers(0, 30),
)
def test_a_working_day_target_ends_on_a_working_day(start: datetime, count: int) -> None:
    """Whatever the start, the due time falls on a working day and not before the start."""
    end = EASTER_2026.add_working_days(start, count)
    assert EASTER_2026.is_working_day(end.astimezone(LONDON).date())
    assert end >= start


@given(
    start=INSTANTS,
    first=st.floats(0, 200),
    second=st.floats(0, 200),
)
def test_working_hours_add_up(start: datetime, first: float, second: float) -> None:
    """Running the clock for a and then for b is running it for a + b, to the microsecond."""
    in_two_steps = EASTER_2026.add_working_hours(EASTER_2026.add_working_hours(start, first), second)
    at_once = EASTER_2026.add_working_hours(start, first + second)
    # midnight before a weekend and the midnight after it read the same on this clock
    ran_between = abs(_ran(in_two_steps) - _ran(at_once))
    assert ran_between < timedelta(milliseconds=1)


def _ran(instant: datetime) -> timedelta:
    """Return how far the working clock has run from 2020 to ``instant``."""
    local = instant.astimezone(LONDON)
    ran, day = timedelta(), date(2019, 12, 30)
    while day < local.date():
        if EASTER_2026.is_working_day(day):
            ran += _midnight(day + timedelta(days=1)) - _midnight(day)
        day += timedelta(days=1)
    if EASTER_2026.is_working_day(day):
        ran += instant - _midnight(day)
    return ran


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=LONDON).astimezone(UTC)
