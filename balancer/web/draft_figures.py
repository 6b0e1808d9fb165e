"""What a draft would do in figures, before and after, each with the list behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from balancer.domain.instant import LONDON
from balancer.store.run_records import ShownMove
from balancer.store.tables_drafts import PreviewLoadRow
from balancer.web.draft_facts import PreviewFacts
from balancer.web.points import signed
from balancer.web.time_left import span

_LEAST_SHARE: Final = 0.005


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One figure before and after; ``level`` marks it if it is worse (late) or better (done).

    ``of`` says what it is a share of. Each number has the list behind it: what was before is listed as it is now.
    """

    label: str
    before: str
    after: str
    level: str = ""
    of: str = ""
    before_link: str = ""
    after_link: str = ""


def lines_of(facts: PreviewFacts, about: int | None) -> list[Line]:
    """Return the figures of a preview that is made; ``about``: a study that is told of by itself."""
    run, found = facts.run, facts.preview
    assert run is not None  # noqa: S101 - asked for only of a preview that is made
    assert found is not None  # noqa: S101
    lines = list(_own_line(facts, about))
    was, becomes, late = found.figures or {}, found.late_before or {}, f"/drafts/{facts.draft_id}/late"
    if was:
        before, after = was["before"], was["after"]
        lines.append(
            _count_line("Late in the next 24 h", before["late_soon"], after["late_soon"], ("/studies?within=24", late))
        )
    lines.append(_count_line("Late in all", sum(becomes.values()), sum((run.late or {}).values()), ("", late)))
    moved = max(0, facts.moves_total - sum(_is_about(move, about) for move in facts.moves))
    moves = f"/drafts/{facts.draft_id}/moves"
    lines.append(
        Line(label="Other reads moved" if about else "Reads moved", before="0", after=f"{moved:,}", after_link=moves)
    )
    if was:
        before, after = was["before"], was["after"]
        behind = "/studies?state=unallocated", moves
        lines.append(_count_line("Not placed", before["not_placed"], after["not_placed"], behind))
    lines += _load_lines(facts)
    if was:
        more = was["after"]["total"] - was["before"]["total"]
        made_of = f"/drafts/{facts.draft_id}/cost" if was["after"].get("terms") and not facts.is_blind else ""
        lines.append(Line(label="Cost", before="0", after=f"{signed(more)} points", after_link=made_of))
    return lines


def _own_line(facts: PreviewFacts, about: int | None) -> Sequence[Line]:
    if about is None:
        return []
    when = _when(facts, about)
    own = [
        Line(
            label="This study",
            before=facts.who(move, move.move.was),
            after=facts.who(move, move.move.becomes) + when,
        )
        for move in facts.moves
        if _is_about(move, about)
    ]
    # whoever asks for it sooner must see, too, that nobody else is given it, or that it comes too late all the same
    return own or [Line(label="This study", before="as it stands", after="on nobody else's list" + when)]


def _when(facts: PreviewFacts, about: int) -> str:
    """Return in words how a study that is told of by itself comes off; empty if that is not kept."""
    minutes = ((facts.preview.figures or {}).get("about") or {}).get(str(about)) if facts.preview else None
    if minutes is None or facts.is_blind:
        return ""
    by = span(timedelta(minutes=abs(minutes)))
    return f", late by {by}" if minutes > 0 else f", {by} in hand"


def _is_about(move: ShownMove, about: int | None) -> bool:
    return about is not None and move.study.id == about


def _count_line(label: str, before: float, after: float, links: tuple[str, str]) -> Line:
    level = "late" if after > before else "done" if after < before else ""
    of_before, of_after = links
    return Line(
        label=label,
        before=f"{before:,.0f}",
        after=f"{after:,.0f}",
        level=level,
        before_link=of_before,
        after_link=of_after,
    )


def _load_lines(facts: PreviewFacts) -> list[Line]:
    """Return the two sessions' worth of people whose load changes most."""
    changed = sorted(facts.loads, key=lambda row: -abs(_share(row, after=True) - _share(row, after=False)))
    return [
        Line(
            label=f"{facts.name(row.reporter_id)} filled",
            before=f"{_share(row, after=False):.0%}",
            after=f"{_share(row, after=True):.0%}",
            of=sessions_words(facts),
            before_link=f"/drafts/{facts.draft_id}/load",
            after_link=f"/drafts/{facts.draft_id}/load",
        )
        for row in changed[:2]
        if abs(_share(row, after=True) - _share(row, after=False)) >= _LEAST_SHARE
    ]


def sessions_words(facts: PreviewFacts) -> str:
    """Return which sessions are filled: those of which days."""
    if facts.run is None or facts.until is None:
        return "of all sessions that are planned ahead"
    start, end = facts.run.now.astimezone(LONDON), facts.until.astimezone(LONDON)
    return f"of all sessions from {_day(start)} until {_day(end)}"


def _day(local: datetime) -> str:
    return f"{local:%a} {local.day} {local:%B} {local:%H:%M}"


def _share(row: PreviewLoadRow, *, after: bool) -> float:
    planned, available = (
        (row.planned_after, row.available_after) if after else (row.planned_before, row.available_before)
    )
    return planned / available if available else 0.0
