"""The tables of the allocation: the day's twin of the chart, moves, what becomes late, what has no place, and load."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from balancer.domain.life import ReadState
from balancer.store.plans import PlannedRead, Spot
from balancer.web.allocation import Standing
from balancer.web.allocation_twin import share_cell
from balancer.web.class_marks import mark_of
from balancer.web.field_words import in_words
from balancer.web.gantt_shapes import GanttRow
from balancer.web.load_spread import Load
from balancer.web.not_placed import NotPlaced, reason_words
from balancer.web.plan_moves import PlanMove, name_of
from balancer.web.tables import Cell, Choice, Column, Row, Table, View, number, table_of
from balancer.web.time_left import TimeLeft, at_words, time_left

_STUDY: Final = Column(key="study", head="Study", sorts=True, second="accession")
_CLASS: Final = Column(key="class", head="Class", sorts=True)
_TRUST: Final = Column(key="trust", head="Trust", sorts=True)
_DUE: Final = Column(key="due", head="Time left", sorts=True, kept="due")
_REASONS: Final = (
    Column(key="reads", head="Reads", number=True),
    Column(key="reason", head="Reason"),
    Column(key="whose", head="Most of them"),
    Column(key="remedy", head="Smallest remedy"),
)
PLANS: Final = (("proposed", "the plan that waits"), ("published", "the plan in force"))


class Part(StrEnum):
    """Which table of the allocation's page but that of the day."""

    NOT_PLACED = "not_placed"


def moves_table(  # noqa: PLR0913 - which moves, and what is told of them
    moves: Sequence[PlanMove],
    base: Standing,
    view: View,
    filters: Sequence[Choice] = (),
    *,
    picked: bool = False,
    points_at: str = "",
) -> Table:
    """Return whom the plan that waits moves; most gained first unless another order is asked for.

    ``picked``: each that takes a read from somebody has a box, to be left out. ``points_at``: where it is told what
    points are made of, if not here.
    """
    columns = (
        _STUDY,
        _CLASS,
        _TRUST,
        Column(key="from", head="From", sorts=True),
        Column(key="to", head="To", sorts=True),
        Column(key="gain", head="What it gains", second="points_made_of"),
        Column(key="points", head="Points", number=True, sorts=True),
        *((Column(key="leave_out", head="Leave out"),) if picked else ()),
    )
    empty = "No plan waits that would move anything."
    rows = [_move_row(move, base, picked=picked, points_at=points_at) for move in moves]
    return table_of("Moves", columns, rows, view, filters=filters, empty=empty)


def _move_row(move: PlanMove, base: Standing, *, picked: bool, points_at: str) -> Row:
    return Row(
        cells=(
            *_study_cells(move.read, base),
            Cell(text=move.was, grey=move.read.was is None),
            Cell(text=move.becomes, grey=move.read.becomes is None),
            Cell(text=move.gain, second="" if points_at else move.made_of),
            Cell(text="not priced", value="", grey=True)
            if move.points is None
            else Cell(
                text=f"{move.points:,.1f}".replace("-", "\u2212"),
                value=round(move.points, 2),
                link=points_at,
            ),
            *((_leave_out(move, base),) if picked else ()),
        )
    )


def _leave_out(move: PlanMove, base: Standing) -> Cell:
    """Return the box that leaves a move out; what nobody had can stay with nobody only by being excluded."""
    read = move.read
    if read.was is None:
        return Cell(text="nobody had it", value="", grey=True)
    name = f"Leave out: {base.exam(read)} stays with {move.was}"
    return Cell(value="", pick=("read", str(read.read_id), name))


def _study_cells(read: PlannedRead, base: Standing) -> tuple[Cell, Cell, Cell]:
    number_of = f", read {read.read}" if read.read > 1 else ""
    return (
        Cell(
            text=base.exam(read),
            link=f"/studies/{read.study_id}",
            second=f"{read.accession_number}{number_of}",
        ),
        Cell(mark=mark_of(base.marks, read.priority)),
        Cell(trust=read.trust),
    )


def left_of(read: PlannedRead, base: Standing) -> TimeLeft:
    """Return how much time a read has left."""
    known = next((item for item in base.policy.priorities if item.code == read.priority), None)
    ceiling = None if known is None else known.ceiling_at(read.clock_started_at)
    return time_left(began_at=read.clock_started_at, due_at=read.due_at, ceiling_at=ceiling, now=base.now)


