"""Attribute matching (PS3.4, C.2.2.2): universal, single value, list, wild card, range; fuzzy matching is not done."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from fnmatch import translate
from functools import lru_cache
from typing import Final, NamedTuple

from balancer.domain.errors import InvalidValueError
from balancer.domain.instant import LONDON
from balancer.publish.ups.attributes import vr_of

EMPTY: Final = '""'
_TEXTS: Final = frozenset(["AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"])
_TIMES: Final = frozenset({"DA", "DT"})
_INSTANT: Final = r"(\d{4})(\d\d)?(\d\d)?(\d\d)?(\d\d)?(\d\d)?(?:\.(\d{1,6}))?([+-]\d{4})?"
_ONE: Final = re.compile(_INSTANT, re.ASCII)
_FROM_TO: Final = re.compile(rf"({_INSTANT})?-({_INSTANT})?", re.ASCII)
_HOURS: Final = 14
_FAR: Final = (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))


class Span(NamedTuple):
    """From one instant until before another."""

    begin: datetime
    end: datetime


def matches(keyword: str, asked: str, values: Iterable[str], *, several: bool = False, empty: bool = False) -> bool:
    """Tell whether one of the values of an attribute is what is asked for.

    Raises
    ------
    InvalidValueError
        If what is asked for cannot be a value of it, nor a range.
    """
    vr, have = vr_of(keyword), list(values)
    if is_universal(vr, asked):
        return True
    if empty and asked == EMPTY:
        return not any(have)
    given = [value for value in have if value]
    return any(_is(vr, each, given) for each in choices(vr, asked, several=several))


def is_universal(vr: str, asked: str) -> bool:
    """Tell whether whatever there is matches: nothing is asked for, or nothing but ``*``."""
    return not asked or vr == "SQ" or (vr in _TEXTS and not asked.strip("*"))


def choices(vr: str, asked: str, *, several: bool) -> list[str]:
    """Return the values any of which will do: a list of UIDs always is one, of others if it was said to be."""
    if vr == "UI" or several:
        return [part for part in re.split(r"[\\,]", asked) if part]
    return [asked]


def _is(vr: str, asked: str, values: list[str]) -> bool:
    if vr in _TIMES:
        span = span_of(asked)
        return any(_overlaps(span, value) for value in values)
    if is_universal(vr, asked):  # one of several
        return True
    if vr == "PN":
        return any(pattern_of(asked.casefold()).fullmatch(value.casefold()) for value in values)
    if vr in _TEXTS:
        return any(pattern_of(asked).fullmatch(value) for value in values)
    return asked in values


@lru_cache(maxsize=4_096)
def pattern_of(asked: str) -> re.Pattern[str]:
    """Return what a value with ``*`` (any characters) and ``?`` (any one) matches; brackets mean themselves.

    Patterns of file names are compiled so that what a ``*`` has passed over is not tried again: ``*?*?*?`` takes no
    longer than its length says.
    """
    return re.compile(translate(asked.replace("[", "[[]")))


def span_of(asked: str) -> Span:
    """Return the time that a value or a range of DA or DT covers; a value covers all that it leaves open.

    Four digits behind a hyphen are an offset from UTC if they can be one (PS3.4, C.2.2.2.5.3).

    Raises
    ------
    InvalidValueError
        If it is neither.
    """
    one = _ONE.fullmatch(asked)
    if one is not None and _has_offset(one.group(8)):
        return _span(one)
    both = _FROM_TO.fullmatch(asked)
    if both is None or asked == "-":
        raise InvalidValueError("query", "is not a date or time, nor a range of them")
    low, high = both.group(1), both.group(10)
    begin = _FAR[0] if low is None else _of(low).begin
    return Span(begin, _FAR[1] if high is None else _of(high).end)


def begin_of(text: str) -> datetime:
    """Return the first instant that a value of DA or DT covers; without an offset it is London's.

    Raises
    ------
    InvalidValueError
        If it is none.
    """
    return _of(text).begin


def _of(text: str) -> Span:
    found = _ONE.fullmatch(text)
    if found is None or not _has_offset(found.group(8)):
        raise InvalidValueError("query", "is not a date or time")
    return _span(found)


def _has_offset(offset: str | None) -> bool:
    return offset is None or (int(offset[1:3]) <= _HOURS and int(offset[3:]) < 60)


def _span(found: re.Match[str]) -> Span:
    *parts, fraction, offset = found.groups()
    given = [int(part) for part in parts if part is not None]
    try:
        begin, length = _begin_and_length(given, fraction)
        begin = begin.replace(tzinfo=_zone(offset))
        return Span(begin.astimezone(UTC), (begin + length).astimezone(UTC))
    except (ValueError, OverflowError) as error:
        raise InvalidValueError("query", "is not a date or time") from error


def _begin_and_length(given: list[int], fraction: str | None) -> tuple[datetime, timedelta]:
    begin = datetime(*[*given, 1, 1][: max(3, len(given))])  # type: ignore[arg-type]  # noqa: DTZ001 - its zone comes
    if fraction is not None:
        begin = begin.replace(microsecond=int(fraction.ljust(6, "0")))
        return begin, timedelta(microseconds=10 ** (6 - len(fraction)))
    days = {1: 366 if monthrange(begin.year, 2)[1] == 29 else 365, 2: monthrange(begin.year, begin.month)[1], 3: 1}
    units = {4: timedelta(hours=1), 5: timedelta(minutes=1), 6: timedelta(seconds=1)}
    return begin, units.get(len(given)) or timedelta(days=days[len(given)])


def _zone(offset: str | None) -> tzinfo:
    if offset is None:
        return LONDON  # of the application itself (PS3.5, 6.2)
    away = timedelta(hours=int(offset[1:3]), minutes=int(offset[3:]))
    return timezone(-away if offset[0] == "-" else away)


def _overlaps(span: Span, value: str) -> bool:
    found = _ONE.fullmatch(value)
    return found is not None and span.begin <= _span(found).begin < span.end
