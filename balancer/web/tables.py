"""Dense tables as values: one table is a page's, prints, and is downloaded as CSV or as a workbook, whole.

A page shows at most ``ROWS_A_PAGE`` rows; the order and the page stand in the address, so that a link means what its
sender saw. A download has every row of the same filters in the same order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final
from urllib.parse import urlencode

from fastapi import Depends, Query, Request

from balancer.web.class_marks import ClassMark
from balancer.web.time_left import TimeLeft

ROWS_A_PAGE: Final = 50
# A workbook's sheet holds a million; a download is for a person, and is made in memory.
MOST_ROWS: Final = 50_000
_MOST_PAGES: Final = 100_000


class Medium(StrEnum):
    """As what a table is asked for."""

    PAGE = "page"
    CSV = "csv"
    XLSX = "xlsx"


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column: ``key`` is its name in the address and in downloads; numbers stand right, their unit in the head.

    ``kept`` is its name in downloads where what they have of it is something else than the page shows (when it is due,
    and not the time left); ``second`` names there what stands in grey below, which else no download has.
    """

    key: str
    head: str
    number: bool = False
    sorts: bool = False
    kept: str = ""
    second: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What stands in a cell: words or a mark, below it ``second`` in grey; ``value`` is what a download has of it.

    ``pick`` is a box to tick: its name and value in the form that the table stands in, and what it is called.
    """

    text: str = ""
    value: str | int | float | datetime | None = None
    link: str = ""
    second: str = ""
    grey: bool = False
    mark: ClassMark | None = None
    left: TimeLeft | None = None
    trust: str = ""
    pick: tuple[str, str, str] | None = None

    @property
    def kept(self) -> str | int | float | datetime | None:
        """What a download has of it."""
        if self.value is not None:
            return self.value
        if self.left is not None:
            return self.left.due_at
        return self.text or self.trust or (self.mark.name if self.mark else "")


def number(value: float, *, link: str = "", digits: int = 0) -> Cell:
    """Return a number as a cell: thousands with a comma, a nought in grey."""
    return Cell(text=f"{value:,.{digits}f}", value=value, link=link, grey=not value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row; its first cell is its head, and opens it if it is a link. ``id`` is where a link to the row leads."""

    cells: Sequence[Cell]
    id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A filter: its name in the address, its label, the (value, words) to choose from, and which is chosen.

    Without options it is a field to write in.
    """

    name: str
    label: str
    options: Sequence[tuple[str, str]] = ()
    chosen: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """How a table is asked for: where, filtered how, in which order, which page of it, as what."""

    path: str
    asked: Sequence[tuple[str, str]] = ()
    sort: str = ""
    page: int = 1
    medium: Medium = Medium.PAGE

    @property
    def limit(self) -> int:
        """How many rows are wanted."""
        return ROWS_A_PAGE if self.medium is Medium.PAGE else MOST_ROWS

    @property
    def offset(self) -> int:
        """How many rows come before the first that is wanted."""
        return (self.page - 1) * ROWS_A_PAGE if self.medium is Medium.PAGE else 0

    @property
    def key(self) -> str:
        """The column it is sorted by, if any."""
        return self.sort.removeprefix("-")

    @property
    def falls(self) -> bool:
        """Whether the largest comes first."""
        return self.sort.startswith("-")

    def address(self, **changes: object) -> str:
        """Return the address with some of what is asked changed; what becomes empty is left out."""
        asked = dict(self.asked)
        for name, value in changes.items():
            asked[{"as_": "as"}.get(name, name)] = "" if value is None else str(value)
        kept = {name: value for name, value in asked.items() if value}
        return f"{self.path}?{urlencode(kept)}" if kept else self.path

    def sorted_by(self, column: Column) -> str:
        """Return the address of the same in the order of a column, turned round if it is so already."""
        falls = self.key == column.key and not self.falls
        return self.address(sort=f"{'-' if falls else ''}{column.key}", page="")

    def order_of(self, column: Column) -> str:
        """Return what ``aria-sort`` says of a column."""
        if self.key != column.key:
            return "none"
        return "descending" if self.falls else "ascending"


def _view(
    request: Request,
    sort: Annotated[str, Query(max_length=40, pattern="^-?[a-z_]*$")] = "",
    page: Annotated[int, Query(ge=1, le=_MOST_PAGES)] = 1,
    medium: Annotated[Medium, Query(alias="as")] = Medium.PAGE,
) -> View:
    asked = [(name, value) for name, value in request.query_params.multi_items() if name not in {"as", "done"}]
    return View(path=request.url.path, asked=asked, sort=sort, page=page, medium=medium)


Viewing = Annotated[View, Depends(_view)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table as it is shown. ``name`` is its caption and its download's name; ``total`` counts all rows there are."""

    name: str
    columns: Sequence[Column]
    rows: Sequence[Row]
    total: int
    view: View
    filters: Sequence[Choice] = ()
    totals: Sequence[Cell] = ()
    empty: str = "Nothing to show."

    @property
    def pages(self) -> int:
        """How many pages it has."""
        return max(1, -(-self.total // ROWS_A_PAGE))

    @property
    def cut(self) -> str:
        """Which rows these are, in words; nothing if they are all."""
        if self.total <= len(self.rows):
            return ""
        first = self.view.offset + 1
        return f"{first:,} to {first + len(self.rows) - 1:,} of {self.total:,}"

    @property
    def is_filtered(self) -> bool:
        """Whether a filter holds rows back."""
        return any(choice.chosen for choice in self.filters)


def in_order(rows: Sequence[Row], columns: Sequence[Column], view: View) -> list[Row]:
    """Return rows that are all at hand in the order that is asked for; those without a value come last."""
    places = {column.key: place for place, column in enumerate(columns) if column.sorts}
    if view.key not in places:
        return list(rows)
    place = places[view.key]
    empty = [row for row in rows if row.cells[place].kept in {None, ""}]
    full = [row for row in rows if row.cells[place].kept not in {None, ""}]
    return [*sorted(full, key=lambda row: _sortable(row.cells[place].kept), reverse=view.falls), *empty]


def _sortable(value: str | float | datetime | None) -> tuple[int, float, str]:
    """Return what orders values of one column: numbers and instants as such, words without regard to case."""
    if isinstance(value, datetime):
        return (0, value.timestamp(), "")
    return (0, value, "") if isinstance(value, int | float) else (1, 0.0, str(value).casefold())


def table_of(  # noqa: PLR0913 - what a table is made of
    name: str,
    columns: Sequence[Column],
    rows: Sequence[Row],
    view: View,
    *,
    filters: Sequence[Choice] = (),
    totals: Sequence[Cell] = (),
    empty: str = "Nothing to show.",
) -> Table:
    """Return a table of rows that are all at hand: sorted, and cut to the page that is asked for."""
    found = in_order(rows, columns, view)
    return Table(
        name=name,
        columns=columns,
        rows=found[view.offset : view.offset + view.limit],
        total=len(found),
        view=view,
        filters=filters,
        totals=totals,
        empty=empty,
    )
