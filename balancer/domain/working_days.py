"""The working-days clock: it stands still on Saturdays, Sundays and the bank holidays of England and Wales."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache

from balancer.domain.instant import LONDON, local_instant

_SATURDAY = 5
_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkingCalendar:
    """Which local days the working-days clock runs on.

    The bank holidays are handed in, because they are proclaimed rather than computed; ``ingest.bank_holidays`` knows
    them.
    """

    bank_holidays: frozenset[date] = frozenset()

    def is_working_day(self, day: date) -> bool:
        """Tell whether the clock runs on ``day``."""
        return day.weekday() < _SATURDAY and day not in self.bank_holidays

    def next_working_day(self, day: date) -> date:
        """Return the first working day strictly after ``day``."""
        day += _ONE_DAY
        while not self.is_working_day(day):
            day += _ONE_DAY
        return day

    def add_working_days(self, start: datetime, count: int) -> datetime:
        """Return the same local time ``count`` working days after ``start``.

        Counting starts at 00:00 of the next working day if ``start`` falls on another day: Friday 16:00 + 1 is Monday
        16:00, Saturday 10:00 + 1 is Tuesday 00:00.
        """
        local = start.astimezone(LONDON).replace(tzinfo=None)
        day, clock_time = local.date(), local.time()
        if not self.is_working_day(day):
            day, clock_time = self.next_working_day(day), time()
        for _ in range(count):
            day = self.next_working_day(day)
        return local_instant(datetime.combine(day, clock_time))

    def add_working_hours(self, start: datetime, hours: float) -> datetime:
        """Return the instant at which the clock, running from ``start``, has run for ``hours`` elapsed hours."""
        left = timedelta(hours=hours)
        at = start.astimezone(UTC)
        while True:
            day = at.astimezone(LONDON).date()
            midnight = _midnight_after(day)
            if self.is_working_day(day):
                if at + left <= midnight:
                    return at + left
                left -= midnight - at
            at = midnight


@lru_cache(maxsize=1_000)  # thousands of studies are due after the same few days
def _midnight_after(day: date) -> datetime:
    return local_instant(datetime.combine(day + _ONE_DAY, time()))
