"""What marking somebody away would do, shown before it is done: four facts, who takes the reads, who finds nobody."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from balancer.domain.half_days import HalfDay
from balancer.domain.instant import LONDON, end_of_day
from balancer.domain.instruction import Instruction
from balancer.domain.overrides import span
from balancer.domain.states import RunState
from balancer.store.planned_time import OpenRead
from balancer.store.preview_moves import MoveCounts
from balancer.store.tables import RunRow, StudyRow
from balancer.store.tables_drafts import DraftRow, PreviewLoadRow, PreviewRow
from balancer.web.away_helps import NO_HELP, Helps
from balancer.web.draft_effects import stale_words, stuck_words
from balancer.web.my_list import short_name
from balancer.web.time_left import at_words

MOST_WITHOUT: Final = 5
_WAITING: Final = frozenset({RunState.REQUESTED, RunState.RUNNING})
# How many days somebody can be marked away for from here; more is said on the reporter's page.
_DAYS: Final = 14
_REASONS: Final = {
    "no_entitled_reporter": "nobody else is entitled",
    "no_skilled_reporter": "nobody else has the skill",
    "no_session": "nobody who may has a session",
    "no_capacity": "nobody who may has time",
    "deferred": "any place would cost more than waiting",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One of the four facts: as published, and as it would be; ``worse``: more of it is late or without a place."""

    label: str
    before: str
    after: str
    link: str = ""
    worse: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Taker:
    """Somebody who gets reads, and how full their time within the horizon is without them and with them."""

    name: str
    link: str
    reads: int
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Without:
    """A study of which a read would find nobody, and why."""

    words: str
    why: str
    link: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Away:
    """A draft in which somebody is away, and what it would do.

    ``waits``: it is being solved; ``stuck``: for so long that it may never come. ``wrong``: why nothing can be shown.
    ``others`` more decisions are in the draft, and count in what is shown. ``beyond`` and ``without_more`` are reads
    that are counted and not named: of other trusts, or too many. ``stale``: why it is not what would happen now, and is
    not to be confirmed. ``shown`` are the decisions that it is of, by number: these are confirmed, and no others.
    ``open`` is what the reporter has open now, which stays theirs. ``helps``: what would help those that it makes late.
    """

    draft_id: int
    draft: str
    reporter_id: str
    name: str
    when: str
    waits: bool
    stuck: str
    wrong: str
    solved: str
    facts: Sequence[Fact]
    takers: Sequence[Taker]
    beyond: int
    without: Sequence[Without]
    without_more: int
    helps: Helps
    open: str
    others: int
    stale: str
    shown: Sequence[int]


def away_of(  # noqa: PLR0913 - a draft with everything that its preview found
    draft: DraftRow,
    staged: Instruction,
    numbers: Sequence[int],
    preview: tuple[RunRow, PreviewRow] | None,
    *,
    name: str,
    counts: MoveCounts | None,
    takers: Mapping[str, int],
    loads: Collection[PreviewLoadRow],
    without: Sequence[tuple[StudyRow, str]],
    helps: Helps,
    opened: Sequence[OpenRead],
    names: Mapping[str, str],
    exams: Mapping[str, str],
    trusts: Mapping[str, str],
    now: datetime,
) -> Away:
    """Return what is shown of a draft in which a reporter is away; ``numbers``: of all that is staged in it."""
    run = None if preview is None else preview[0]
    waits, wrong = _state(run)
    is_shown = run is not None and counts is not None and not waits and not wrong
    found = [_taker(who, count, loads, names) for who, count in _most_first(takers, names)] if is_shown else []
    lost = [
        Without(
            words=f"{exams.get(study.exam_code, study.exam_code)}, {_trust(study.trust, trusts)}",
            why=_REASONS.get(detail, detail.replace("_", " ")),
            link=f"/studies/{study.id}",
        )
        for study, detail in without
    ]
    return Away(
        draft_id=draft.id or 0,
        draft=draft.name,
        reporter_id=staged.reporter_id or "",
        name=name,
        when=away_words(*span(staged), now),
        waits=waits,
        stuck=stuck_words(run, now),
        wrong=wrong,
        solved=f"Solved on the queue as it stood at {at_words(run.now, now)}." if is_shown and run else "",
        facts=_facts(draft, run, preview[1], counts) if is_shown and run and preview and counts else [],
        takers=found,
        beyond=counts.theirs - counts.theirs_lost - sum(takers.values()) if is_shown and counts else 0,
        without=lost if is_shown else [],
        without_more=counts.theirs_lost - len(lost) if is_shown and counts else 0,
        helps=helps if is_shown else NO_HELP,
        open=_open_words(opened, name, now),
        others=len(numbers) - 1,
        stale=stale_words(run, preview[1], numbers, now) if is_shown and run and preview else "",
        shown=sorted(numbers),
    )


