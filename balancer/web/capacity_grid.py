"""Hours spare or short by subspecialty and half-day: the sign, the shape and the tone of each cell say the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from urllib.parse import urlencode

from balancer.domain.half_day_room import Room
from balancer.domain.half_days import HalfDay
from balancer.web.field_words import in_words
from balancer.web.remedies import where_cover_is_found
from balancer.web.studies_list import half_words

_TIGHT_HOURS: Final = 1.0
_FAR_SHORT_HOURS: Final = 2.0
# Less than three minutes is neither spare nor short.
_NOTHING: Final = 0.05


class Tone(StrEnum):
    """How a cell is drawn."""

    NONE = "none"
    SPARE = "spare"
    TIGHT = "tight"
    SHORT = "short"
    FAR_SHORT = "far-short"


@dataclass(frozen=True, slots=True, kw_only=True)
class GridCell:
    """A half-day of a subspecialty: its hours with their sign, and in words for whoever does not see it."""

    half: HalfDay
    room: Room
    text: str
    tone: Tone
    words: str
    link: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GridRow:
    """A subspecialty's half-days."""

    name: str
    cells: Sequence[GridCell]


@dataclass(frozen=True, slots=True, kw_only=True)
class CapacityGrid:
    """The grid; ``heads`` are half-days in words."""

    heads: Sequence[str]
    rows: Sequence[GridRow]


def capacity_grid(
    found: Mapping[tuple[str, HalfDay], Room], halves: Sequence[HalfDay], *, listed: bool, rosters: bool
) -> CapacityGrid:
    """Return the grid, what is shortest of hours first.

    What becomes late leads to its studies if they are ``listed``, what is spare to who has the time on the ``rosters``.
    """
    fields = {name for name, _ in found}

    def shortest(name: str) -> tuple[float, str]:
        return (-sum(found[name, half].short for half in halves), name)

    return CapacityGrid(
        heads=[f"{half.day:%a} {'pm' if half.is_afternoon else 'am'}" for half in halves],
        rows=[
            GridRow(
                name=in_words(name),
                cells=[_cell(name, half, found[name, half], listed=listed, rosters=rosters) for half in halves],
            )
            for name in sorted(fields, key=shortest)
        ],
    )


def _cell(name: str, half: HalfDay, room: Room, *, listed: bool, rosters: bool) -> GridCell:
    tone = _tone(room)
    is_short = tone in {Tone.SHORT, Tone.FAR_SHORT}
    asked = {"late": "planned", "due": half.code, "subspecialty": name}
    link = f"/studies?{urlencode(asked)}" if listed and room.studies else ""
    if not link and rosters and room.rostered:
        link = where_cover_is_found(name, half)
    return GridCell(
        half=half,
        room=room,
        text=f"{room.short:,.1f}" if is_short else _spare(room),
        tone=tone,
        words=f"{in_words(name)}, {half_words(half)}: {_words(room)}",
        link=link,
    )


def _tone(room: Room) -> Tone:
    if room.short >= _FAR_SHORT_HOURS:
        return Tone.FAR_SHORT
    if room.short >= _NOTHING:
        return Tone.SHORT
    if not room.rostered:
        return Tone.NONE
    return Tone.SPARE if room.spare >= _TIGHT_HOURS else Tone.TIGHT


def _spare(room: Room) -> str:
    if not room.rostered:
        return "0"
    return f"+{room.spare:,.1f}" if room.spare >= _NOTHING else "0"


def _words(room: Room) -> str:
    if room.short >= _NOTHING:
        late = f"{room.studies:,} {'study becomes' if room.studies == 1 else 'studies become'} late"
        return f"short of {room.short:,.1f} h, {late}, {room.spare:,.1f} h spare"
    if not room.rostered:
        return "nobody is rostered, and nothing becomes late"
    return f"{room.spare:,.1f} h spare of {room.rostered:,.1f} h"
