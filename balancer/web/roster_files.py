"""The week's grid and its hours as tables, to be taken away as files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final

from balancer.domain.half_days import HalfDay
from balancer.domain.reporter import Reporter
from balancer.web.roster_hours import Hours, WeekOfHours
from balancer.web.tables import Cell, Column, Row, Table, View, number, table_of

_HOUR: Final = timedelta(hours=1)
_GRID: Final = (
    Column(key="reporter_id", head="Number"),
    Column(key="reporter", head="Reporter", sorts=True),
    Column(key="home_trust", head="Home trust", sorts=True),
    Column(key="day", head="Day"),
    Column(key="half", head="Half-day"),
    Column(key="hours", head="Hours reporting", number=True, sorts=True),
    Column(key="left", head="Hours left", number=True, sorts=True),
    Column(key="planned", head="Hours planned", number=True, sorts=True),
    Column(key="other", head="Other"),
)
_HOURS: Final = (
    Column(key="subspecialty", head="Subspecialty", sorts=True),
    Column(key="day", head="Day"),
    Column(key="half", head="Half-day"),
    Column(key="spare", head="Hours spare", number=True, sorts=True),
    Column(key="short", head="Hours short", number=True, sorts=True),
)


def grid_table(people: Sequence[Reporter], halves: Sequence[HalfDay], week: WeekOfHours, view: View) -> Table:
    """Return a row for each half-day in which somebody is rostered."""
    rows = []
    for person in people:
        for half in halves:
            held = week.held.get((person.reporter_id, half))
            if held is None:
                continue
            hours = (held.rostered, held.left, held.planned)
            cells = (*_names(person), *_of_half(half), *(number(_hours(one), digits=2) for one in hours))
            rows.append(Row(cells=(*cells, Cell(text=", ".join(sorted(held.other))))))
    return table_of(f"Rosters, week of {halves[0].day.isoformat()}", _GRID, rows, view)


def hours_table(spare: Mapping[str, Mapping[HalfDay, Hours]], halves: Sequence[HalfDay], view: View) -> Table:
    """Return a row for each half-day of a subspecialty that has hours spare or short."""
    rows = [
        Row(
            cells=(
                Cell(text=name),
                *_of_half(half),
                number(round(found.free, 2), digits=2),
                number(round(found.late, 2), digits=2),
            )
        )
        for name, of_field in sorted(spare.items())
        for half, found in sorted(of_field.items())
    ]
    return table_of(f"Hours spare and short, week of {halves[0].day.isoformat()}", _HOURS, rows, view)


def _names(person: Reporter) -> tuple[Cell, Cell, Cell]:
    return Cell(text=person.reporter_id), Cell(text=person.name), Cell(text=person.home_trust)


def _of_half(half: HalfDay) -> tuple[Cell, Cell]:
    return Cell(text=half.day.isoformat()), Cell(text="pm" if half.is_afternoon else "am")


def _hours(length: timedelta) -> float:
    return round(length / _HOUR, 2)
