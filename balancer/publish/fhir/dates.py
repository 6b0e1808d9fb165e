"""When something is to have been, or to have gone on, as a search says it (R4, 3.1.1.4.6)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from balancer.domain.errors import InvalidValueError
from balancer.domain.instant import LONDON

BEGAN, ENDED = "period.start", "period.end"


@dataclass(frozen=True, slots=True, kw_only=True)
class When:
    """From an instant, before another; either may be open."""

    since: datetime | None = None
    before: datetime | None = None


def when(name: str, value: str) -> When:
    """Return when something is to have been.

    Raises
    ------
    InvalidValueError
        If it is no date.
    """
    prefix, first, after = _dated(name, value)
    return {
        "eq": When(since=first, before=after),
        "ge": When(since=first),
        "le": When(before=after),
        "gt": When(since=after),
        "sa": When(since=after),
        "lt": When(before=first),
        "eb": When(before=first),
    }[prefix]


def meanwhile(name: str, value: str) -> Mapping[str, When]:
    """Return when something is to have begun and to have ended that goes on; what has not ended does so for ever.

    Raises
    ------
    InvalidValueError
        If it is no date.
    """
    prefix, first, after = _dated(name, value)
    return {
        "eq": {BEGAN: When(since=first), ENDED: When(before=after)},
        "ge": {ENDED: When(since=first)},
        "le": {BEGAN: When(before=after)},
        "gt": {ENDED: When(since=after)},
        "sa": {BEGAN: When(since=after)},
        "lt": {BEGAN: When(before=first)},
        "eb": {ENDED: When(before=first)},
    }[prefix]


_DATE: Final = re.compile(
    r"(eq|ge|gt|le|lt|sa|eb)?(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,6}))?)?(Z|[+-]\d\d:\d\d)?)?)?)?",
    re.ASCII,
)


def _dated(name: str, value: str) -> tuple[str, datetime, datetime]:
    """Return the prefix of a date, and from and before when it is; without a zone it is London's time."""
    found = _DATE.fullmatch(value)
    if found is None:
        raise InvalidValueError(name, "is no date, as ge2026-03-02T08:00:00Z; ne and ap are not known")
    try:
        first, after = _span(found)
    except (ValueError, OverflowError) as error:
        raise InvalidValueError(name, "is not in the calendar") from error
    return found[1] or "eq", first, after


def _span(found: re.Match[str]) -> tuple[datetime, datetime]:
    """Return the instants from and before which a date is, by how exactly it is said."""
    year, month, day = int(found[2]), int(found[3] or 1), int(found[4] or 1)
    hour, minute, second = (int(found[place] or 0) for place in (5, 6, 7))
    micro = int((found[8] or "0").ljust(6, "0"))
    zone = datetime.fromisoformat(f"2000-01-01T00:00:00{found[9]}").tzinfo if found[9] else LONDON
    first = datetime(year, month, day, hour, minute, second, micro, tzinfo=zone)
    if found[5]:
        exactly = timedelta(microseconds=10 ** (6 - len(found[8]))) if found[8] else None
        after = first.astimezone(UTC) + (exactly or timedelta(seconds=1 if found[7] else 60))
    elif found[4]:
        after = (first.replace(tzinfo=None) + timedelta(days=1)).replace(tzinfo=zone)
    elif found[3]:
        after = first.replace(year=year + month // 12, month=month % 12 + 1)
    else:
        after = first.replace(year=year + 1)
    if not 1900 <= first.year <= 2200:
        raise ValueError(year)
    return first.astimezone(UTC), after.astimezone(UTC)
