"""Instants and durations (allocation model, section 2): aware everywhere, UTC inside, London at the edges."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, time, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from balancer.domain.errors import InvalidValueError

LONDON = ZoneInfo("Europe/London")

# A hair under the nearest whole second: 7 min / 0.7 is 600 s, not 601 because of the binary fraction's last bit.
_ROUNDING_SLACK_SECONDS = 1e-6


class Clock(Protocol):
    """Where the present comes from; the domain itself never looks."""

    def now(self) -> datetime:
        """Return the present instant, aware, in UTC."""
        ...


def require_aware(value: datetime, field: str) -> datetime:
    """Ensure that an instant carries its offset, and return it.

    Raises
    ------
    InvalidValueError
        If the instant is naive: 09:00 with no offset is two different instants a year in London.
    """
    if value.tzinfo is not UTC and (value.tzinfo is None or value.utcoffset() is None):
        raise InvalidValueError(field, f"{value.isoformat()} has no time zone")
    return value


def whole_seconds_up(seconds: float) -> int:
    """Return ``seconds`` rounded up to a whole second, forgiving the last bit of a binary fraction."""
    return math.ceil(seconds - _ROUNDING_SLACK_SECONDS)


def reading_seconds(minutes: float, speed: float, productivity: float) -> int:
    """Return d(i, r, s) in clock seconds: expected minutes x personal speed / productivity, rounded up (section 2)."""
    return whole_seconds_up(60.0 * minutes * speed / productivity)


def day_of(instant: datetime) -> date:
    """Return the day it is in London at ``instant``."""
    return instant.astimezone(LONDON).date()


def end_of_day(day: date) -> datetime:
    """Return the first instant after ``day`` in London; what expires on that day still holds before it."""
    return datetime.combine(day + timedelta(days=1), time(), tzinfo=LONDON).astimezone(UTC)


def local_instant(naive: datetime) -> datetime:
    """Return the instant of a London wall-clock time.

    A time that does not exist (clocks going forward) moves forward by the gap; one that occurs twice means the first.
    That is what PEP 495 does with ``fold=0`` after a round trip through UTC.
    """
    return naive.replace(tzinfo=LONDON, fold=0).astimezone(UTC)
