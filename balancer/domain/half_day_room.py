"""Hours spare or short by subspecialty and half-day, as a published plan leaves them: what is rostered against work.

Spare: rostered time in which nothing is planned, of everybody who may report the subspecialty; whoever may report two
is spare for both, so the rows do not add up. Short: the session time that it would take to read what falls due in the
half-day and is not done by then.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from balancer.domain.becoming_late import BecomingLate
from balancer.domain.half_days import HalfDay
from balancer.domain.reporter import REPORTING, Reporter, Session

_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What is left in a half-day for a subspecialty, in hours of sessions; ``studies`` become late in it."""

    rostered: float
    spare: float
    short: float
    studies: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Rostered:
    """What is rostered in a stretch of time: hours, by how many, and the share of what is left that is planned."""

    hours: float
    reporters: int
    filled: float | None


def room(  # noqa: PLR0913 - who, when, with what to do
    halves: Sequence[HalfDay],
    reporters: Iterable[Reporter],
    sessions: Iterable[Session],
    busy: Mapping[HalfDay, Mapping[str, float]],
    late: Iterable[BecomingLate],
    *,
    now: datetime,
    productivity: float,
) -> Mapping[tuple[str, HalfDay], Room]:
    """Return what is left for each subspecialty in each half-day, from ``now`` on.

    ``busy`` are the hours that a plan fills of each half-day, by reporter; ``productivity`` turns expected minutes into
    minutes of sessions.
    """
    held = [item for item in sessions if item.activity == REPORTING]
    free = _free(halves, held, busy, now)
    rostered, spare = (defaultdict[str, list[float]](lambda: [0.0] * len(halves)) for _ in range(2))
    for reporter in reporters:
        left = free.get(reporter.reporter_id, ())
        for subspecialty in _fields(reporter):
            whole_of_field, idle_of_field = rostered[subspecialty], spare[subspecialty]
            for place, (whole, idle) in enumerate(left):
                whole_of_field[place] += whole
                idle_of_field[place] += idle
    found = list(late)
    short = hours_short(found, productivity)
    studies = Counter((study.subspecialty, HalfDay.at(study.due_at)) for study in found)
    wanted = rostered.keys() | {name for name, _ in short}
    return {
        (name, half): Room(
            rostered=rostered[name][place],
            spare=spare[name][place],
            short=short.get((name, half), 0.0),
            studies=studies[name, half],
        )
        for name in wanted
        for place, half in enumerate(halves)
    }


def hours_short(late: Iterable[BecomingLate], productivity: float) -> dict[tuple[str, HalfDay], float]:
    """Return the session time that what a plan lets become late would take, by subspecialty and half-day, in hours."""
    found: dict[tuple[str, HalfDay], float] = defaultdict(float)
    for study in late:
        found[study.subspecialty, HalfDay.at(study.due_at)] += study.minutes / productivity / 60.0
    return dict(found)


def rostered(
    sessions: Iterable[Session], busy: Mapping[str, float], start: datetime, end: datetime, now: datetime
) -> Rostered:
    """Return what is rostered between two instants; only what is left of it from ``now`` on can be filled.

    ``busy`` are the hours of what is left that a plan fills, by reporter.
    """
    held = [item for item in sessions if item.activity == REPORTING and item.start < end and item.end > start]
    hours = sum(_overlap(item.start, item.end, start, end) for item in held)
    left = sum(_overlap(item.start, item.end, max(start, now), end) for item in held)
    people = {item.reporter_id for item in held}
    filled = sum(spent for reporter_id, spent in busy.items() if reporter_id in people)
    return Rostered(hours=hours, reporters=len(people), filled=min(filled / left, 1.0) if left else None)


def _free(
    halves: Sequence[HalfDay], sessions: Iterable[Session], busy: Mapping[HalfDay, Mapping[str, float]], now: datetime
) -> dict[str, list[tuple[float, float]]]:
    """Return of each half-day the hours that everybody is rostered for, and those in which nothing is planned."""
    bounds = [(max(half.start, now), half.end) for half in halves]
    whole: dict[str, list[float]] = defaultdict(lambda: [0.0] * len(halves))
    for session in sessions:
        for place, (begin, until) in enumerate(bounds):
            if session.start < until and session.end > begin:
                whole[session.reporter_id][place] += _overlap(session.start, session.end, begin, until)
    filled = [busy.get(half, {}) for half in halves]
    return {
        name: [(there, max(0.0, there - of_half.get(name, 0.0))) for there, of_half in zip(hours, filled, strict=True)]
        for name, hours in whole.items()
    }


def _overlap(start: datetime, end: datetime, begin: datetime, until: datetime) -> float:
    return max(min(end, until) - max(start, begin), timedelta()) / _HOUR


def _fields(reporter: Reporter) -> set[str]:
    return {subspecialty for subspecialty, _ in reporter.skills}
