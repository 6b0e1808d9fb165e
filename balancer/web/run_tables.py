"""What a run's plan costs, and how long classes wait in it, as tables to take away."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from balancer.web.run_pages import RunPage
from balancer.web.tables import Cell, Column, Row, Table, View

_TERMS: Final = (
    Column(key="term", head="Term"),
    Column(key="what", head="What it is"),
    Column(key="before", head="Points of the run before"),
    Column(key="points", head="Points"),
    Column(key="change", head="Change"),
)
_WAITS: Final = (
    Column(key="class", head="Class"),
    Column(key="late_before", head="Late in the run before"),
    Column(key="late", head="Late"),
    Column(key="longest_wait_hours", head="Longest wait, hours"),
    Column(key="ceiling_hours", head="Ceiling, hours"),
)


class Part(StrEnum):
    """Which table of a run's page."""

    TERMS = "terms"
    CLASSES = "classes"


def run_table(found: RunPage, part: Part, view: View) -> Table:
    """Return one of a run's tables; what is not known stays empty."""
    if part is Part.TERMS:
        figures = [(item.was, item.becomes, item.difference) for item in found.terms]
        named = [(Cell(text=item.name), Cell(text=item.words)) for item in found.terms]
        rows = [
            Row(cells=(*names, *(_figure(value) for value in values)))
            for names, values in zip(named, figures, strict=True)
        ]
        return Table(name=f"Cost of run {found.run.id}", columns=_TERMS, rows=rows, total=len(rows), view=view)
    rows = [
        Row(
            cells=(
                Cell(mark=item.mark),
                _figure(item.late_was),
                _figure(item.late),
                _figure(item.hours),
                _figure(item.ceiling),
            )
        )
        for item in found.waits
    ]
    return Table(name=f"Waits of run {found.run.id}", columns=_WAITS, rows=rows, total=len(rows), view=view)


def _figure(value: float | None) -> Cell:
    return Cell(value="" if value is None else round(value, 4))
