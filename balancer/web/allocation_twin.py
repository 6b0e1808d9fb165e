"""The twin of the day's chart as a table: the same rows, each count with the reads or moves that it counts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from urllib.parse import urlencode

from balancer.web.allocation import Standing
from balancer.web.gantt_shapes import Gantt, GanttRow
from balancer.web.load_spread import percent
from balancer.web.moves_meant import Way
from balancer.web.reads_behind import LATE
from balancer.web.tables import Cell, Choice, Column, Row, Table, View, number, table_of


def twin(drawn: Gantt, base: Standing, view: View, filters: Sequence[Choice] = ()) -> Table:
    """Return a day of everybody as a table: the same rows as the chart."""
    classes = list(base.marks.values())
    columns = (
        Column(key="reporter", head="Reporter", sorts=True),
        Column(key="home", head="Home", sorts=True),
        Column(key="skills", head="Skills (3 specialist, 2 general)"),
        Column(key="sessions", head="Sessions"),
        Column(key="hours", head="Hours left", number=True, sorts=True),
        *(
            Column(key=f"class_{mark.code}", head=mark.letter, number=True, sorts=True, kept=f"class_{mark.code}")
            for mark in classes
        ),
        Column(key="reads", head="Reads", number=True, sorts=True),
        Column(key="was", head="Was", number=True, sorts=True),
        Column(key="filled", head="Filled", number=True, sorts=True),
        Column(key="moves_in", head="In", number=True, sorts=True),
        Column(key="moves_out", head="Out", number=True, sorts=True),
        Column(key="late", head="Late", number=True, sorts=True),
    )
    rows = [_twin_row(row, drawn.day, [mark.code for mark in classes], view) for row in drawn.rows]
    empty = "Nobody reports on this day as far as the rosters say."
    return table_of("Reporters and sessions", columns, rows, view, filters=filters, empty=empty)


def _twin_row(row: GanttRow, day: date, classes: Iterable[str], view: View) -> Row:
    def behind(only: str = "") -> str:
        return f"{view.address(open=row.reporter_id, at='', page='', only=only)}#opened"

    def moved(way: Way) -> str:
        return f"/allocation/moves?{urlencode({'reporter': row.reporter_id, 'day': day.isoformat(), 'way': way})}"

    return Row(
        cells=(
            Cell(text=row.name, link=behind()),
            Cell(trust=row.trust),
            Cell(text=row.skills),
            Cell(text=row.when or "no session", grey=not row.when),
            number(row.hours, digits=1),
            *(_counted(row.by_class.get(code, 0), behind(code)) for code in classes),
            _counted(row.count, behind()),
            share_cell(row.was),
            share_cell(row.filled),
            _counted(row.came, moved(Way.IN)),
            _counted(row.left, moved(Way.OUT)),
            _counted(row.late, behind(LATE)),
        ),
        id=f"r-{row.reporter_id}",
    )


def _counted(value: int, link: str) -> Cell:
    """Return a count that opens what it counts, if that is anything."""
    return number(value, link=link if value else "")


def share_cell(share: float | None) -> Cell:
    """Return how full somebody is as a cell."""
    if share is None:
        return Cell(text="no session", value="", grey=True)
    return Cell(text=percent(share), value=round(share, 4))
