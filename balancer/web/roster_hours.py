"""What a week's half-days hold: hours rostered and filled by reporter, hours spare or short by subspecialty."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from balancer.domain.half_days import HalfDay
from balancer.domain.overrides import Shift
from balancer.domain.reporter import REPORTING, Reporter, SkillLevel
from balancer.store.planned_time import Planned, ShortRead

_HOUR: Final = timedelta(hours=1)
_NONE: Final = timedelta()


@dataclass(slots=True, kw_only=True)
class Held:
    """What holds of one reporter in one half-day.

    ``rostered`` is reporting time, ``left`` what of it is still to come, ``planned`` what of that the plan fills.
    ``emergency_only``: no session takes anything else. ``other`` are other activities by name.
    """

    rostered: timedelta = _NONE
    left: timedelta = _NONE
    planned: timedelta = _NONE
    emergency_only: bool = False
    other: set[str] = field(default_factory=set)

    @property
    def share(self) -> float | None:
        """How much of what is left is filled, from 0 to 1; ``None`` if nothing is left."""
        return min(self.planned / self.left, 1.0) if self.left else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """What one subspecialty has in one half-day, in hours.

    ``free``: time that the plan leaves to those who report it. ``late``: work due in it that the plan ends later, or
    has no place for. Free time beside late work is no use to it: it comes after it is due, or where nobody is entitled.
    """

    free: float = 0.0
    late: float = 0.0


class WeekOfHours:
    """The hours of a week, as they hold and are planned at ``now``.

    ``shifts`` are those that hold, of everybody who counts; ``planned`` is the time that current lists fill.
    """

    def __init__(
        self, halves: Sequence[HalfDay], shifts: Iterable[Shift], planned: Iterable[Planned], now: datetime
    ) -> None:
        self._halves, self._now = halves, now
        self._bounds = [*(half.start for half in halves), halves[-1].end]
        self.held: dict[tuple[str, HalfDay], Held] = defaultdict(Held)
        self._free: dict[tuple[str, HalfDay], list[tuple[Shift, timedelta]]] = defaultdict(list)
        theirs: dict[str, list[Shift]] = defaultdict(list)
        for shift in shifts:
            theirs[shift.session.reporter_id].append(shift)
        filled = self._filled(theirs, planned)
        for shift in (shift for of_one in theirs.values() for shift in of_one):
            self._add(shift, filled)

    def spare(
        self, people: Mapping[str, Reporter], short: Iterable[ShortRead], productivity: float
    ) -> dict[str, dict[HalfDay, Hours]]:
        """Return the hours of each subspecialty, of those that anybody reports or that are short anywhere.

        A reporter's free time counts for every subspecialty that they report at level 2 or more: it is there once.
        What has no place takes its expected minutes by the policy's ``productivity``, as it would in a session.
        """
        free: dict[str, dict[HalfDay, float]] = defaultdict(lambda: defaultdict(float))
        late: dict[str, dict[HalfDay, float]] = defaultdict(lambda: defaultdict(float))
        fields = {reporter_id: fields_of(person, SkillLevel.GENERAL) for reporter_id, person in people.items()}
        for (reporter_id, half), sessions in self._free.items():
            for name in fields.get(reporter_id, ()):
                free[name][half] += sum((left for shift, left in sessions if _takes(shift, name)), _NONE) / _HOUR
        for read in short:
            late[read.subspecialty][HalfDay.at(read.due_at)] += clock_time(read, productivity) / _HOUR
        return {
            name: {
                half: Hours(free=free[name].get(half, 0.0), late=late[name].get(half, 0.0))
                for half in dict.fromkeys((*free[name], *late[name]))
            }
            for name in dict.fromkeys((*free, *late))
        }

    def _add(self, shift: Shift, filled: Mapping[tuple[str, HalfDay], timedelta]) -> None:
        session = shift.session
        for half, start, end in self._pieces(session.start, session.end):
            held = self.held[session.reporter_id, half]
            if session.activity != REPORTING:
                held.other.add(session.activity)
                continue
            left = max(end - max(start, self._now), _NONE)
            planned = min(filled.get((session.session_id, half), _NONE), left)
            held.emergency_only = bool(session.priorities) and (held.emergency_only or not held.rostered)
            held.rostered += end - start
            held.left += left
            held.planned += planned
            self._free[session.reporter_id, half].append((shift, left - planned))

    def _filled(
        self, theirs: Mapping[str, list[Shift]], planned: Iterable[Planned]
    ) -> dict[tuple[str, HalfDay], timedelta]:
        """Return how much of each session the plan fills in each half-day, from now on."""
        begins: dict[str, list[datetime]] = {}
        for reporter_id, shifts in theirs.items():
            shifts.sort(key=lambda shift: shift.session.start)
            begins[reporter_id] = [shift.session.start for shift in shifts]
        found: dict[tuple[str, HalfDay], timedelta] = defaultdict(timedelta)
        for one in planned:
            for place, start, end in _by_session(one, begins.get(one.reporter_id, ())):
                session = theirs[one.reporter_id][place].session
                for half, first, last in self._pieces(max(start, self._now), min(end, session.end)):
                    found[session.session_id, half] += last - first
        return found

    def _pieces(self, start: datetime, end: datetime) -> Iterator[tuple[HalfDay, datetime, datetime]]:
        """Yield what of a time lies in each half-day of the week."""
        place = max(bisect_right(self._bounds, start) - 1, 0)
        while place < len(self._halves) and self._bounds[place] < end:
            first, last = max(start, self._bounds[place]), min(end, self._bounds[place + 1])
            if first < last:
                yield self._halves[place], first, last
            place += 1


def _by_session(planned: Planned, begins: Sequence[datetime]) -> Iterator[tuple[int, datetime, datetime]]:
    """Yield what of a stretch of reading begins in which session: its place among those that ``begins`` has.

    What begins before the first has lost its session: the next mending gives it to somebody else.
    """
    start = planned.start
    while start < planned.end:
        place = bisect_right(begins, start) - 1
        end = min(planned.end, begins[place + 1]) if place + 1 < len(begins) else planned.end
        if place >= 0:
            yield place, start, end
        start = end


def fields_of(person: Reporter, least: SkillLevel) -> list[str]:
    """Return the subspecialties that somebody reports at a level at least, best first."""
    levels: dict[str, int] = defaultdict(int)
    for (name, _), level in person.skills.items():
        levels[name] = max(levels[name], level)
    return sorted((name for name, level in levels.items() if level >= least), key=lambda name: (-levels[name], name))


def clock_time(read: ShortRead, productivity: float) -> timedelta:
    """Return how much of a session a read takes: as the plan has it, or as it would on average."""
    if read.planned_start is not None and read.planned_end is not None:
        return read.planned_end - read.planned_start
    return timedelta(minutes=read.minutes / productivity)


def _takes(shift: Shift, subspecialty: str) -> bool:
    """Tell whether a session takes any study of a subspecialty that comes."""
    session = shift.session
    return not session.priorities and (not session.subspecialties or subspecialty in session.subspecialties)
