"""Who could be asked to cover hours that are short: entitled, with the skill, and not there yet in that half-day."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from typing import Final

from balancer.domain.half_days import HalfDay
from balancer.domain.instant import LONDON, local_instant
from balancer.domain.reporter import Reporter, SkillLevel
from balancer.web.field_words import in_words
from balancer.web.roster_hours import Held
from balancer.web.roster_words import half_words

# A session as rosters usually have it; an hour that has passed is not asked for.
_HOURS: Final = {False: (time(9), time(12)), True: (time(13), time(17))}
_LEVELS: Final = {SkillLevel.SPECIALIST: "specialist", SkillLevel.GENERAL: "general"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cover:
    """The form that asks for a session more: who could take it, with their trusts, and from when to when.

    ``link`` opens the form for one of them; ``nobody`` says why there is nobody to choose from.
    """

    heading: str
    people: Sequence[tuple[str, str]]
    begins: str
    ends: str
    at: str
    short: str
    nobody: str


def cover(  # noqa: PLR0913, PLR0917 - for which hours, from whom, who is there already
    people: Iterable[Reporter],
    held: Mapping[tuple[str, HalfDay], Held],
    away: Collection[tuple[str, HalfDay]],
    name: str,
    half: HalfDay,
    trusts: Collection[str],
    now: datetime,
) -> Cover:
    """Return who could report ``name`` in a half-day and is not there yet, specialists first, of these home trusts."""
    found = [
        (level, person)
        for person in people
        if person.home_trust in trusts
        and (level := _level(person, name)) >= SkillLevel.GENERAL
        and (person.reporter_id, half) not in held
        and (person.reporter_id, half) not in away
    ]
    found.sort(key=lambda item: (-item[0], item[1].name))
    begins, ends = (local_instant(datetime.combine(half.day, at)) for at in _HOURS[half.is_afternoon])
    return Cover(
        heading=f"Ask for a session: {in_words(name)}, {half_words(half)}",
        people=[
            (one.reporter_id, f"{one.name}, {one.home_trust}, {_LEVELS[SkillLevel(level)]}") for level, one in found
        ],
        begins=_field(max(begins, now)),
        ends=_field(ends if ends > now else half.end),
        at=half.code,
        short=name,
        nobody="Everybody who may report it is there already, at other work, or away.",
    )


def _level(person: Reporter, name: str) -> int:
    return max((level for (known, _), level in person.skills.items() if known == name), default=0)


def _field(instant: datetime) -> str:
    return f"{instant.astimezone(LONDON):%Y-%m-%dT%H:%M}"
