"""Why studies become late, and what is scarce, as tables to take away."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from balancer.web.overview import CauseRow, Overview
from balancer.web.scarce import Scarce
from balancer.web.tables import Cell, Column, Row, Table, View, number


class Card(StrEnum):
    """Which of the overview's tables but that of classes."""

    CAUSES = "causes"
    SCARCE = "scarce"


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


def card_table(found: Overview, card: Card, view: View) -> Table:
    """Return one of the overview's tables, whole: the page shows the first of it."""
    if card is Card.CAUSES:
        return _causes(found.causes_of, found.causes, view)
    return _scarce(found.scarce.rows, view)


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
