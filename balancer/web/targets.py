"""A class's target in words: hours while they can be counted, then days; working days where its clock stands still."""

from __future__ import annotations

from typing import Final

from balancer.domain.policy import PriorityClass, TargetClock

_DAY: Final = 24
# So many hours are still said as hours.
_MOST_HOURS: Final = 72


def short_target(priority: PriorityClass) -> str:
    """Return a target as a table has it: `4 h`, `14 d`, `5 wd`."""
    many, days = _target(priority)
    return f"{many:g} {'h' if days is None else 'wd' if days else 'd'}"


def target_words(priority: PriorityClass) -> str:
    """Return a target within a sentence: `4 hours`, `14 days`, `1 working day`."""
    many, days = _target(priority)
    unit = "hour" if days is None else "working day" if days else "day"
    return f"{many:g} {unit}{'' if many == 1 else 's'}"


def hours_words(hours: float) -> str:
    """Return a length of time that runs day and night as a table has it: `4 h`, `72 h`, `7 d`."""
    return f"{hours:g} h" if hours <= _MOST_HOURS or hours % _DAY else f"{hours / _DAY:g} d"


def _target(priority: PriorityClass) -> tuple[float, bool | None]:
    """Return how much it is, and whether of working days; ``None`` of hours."""
    if priority.target_working_days is not None:
        return priority.target_working_days, True
    hours, works = priority.target_hours or 0.0, priority.clock is TargetClock.WORKING_DAYS
    if hours % _DAY or (hours <= _MOST_HOURS and not works):
        return hours, None
    return hours / _DAY, works
