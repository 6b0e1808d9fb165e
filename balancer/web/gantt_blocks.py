"""Reads drawn in the rows of a day: blocks of one class, and where those stood that move out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from balancer.store.planned_days import DayPart
from balancer.store.plans import PlannedRead, Spot
from balancer.web.class_marks import ClassMark, mark_of
from balancer.web.gantt_shapes import Block, GanttRow, Gone, Window, clock_words

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
    said = [f"{mark.name}, {count} {'read' if count == 1 else 'reads'}, {clock_words(start)} to {clock_words(end)}"]
    said += [f"{came} moved in"] if came else []
    said += [f"{late} late"] if late else []
    said += [f"{pinned} pinned"] if pinned else []
    return ", ".join(said)


def _is_with(spot: Spot | None, reporter_id: str) -> bool:
    return spot is not None and spot.reporter_id == reporter_id
