"""Reads drawn in the rows of a day: blocks of one class, and where those stood that move out."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from balancer.store.planned_days import DayPart
from balancer.store.plans import PlannedRead, Spot
from balancer.web.class_marks import ClassMark, mark_of
from balancer.web.gantt_shapes import LEAST_WIDTH, Block, GanttRow, Gone, Part, Window, clock_words

# Reads begin on whole seconds: what lies closer together follows.
_GAP: Final = timedelta(minutes=1)
Placed = Sequence[tuple[Spot, PlannedRead]]


def draw(
    rows: Sequence[GanttRow],
    reads: Iterable[PlannedRead],
    part: DayPart,
    *,
    marks: Mapping[str, ClassMark],
    pinned: Collection[tuple[int, int]] = (),
) -> list[GanttRow]:
    """Return rows with their reads drawn in them: ``reads`` are all that either plan has with those people that day."""
    window, found = Window(start=part.drawn_from, end=part.drawn_until), list(reads)
    was = _by_reporter(found, window, lambda read: read.was)
    becomes = _by_reporter(found, window, lambda read: read.becomes)
    draws = _Blocks(window=window, now=part.now, marks=marks, pinned=pinned)
    return [draws.drawn(row, was[row.reporter_id], becomes[row.reporter_id]) for row in rows]


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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Blocks:
    """Draws reads in rows of one window."""

    window: Window
    now: datetime
    marks: Mapping[str, ClassMark]
    pinned: Collection[tuple[int, int]]

    def drawn(self, row: GanttRow, was: Placed, becomes: Placed) -> GanttRow:
        """Return a row with its reads drawn in it."""
        whose = row.reporter_id
        return replace(
            row,
            blocks=self._blocks(whose, [one for one in becomes if one[0].end > self.now]),
            gone=self._gone([one for one in was if not _is_with(one[1].becomes, whose)]),
            reads=[read for _, read in becomes],
        )

    def _blocks(self, reporter_id: str, placed: Placed) -> list[Block]:
        """Return reads that follow each other without a gap in one session as blocks.

        Those of one class make one. Several in a row that would each be too narrow to be told apart make one together.
        """
        joined: list[list[Placed]] = []
        for group in _of_one_class(placed):
            before = joined[-1] if joined else None
            is_narrow = self._width(group) < LEAST_WIDTH
            if before and is_narrow and self._width(before[-1]) < LEAST_WIDTH and _goes_on(group[0], before[-1][-1]):
                before.append(group)
            else:
                joined.append([group])
        return [self._block(reporter_id, groups) for groups in joined]

    def _width(self, placed: Placed) -> float:
        place = self.window.place(max(placed[0][0].start, self.now))
        return round(self.window.place(placed[-1][0].end) - place, 3)

    def _block(self, reporter_id: str, groups: Sequence[Placed]) -> Block:
        placed = [one for group in groups for one in group]
        start, end = max(placed[0][0].start, self.now), placed[-1][0].end
        classes = [mark_of(self.marks, group[0][1].priority) for group in groups]
        mark = classes[0] if len(groups) == 1 else None
        reads = [read for _, read in placed]
        came = sum(not _is_with(read.was, reporter_id) for read in reads)
        late = sum(spot.end > read.due_at for spot, read in placed)
        pinned = sum((read.study_id, read.read) in self.pinned for read in reads)
        parts = [
            Part(place=self.window.place(max(group[0][0].start, self.now)), width=self._width(group), mark=of_group)
            for group, of_group in zip(groups, classes, strict=True)
        ]
        return Block(
            place=self.window.place(start),
            width=self._width(placed),
            start=start,
            end=end,
            mark=mark,
            parts=[] if mark else parts,
            reads=reads,
            came=came,
            late=late,
            pinned=pinned,
            name=_block_name(self._classes(reads), len(reads), start, end, came=came, late=late, pinned=pinned),
        )

    def _classes(self, reads: Iterable[PlannedRead]) -> str:
        """Return of which classes reads are, and of several how many of each."""
        counted = Counter(mark_of(self.marks, read.priority).name for read in reads)
        if len(counted) == 1:
            return next(iter(counted))
        return ", ".join(f"{number} {name.lower()}" for name, number in counted.most_common())

    def _gone(self, out: Placed) -> list[Gone]:
        """Return what moves out: a mark a session, in the middle of where it stood."""
        found: dict[str, list[float]] = defaultdict(list)
        for spot, _ in out:
            found[spot.session_id].append(self.window.place(max(spot.start, self.now)))
        return [Gone(place=round(sum(places) / len(places), 3), count=len(places)) for places in found.values()]


def _of_one_class(placed: Placed) -> list[list[tuple[Spot, PlannedRead]]]:
    groups: list[list[tuple[Spot, PlannedRead]]] = []
    for one in placed:
        if groups and one[1].priority == groups[-1][-1][1].priority and _goes_on(one, groups[-1][-1]):
            groups[-1].append(one)
        else:
            groups.append([one])
    return groups


def _goes_on(one: tuple[Spot, PlannedRead], before: tuple[Spot, PlannedRead]) -> bool:
    return one[0].session_id == before[0].session_id and one[0].start - before[0].end <= _GAP


def _block_name(  # noqa: PLR0913 - what is said of it
    classes: str, count: int, start: datetime, end: datetime, *, came: int, late: int, pinned: int
) -> str:
    said = [f"{classes}, {count} {'read' if count == 1 else 'reads'}, {clock_words(start)} to {clock_words(end)}"]
    said += [f"{came} moved in"] if came else []
    said += [f"{late} late"] if late else []
    said += [f"{pinned} pinned"] if pinned else []
    return ", ".join(said)


def _is_with(spot: Spot | None, reporter_id: str) -> bool:
    return spot is not None and spot.reporter_id == reporter_id
