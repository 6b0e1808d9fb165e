"""What a day of everybody is drawn of: its axis, sessions, blocks of reads, and the rows that they stand in.

Places along a row are percentages, so that a drawing needs no script and no width of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final

from balancer.domain.instant import LONDON
from balancer.store.plans import PlannedRead
from balancer.web.class_marks import ClassMark

# Narrower than this a block holds no letter and is no target for a finger: its row's name opens its reads.
_WIDE: Final = 3.2
# And so wide it holds a mark beside them.
_ROOMY: Final = 5.5


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
    ``behind`` counts reads whose planned end has passed. Of a row that is drawn, ``blocks`` and ``gone`` are its reads
    and ``reads`` those the plan that waits has for the day, in order: a page draws a few of the rows that it counts.
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
    filled: float | None
    was: float | None
    came: int
    left: int
    late: int
    behind: int
    by_class: Mapping[str, int] = field(default_factory=dict)
    blocks: Sequence[Block] = ()
    gone: Sequence[Gone] = ()
    reads: Sequence[PlannedRead] = ()

    @property
    def count(self) -> int:
        """How many reads the plan that waits has for the day."""
        return sum(self.by_class.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Gantt:
    """A day of everybody: the axis, and a row a reporter. ``now_at`` is where now is, on the day that it is."""

    day: date
    window: Window
    ticks: Sequence[Tick]
    now_at: float | None
    rows: Sequence[GanttRow]


def clock_words(instant: datetime) -> str:
    """Return the time of day in London."""
    return f"{instant.astimezone(LONDON):%H:%M}"
