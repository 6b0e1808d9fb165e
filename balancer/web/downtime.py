"""Downtime lists as a page shows them: of when the newest set is, and whether it is still of the lists in force."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from balancer.domain.actor import Reach
from balancer.domain.instant import LONDON
from balancer.publish.downtime.folder import KeptList, KeptSet, kept_set, kept_sets, made_at
from balancer.web.tables import Cell, Column, Row, Table, View, number, table_of
from balancer.web.time_left import at_words, span

# A set comes within seconds of a publish; so long after, something is wrong with writing it.
_LATE: Final = timedelta(minutes=5)
_COLUMNS: Final = (
    Column(key="reporter", head="Reporter", sorts=True),
    Column(key="trust", head="Home trust", sorts=True),
    Column(key="reads", head="Reads", number=True, sorts=True),
    Column(key="version", head="Version", number=True),
    Column(key="published_at", head="Published", sorts=True),
    Column(key="pdf", head="Print"),
    Column(key="csv", head="Table"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DowntimePage:
    """What the page shows; ``as_of`` is in large type, ``stale`` says what is wrong with it, if anything is."""

    as_of: str
    age: str
    stale: str
    earlier: Sequence[tuple[str, str]]
    table: Table | None
    shown: str


def may_open(reach: Reach, reporter_id: str) -> bool:
    """Tell whether somebody may open a reporter's files: their own, or whoever sees the lists of every trust.

    A file holds reads of every trust that its reporter reads for. Whoever reports too may not see who else reads what
    is read blind, and a file cannot leave that out for them.
    """
    return reporter_id in {reach.own, reach.blind_to} or (reach.is_everywhere and reach.blind_to is None)


def downtime_page(  # noqa: PLR0913, PLR0917 - which set, held against what, for whom
    root: Path | None,
    name: str,
    published_at: datetime | None,
    listed: Collection[str],
    reach: Reach,
    view: View,
    now: datetime,
) -> DowntimePage:
    """Return the page of a set, the newest if none is named; ``published_at`` is when lists were last published.

    It has the lists of those reporters whose lists the caller may see (``listed``), and what they may open.

    Raises
    ------
    NotFoundError
        If the named set is not there, or no longer.
    """
    names = kept_sets(root) if root is not None else []
    if root is None or not names:
        return DowntimePage(as_of="", age="", stale=_none(root), earlier=(), table=None, shown="")
    found = kept_set(root, name or names[0])
    shown = [item for item in found.lists if item.reporter_id in listed or may_open(reach, item.reporter_id)]
    return DowntimePage(
        as_of=instant_in_full(found.made_at),
        age=f"{span(max(now - found.made_at, timedelta()))} ago",
        stale=_stale(found, names[0], published_at, now),
        earlier=[(f"/downtime/{other}", at_words(made_at(other), now)) for other in names if other != found.name][:20],
        table=_table(found, shown, view, reach, now),
        shown=_shown(shown, reach),
    )


def instant_in_full(instant: datetime) -> str:
    """Return an instant as it stands in large type: `Mon 2 March, 08:04`."""
    local = instant.astimezone(LONDON)
    return f"{local:%a} {local.day} {local:%B}, {local:%H:%M}"


def _none(root: Path | None) -> str:
    if root is None:
        return "No folder is set for them, so none are written: whoever runs the service sets BALANCER_DOWNTIME_FOLDER."
    return "None have been written yet. They come with the first publish."


def _stale(found: KeptSet, newest: str, published_at: datetime | None, now: datetime) -> str:
    if found.name != newest:
        return "There is a newer set than this."
    if published_at is not None and published_at > found.made_at and now - published_at > _LATE:
        return (
            f"Lists were published {at_words(published_at, now)} and have not been written since: do not rely on "
            "these, and tell whoever runs the service."
        )
    return ""


def _shown(lists: Sequence[KeptList], reach: Reach) -> str:
    openable = [item for item in lists if may_open(reach, item.reporter_id)]
    if len(openable) == len(lists):
        return ""
    if openable:
        return "You can open your own. Others' are for whoever may see the lists of every trust."
    return (
        "You see that they are there and of when. A file holds reads of every trust that its reporter reads for: it is "
        "opened by its reporter, and by whoever may see the lists of every trust and does not report."
    )


def _table(found: KeptSet, lists: Sequence[KeptList], view: View, reach: Reach, now: datetime) -> Table:
    rows = [_row(found, item, reach, now) for item in lists]
    return table_of("Downtime lists", _COLUMNS, rows, view, empty="None of a reporter whose list you may see.")


def _row(found: KeptSet, item: KeptList, reach: Reach, now: datetime) -> Row:
    opens = may_open(reach, item.reporter_id)
    return Row(
        cells=(
            Cell(text=item.name),
            Cell(trust=item.home_trust),
            number(item.reads) if opens else Cell(),  # it counts what is read blind, and at every trust
            number(item.version),
            Cell(text=at_words(item.published_at, now), value=item.published_at),
            _file(found, item, "pdf") if opens else Cell(),
            _file(found, item, "csv") if opens else Cell(),
        )
    )


def _file(found: KeptSet, item: KeptList, ending: str) -> Cell:
    return Cell(text=f"{ending.upper()} of {item.name}", link=f"/downtime/{found.name}/{item.file}.{ending}")
