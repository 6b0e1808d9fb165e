"""What a draft would do, as its preview found it: a few figures before and after, what becomes late, whom it moves."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from balancer.domain.instruction import InstructionState
from balancer.domain.run_changes import MoveReason
from balancer.domain.states import RunState
from balancer.store import drafts, people, previews, run_records, scope, standing
from balancer.store.blind import not_to_be_named
from balancer.store.classes import numbered
from balancer.store.database import Session
from balancer.store.pages import MOST_ITEMS, Cut
from balancer.store.run_records import ShownMove
from balancer.store.tables import RunRow, StudyRow
from balancer.store.tables_drafts import PreviewLoadRow, PreviewRow
from balancer.web.time_left import at_words, span

_WAITING: Final = frozenset({RunState.REQUESTED, RunState.RUNNING})
# It has not been begun, or has gone on, for so long: whoever waits is told. One takes seconds.
LONG: Final = timedelta(seconds=90)
# Much may have happened since: what is shown says so, and offers another.
_OLD: Final = timedelta(minutes=5)
# So many studies are named on a study's page, and so many on the draft's own.
_NAMED, _NAMED_WHOLE = 6, 15
_LEAST_SHARE: Final = 0.005
WHY: Final = {
    MoveReason.NEW: "nobody had it",
    MoveReason.NOT_OFFERED: "may no longer be theirs",
    MoveReason.NOT_ROSTERED: "they are not there",
    MoveReason.NO_PLACE: "no place is left",
    MoveReason.BETTER: "the plan is better so",
    MoveReason.TAKEN_OUT: "taken out of the queue",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewFacts:
    """A preview as the store has it, as far as its caller reaches; ``None`` where nobody has asked for one.

    ``is_blind``: the caller reports, and so has no load but their own.
    """

    draft_id: int
    staged: Sequence[int]
    run: RunRow | None
    preview: PreviewRow | None
    loads: Sequence[PreviewLoadRow]
    moves: Sequence[ShownMove]
    moves_total: int
    studies: Mapping[int, StudyRow]
    names: Mapping[str, str]
    exams: Mapping[str, str]
    unnamed: frozenset[int]
    is_blind: bool

    def who(self, move: ShownMove, reporter_id: str | None) -> str:
        """Return whose a read was or becomes; of one that is read blind, that it is somebody's."""
        return "somebody" if reporter_id is not None and move.read.id in self.unnamed else self.name(reporter_id)

    def list_of(self, move: ShownMove, reporter_id: str | None) -> str:
        """Return where the list is of whoever a read was or becomes, if they may be named."""
        return f"/lists/{reporter_id}" if reporter_id in self.names and move.read.id not in self.unnamed else ""

    def name(self, reporter_id: str | None) -> str:
        """Return a reporter's name; of nobody, that."""
        return "nobody" if reporter_id is None else self.names.get(reporter_id, "a reporter beyond your reach")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One figure before and after; ``level`` marks it if it is worse (late) or better (done)."""

    label: str
    before: str
    after: str
    level: str = ""
    link: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Harm:
    """One thing that the draft does to a study: ``kind`` is late, better or move."""

    kind: str
    name: str
    link: str
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Effects:
    """What a draft would do. ``waits``: it is being worked out; ``stuck``: for so long that it may never come."""

    draft_id: int
    asked: bool
    waits: bool
    stuck: str
    failed: str
    solved: str
    stale: str
    lines: Sequence[Line]
    harms: Sequence[Harm]
    more_harms: int
    is_shown: bool


def preview_facts(session: Session, draft_id: int, *, whole: bool = False) -> PreviewFacts:
    """Return the newest preview of a draft with what it takes to show it; ``whole``: every move, however many."""
    newest = previews.newest(session, draft_id)
    run, found = newest if newest is not None else (None, None)
    made = run is not None and run.state is RunState.PREVIEWED
    moved, total = _moved(session, run.id or 0, whole=whole) if made and run is not None else ([], 0)
    met = [(item.read.id, name) for item in moved for name in (item.move.was, item.move.becomes)]
    turned = [] if found is None or not made else [int(one["study_id"]) for one in found.lateness or []]
    listed = people.reporters(session, unlisted=True)
    return PreviewFacts(
        draft_id=draft_id,
        staged=[row.id or 0 for row in drafts.of_draft(session, draft_id, InstructionState.STAGED)],
        run=run,
        preview=found,
        loads=previews.loads(session, run.id or 0) if made and run else (),
        moves=moved,
        moves_total=total,
        studies={row.id or 0: row for row in numbered(session, turned)},
        names={item.reporter.reporter_id: item.reporter.name for item in listed},
        exams={row.code: row.name for row in standing.examinations(session, listed_only=False)},
        unnamed=frozenset(not_to_be_named(session, scope.reach_of(session), met)),
        is_blind=scope.reach_of(session).blind_to is not None,
    )


def _moved(session: Session, run_id: int, *, whole: bool) -> tuple[list[ShownMove], int]:
    """Return whom a run moves, the first thousand or all, and how many there are."""
    page = run_records.moves(session, run_id, Cut(cursor=None, limit=MOST_ITEMS))
    found = list(page.items)
    while whole and page.next_cursor is not None:
        page = run_records.moves(session, run_id, Cut(cursor=page.next_cursor, limit=MOST_ITEMS))
        found += page.items
    return found, page.total


def effects(facts: PreviewFacts, now: datetime, *, about: int | None = None, is_open: bool = True) -> Effects:
    """Return what a draft would do at ``now``; ``about``: a study that is told of by itself."""
    run, found = facts.run, facts.preview
    waits = run is not None and run.state in _WAITING
    stuck = stuck_words(run, now)
    made = run is not None and found is not None and run.state is RunState.PREVIEWED
    harms = _harms(facts, about) if made else []
    named = _NAMED_WHOLE if about is None else _NAMED
    return Effects(
        draft_id=facts.draft_id,
        asked=run is not None,
        waits=waits and not stuck,
        stuck=stuck,
        failed=_failed(run),
        solved=f"Solved on the queue of {at_words(run.now, now)}." if made and run is not None else "",
        stale=stale_words(run, found, facts.staged, now) if made and is_open and run and found else "",
        lines=_lines(facts, about) if made else (),
        harms=harms[:named],
        more_harms=max(0, len(harms) - named),
        is_shown=made,
    )


def _failed(run: RunRow | None) -> str:
    if run is None or run.state not in {RunState.FAILED, RunState.REJECTED}:
        return ""
    first = run.error.splitlines()[0] if run.error else "it came to nothing"
    return f"{first[:1].upper()}{first[1:]}"


def stuck_words(run: RunRow | None, now: datetime) -> str:
    """Return how long a preview has been waited for, if that is longer than it should be; nothing if it is not."""
    if run is None or run.state not in _WAITING or now - run.started_at <= LONG:
        return ""
    since = span(now - run.started_at)
    return (
        f"Asked for {since} ago and not begun."
        if run.state is RunState.REQUESTED
        else f"Begun {since} ago and not done."
    )


def stale_words(run: RunRow, found: PreviewRow, staged: Collection[int], now: datetime) -> str:
    """Return why what a preview found is not what its draft would do now; nothing if it is."""
    if sorted(staged) != found.instructions:
        return "The draft has been changed since: this is not what it would do."
    if now - run.now > _OLD:
        return f"It is {span(now - run.now)} old, and the queue has moved on."
    return ""


# --- figures ----------------------------------------------------------------------------------------------------------


def _lines(facts: PreviewFacts, about: int | None) -> list[Line]:
    run, found = facts.run, facts.preview
    assert run is not None  # noqa: S101 - asked for only of a preview that is made
    assert found is not None  # noqa: S101
    lines = list(_own_line(facts, about))
    was, becomes = found.figures or {}, found.late_before or {}
    if was:
        before, after = was["before"], was["after"]
        lines.append(_count_line("Late in the next 24 h", before["late_soon"], after["late_soon"]))
    lines.append(_count_line("Late in all", sum(becomes.values()), sum((run.late or {}).values())))
    moved = max(0, facts.moves_total - sum(_is_about(move, about) for move in facts.moves))
    moves = f"/drafts/{facts.draft_id}/moves"
    lines.append(
        Line(label="Other reads moved" if about else "Reads moved", before="0", after=f"{moved:,}", link=moves)
    )
    if was:
        before, after = was["before"], was["after"]
        lines.append(_count_line("Not placed", before["not_placed"], after["not_placed"]))
    lines += _load_lines(facts)
    if was:
        more = was["after"]["total"] - was["before"]["total"]
        lines.append(Line(label="Cost", before="0", after=f"{more:+,.1f} points"))
    return lines


def _own_line(facts: PreviewFacts, about: int | None) -> Sequence[Line]:
    return [
        Line(label="This study", before=facts.who(move, move.move.was), after=facts.who(move, move.move.becomes))
        for move in facts.moves
        if _is_about(move, about)
    ]


def _is_about(move: ShownMove, about: int | None) -> bool:
    return about is not None and move.study.id == about


def _count_line(label: str, before: float, after: float) -> Line:
    level = "late" if after > before else "done" if after < before else ""
    return Line(label=label, before=f"{before:,.0f}", after=f"{after:,.0f}", level=level)


def _load_lines(facts: PreviewFacts) -> list[Line]:
    """Return the two sessions' worth of people whose load changes most."""
    changed = sorted(facts.loads, key=lambda row: -abs(_share(row, after=True) - _share(row, after=False)))
    return [
        Line(
            label=f"{facts.name(row.reporter_id)} filled",
            before=f"{_share(row, after=False):.0%}",
            after=f"{_share(row, after=True):.0%}",
            link=f"/drafts/{facts.draft_id}/load",
        )
        for row in changed[:2]
        if abs(_share(row, after=True) - _share(row, after=False)) >= _LEAST_SHARE
    ]