def away_words(start: datetime, end: datetime, now: datetime) -> str:
    """Return a time away in words: `from Mon 08:00 until the end of Tue 3 March`."""
    last = (end - timedelta(seconds=1)).astimezone(LONDON).date()
    until = f"the end of {last:%a} {last.day} {last:%B}" if end_of_day(last) == end else at_words(end, now)
    return f"from {at_words(start, now)} until {until}"


def from_value(begins: datetime | None, now: datetime) -> str:
    """Return what a form proposes as the beginning: when they would begin, or now if that has passed."""
    start = now if begins is None else max(begins, now)
    return f"{start.astimezone(LONDON):%Y-%m-%dT%H:%M}"


def until_options(half: HalfDay | None, now: datetime) -> list[tuple[str, str]]:
    """Return the days at whose end somebody may be back, from the half-day's on."""
    today = now.astimezone(LONDON).date()
    first = today if half is None else max(half.day, today)
    days = [first + timedelta(days=place) for place in range(_DAYS)]
    return [(day.isoformat(), _day_words(day == today, f"{day:%a} {day.day} {day:%B}")) for day in days]


def _day_words(is_today: bool, words: str) -> str:  # noqa: FBT001 - one of two words
    return "End of today" if is_today else f"End of {words}"


def _state(run: RunRow | None) -> tuple[bool, str]:
    if run is None:
        return False, "Nobody has asked yet what it would do."
    if run.state in _WAITING:
        return True, ""
    return (False, "") if run.state is RunState.PREVIEWED else (False, run.error or f"The preview is {run.state}.")


def _facts(draft: DraftRow, run: RunRow, preview: PreviewRow, counts: MoveCounts) -> list[Fact]:
    behind = f"/drafts/{draft.id}"
    late = sum((preview.late_before or {}).values()), sum((run.late or {}).values())
    unplaced = (run.reads or 0) - (run.allocated or 0)
    before = unplaced - counts.lost + counts.found
    return [
        Fact(label="Reads to move", before="", after=f"{counts.theirs:,}", link=behind),
        Fact(
            label="Late by the plan", before=f"{late[0]:,}", after=f"{late[1]:,}", link=behind, worse=late[1] > late[0]
        ),
        Fact(label="Moves in all", before="", after=f"{counts.moves:,}", link=behind),
        Fact(label="Not placed", before=f"{before:,}", after=f"{unplaced:,}", link=behind, worse=unplaced > before),
    ]


def _most_first(takers: Mapping[str, int], names: Mapping[str, str]) -> list[tuple[str, int]]:
    return sorted(takers.items(), key=lambda item: (-item[1], names.get(item[0], "")))


def _taker(who: str, reads: int, loads: Collection[PreviewLoadRow], names: Mapping[str, str]) -> Taker:
    load = next((row for row in loads if row.reporter_id == who), None)
    before = "" if load is None else _percent(load.planned_before, load.available_before)
    after = "" if load is None else _percent(load.planned_after, load.available_after)
    return Taker(
        name=names.get(who, "a reporter"), link=f"/reporters/{who}" if who in names else "", reads=reads,
        before=before, after=after,
    )  # fmt: skip


def _percent(part: float, whole: float) -> str:
    return f"{round(100 * part / whole)}%" if whole else "no session"


def _open_words(opened: Sequence[OpenRead], name: str, now: datetime) -> str:
    if not opened:
        return ""
    since = at_words(opened[0].claimed_at, now)
    if len(opened) == 1:
        return f"1 is open with {name} since {since}. It stays theirs until they return it, or it is taken over."
    return f"{len(opened)} are open with {name}, the first since {since}. They stay theirs until they are returned."


def _trust(code: str, trusts: Mapping[str, str]) -> str:
    return short_name(trusts.get(code, code))
