"""Reporters by time: who reads what when, in blocks of one class, and what a plan that waits would change of it.

Places along a row are percentages, so that a drawing needs no script and no width of its own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from balancer.domain.instant import LONDON, day_of, end_of_day
from balancer.domain.overrides import Shift
from balancer.domain.reporter import REPORTING, Reporter, Session
from balancer.store.planned_days import DayOf, DayPart
from balancer.store.plans import Spot
from balancer.web.field_words import in_words
from balancer.web.gantt_shapes import Gantt, GanttRow, Stretch, Tick, Window, clock_words

_HOUR: Final = timedelta(hours=1)
_LEAST: Final = timedelta(hours=4)
_SKILLS: Final = 3


def day_span(day: date, now: datetime) -> tuple[datetime, datetime]:
    """Return the part of a day in London that is still to come."""
    return max(end_of_day(day - timedelta(days=1)), now), end_of_day(day)


def part_of(shifts: Iterable[Shift], day: date, now: datetime) -> DayPart:
    """Return what of a day is looked at, and the whole hours of it that are drawn."""
    start, end = day_span(day, now)
    window = _window([item.session for item in shifts if _is_in(item, start, end)], start, end)
    return DayPart(start=start, end=end, drawn_from=window.start, drawn_until=window.end, now=now)


def gantt(  # noqa: PLR0913 - who, when, with what to read, on which day
    reporters: Sequence[Reporter],
    shifts: Iterable[Shift],
    days: Mapping[str, DayOf],
    part: DayPart,
    *,
    day: date,
    elsewhere: Iterable[tuple[Spot | None, Spot | None]] = (),
) -> Gantt:
    """Return the day of everybody who is rostered or has something to read in it, in the order of ``reporters``.

    ``days`` has what they read, counted; ``elsewhere`` is where they read for trusts beyond reach, in the plan in
    force and in the one that waits. Nothing is drawn in the rows yet.
    """
    held: dict[str, list[Shift]] = defaultdict(list)
    for shift in shifts:
        if _is_in(shift, part.start, part.end):
            held[shift.session.reporter_id].append(shift)
    window, now = Window(start=part.drawn_from, end=part.drawn_until), part.now
    hidden = list(elsewhere)
    had, has = (_by_whom([pair[place] for pair in hidden], window) for place in (0, 1))
    makes, there = _Rows(window=window, now=now), held.keys() | days.keys()
    rows = [
        makes.row(
            person,
            held[person.reporter_id],
            days.get(person.reporter_id, DayOf()),
            hidden=(had[person.reporter_id], has[person.reporter_id]),
        )
        for person in reporters
        if person.reporter_id in there
    ]
    return Gantt(
        day=day,
        window=window,
        ticks=_ticks(window),
        now_at=window.place(now) if window.start <= now < window.end else None,
        rows=rows,
    )


def _is_in(shift: Shift, start: datetime, end: datetime) -> bool:
    return shift.session.start < end and shift.session.end > start


def _window(sessions: Sequence[Session], start: datetime, end: datetime) -> Window:
    """Return whole hours from the first session of the day, or now, to the last; four hours at least."""
    first = max(min((item.start for item in sessions), default=start), start)
    last = min(max((item.end for item in sessions), default=end), end)
    begins = first.replace(minute=0, second=0, microsecond=0)
    whole = last.replace(minute=0, second=0, microsecond=0)
    return Window(start=begins, end=max(whole if whole == last else whole + _HOUR, begins + _LEAST))


def _ticks(window: Window) -> list[Tick]:
    hours = int((window.end - window.start) / _HOUR)
    step = 1 if hours <= 13 else 2 if hours <= 26 else 4
    found = [window.start + _HOUR * number for number in range(0, hours, step)]
    return [Tick(place=window.place(instant), label=f"{instant.astimezone(LONDON):%H:%M}") for instant in found]


def _by_whom(spots: Iterable[Spot | None], window: Window) -> Mapping[str, Sequence[Spot]]:
    found: dict[str, list[Spot]] = defaultdict(list)
    for spot in spots:
        if spot is not None and window.holds(spot.start, spot.end):
            found[spot.reporter_id].append(spot)
    for theirs in found.values():
        theirs.sort(key=lambda spot: spot.start)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rows:
    """Makes rows of one window."""

    window: Window
    now: datetime

    def row(
        self, person: Reporter, shifts: Sequence[Shift], day: DayOf, hidden: tuple[Sequence[Spot], Sequence[Spot]]
    ) -> GanttRow:
        """Return a reporter's row."""
        reporting = sorted(
            (shift.session for shift in shifts if shift.session.activity == REPORTING), key=lambda item: item.start
        )
        seconds = sum(self._left(item.start, item.end) for item in reporting)
        # what somebody reads in a session on a roster beyond reach fills none of those within
        known = {item.session_id for item in reporting}
        had, has = ([spot for spot in spots if spot.session_id in known] for spots in hidden)
        return GanttRow(
            reporter_id=person.reporter_id,
            name=person.name,
            trust=person.home_trust,
            skills=skill_words(person),
            sessions=[self._stretch(item.start, item.end) for item in reporting],
            when=", ".join(f"{clock_words(item.start)} to {clock_words(item.end)}" for item in reporting),
            other=[
                self._stretch(item.start, item.end, item.activity.replace("_", " ").capitalize())
                for item in (shift.session for shift in shifts)
                if item.activity != REPORTING
            ],
            elsewhere=self._stretches([spot for spot in has if spot.end > self.now]),
            withheld=len(has),
            hours=seconds / 3600.0,
            filled=self._share(day.fills, known, has, seconds),
            was=self._share(day.filled, known, had, seconds),
            came=day.came,
            left=day.left,
            late=day.late,
            behind=day.behind,
            by_class=day.by_class,
        )

    def _left(self, start: datetime, end: datetime) -> float:
        """Return how many seconds of a stretch are still to come within the window."""
        stretch = min(end, self.window.end) - max(start, self.now, self.window.start)
        return max(stretch.total_seconds(), 0.0)

    def _share(
        self, fills: Mapping[str, float], known: Collection[str], unseen: Iterable[Spot], seconds: float
    ) -> float | None:
        """Return how much of what is left of the ``known`` sessions is filled, by what is seen and by what is not."""
        if not seconds:
            return None
        seen = sum(spent for session_id, spent in fills.items() if session_id in known)
        return (seen + sum(self._left(spot.start, spot.end) for spot in unseen)) / seconds

    def _stretches(self, spots: Iterable[Spot]) -> list[Stretch]:
        """Return spots that follow each other in a session as one stretch."""
        joined: list[tuple[datetime, datetime]] = []
        for spot in spots:
            if joined and spot.start <= joined[-1][1]:
                joined[-1] = (joined[-1][0], max(joined[-1][1], spot.end))
            else:
                joined.append((spot.start, spot.end))
        return [self._stretch(start, end) for start, end in joined]

    def _stretch(self, start: datetime, end: datetime, words: str = "") -> Stretch:
        place = self.window.place(max(start, self.now))
        return Stretch(place=place, width=round(self.window.place(end) - place, 3), words=words)


def skill_words(person: Reporter) -> str:
    """Return what somebody reads best: `Neuro 3, Head and neck 2`, and how many more."""
    best: dict[str, int] = {}
    for (subspecialty, _), level in person.skills.items():
        best[subspecialty] = max(best.get(subspecialty, 0), int(level))
    found = sorted(best.items(), key=lambda one: (-one[1], one[0]))
    said = [f"{in_words(name)} {level}" for name, level in found[:_SKILLS]]
    more = len(found) - _SKILLS
    return ", ".join([*said, *([f"{more} more"] if more > 0 else [])])


def days_ahead(now: datetime, count: int) -> list[date]:
    """Return the days in London from today on."""
    return [day_of(now) + timedelta(days=number) for number in range(count)]
