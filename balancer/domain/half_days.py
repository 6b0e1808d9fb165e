"""Half-days: a day in London, cut at noon. Rosters are made and looked at in them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache

from balancer.domain.errors import InvalidValueError
from balancer.domain.instant import LONDON, local_instant

_NOON = time(12)
_ENDS = {"am": False, "pm": True}


@dataclass(frozen=True, slots=True, order=True)
class HalfDay:
    """A morning (midnight to noon in London) or the rest of the day; in order of time."""

    day: date
    is_afternoon: bool

    @property
    def start(self) -> datetime:
        """Its first instant."""
        return _at(self.day, _NOON if self.is_afternoon else time())

    @property
    def end(self) -> datetime:
        """The first instant after it."""
        return _at(self.day + timedelta(days=1), time()) if self.is_afternoon else _at(self.day, _NOON)

    @property
    def code(self) -> str:
        """How an address names it: ``2026-03-02am``."""
        return f"{self.day.isoformat()}{'pm' if self.is_afternoon else 'am'}"

    @property
    def following(self) -> HalfDay:
        """The next one."""
        return HalfDay(self.day + timedelta(days=1), False) if self.is_afternoon else HalfDay(self.day, True)

    @classmethod
    def at(cls, instant: datetime) -> HalfDay:
        """Return the half-day in which an instant lies."""
        local = instant.astimezone(LONDON)
        return cls(local.date(), local.time() >= _NOON)

    @classmethod
    def named(cls, code: str) -> HalfDay:
        """Return the half-day of that ``code``.

        Raises
        ------
        InvalidValueError
            If it is the name of none.
        """
        try:
            return cls(date.fromisoformat(code[:-2]), _ENDS[code[-2:]])
        except (KeyError, ValueError) as error:
            raise InvalidValueError("at", "is no half-day, as 2026-03-02am") from error

    def overlap(self, start: datetime, end: datetime) -> timedelta:
        """Return how much of ``[start, end)`` lies in it."""
        return max(min(end, self.end) - max(start, self.start), timedelta())


def week_of_half_days(monday: date) -> tuple[HalfDay, ...]:
    """Return the fourteen half-days of the week that begins on a day."""
    return tuple(HalfDay(monday + timedelta(days=day), afternoon) for day in range(7) for afternoon in (False, True))


def half_days_of(start: datetime, end: datetime) -> Iterator[HalfDay]:
    """Yield the half-days into which ``[start, end)`` reaches, in order."""
    half = HalfDay.at(start)
    while half.start < end:
        yield half
        half = half.following


# asked for again and again by whoever cuts a week: the calendar of time zones is slow to look things up in
@lru_cache(maxsize=1024)
def _at(day: date, clock: time) -> datetime:
    return local_instant(datetime.combine(day, clock))
