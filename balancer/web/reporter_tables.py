"""What a reporter's page shows, as tables to take away."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from balancer.web.reporter_page import ReporterPage
from balancer.web.reporter_week import Week
from balancer.web.tables import Cell, Column, Row, Table, View


class Part(StrEnum):
    """Which table of a reporter's page."""

    ENTITLEMENTS = "entitlements"
    SKILLS = "skills"
    SESSIONS = "sessions"
    DECIDED = "decided"


_HEADS: Final = {
    Part.ENTITLEMENTS: ("Trust", "Holds", "List says"),
    Part.SKILLS: ("Subspecialty", "Modality", "Holds", "List says"),
    Part.SESSIONS: ("Day", "Holds", "What", "Roster", "Hours", "Filled", "Rota says"),
    Part.DECIDED: ("Kind", "What", "Trust", "Feed says", "Holds", "Why", "By", "Since", "Ends"),
}


def part_table(page: ReporterPage, week: Week, part: Part, view: View) -> Table:
    """Return one of the page's tables, as it is shown."""
    columns = [Column(key=head.lower().replace(" ", "_"), head=head) for head in _HEADS[part]]
    rows = [Row(cells=tuple(Cell(text=text) for text in texts)) for texts in _rows(page, week, part)]
    name = f"{page.name}, {part.value}"
    return Table(name=name, columns=columns, rows=rows, total=len(rows), view=view)


def _rows(page: ReporterPage, week: Week, part: Part) -> Sequence[tuple[str, ...]]:
    if part is Part.ENTITLEMENTS:
        return [(item.trust, item.holds, item.said) for item in page.entitled]
    if part is Part.SKILLS:
        return [(item.field, item.modality, item.holds, item.said) for item in page.skilled]
    if part is Part.SESSIONS:
        return [(one.day, one.when, one.what, one.whose, one.hours, one.filled, one.said) for one in week.turns]
    return [
        (one.kind, one.what, one.trust, one.said, one.holds, one.reason, one.author, one.made, one.ends)
        for one in page.decided
    ]
