"""Reporters by time: who reads what when, in blocks of one class, and what a plan that waits would change of it.

Places along a row are percentages, so that a drawing needs no script and no width of its own.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final

from balancer.domain.instant import LONDON, day_of, end_of_day
from balancer.domain.overrides import Shift
from balancer.domain.reporter import REPORTING, Reporter
from balancer.store.plans import PlannedRead, Spot
from balancer.web.class_marks import ClassMark, mark_of

_HOUR: Final = timedelta(hours=1)
_LEAST: Final = timedelta(hours=4)
# Reads begin on whole seconds: what lies closer together follows.
_GAP: Final = timedelta(minutes=1)
# Narrower than this a block holds no letter and is no target for a finger: its row's name opens its reads.
_WIDE: Final = 3.2
# And so wide it holds a mark beside them.
_ROOMY: Final = 5.5
_SKILLS: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The stretch of a day that is drawn."""

    start: datetime
    end: datetime

    def place(self, instant: datetime) -> float:
        """Return where an instant stands, in percent of the width."""
        share = (instant - self.start) / (self.end - self.start)
        return round(100 * min(max(share, 0.0), 1.0), 3)

    def holds(self, start: datetime, end: datetime) -> bool:
        """Tell whether a stretch of time reaches into it."""
        return start < self.end and end > self.start


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A full hour on the axis."""

    place: float
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """A session as it is drawn; ``words`` is what somebody does in it who does not report."""

    place: float
    width: float
    words: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Consecutive reads of one class; ``came`` of them move in, ``late`` end after they are due."""

    place: float
    width: float
    start: datetime
    end: datetime
    mark: ClassMark
    reads: Sequence[PlannedRead]
    came: int
    late: int
    pinned: int
    name: str

    @property
    def is_wide(self) -> bool:
        """Whether there is room for its letter and count, and for a finger."""
        return self.width >= _WIDE

    @property
    def is_roomy(self) -> bool:
        """Whether there is room for marks beside its letter and count."""
        return self.width >= _ROOMY

    @property
    def count(self) -> int:
        """How many reads it is."""
        return len(self.reads)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """Reads that move out, where they stood."""

    place: float
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GanttRow:
    """One reporter's day. ``filled`` and ``was`` are shares of what is left of their reporting sessions, if any is.

    ``elsewhere`` is where they read for trusts beyond reach in the plan that waits, ``withheld`` how many reads.
    ``behind`` counts reads whose planned end has passed. ``reads`` are those the plan that waits has for the day, in
    order, and ``had`` those of the plan in force.
    """

    reporter_id: str
    name: str
    trust: str
    skills: str
    sessions: Sequence[Stretch]
    when: str
    other: Sequence[Stretch]
    elsewhere: Sequence[Stretch]
    withheld: int
    hours: float
    blocks: Sequence[Block]
    gone: Sequence[Gone]
    reads: Sequence[PlannedRead]
    had: Sequence[PlannedRead]
    filled: float | None
    was: float | None
    came: int
    left: int
    late: int
    behind: int
    by_class: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gantt:
    """A day of everybody: the axis, and a row a reporter. ``now_at`` is where now is, on the day that it is."""

    day: date
    window: Window
    ticks: Sequence[Tick]
    now_at: float | None
    rows: Sequence[GanttRow]


def day_span(day: date, now: datetime) -> tuple[datetime, datetime]:
    """Return the part of a day in London that is still to come."""
    return max(end_of_day(day - timedelta(days=1)), now), end_of_day(day)


