"""The rows in quarantine as a table to take away: what is wrong with each, where it stands, and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from balancer.web.quarantine_causes import Cause
from balancer.web.tables import Cell, Column, Row, Table, View

_COLUMNS: Final = (
    Column(key="feed", head="Feed"),
    Column(key="reason", head="Reason"),
    Column(key="accession", head="Accession"),
    Column(key="column", head="Column"),
    Column(key="word", head="Word"),
    Column(key="fault", head="What is wrong"),
    Column(key="to_do", head="To do"),
    Column(key="batch", head="Batch"),
    Column(key="sheet", head="Sheet"),
    Column(key="line", head="Line"),
    Column(key="since", head="Since"),
)


def rows_table(causes: Sequence[Cause], view: View) -> Table:
    """Return every row, by cause as the page has them; nothing of a row's own cells but the word at fault."""
    rows = [
        Row(
            cells=(
                Cell(text=cause.feed),
                Cell(text=cause.name),
                Cell(text=row.accession_number or ""),
                Cell(text=row.column),
                Cell(text="" if cause.word is None else cause.word[1]),
                Cell(text=row.detail),
                Cell(text=cause.advice),
                Cell(value=row.last_batch_id),
                Cell(text=row.sheet),
                Cell(value=row.line),
                Cell(value=row.first_seen_at),
            )
        )
        for cause in causes
        for row in cause.rows
    ]
    return Table(name="Rows in quarantine", columns=_COLUMNS, rows=rows, total=len(rows), view=view)
