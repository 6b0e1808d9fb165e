"""How many become late by when, why, and what is scarce, as tables to take away."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from balancer.web.forecast import Forecast
from balancer.web.overview import CauseRow, Overview
from balancer.web.scarce import Scarce
from balancer.web.tables import Cell, Column, Row, Table, View, number


class Card(StrEnum):
    """Which of the overview's tables but that of classes."""

    FORECAST = "forecast"
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
    if card is Card.FORECAST:
        return _forecast(found.forecast, view)
    if card is Card.CAUSES:
        return _causes(found.causes_of, found.causes, view)
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
