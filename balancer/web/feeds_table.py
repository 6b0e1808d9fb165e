"""The feeds as a table to download: a row a feed, its newest batch's books in columns."""

from __future__ import annotations

from typing import Final

from balancer.web.feeds import FeedEntry, FeedsPage
from balancer.web.tables import Cell, Column, Row, Table, View, number, table_of

_HEAPS: Final = ("rows", "new", "changed", "unchanged", "duplicate", "excluded", "quarantined", "closed")
_COLUMNS: Final = (
    Column(key="feed", head="Feed"),
    Column(key="trust", head="Trust"),
    Column(key="kind", head="Kind"),
    Column(key="last_heard", head="Last heard"),
    Column(key="state", head="State"),
    Column(key="expected", head="Expected"),
    *(Column(key=name, head=name.capitalize(), number=True) for name in _HEAPS),
    Column(key="off_by", head="Books off by", number=True),
    Column(key="said_against_held", head="Trust's total = held"),
    Column(key="refused", head="Refused", number=True),
    Column(key="unexplained", head="Unexplained", number=True),
)


def feeds_table(page: FeedsPage, view: View) -> Table:
    """Return the feeds as a table."""
    return table_of("Feeds", _COLUMNS, [_row(entry) for entry in page.feeds], view)


def _row(entry: FeedEntry) -> Row:
    books = entry.books
    heaps = [Cell() if books is None else number(getattr(books, name)) for name in _HEAPS]
    return Row(
        cells=(
            Cell(text=entry.name, link=entry.address),
            Cell(trust=entry.trust),
            Cell(text=entry.kind),
            Cell(value=entry.heard.at or ""),
            Cell(text=entry.heard.level),
            Cell(text=entry.expected),
            *heaps,
            Cell() if books is None else number(books.off_by),
            Cell(text=entry.against),
            number(entry.refused),
            number(entry.unexplained),
        )
    )
