"""The words of the rosters' page: what half-days are called, and which of them are short."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final

from balancer.domain.half_days import HalfDay
from balancer.web.field_words import within_sentence

# This much short is more than one reporter can be asked for.
VERY_SHORT_HOURS: Final = 2.0
_NUMBERS: Final = ("No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine")
_NAMED: Final = 3


def half_words(half: HalfDay) -> str:
    """Return a half-day in words: `Tue 3 March morning`."""
    return f"{half.day:%a} {half.day.day} {half.day:%B} {'afternoon' if half.is_afternoon else 'morning'}"


def week_sentence(
    hours: Mapping[str, Mapping[HalfDay, float]], monday: date, *, is_rostered: bool, is_planned: bool
) -> str:
    """Return what the page says first; ``hours`` are those short, by subspecialty and half-day.

    ``is_rostered``: anybody has a session in the week. ``is_planned``: lists have been published.
    """
    week = f"Week of {monday.day} {monday:%B}."
    if not is_rostered:
        return f"{week} No rota that has come says anything of it."
    if not is_planned:
        return f"{week} No plan has been published yet: what is rostered is shown, and nothing of it is filled."
    found = sorted(
        ((-late, half, name) for name, of_field in hours.items() for half, late in of_field.items()),
        key=lambda item: (item[0], item[1], item[2]),
    )
    very = [(half, name) for late, half, name in found if -late > VERY_SHORT_HOURS]
    if not very:
        return f"{week} No half-day is more than {VERY_SHORT_HOURS:g} hours short."
    return f"{week} {_counted(len(very))} more than {VERY_SHORT_HOURS:g} hours short: {_listed(very)}."


def _counted(count: int) -> str:
    number = _NUMBERS[count] if count < len(_NUMBERS) else f"{count:,}"
    return f"{number} half-day is" if count == 1 else f"{number} half-days are"


def _listed(found: Sequence[tuple[HalfDay, str]]) -> str:
    words = [f"{within_sentence(name)} {_when(half)}" for half, name in found[:_NAMED]]
    more = len(found) - len(words)
    return ", ".join(words) + (f", and {more:,} more" if more else "")


def _when(half: HalfDay) -> str:
    return f"{half.day:%A} {'afternoon' if half.is_afternoon else 'morning'}"
