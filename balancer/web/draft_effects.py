"""What a draft would do, as its preview found it: a few figures before and after, what becomes late, whom it moves."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from balancer.domain.run_changes import MoveReason
from balancer.domain.states import RunState
from balancer.store.tables import RunRow, StudyRow
from balancer.store.tables_drafts import PreviewRow
from balancer.web.draft_facts import PreviewFacts
from balancer.web.draft_figures import Line, lines_of
from balancer.web.time_left import at_words, span

_WAITING: Final = frozenset({RunState.REQUESTED, RunState.RUNNING})
# It has not been begun, or has gone on, for so long: whoever waits is told. One takes seconds.
LONG: Final = timedelta(seconds=90)
# Much may have happened since: what is shown says so, and offers another.
_OLD: Final = timedelta(minutes=5)
# So many studies are named on a study's page, and so many on the draft's own.
_NAMED, _NAMED_WHOLE = 6, 15
WHY: Final = {
    MoveReason.NEW: "nobody had it",
    MoveReason.NOT_OFFERED: "may no longer be theirs",
    MoveReason.NOT_ROSTERED: "they are not there",
    MoveReason.NO_PLACE: "no place is left",
    MoveReason.BETTER: "the plan is better so",
    MoveReason.TAKEN_OUT: "taken out of the queue",
}


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
        lines=lines_of(facts, about) if made else (),
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
