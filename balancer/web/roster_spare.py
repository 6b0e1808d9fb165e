"""Hours spare or short by subspecialty and half-day, as they stand below the week's grid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from balancer.domain.half_days import HalfDay
from balancer.web.field_words import in_words
from balancer.web.roster_grid import Asked
from balancer.web.roster_hours import Hours
from balancer.web.roster_words import VERY_SHORT_HOURS, half_words

# Less than this spare is tight; hours that would be printed as nought are none.
_TIGHT_HOURS: Final = 1.0
_LEAST_HOURS: Final = 0.05


class Level(StrEnum):
    """How a subspecialty stands in a half-day; also the name of its look."""

    SPARE = "spare"
    TIGHT = "tight"
    SHORT = "short"
    VERY_SHORT = "very-short"
    NONE = "none"
    OVER = "over"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spare:
    """Hours of a subspecialty in a half-day: with its sign, or a triangle if they are short."""

    half: HalfDay
    level: Level
    words: str
    name: str
    link: str
    here: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldRow:
    """A subspecialty's row below the grid."""

    field: str
    words: str
    cells: Sequence[Spare]


def field_rows(
    hours: Mapping[str, Mapping[HalfDay, Hours]],
    halves: Sequence[HalfDay],
    asked: Asked,
    now: datetime,
    *,
    may_open: bool,
) -> list[FieldRow]:
    """Return a row for each subspecialty, the shortest first; ``may_open``: its cells lead to the reads behind them."""

    def shortest(name: str) -> tuple[float, str]:
        return -sum(of_half.late for of_half in hours[name].values()), name

    return [
        FieldRow(
            field=name,
            words=in_words(name),
            cells=[
                _spare(name, half, hours[name].get(half, Hours()), asked, now, may_open=may_open) for half in halves
            ],
        )
        for name in sorted(hours, key=shortest)
    ]


def _spare(  # noqa: PLR0913 - which cell, how it stands, for whom
    name: str, half: HalfDay, found: Hours, asked: Asked, now: datetime, *, may_open: bool
) -> Spare:
    level, words, said = (Level.OVER, "", "over") if half.end <= now else _stands(found)
    return Spare(
        half=half,
        level=level,
        words=words,
        name=f"{in_words(name)}, {half_words(half)}: {said}",
        link="" if level is Level.OVER or not may_open else asked.address(short=name, at=half.code) + "#open",
        here=asked.short == name and asked.half == half,
    )


def _stands(found: Hours) -> tuple[Level, str, str]:
    if found.late >= _LEAST_HOURS:
        level = Level.VERY_SHORT if found.late >= VERY_SHORT_HOURS else Level.SHORT
        return level, f"▼ {found.late:.1f}", f"{found.late:.1f} hours short"
    if found.free < _LEAST_HOURS:
        return Level.NONE, "0", "0 hours spare"
    level = Level.TIGHT if found.free < _TIGHT_HOURS else Level.SPARE
    return level, f"+{found.free:.1f}", f"{found.free:.1f} hours spare"
