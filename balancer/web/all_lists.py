"""Everybody's lists in figures: who has how much, how much of it is late, and when it ends."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from balancer.store.worklists import WorklistSummary
from balancer.web.tables import Cell, Column, Row, Table, View, number, table_of
from balancer.web.time_left import at_words

_COLUMNS: Final = (
    Column(key="reporter", head="Reporter", sorts=True),
    Column(key="trust", head="Home trust", sorts=True),
    Column(key="reads", head="Reads", number=True, sorts=True),
    Column(key="late", head="Late", number=True, sorts=True),
    Column(key="first_start", head="First starts", sorts=True),
    Column(key="last_end", head="Last ends", sorts=True),
    Column(key="version", head="Version", sorts=True),
)


def all_lists(found: Iterable[WorklistSummary], view: View, now: datetime) -> Table:
    """Return the lists as a table."""
    return table_of(
        "Worklists",
        _COLUMNS,
        [_row(summary, now) for summary in found],
        view,
        empty="No lists have been published yet. They come with the first plan.",
    )


def _row(summary: WorklistSummary, now: datetime) -> Row:
    return Row(
        cells=(
            Cell(text=summary.name, link=f"/lists/{summary.reporter_id}"),
            Cell(trust=summary.home_trust),
            number(summary.items),
            number(summary.late),
            _instant(summary.first_start, now),
            _instant(summary.last_end, now),
            Cell(text=f"v{summary.version}, {at_words(summary.published_at, now)}", value=summary.version),
        )
    )


def _instant(instant: datetime | None, now: datetime) -> Cell:
    if instant is None:
        return Cell(text="nothing planned", value="", grey=True)
    return Cell(text=at_words(instant, now), value=instant)