def gantt(  # noqa: PLR0913 - who, when, what, marked how
    reporters: Sequence[Reporter],
    shifts: Iterable[Shift],
    reads: Iterable[PlannedRead],
    *,
    day: date,
    now: datetime,
    marks: Mapping[str, ClassMark],
    pinned: Collection[tuple[int, int]] = (),
    elsewhere: Iterable[tuple[Spot | None, Spot | None]] = (),
) -> Gantt:
    """Return the day of everybody who is rostered or has something to read in it, in the order of ``reporters``.

    ``elsewhere`` is where they read for trusts beyond reach, in the plan in force and in the one that waits.
    """
    start, end = day_span(day, now)
    held: dict[str, list[Shift]] = defaultdict(list)
    for shift in shifts:
        if shift.session.start < end and shift.session.end > start:
            held[shift.session.reporter_id].append(shift)
    window = _window(held, start, end)
    was, becomes = (
        _by_reporter(reads, window, lambda read: read.was),
        _by_reporter(reads, window, lambda read: read.becomes),
    )
    hidden = list(elsewhere)
    had, has = ([pair[place] for pair in hidden] for place in (0, 1))
    there = [person for person in reporters if person.reporter_id in held.keys() | was.keys() | becomes.keys()]
    makes = _Rows(window=window, now=now, marks=marks, pinned=pinned)
    rows = [
        makes.row(
            person,
            held[person.reporter_id],
            was[person.reporter_id],
            becomes[person.reporter_id],
            hidden=(_theirs(had, person.reporter_id, window), _theirs(has, person.reporter_id, window)),
        )
        for person in there
    ]
    return Gantt(
        day=day,
        window=window,
        ticks=_ticks(window),
        now_at=window.place(now) if window.start <= now < window.end else None,
        rows=rows,
    )


def _window(held: Mapping[str, Sequence[Shift]], start: datetime, end: datetime) -> Window:
    """Return whole hours from the first session of the day, or now, to the last; four hours at least."""
    sessions = [shift.session for shifts in held.values() for shift in shifts]
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


def _by_reporter(
    reads: Iterable[PlannedRead], window: Window, spot_of: Callable[[PlannedRead], Spot | None]
) -> dict[str, list[tuple[Spot, PlannedRead]]]:
    found: dict[str, list[tuple[Spot, PlannedRead]]] = defaultdict(list)
    for read in reads:
        spot = spot_of(read)
        if spot is not None and window.holds(spot.start, spot.end):
            found[spot.reporter_id].append((spot, read))
    for placed in found.values():
        placed.sort(key=lambda one: (one[0].start, one[1].study_id, one[1].read))
    return found


def _theirs(spots: Iterable[Spot | None], reporter_id: str, window: Window) -> list[Spot]:
    found = [spot for spot in spots if spot is not None and spot.reporter_id == reporter_id]
    return sorted((spot for spot in found if window.holds(spot.start, spot.end)), key=lambda spot: spot.start)


