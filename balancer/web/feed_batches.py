"""A feed's batches as a table: what came, what became of it, and the sum that each must make."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from balancer.domain.states import BatchKind, BatchState
from balancer.store.tables import BatchRow
from balancer.web.books import books_shown
from balancer.web.feeds import batch_rows_address
from balancer.web.tables import Cell, Column, Row, Table, View, number
from balancer.web.time_left import at_words

_KINDS: Final = {
    BatchKind.EXTRACT: "file",
    BatchKind.EMERGENCIES: "emergencies of a file",
    BatchKind.RELEASE: "held file released",
    BatchKind.REPLAY: "quarantined rows read again",
}
_STATES: Final = {
    BatchState.APPLIED: "taken",
    BatchState.UNCHANGED: "the same again",
    BatchState.HELD: "waits for a decision",
    BatchState.RELEASED: "released",
    BatchState.DISCARDED: "discarded",
    BatchState.SUPERSEDED: "overtaken by a later file",
    BatchState.REFUSED: "refused",
}
_COLUMNS: Final = (
    Column(key="batch", head="Batch", second="file"),
    Column(key="received_at", head="Received", second="received_again"),
    Column(key="made_at", head="Made at source"),
    Column(key="state", head="What became of it", second="why"),
    Column(key="rows", head="Rows in", number=True),
    Column(key="new", head="new", number=True),
    Column(key="changed", head="changed", number=True),
    Column(key="same", head="same", number=True),
    Column(key="repeated", head="repeated", number=True),
    Column(key="left_out", head="left out", number=True),
    Column(key="quarantined", head="quarantined", number=True),
    Column(key="books", head="Books"),
    Column(key="closed", head="Closed", number=True),
    Column(key="open_after", head="Open after", number=True),
)


def batches_table(  # noqa: PLR0913, PLR0917 - which batches of what
    feed: str, rows: Sequence[BatchRow], seen: Mapping[int, int], total: int, view: View, now: datetime
) -> Table:
    """Return a page of batches, newest first; ``seen``: how many rows of quarantine each was the last to hold."""
    return Table(
        name=f"Batches of {feed}",
        columns=_COLUMNS,
        rows=[_row(row, seen, now) for row in rows],
        total=total,
        view=view,
        empty="Nothing has come yet.",
    )


def _row(row: BatchRow, seen: Mapping[int, int], now: datetime) -> Row:
    books = books_shown(row)
    return Row(
        id=f"batch-{row.id}",
        cells=(
            Cell(text=f"{row.id}", value=row.id, second=row.file_name or _KINDS[row.kind]),
            Cell(text=at_words(row.received_at, now), value=row.received_at, second=_again(row, now)),
            _made(row, now),
            Cell(text=_STATES[row.state].capitalize(), second=row.reason),
            number(books.rows),
            number(books.new),
            number(books.changed),
            number(books.unchanged),
            number(books.duplicate),
            number(books.excluded),
            number(books.quarantined, link=batch_rows_address(row, seen)),
            Cell(text=f"off by {books.off_by:,}" if books.off_by else "balanced"),
            number(books.closed),
            number(row.open_after),
        ),
    )


def _again(row: BatchRow, now: datetime) -> str:
    if row.times_received == 1:
        return ""
    return f"{row.times_received} times, last {at_words(row.last_received_at, now)}"


def _made(row: BatchRow, now: datetime) -> Cell:
    if row.extracted_at is None:
        return Cell(text="not said", value="", grey=True)
    return Cell(text=at_words(row.extracted_at, now), value=row.extracted_at)
