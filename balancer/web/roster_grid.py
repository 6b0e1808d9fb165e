"""The week's grid as it is shown: reporters by half-days."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final
from urllib.parse import urlencode

from balancer.domain.half_days import HalfDay
from balancer.domain.instant import day_of
from balancer.domain.instruction import Instruction, InstructionKind
from balancer.domain.overrides import span
from balancer.domain.reporter import Reporter, SkillLevel
from balancer.web.field_words import in_words
from balancer.web.roster_hours import Held, WeekOfHours, fields_of
from balancer.web.roster_words import half_words

_HOUR: Final = timedelta(hours=1)
_FIELDS_SHOWN: Final = 2


class Kind(StrEnum):
    """What somebody does in a half-day; also the name of its look in the style sheet."""

    REPORTING = "reporting"
    EMERGENCIES = "emergencies"
    OTHER = "other"
    AWAY = "away"
    FREE = "free"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A half-day of somebody's: in words, filled how far (0 to 100; ``None``: nothing is left of it).

    ``name`` says all of it for whoever does not see it. ``differs``: the rota says otherwise.
    """

    half: HalfDay
    kind: Kind
    words: str
    name: str
    link: str
    filled: int | None = None
    here: bool = False
    differs: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A row of the grid."""

    reporter_id: str
    name: str
    link: str
    trust: str
    fields: str
    cells: Sequence[Cell]
    hours: str
    here: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """A day of the week's head; ``shown`` is the one that a phone shows."""

    day: date
    words: str
    is_today: bool
    is_weekend: bool
    shown: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What of the week is asked for: which, whose, which cell is open."""

    monday: date
    trust: str = ""
    subspecialty: str = ""
    name: str = ""
    page: int = 1
    reporter_id: str = ""
    half: HalfDay | None = None
    short: str = ""
    day: date | None = None

    def address(self, **changes: object) -> str:
        """Return the address of the same with some of it changed; what becomes empty is left out."""
        asked: dict[str, object] = {
            "week": self.monday.isoformat(),
            "trust": self.trust,
            "subspecialty": self.subspecialty,
            "q": self.name,
            "page": self.page if self.page > 1 else "",
        }
        asked |= changes
        return f"/rosters?{urlencode({name: str(value) for name, value in asked.items() if value})}"


def days_of(halves: Sequence[HalfDay], asked: Asked, now: datetime) -> list[Day]:
    """Return the days of the head; a phone shows the one of the open cell, or today's, or the first."""
    today = day_of(now)
    days = [half.day for half in halves if not half.is_afternoon]
    wanted = asked.half.day if asked.half is not None else asked.day or today
    shown = wanted if wanted in days else days[0]
    return [
        Day(
            day=day,
            words=f"{day:%a} {day.day}",
            is_today=day == today,
            is_weekend=day.weekday() >= 5,
            shown=day == shown,
        )
        for day in days
    ]


def people_of(  # noqa: PLR0913 - who, in which week, as it holds
    people: Sequence[Reporter],
    halves: Sequence[HalfDay],
    week: WeekOfHours,
    *,
    away: Collection[tuple[str, HalfDay]],
    changed: Collection[tuple[str, HalfDay]],
    asked: Asked,
) -> list[Person]:
    """Return the rows of the grid; ``away`` and ``changed`` are half-days of reporters."""
    return [_person(person, halves, week, away, changed, asked) for person in people]


def away_in(absences: Iterable[Instruction], halves: Sequence[HalfDay]) -> set[tuple[str, HalfDay]]:
    """Return the half-days in which reporters are entered as away, at least for a part."""
    spans = [(item.reporter_id or "", *span(item)) for item in absences if item.kind is InstructionKind.ABSENCE]
    return {(who, half) for who, start, end in spans for half in halves if half.overlap(start, end)}


def _person(  # noqa: PLR0913, PLR0917
    person: Reporter,
    halves: Sequence[HalfDay],
    week: WeekOfHours,
    away: Collection[tuple[str, HalfDay]],
    changed: Collection[tuple[str, HalfDay]],
    asked: Asked,
) -> Person:
    own = [(half, week.held.get((person.reporter_id, half), Held())) for half in halves]
    total = sum((held.rostered for _, held in own), timedelta())
    cells = [
        _cell(
            person,
            half,
            held,
            asked,
            is_away=(person.reporter_id, half) in away,
            differs=(person.reporter_id, half) in changed,
        )
        for half, held in own
    ]
    return Person(
        reporter_id=person.reporter_id,
        name=person.name,
        link=f"/reporters/{person.reporter_id}",
        trust=person.home_trust,
        fields=fields_words(person),
        cells=cells,
        hours=f"{total / _HOUR:.1f}",
        here=asked.reporter_id == person.reporter_id,
    )


def _cell(  # noqa: PLR0913
    person: Reporter, half: HalfDay, held: Held, asked: Asked, *, is_away: bool, differs: bool
) -> Cell:
    kind, words, said = _what(held, is_away=is_away)
    filled = round(100 * held.share) if kind in _REPORTS and held.share is not None else None
    filled_words = "" if filled is None else f", {filled}% filled"
    differs_words = ", not as the rota says" if differs else ""
    return Cell(
        half=half,
        kind=kind,
        words=words,
        name=f"{person.name}, {half_words(half)}: {said}{filled_words}{differs_words}",
        link=asked.address(reporter=person.reporter_id, at=half.code) + "#open",
        filled=filled,
        here=asked.reporter_id == person.reporter_id and asked.half == half,
        differs=differs,
    )


_REPORTS: Final = frozenset({Kind.REPORTING, Kind.EMERGENCIES})


def _what(held: Held, *, is_away: bool) -> tuple[Kind, str, str]:
    """Return what somebody does in a half-day: its look, its words, and said in full."""
    hours = f"{held.rostered / _HOUR:.1f} h"
    if held.rostered and held.emergency_only:
        return Kind.EMERGENCIES, hours, f"{hours} for emergencies only"
    if held.rostered:
        return Kind.REPORTING, hours, f"{hours} reporting"
    if is_away:
        return Kind.AWAY, "Away", "away"
    if held.other:
        names = ", ".join(sorted(name.replace("_", " ").capitalize() for name in held.other))
        return Kind.OTHER, names, names
    return Kind.FREE, "", "nothing rostered"


def fields_words(person: Reporter) -> str:
    """Return what somebody reports best, with the level: `Neuro 3, MSK 3`."""
    best = fields_of(person, SkillLevel.FALLBACK)[:_FIELDS_SHOWN]
    levels = {name: max(level for (known, _), level in person.skills.items() if known == name) for name in best}
    return ", ".join(f"{in_words(name)} {int(levels[name])}" for name in best)
