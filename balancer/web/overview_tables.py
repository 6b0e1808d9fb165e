"""How many become late by when, why, what is scarce, and where hours are spare or short, as tables to take away."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from balancer.web.capacity_grid import CapacityGrid
from balancer.web.forecast import Forecast
from balancer.web.overview import CauseRow, Overview
from balancer.web.scarce import Scarce
from balancer.web.tables import Cell, Column, Row, Table, View, number


class Card(StrEnum):
    """Which of the overview's tables but that of classes."""

    FORECAST = "forecast"
    CAUSES = "causes"
    SCARCE = "scarce"
    HOURS = "hours"


_CAUSES: Final = (
    Column(key="late", head="Late", number=True),
    Column(key="subspecialty", head="Subspecialty"),
    Column(key="why", head="Why"),
    Column(key="remedy", head="Remedy"),
)
_SCARCE: Final = (
    Column(key="subspecialty", head="Subspecialty"),
    Column(key="modality", head="Modality"),
    Column(key="day", head="Day"),
    Column(key="half", head="Half-day"),
    Column(key="begins", head="Begins"),
    Column(key="ends", head="Ends"),
    Column(key="trust", head="Trust"),
    Column(key="late", head="Become late", number=True),
    Column(key="fewer_late", head="Fewer late for one hour more", number=True),
    Column(key="points", head="Points saved by one hour more", number=True),
)
_HOURS: Final = (
    Column(key="subspecialty", head="Subspecialty"),
    Column(key="day", head="Day"),
    Column(key="half", head="Half-day"),
    Column(key="begins", head="Begins"),
    Column(key="ends", head="Ends"),
    Column(key="rostered", head="Hours rostered", number=True),
    Column(key="spare", head="Hours spare", number=True),
    Column(key="short", head="Hours short", number=True),
    Column(key="late", head="Become late", number=True),
)


def card_table(found: Overview, card: Card, view: View) -> Table:
    """Return one of the overview's tables, whole: the page shows the first of it."""
    if card is Card.FORECAST:
        return _forecast(found.forecast, view)
    if card is Card.CAUSES:
        return _causes(found.causes_of, found.causes, view)
    if card is Card.HOURS:
        return _hours(found.grid, view)
    return _scarce(found.scarce.rows, view)


def _forecast(forecast: Forecast, view: View) -> Table:
    """Return how many have become late by each instant; by the plan that waits too, if one does."""
    columns = (
        Column(key="hours", head="Hours", number=True),
        Column(key="by", head="By"),
        Column(key="published", head="Published plan", number=True),
        *((Column(key="if_published", head="If published", number=True),) if forecast.has_proposal else ()),
    )
    rows = [
        Row(
            cells=(
                Cell(value=row.hours),
                Cell(value=row.at),
                number(row.published),
                *(() if row.proposed is None else (number(row.proposed),)),
            )
        )
        for row in forecast.rows
    ]
    return Table(name="Becoming late", columns=columns, rows=rows, total=len(rows), view=view)


def _causes(name: str, causes: Sequence[CauseRow], view: View) -> Table:
    rows = [
        Row(
            cells=(
                number(cause.count),
                Cell(text=cause.field),
                Cell(text=cause.why),
                Cell(text=cause.remedy.words if cause.remedy else ""),
            )
        )
        for cause in causes
    ]
    return Table(name=name, columns=_CAUSES, rows=rows, total=len(rows), view=view)


def _scarce(scarce: Sequence[Scarce], view: View) -> Table:
    rows = [
        Row(
            cells=(
                Cell(text=one.field),
                Cell(text=one.modality),
                Cell(text=one.half.day.isoformat()),
                Cell(text="pm" if one.half.is_afternoon else "am"),
                Cell(value=one.half.start),
                Cell(value=one.half.end),
                Cell(trust=one.trust),
                number(one.becomes_late),
                number(one.fewer_late),
                Cell(value=round(one.worth, 1)),
            )
        )
        for one in scarce
    ]
    return Table(name="What is scarce", columns=_SCARCE, rows=rows, total=len(rows), view=view)


def _hours(grid: CapacityGrid, view: View) -> Table:
    """Return the grid as a list of its cells: what a person sees at once, a spreadsheet turns as it likes."""
    rows = [
        Row(
            cells=(
                Cell(text=row.name),
                Cell(text=cell.half.day.isoformat()),
                Cell(text="pm" if cell.half.is_afternoon else "am"),
                Cell(value=cell.half.start),
                Cell(value=cell.half.end),
                *(Cell(value=round(hours, 2)) for hours in (cell.room.rostered, cell.room.spare, cell.room.short)),
                number(cell.room.studies),
            )
        )
        for row in grid.rows
        for cell in row.cells
    ]
    return Table(name="Hours spare or short", columns=_HOURS, rows=rows, total=len(rows), view=view)