Placed = Sequence[tuple[Spot, PlannedRead]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rows:
    """Makes rows of one window."""

    window: Window
    now: datetime
    marks: Mapping[str, ClassMark]
    pinned: Collection[tuple[int, int]]

    def row(
        self,
        person: Reporter,
        shifts: Sequence[Shift],
        was: Placed,
        becomes: Placed,
        hidden: tuple[Sequence[Spot], Sequence[Spot]],
    ) -> GanttRow:
        """Return a reporter's row."""
        reporting = sorted(
            (shift.session for shift in shifts if shift.session.activity == REPORTING), key=lambda item: item.start
        )
        seconds = sum(self._left(item.start, item.end) for item in reporting)
        # what somebody reads in a session on a roster beyond reach fills none of those within
        known = {item.session_id for item in reporting}
        unseen = [[spot for spot in spots if spot.session_id in known] for spots in hidden]
        ahead = [one for one in becomes if one[0].end > self.now]
        out = [one for one in was if not _is_with(one[1].becomes, person.reporter_id)]
        return GanttRow(
            reporter_id=person.reporter_id,
            name=person.name,
            trust=person.home_trust,
            skills=skill_words(person),
            sessions=[self._stretch(item.start, item.end) for item in reporting],
            when=", ".join(f"{_clock(item.start)} to {_clock(item.end)}" for item in reporting),
            other=[
                self._stretch(item.start, item.end, item.activity.replace("_", " ").capitalize())
                for item in (shift.session for shift in shifts)
                if item.activity != REPORTING
            ],
            elsewhere=self._stretches([spot for spot in unseen[1] if spot.end > self.now]),
            withheld=len(unseen[1]),
            hours=seconds / 3600.0,
            blocks=self._blocks(person.reporter_id, ahead),
            gone=self._gone(out),
            reads=[read for _, read in becomes],
            had=[read for _, read in was],
            filled=self._share([*(spot for spot, _ in becomes if spot.session_id in known), *unseen[1]], seconds),
            was=self._share([*(spot for spot, _ in was if spot.session_id in known), *unseen[0]], seconds),
            came=sum(not _is_with(read.was, person.reporter_id) for _, read in becomes),
            left=len(out),
            late=sum(spot.end > read.due_at for spot, read in becomes),
            behind=sum(spot.end <= self.now for spot, _ in becomes),
            by_class=Counter(read.priority for _, read in becomes),
        )

    def _left(self, start: datetime, end: datetime) -> float:
        """Return how many seconds of a stretch are still to come within the window."""
        stretch = min(end, self.window.end) - max(start, self.now, self.window.start)
        return max(stretch.total_seconds(), 0.0)

    def _share(self, spots: Iterable[Spot], seconds: float) -> float | None:
        return sum(self._left(spot.start, spot.end) for spot in spots) / seconds if seconds else None

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

    def _blocks(self, reporter_id: str, placed: Placed) -> list[Block]:
        """Return reads that follow each other without a gap, in one session and of one class, as blocks."""
        groups: list[list[tuple[Spot, PlannedRead]]] = []
        for one in placed:
            if groups and _follows(one, groups[-1][-1]):
                groups[-1].append(one)
            else:
                groups.append([one])
        return [self._block(reporter_id, group) for group in groups]

    def _block(self, reporter_id: str, placed: Placed) -> Block:
        start, end = max(placed[0][0].start, self.now), placed[-1][0].end
        mark = mark_of(self.marks, placed[0][1].priority)
        reads = [read for _, read in placed]
        came = sum(not _is_with(read.was, reporter_id) for read in reads)
        late = sum(spot.end > read.due_at for spot, read in placed)
        pinned = sum((read.study_id, read.read) in self.pinned for read in reads)
        place = self.window.place(start)
        return Block(
            place=place,
            width=round(self.window.place(end) - place, 3),
            start=start,
            end=end,
            mark=mark,
            reads=reads,
            came=came,
            late=late,
            pinned=pinned,
            name=_block_name(mark, len(reads), start, end, came=came, late=late, pinned=pinned),
        )

    def _gone(self, out: Placed) -> list[Gone]:
        """Return what moves out: a mark a session, in the middle of where it stood."""
        found: dict[str, list[float]] = defaultdict(list)
        for spot, _ in out:
            found[spot.session_id].append(self.window.place(max(spot.start, self.now)))
        return [Gone(place=round(sum(places) / len(places), 3), count=len(places)) for places in found.values()]


def _follows(one: tuple[Spot, PlannedRead], before: tuple[Spot, PlannedRead]) -> bool:
    same = one[0].session_id == before[0].session_id and one[1].priority == before[1].priority
    return same and one[0].start - before[0].end <= _GAP


def _block_name(  # noqa: PLR0913 - what is said of it
    mark: ClassMark, count: int, start: datetime, end: datetime, *, came: int, late: int, pinned: int
) -> str:
    said = [f"{mark.name}, {count} {'read' if count == 1 else 'reads'}, {_clock(start)} to {_clock(end)}"]
    said += [f"{came} moved in"] if came else []
    said += [f"{late} late"] if late else []
    said += [f"{pinned} pinned"] if pinned else []
    return ", ".join(said)


def _is_with(spot: Spot | None, reporter_id: str) -> bool:
    return spot is not None and spot.reporter_id == reporter_id


def skill_words(person: Reporter) -> str:
    """Return what somebody reads best: `Neuro 3, Head and neck 2`, and how many more."""
    best: dict[str, int] = {}
    for (subspecialty, _), level in person.skills.items():
        best[subspecialty] = max(best.get(subspecialty, 0), int(level))
    found = sorted(best.items(), key=lambda one: (-one[1], one[0]))
    said = [f"{name.replace('_', ' ').capitalize()} {level}" for name, level in found[:_SKILLS]]
    more = len(found) - _SKILLS
    return ", ".join([*said, *([f"{more} more"] if more > 0 else [])])


def days_ahead(now: datetime, count: int) -> list[date]:
    """Return the days in London from today on."""
    return [day_of(now) + timedelta(days=number) for number in range(count)]


def _clock(instant: datetime) -> str:
    return f"{instant.astimezone(LONDON):%H:%M}"
