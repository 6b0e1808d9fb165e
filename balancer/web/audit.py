"""The audit trail as a page shows it: who did what, when and why, and whether the chain holds."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Final

from balancer.store.audit import Verdict
from balancer.store.tables_life import AuditRow
from balancer.web.audit_words import ACTIONS, action_words, kind_words, state_words
from balancer.web.tables import Cell, Choice, Column, Row, Table, View
from balancer.web.time_left import at_words

# Whoever has looked at a list has looked at hundreds; a page names the first, a download all.
_MOST_NAMED: Final = 8
_COLUMNS: Final = (
    Column(key="sequence", head="Entry", number=True),
    Column(key="at", head="When"),
    Column(key="actor", head="Who"),
    Column(key="action", head="What"),
    Column(key="subject", head="Of what"),
    Column(key="was", head="Before"),
    Column(key="became", head="After"),
    Column(key="why", head="Why"),
    Column(key="detail", head="Detail"),
    Column(key="hash", head="Hash"),
)


def audit_table(  # noqa: PLR0913 - a page, and who looks at it
    rows: Sequence[AuditRow],
    total: int,
    cut: Collection[int],
    view: View,
    now: datetime,
    *,
    with_hashes: bool,
) -> Table:
    """Return a page of the trail, newest first; ``cut`` entries name nobody (blind double reading).

    Whoever reports gets no hashes: a guess at what is cut could be tried against that of its entry, or of any later.
    """
    asked = dict(view.asked)
    written = (("actor", "Who (subject)"), ("kind", "Of what kind"), ("subject", "Which (number)"))
    filters = [Choice(name=name, label=label, chosen=asked.get(name, "")) for name, label in written]
    return Table(
        name="Audit trail",
        columns=_COLUMNS,
        rows=[_row(row, row.sequence in cut, now, with_hashes) for row in rows],
        total=total,
        view=view,
        filters=[filters[0], _actions(asked.get("action", "").strip()), *filters[1:]],
        empty="Nothing like this is in the trail.",
    )


def _actions(chosen: str) -> Choice:
    """Return the filter of what was done, in words; what is asked for stands in it even if nobody would offer it."""
    known = sorted(ACTIONS.items(), key=lambda one: one[1])
    if chosen and chosen not in ACTIONS:
        known.append((chosen, action_words(chosen)))
    return Choice(name="action", label="What", options=[("", "Everything"), *known], chosen=chosen)


def _row(row: AuditRow, hidden: bool, now: datetime, with_hash: bool) -> Row:  # noqa: FBT001 - of this row
    told = {} if hidden else row.detail
    return Row(
        cells=(
            Cell(text=f"{row.sequence:,}", value=row.sequence),
            Cell(text=at_words(row.at, now), value=row.at),
            Cell(text="not shown" if hidden else row.actor, grey=hidden),
            Cell(text=action_words(row.action), value=row.action, second=row.action),
            Cell(
                text=f"{kind_words(row.subject_kind)} {row.subject_id}".strip(),
                value=f"{row.subject_kind} {row.subject_id}".strip(),
            ),
            Cell(text=state_words(row.was), value=row.was),
            Cell(text=state_words(row.became), value=row.became),
            Cell(text="" if hidden else row.why),
            Cell(text=_detail(told, now), value=_detail(told, None)),
            Cell(text=row.hash[:12], value=row.hash) if with_hash else Cell(text="", value=""),
        )
    )


def _detail(told: Mapping[str, object], now: datetime | None) -> str:
    """Return what an entry holds beside; to be read at ``now``, or whole and as it is kept if there is no such time."""
    said = {name: _said(value, now) for name, value in told.items() if value != {}}
    return "; ".join(f"{name.replace('_', ' ')}: {words}" for name, words in said.items())


def _said(value: object, now: datetime | None) -> str:
    """Return a value in words; of a list that is read only so many, and how many more there are."""
    if isinstance(value, Mapping):
        return ", ".join(f"{str(name).replace('_', ' ')} {_said(part, now)}" for name, part in value.items())
    if isinstance(value, list):
        named = value if now is None else value[:_MOST_NAMED]
        words, more = ", ".join(_said(item, now) for item in named), len(value) - len(named)
        return f"{words} and {more:,} more" if more else words or "nothing"
    return str(value) if now is None else _instant(str(value), now)


def _instant(text: str, now: datetime) -> str:
    """Return an instant, as the trail keeps it (ISO 8601 with its zone), in local words; other text as it is."""
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        return text
    return text if instant.tzinfo is None else at_words(instant, now)


def verdict_words(verdict: Verdict, *, with_hashes: bool) -> tuple[str, str]:
    """Return what came of following the chain, and what it does not prove; its end for whoever may see hashes."""
    if verdict.fault:
        return (
            f"The chain does not hold: {verdict.fault}.",
            "Somebody or something has changed the trail. Keep the database as it is and tell whoever answers for it.",
        )
    return (
        f"The chain holds: {verdict.end.sequence:,} entries, each following from the one before.",
        (
            "Its end is not shown to whoever reports."
            if not with_hashes
            else f"Its end is {verdict.end.hash}. Note it elsewhere: only against an end that was noted earlier can it "
            "be told that nobody has written the whole trail anew."
        ),
    )
