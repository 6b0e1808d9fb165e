"""Rows of quarantine as a list, whatever became of them: refused ones with who and why, and those of one batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final
from urllib.parse import urlencode

from balancer.domain.states import QuarantineState
from balancer.store.quarantine import QuarantineFilter
from balancer.store.tables import QuarantineRow
from balancer.web.reasons import reason_words
from balancer.web.tables import Cell, Choice, Column, Row, Table, View
from balancer.web.time_left import at_words

HERE: Final = "/quarantine/rows"
STATES: Final[Mapping[QuarantineState, str]] = {
    QuarantineState.OPEN: "Waits to be mended",
    QuarantineState.REFUSED: "Refused",
    QuarantineState.REPLAYED: "Taken, read again",
    QuarantineState.SUPERSEDED: "Overtaken by a later row",
    QuarantineState.GONE: "No longer listed",
}
_SAID: Final = {
    QuarantineState.OPEN: ("waits", "wait"),
    QuarantineState.REFUSED: ("is refused", "are refused"),
    QuarantineState.REPLAYED: ("was taken when read again", "were taken when read again"),
    QuarantineState.SUPERSEDED: ("was overtaken by a later row", "were overtaken by later rows"),
    QuarantineState.GONE: ("is no longer listed", "are no longer listed"),
    None: ("was not understood when it came", "were not understood when they came"),
}
_COLUMNS: Final = (
    Column(key="row", head="Row", second="accession"),
    Column(key="feed", head="Feed"),
    Column(key="reason", head="Reason", second="fault"),
    Column(key="state", head="What became of it", second="why"),
    Column(key="refused_by", head="Refused by", kept="refused_by"),
    Column(key="refused_at", head="Refused", kept="refused_at"),
    Column(key="batch", head="Last in batch", number=True),
    Column(key="line", head="Line", number=True),
    Column(key="since", head="Since", kept="since"),
)


def rows_address(**asked: str) -> str:
    """Return the address of some of the rows."""
    return f"{HERE}?{urlencode(asked)}"


def rows_heading(which: QuarantineFilter, total: int) -> str:
    """Return what the list holds, with the number first."""
    feed = f" of {which.feed}" if which.feed else ""
    batch = f" of batch {which.batch}" if which.batch is not None else ""
    reason = f": {reason_words(which.reason).lower()}" if which.reason else ""
    one, several = _SAID[which.state]
    noun, verb = ("row", one) if total == 1 else ("rows", several)
    return f"{f'{total:,}' if total else 'No'} {noun}{feed}{batch} {verb}{reason}"


def rows_listed(rows: Sequence[QuarantineRow], total: int, which: QuarantineFilter, view: View, now: datetime) -> Table:
    """Return the rows as a table; nothing of a row's own cells is in it."""
    return Table(
        name="Rows of quarantine",
        columns=_COLUMNS,
        rows=[_row(row, now) for row in rows],
        total=total,
        view=view,
        filters=_filters(which),
        empty="No row is like this.",
    )


def _row(row: QuarantineRow, now: datetime) -> Row:
    is_refused = row.state is QuarantineState.REFUSED
    return Row(
        cells=(
            Cell(text=f"Row {row.id}", value=row.id, link=f"/quarantine/{row.id}", second=row.accession_number or ""),
            Cell(text=row.feed),
            Cell(text=reason_words(row.reason), second=row.detail),
            Cell(text=STATES[row.state], second=(row.refused_why or "") if is_refused else ""),
            Cell(text=row.refused_by or ""),
            Cell() if row.refused_at is None else Cell(text=at_words(row.refused_at, now), value=row.refused_at),
            Cell(text=f"{row.last_batch_id}", value=row.last_batch_id),
            Cell(text=f"{row.line:,}", value=row.line),
            Cell(text=at_words(row.first_seen_at, now), value=row.first_seen_at),
        )
    )


def _filters(which: QuarantineFilter) -> list[Choice]:
    """Return the filters; those that only a link sets are there to be taken off."""
    states = [("any", "Whatever became of it"), *((state.value, words) for state, words in STATES.items())]
    chosen = "any" if which.state is None else which.state.value
    found = [Choice(name="state", label="State", options=states, chosen=chosen)]
    if which.feed:
        found.append(
            Choice(name="feed", label="Feed", options=[("", "Every feed"), (which.feed, which.feed)], chosen=which.feed)
        )
    if which.reason:
        options = [("", "Whatever is wrong"), (which.reason, reason_words(which.reason))]
        found.append(Choice(name="reason", label="Reason", options=options, chosen=which.reason))
    if which.batch is not None:
        number = str(which.batch)
        options = [("", "Every batch"), (number, f"Batch {number}")]
        found.append(Choice(name="batch", label="Last in", options=options, chosen=number))
    return found
