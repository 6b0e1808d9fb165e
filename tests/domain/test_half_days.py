"""A day is cut at noon in London, whatever the clocks do that day."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from balancer.domain.errors import InvalidValueError
from balancer.domain.half_days import HalfDay, half_days_of, week_of_half_days

MONDAY = date(2026, 3, 2)
MORNING, AFTERNOON = HalfDay(MONDAY, False), HalfDay(MONDAY, True)


def test_a_day_is_two_half_days_without_a_gap() -> None:
    """Midnight, noon, midnight."""
    assert (MORNING.start, MORNING.end) == (datetime(2026, 3, 2, tzinfo=UTC), datetime(2026, 3, 2, 12, tzinfo=UTC))
    assert (AFTERNOON.start, AFTERNOON.end) == (MORNING.end, MORNING.start + timedelta(days=1))
    assert MORNING.following == AFTERNOON
    assert AFTERNOON.following == HalfDay(date(2026, 3, 3), False)


def test_the_clock_that_counts_is_londons() -> None:
    """In summer noon is 11:00 in UTC; on the night that the clocks go forward a morning has 11 hours."""
    assert HalfDay.at(datetime(2026, 7, 1, 11, 30, tzinfo=UTC)) == HalfDay(date(2026, 7, 1), True)
    assert HalfDay.at(datetime(2026, 3, 2, 11, 30, tzinfo=UTC)) == MORNING
    short = HalfDay(date(2026, 3, 29), False)
    assert short.end - short.start == timedelta(hours=11)


def test_an_instant_at_noon_belongs_to_the_afternoon() -> None:
    """And one at midnight to the day that begins."""
    assert HalfDay.at(MORNING.end) == AFTERNOON
    assert HalfDay.at(AFTERNOON.end) == AFTERNOON.following


def test_a_name_leads_back_to_the_half_day() -> None:
    """As an address has it."""
    for half in week_of_half_days(MONDAY):
        assert HalfDay.named(half.code) == half
    for wrong in ("2026-03-02", "2026-03-02xx", "2026-02-31am", "am", ""):
        with pytest.raises(InvalidValueError):
            HalfDay.named(wrong)


def test_a_night_lies_in_two_days() -> None:
    """20:00 to 06:00: four hours of the afternoon, six of the next morning."""
    start, end = datetime(2026, 3, 2, 20, tzinfo=UTC), datetime(2026, 3, 3, 6, tzinfo=UTC)
    assert list(half_days_of(start, end)) == [AFTERNOON, AFTERNOON.following]
    hours = [half.overlap(start, end) / timedelta(hours=1) for half in (MORNING, AFTERNOON, AFTERNOON.following)]
    assert hours == [0, 4, 6]


def test_a_week_has_fourteen_in_order() -> None:
    """Monday morning to Sunday afternoon."""
    week = week_of_half_days(MONDAY)
    assert len(week) == 14
    assert list(week) == sorted(week)
    assert (week[0], week[-1]) == (MORNING, HalfDay(date(2026, 3, 8), True))