def not_placed_table(
    reads: Sequence[PlannedRead], base: Standing, view: View, *, proposed: bool, filters: Sequence[Choice] = ()
) -> Table:
    """Return the reads that nobody has, the soonest due first."""
    columns = (
        _STUDY,
        _CLASS,
        _TRUST,
        Column(key="field", head="Field", sorts=True, second="modality"),
        Column(key="reason", head="Why nobody has it", sorts=True),
        _DUE,
    )
    rows = [
        Row(
            cells=(
                *_study_cells(read, base),
                Cell(text=in_words(read.subspecialty), second=read.modality),
                Cell(text=reason_words(read.why_then if proposed else read.why)),
                Cell(left=left_of(read, base)),
            )
        )
        for read in reads
    ]
    return table_of(
        "Not placed", columns, rows, view, filters=filters, empty="Everything that waits has a place in this plan."
    )


def reasons_table(found: Sequence[NotPlaced], view: View) -> Table:
    """Return why reads have no place, with the smallest remedy of each reason, as the page has them."""
    rows = [
        Row(
            cells=(
                number(each.count),
                Cell(text=each.words),
                Cell(text=each.whose),
                Cell(text=each.remedy.words),
            )
        )
        for each in found
    ]
    return Table(name="Not placed, by reason", columns=_REASONS, rows=rows, total=len(rows), view=view)


def late_table(
    reads: Sequence[PlannedRead], base: Standing, view: View, *, proposed: bool, filters: Sequence[Choice] = ()
) -> Table:
    """Return what becomes late: one row a study, that of its read which ends last."""
    columns = (
        _STUDY,
        _CLASS,
        _TRUST,
        _DUE,
        Column(key="who", head="Who has it", sorts=True),
        Column(key="ends", head="Planned end", sorts=True),
    )
    last: dict[int, PlannedRead] = {}
    for read in reads:
        known = last.get(read.study_id)
        if known is None or _ends_later(_spot(read, proposed=proposed), _spot(known, proposed=proposed)):
            last[read.study_id] = read
    rows = [_late_row(read, _spot(read, proposed=proposed), base) for read in last.values()]
    return table_of(
        "Becomes late", columns, rows, view, filters=filters, empty="Nothing becomes late within this time."
    )


def _spot(read: PlannedRead, *, proposed: bool) -> Spot | None:
    return read.becomes if proposed else read.was


def _ends_later(spot: Spot | None, other: Spot | None) -> bool:
    return other is not None and (spot is None or spot.end > other.end)


def _late_row(read: PlannedRead, spot: Spot | None, base: Standing) -> Row:
    return Row(
        cells=(
            *_study_cells(read, base),
            Cell(left=left_of(read, base)),
            Cell(text=name_of(spot, base.by_id), grey=spot is None),
            Cell(text="nowhere", value="", grey=True)
            if spot is None
            else Cell(text=at_words(spot.end, base.now), value=spot.end),
        )
    )


def load_table(loads: Sequence[Load], view: View, *, waits: bool) -> Table:
    """Return everybody's load, the busiest first."""
    columns = (
        Column(key="reporter", head="Reporter", sorts=True),
        Column(key="was", head="Published", number=True, sorts=True),
        *((Column(key="becomes", head="Becomes", number=True, sorts=True),) if waits else ()),
    )
    rows = [
        Row(
            cells=(
                Cell(text=load.name, link=f"/lists/{load.reporter_id}"),
                share_cell(load.was),
                *((share_cell(load.becomes),) if waits else ()),
            )
        )
        for load in loads
    ]
    return table_of("Load", columns, rows, view, empty="Nobody has a session within the horizon.")


def opened_table(row: GanttRow, reads: Sequence[PlannedRead], base: Standing, view: View) -> Table:
    """Return the reads of a block, or of a whole day, in the order in which they are planned."""
    columns = (
        Column(key="planned", head="Planned"),
        _STUDY,
        _CLASS,
        _TRUST,
        _DUE,
        Column(key="move", head="Move"),
    )
    rows = [_opened_row(row, read, base) for read in reads]
    return table_of(f"Reads of {row.name}", columns, rows, View(path=view.path), empty="Nothing is planned here.")


def _opened_row(row: GanttRow, read: PlannedRead, base: Standing) -> Row:
    spot = read.becomes
    study, mark, trust = _study_cells(read, base)
    came = read.was is None or read.was.reporter_id != row.reporter_id
    moved = f"from {name_of(read.was, base.by_id)}" if came else "stays"
    return Row(
        cells=(
            Cell(text="" if spot is None else f"{at_words(spot.start, base.now)}"),
            study,
            mark,
            trust,
            Cell(left=left_of(read, base)),
            Cell(text=moved if base.held is not None else _state_words(read), grey=not came),
        )
    )


def _state_words(read: PlannedRead) -> str:
    return "open" if read.is_open else ReadState.ALLOCATED.value