def _share(row: PreviewLoadRow, *, after: bool) -> float:
    planned, available = (
        (row.planned_after, row.available_after) if after else (row.planned_before, row.available_before)
    )
    return planned / available if available else 0.0


# --- what becomes of studies ------------------------------------------------------------------------------------------


def _harms(facts: PreviewFacts, about: int | None) -> list[Harm]:
    """Return what becomes late, what is in time again and what moves, as far as it is within reach."""
    kept = (facts.preview.lateness if facts.preview else None) or []
    late = [one for one in kept if one["study_id"] in facts.studies]
    told = {int(one["study_id"]) for one in late}
    harms = [_turned(facts, facts.studies[int(one["study_id"])], one["after"]) for one in late]
    return [*harms, *_moves(facts, {*told, *([about] if about else [])})]


def _turned(facts: PreviewFacts, study: StudyRow, minutes: float) -> Harm:
    is_late = minutes > 0
    by = span(timedelta(minutes=abs(minutes)))
    return Harm(
        kind="late" if is_late else "better",
        name=study_name(facts, study),
        link=f"/studies/{study.id}",
        words=f"becomes late by {by}." if is_late else f"is in time again, {by} in hand.",
    )


def _moves(facts: PreviewFacts, told: Collection[int]) -> list[Harm]:
    return [
        Harm(
            kind="move",
            name=study_name(facts, move.study),
            link=f"/studies/{move.study.id}",
            words=f"goes from {facts.who(move, move.move.was)} to {facts.who(move, move.move.becomes)}.",
        )
        for move in facts.moves
        if move.study.id not in told
    ]


def study_name(facts: PreviewFacts, study: StudyRow) -> str:
    """Return how a study is called where many are: its examination and trust; nothing that names it or a patient."""
    return f"{facts.exams.get(study.exam_code, study.exam_code)}, {study.trust}"
