"""What somebody has looked for, and what there is of it: studies, reporters and examinations, as tables of links."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from balancer.web.tables import Cell, Column, Medium, Row, Table, View

# Nobody reads more; how many more there are is said.
MOST_FOUND: Final = 20
# One letter stands in everything.
LEAST_CHARACTERS: Final = 2
SEARCH: Final = "/search"


class Sought(StrEnum):
    """A kind of what is looked for, in the order in which it is shown."""

    STUDIES = "studies"
    REPORTERS = "reporters"
    EXAMS = "exams"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One kind of what was found: the first of it, and how many there are in all."""

    kind: Sought
    table: Table
    total: int

    @property
    def name(self) -> str:
        """What it is called."""
        return self.table.name

    @property
    def more(self) -> int:
        """How many are not shown."""
        return self.total - len(self.table.rows)


def matching(text: str, items: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the (code, name) in which every word of ``text`` stands, in whatever case and order, by name."""
    words = text.casefold().split()
    found = [item for item in items if all(word in f"{item[0]} {item[1]}".casefold() for word in words)]
    return sorted(found, key=lambda item: (item[1].casefold(), item[0]))


def most_of(view: View) -> int:
    """Return how many of a kind are wanted: of a file all."""
    return MOST_FOUND if view.medium is Medium.PAGE else view.limit


def links(kind: Sought, heads: tuple[str, str], items: Sequence[tuple[str, str]], address: str, view: View) -> Found:
    """Return (code, name) as a table; each name leads to ``address`` with its code at the end."""
    shown = items[: most_of(view)]
    rows = [Row(cells=(Cell(text=said, link=f"{address}{code}"), Cell(text=code))) for code, said in shown]
    columns = tuple(Column(key=head.lower().replace(" ", "_"), head=head) for head in heads)
    return Found(kind=kind, table=_table(kind, columns, rows, view), total=len(items))


def of_studies(table: Table, total: int) -> Found:
    """Return studies that were found, in a table that cannot be sorted: its address says nothing of what is in it."""
    columns = tuple(replace(column, sorts=False) for column in table.columns)
    return Found(kind=Sought.STUDIES, table=_table(Sought.STUDIES, columns, table.rows, table.view), total=total)


def _table(kind: Sought, columns: Sequence[Column], rows: Sequence[Row], view: View) -> Table:
    return Table(name=kind.capitalize(), columns=columns, rows=rows, total=len(rows), view=view)


def heading(text: str, found: Sequence[Found]) -> str:
    """Return what came of looking for ``text``, with the number first."""
    if not text:
        return "Find a study, a reporter or an exam"
    total = sum(kind.total for kind in found)
    if not total:
        return f"Nothing is called “{text}”"
    return f"{total:,} {'is' if total == 1 else 'are'} called “{text}”"
