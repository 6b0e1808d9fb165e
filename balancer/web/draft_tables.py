"""The lists behind a draft's figures: whom it moves, what becomes late by it, and how full it makes people."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from balancer.store.tables import StudyRow
from balancer.web.draft_effects import WHY
from balancer.web.draft_facts import PreviewFacts
from balancer.web.points import signed
from balancer.web.run_pages import TERMS
from balancer.web.tables import Cell, Column, Row, Table, View, number, table_of
from balancer.web.time_left import span

_MOVES: Final = (
    Column(key="study", head="Study", sorts=True, second="accession"),
    Column(key="trust", head="Trust", sorts=True),
    Column(key="read", head="Read", number=True, sorts=True),
    Column(key="from", head="From", sorts=True),
    Column(key="to", head="To", sorts=True),
    Column(key="why", head="Why", sorts=True),
    Column(key="lateness", head="Against due", sorts=True, kept="minutes_past_due"),
)


def moves_table(facts: PreviewFacts, view: View) -> Table:
    """Return whom a draft would move, as far as it is within reach."""
    late = {int(one["study_id"]): one for one in (facts.preview.lateness if facts.preview else None) or []}
    rows = [
        Row(
            cells=(
                Cell(
                    text=facts.exams.get(move.study.exam_code, move.study.exam_code),
                    link=f"/studies/{move.study.id}",
                    second=move.study.accession_number,
                ),
                Cell(trust=move.study.trust),
                number(move.move.read),
                Cell(text=facts.who(move, move.move.was), link=facts.list_of(move, move.move.was)),
                Cell(text=facts.who(move, move.move.becomes), link=facts.list_of(move, move.move.becomes)),
                Cell(text=WHY[move.move.reason]),
                _against(late.get(move.study.id or 0)),
            )
        )
        for move in facts.moves
    ]
    return table_of("Moves", _MOVES, rows, view, empty="It moves nobody's reads.")


_COST: Final = (
    Column(key="term", head="Term"),
    Column(key="what", head="What it is"),
    Column(key="before", head="Now", number=True),
    Column(key="after", head="With it", number=True),
    Column(key="change", head="Change", number=True),
)


def cost_table(facts: PreviewFacts, view: View) -> Table:
    """Return what a draft costs more, by term: the changes add up to it. Nothing to whoever reports too."""
    kept = {} if facts.is_blind else (facts.preview.figures if facts.preview else None) or {}
    was, becomes = (kept.get(when, {}).get("terms", {}) for when in ("before", "after"))
    terms = [(name, TERMS.get(name, ""), was.get(name, 0.0), becomes[name]) for name in becomes]
    total = ("total", "All of it together", sum(was.values()), sum(becomes.values()))
    rows = [
        Row(
            cells=(
                Cell(text=name.capitalize()),
                Cell(text=words),
                number(round(before, 1), digits=1),
                number(round(after, 1), digits=1),
                Cell(text=signed(after - before), value=round(after - before, 1)),
            )
        )
        for name, words, before, after in (*terms, *([total] if terms else []))
    ]
    return Table(
        name="What it costs, in points",
        columns=_COST,
        rows=rows,
        total=len(rows),
        view=view,
        empty="Nothing to show." if facts.is_blind else "The last preview has not kept what its cost is made of.",
    )


def _against(turned: Mapping[str, float] | None) -> Cell:
    if turned is None:
        return Cell(text="as before", value="", grey=True)
    before, after = _in_hand(turned["before"]), _in_hand(turned["after"])
    words = "becomes late" if turned["after"] > 0 else "in time again"
    return Cell(text=f"{words}: {after.text}", second=f"{before.text} now", value=after.value)


def _list(facts: PreviewFacts, reporter_id: str | None) -> str:
    return f"/lists/{reporter_id}" if reporter_id in facts.names else ""


_LATE: Final = (
    Column(key="study", head="Study", sorts=True),
    Column(key="accession", head="Accession"),
    Column(key="trust", head="Trust", sorts=True),
    Column(key="what", head="What becomes of it", sorts=True),
    Column(key="before", head="Now", sorts=True, kept="minutes_past_due_now"),
    Column(key="after", head="With it", sorts=True, kept="minutes_past_due_with_it"),
)


def late_table(facts: PreviewFacts, view: View, *, only_late: bool = False) -> Table:
    """Return the studies that a draft makes late, and those that it brings in time again, as far as within reach."""
    turned = (facts.preview.lateness if facts.preview else None) or []
    rows = [
        _late_row(facts, facts.studies[int(one["study_id"])], one)
        for one in turned
        if one["study_id"] in facts.studies and (one["after"] > 0 or not only_late)
    ]
    return table_of("What becomes late", _LATE, rows, view, empty="No study becomes late by it, and none is in time.")


def _late_row(facts: PreviewFacts, study: StudyRow, one: Mapping[str, float]) -> Row:
    return Row(
        cells=(
            Cell(text=facts.exams.get(study.exam_code, study.exam_code), link=f"/studies/{study.id}"),
            Cell(text=study.accession_number),
            Cell(trust=study.trust),
            Cell(text="becomes late" if one["after"] > 0 else "in time again"),
            _in_hand(one["before"]),
            _in_hand(one["after"]),
        )
    )


def _in_hand(minutes: float) -> Cell:
    length = span(timedelta(minutes=abs(minutes))) if abs(minutes) >= 1 else "less than a minute"
    return Cell(text=f"late by {length}" if minutes > 0 else f"{length} in hand", value=round(minutes, 1))


_LOADS: Final = (
    Column(key="reporter", head="Reporter", sorts=True),
    Column(key="hours", head="Hours rostered", number=True, sorts=True),
    Column(key="before", head="Filled now, %", number=True, sorts=True),
    Column(key="after", head="Filled with it, %", number=True, sorts=True),
    Column(key="change", head="Change, min", number=True, sorts=True),
)


def load_table(facts: PreviewFacts, view: View) -> Table:
    """Return how full everybody's sessions are without a draft and with it: those that change first."""
    changed = sorted(facts.loads, key=lambda row: -abs(row.planned_after - row.planned_before))
    rows = [
        Row(
            cells=(
                Cell(text=facts.name(row.reporter_id), link=_list(facts, row.reporter_id)),
                number(row.available_after / 60, digits=1),
                number(_share(row.planned_before, row.available_before)),
                number(_share(row.planned_after, row.available_after)),
                Cell(
                    text=f"{row.planned_after - row.planned_before:+,.0f}",
                    value=round(row.planned_after - row.planned_before, 1),
                    grey=abs(row.planned_after - row.planned_before) < 1,
                ),
            )
        )
        for row in changed
    ]
    none = "You are not rostered within the horizon." if facts.is_blind else "Nobody is rostered within the horizon."
    return table_of("Load", _LOADS, rows, view, empty=none)


def _share(planned: float, available: float) -> float:
    return round(100 * planned / available, 1) if available else 0.0
