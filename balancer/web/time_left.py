"""How much time a read has left: words first, then a shape, then a colour; tested from the top, the first that holds.

The script ``time_left.js`` says the same of the same instants, so that words can go on while a page is open; a test
compares the two.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from balancer.domain.instant import LONDON

_MINUTE, _HOUR, _DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


class Level(StrEnum):
    """How urgent what is left is; also the name of its shape and colour in the style sheet."""

    OVER = "over"
    LATE = "late"
    SOON = "soon"
    TODAY = "today"
    LATER = "later"


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeLeft:
    """What is shown of a due time. ``share`` is how much of the target is left, from 0 to 1."""

    level: Level
    words: str
    due: str
    share: float
    due_at: datetime
    ceiling_at: datetime | None
    began_at: datetime


def time_left(*, began_at: datetime, due_at: datetime, ceiling_at: datetime | None, now: datetime) -> TimeLeft:
    """Return what is shown at ``now`` of something due at ``due_at`` whose clock began at ``began_at``."""
    left, target = due_at - now, max(due_at - began_at, timedelta())
    share = min(max(left / target, 0.0), 1.0) if target else 0.0
    level = _level(left, target, now, ceiling_at)
    if level is Level.OVER and ceiling_at is not None:
        words = f"Over ceiling by {span(now - ceiling_at)}"
    elif level is Level.LATE:
        words = f"Late by {span(-left)}"
    else:
        words = f"{span(left)} left"
    due = f"{'was due' if left < timedelta() else 'due'} {at_words(due_at, now)}"
    return TimeLeft(
        level=level, words=words, due=due, share=share, due_at=due_at, ceiling_at=ceiling_at, began_at=began_at
    )


def _level(left: timedelta, target: timedelta, now: datetime, ceiling_at: datetime | None) -> Level:
    if ceiling_at is not None and now > ceiling_at:
        return Level.OVER
    if left < timedelta():
        return Level.LATE
    if left < max(_HOUR, target / 8):
        return Level.SOON
    if left < max(_DAY, target / 2):
        return Level.TODAY
    return Level.LATER


def span(length: timedelta) -> str:
    """Return a length of time in at most two units: `46 min`, `5 h 50 min`, `1 d 5 h`, from two days on `4 days`.

    Whole units that have passed: 59.9 seconds are `0 min`.
    """
    minutes = int(length / _MINUTE)
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 24 * 60:
        hours, rest = divmod(minutes, 60)
        return f"{hours} h {rest} min" if rest else f"{hours} h"
    days, hours = divmod(minutes // 60, 24)
    if days >= 2:
        return f"{days} days"
    return f"{days} d {hours} h" if hours else f"{days} d"


def at_words(instant: datetime, now: datetime) -> str:
    """Return an instant in London as far as it must be said now: `11:05`, `Tue 15:20` within a week, `3 Feb 15:20`."""
    local = instant.astimezone(LONDON)
    today: date = now.astimezone(LONDON).date()
    apart = abs((local.date() - today).days)
    clock = f"{local:%H:%M}"
    if apart == 0:
        return clock
    if apart < 7:
        return f"{local:%a} {clock}"
    year = f" {local.year}" if local.year != today.year else ""
    return f"{local.day} {local:%b}{year} {clock}"
