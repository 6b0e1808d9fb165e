"""A reporter's list as a table to take away: everything on it, in its order."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from balancer.web.field_words import said_of_them
from balancer.web.my_list import Entry, MyList
from balancer.web.tables import Cell, Column, Row, Table, View

_COLUMNS: Final = (
    Column(key="place", head="Place", number=True),
    Column(key="state", head="State"),
    Column(key="exam", head="Exam"),
    Column(key="accession", head="Accession"),
    Column(key="class", head="Class"),
    Column(key="trust", head="Trust"),
    Column(key="site", head="Site"),
    Column(key="due", head="Due"),
    Column(key="planned_start", head="Planned start"),
    Column(key="planned_end", head="Planned end"),
    Column(key="minutes", head="Minutes expected", number=True),
    Column(key="priors", head="Priors"),
    Column(key="why", head="Why theirs"),
)


def list_table(listed: MyList, view: View) -> Table:
    """Return the whole of a list as its reporter has it: what is open, what is next, what comes after."""
    kinds: Iterable[tuple[str, Iterable[Entry]]] = (("open", listed.open), ("next", listed.next), ("", listed.after))
    entries = [(state, entry) for state, of_state in kinds for entry in of_state]
    rows = [_row(place, state, entry) for place, (state, entry) in enumerate(entries, start=1)]
    return Table(name=f"List of {listed.name}", columns=_COLUMNS, rows=rows, total=len(rows), view=view)


def _row(place: int, state: str, entry: Entry) -> Row:
    item = entry.item
    return Row(
        cells=(
            Cell(value=place),
            Cell(text=state or "waits"),
            Cell(text=entry.name),
            Cell(text=item.accession_number),
            Cell(mark=entry.mark),
            Cell(trust=item.trust),
            Cell(text=item.site or ""),
            Cell(left=entry.left),
            Cell(value=item.planned_start),
            Cell(value=item.planned_end),
            Cell(value=round(item.expected_minutes, 1)),
            Cell(text=entry.priors_words),
            Cell(text=said_of_them(entry.why)),
        )
    )
