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

# Narrower than this a block of one class holds neither letter nor finger: several in a row are drawn as one.
LEAST_WIDTH: Final = 3.2
# What is drawn in pixels has room from one of these widths of a row on; the style sheet leaves it out of narrower ones.
_WIDTHS: Final = (320, 480, 640, 835)
# In pixels: a digit, a letter with its gap, what stays free at both ends, a mark, a finger.
_DIGIT, _LETTER, _ENDS, _MARK, _FINGER = 7, 14, 10, 19, 24


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
class Part:
    """Reads of one class among those of several, where they stand."""

    place: float
    width: float
    mark: ClassMark


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Consecutive reads; ``came`` of them move in, ``late`` end after they are due.

    Of one class (``mark``), or of several (``parts``, in their order) none of which has room for itself.
    """

    place: float
    width: float
    start: datetime
    end: datetime
    mark: ClassMark | None
    parts: Sequence[Part]
    reads: Sequence[PlannedRead]
    came: int
    late: int
    pinned: int
    name: str

    @property
    def label_fits(self) -> str:
        """From which width of a row on there is room for its letter and count; nothing if from none."""
        return self._fits(self._label)

    @property
    def late_fits(self) -> str:
        """The same of the mark for what is late, beside them."""
        return self._fits(self._label + _MARK)

    @property
    def pin_fits(self) -> str:
        """The same of the mark for what is pinned, beside both."""
        return self._fits(self._label + 2 * _MARK)

    @property
    def pill_fits(self) -> str:
        """The same of the pill that counts what moves in: it never reaches over another block."""
        return self._fits(self.pill_width)

    @property
    def finger_fits(self) -> str:
        """The same of a finger."""
        return self._fits(_FINGER)

    @property
    def pill_width(self) -> int:
        """How wide its pill is, in pixels."""
        return _ENDS + _DIGIT * (1 + len(str(self.came)))

    @property
    def _label(self) -> int:
        return _ENDS + (_LETTER if self.mark else 0) + _DIGIT * len(str(self.count))

    def _fits(self, pixels: int) -> str:
        wide = next((width for width in _WIDTHS if width * self.width >= 100.0 * pixels), None)
        return "" if wide is None else f"b-g-from-{wide}"

    @property
    def count(self) -> int:
        """How many reads it is."""
        return len(self.reads)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """Reads that move out, where they stood."""

    place: float
    count: int

    @property
    def pill_width(self) -> int:
        """How wide its pill is, in pixels."""
        return _ENDS + _DIGIT * (1 + len(str(self.count)))


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
    def has_several(self) -> bool:
        """Whether a block of it is of several classes."""
        return any(block.parts for block in self.blocks)

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
