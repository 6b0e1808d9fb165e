"""The bank holidays of England and Wales, checked against days that people remember."""

from __future__ import annotations

from datetime import date

import pytest

from balancer.ingest.bank_holidays import england_and_wales

CALENDAR = england_and_wales(2019, 2027)


@pytest.mark.parametrize(
    "day",
    [
        date(2026, 1, 1),
        date(2026, 4, 3),  # Good Friday
        date(2026, 4, 6),  # Easter Monday
        date(2026, 12, 28),  # Boxing Day 2026 is a Saturday: kept on the Monday
        date(2021, 12, 27),  # Christmas and Boxing Day 2021 on the weekend: Monday
        date(2021, 12, 28),  # and Tuesday
        date(2020, 5, 8),  # the early May holiday moved to VE Day
        date(2022, 6, 2),  # the spring holiday moved
        date(2022, 6, 3),  # Platinum Jubilee
        date(2022, 9, 19),  # state funeral
        date(2023, 5, 8),  # coronation
    ],
)
def test_a_day_people_had_off_is_not_a_working_day(day: date) -> None:
    """Fixed, moveable, substitute and once-proclaimed holidays all stop the clock."""
    assert not CALENDAR.is_working_day(day)


@pytest.mark.parametrize(
    "day",
    [
        date(2020, 5, 4),  # what would have been early May
        date(2022, 5, 30),  # what would have been spring
        date(2026, 3, 17),  # St Patrick's Day, Northern Ireland only
        date(2026, 1, 2),  # Scotland only
        date(2026, 8, 3),  # Scotland's August holiday
    ],
)
def test_a_day_people_worked_is_a_working_day(day: date) -> None:
    """Holidays that moved away, and those of other nations, do not stop the clock."""
    assert CALENDAR.is_working_day(day)
