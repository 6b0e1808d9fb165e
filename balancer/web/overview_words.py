"""The overview's sentence, written by rules from the numbers: the heading is the answer, the lede says why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from balancer.domain.instant import LONDON
from balancer.web.time_left import span

# So many silent feeds are named; the others are counted.
_NAMED: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class SilentFeed:
    """A feed that has not been heard when it should have, and how many of its trust's studies have hours left.

    ``on_it``: who has said that they look after it, if anybody has.
    """

    trust: str
    silent_for: timedelta | None
    urgent: int
    on_it: str = ""
    link: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortage:
    """What most of those that become late lack, and the list of them."""

    words: str
    studies: int
    link: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Waits:
    """For how long a plan has waited for its manager, and when its emergencies go onto lists all the same, if any."""

    length: timedelta
    due_out_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """The numbers that the sentence is made of. ``becoming``: within 4, 24 and 72 h by the published plan.

    ``proposed``: the same by the plan that waits, if one does; ``moves`` are what publishing it would move.
    ``is_unheard``: no feed has ever delivered anything, so that nothing is known of what waits.
    """

    unreported: int
    late: int
    over: int
    becoming: tuple[int, int, int]
    proposed: tuple[int, int, int] | None
    moves: int
    silent: Sequence[SilentFeed]
    shortage: Shortage | None
    is_planned: bool
    waits: Waits | None = None
    is_unheard: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A piece of a sentence; a link if it leads somewhere, weighty if it is what the sentence is about."""

    text: str
    link: str = ""
    strong: bool = False


def heading(state: State, now: datetime) -> str:
    """Return the first of these that is true: over the ceiling, a feed silent, late in 4 h, late in 24 h, nothing."""
    if state.over:
        return f"{_studies(state.over)} {'is' if state.over == 1 else 'are'} over {_their(state.over)} ceiling"
    urgent = [feed for feed in state.silent if feed.urgent]
    if urgent:
        return _silent(urgent[0])
    four, day, _ = state.becoming
    if four:
        return f"{_studies(four)} will become late by {clock(now + timedelta(hours=4), now)}"
    if day:
        return f"{_studies(day)} will become late by {clock(now + timedelta(hours=24), now)}"
    if not state.unreported:
        return "Nothing has been delivered yet" if state.is_unheard else "Nothing waits for a report"
    return (
        "Nothing will be late in the next 24 hours"
        if not state.late
        else f"{_studies(state.late)} {_are(state.late)} late, and no more will be in 24 hours"
    )


def lede(state: State, now: datetime) -> list[Part]:
    """Return what follows the heading: what is late, what becomes so, what publishing makes of it, what lacks."""
    if state.is_unheard and not state.unreported:
        return [Part(text="Nothing is known of what waits for a report. "), *_silences(state.silent)]
    parts = [Part(text=f"{state.late:,} {_are(state.late)} late now. " if state.late else "None is late now. ")]
    if state.waits is not None:
        parts.append(Part(text=_waits(state.waits, now)))
    parts += _silences(state.silent)
    day = state.becoming[1]
    if not state.is_planned:
        return [
            *parts,
            Part(text="No plan has been published yet, so every one without a place counts as late when due."),
        ]
    if day:
        parts.append(Part(text=f"{day:,} more {_become(day)} late by {clock(now + timedelta(hours=24), now)}. "))
    if state.proposed is not None:
        parts += _of_proposal(day, state.proposed[1], state.moves)
    if state.shortage is not None and day:
        parts += [
            Part(
                text="Most of them lack the same: "
                if state.shortage.studies * 2 > state.becoming[2]
                else "The most lack the same: "
            ),
            Part(text=state.shortage.words, link=state.shortage.link),
            Part(text="."),
        ]
    return parts


def _silences(silent: Sequence[SilentFeed]) -> list[Part]:
    """Say which feeds are silent, and who looks after them."""
    found = [
        part
        for feed in silent[:_NAMED]
        for part in (
            Part(text=f"{feed.trust} {_is_silent(feed)}", link=feed.link),
            Part(text=f": {feed.on_it} is on it. " if feed.on_it else ": nobody is on it yet. "),
        )
    ]
    more = len(silent) - _NAMED
    said = f"{more} more {'feed is' if more == 1 else 'feeds are'} silent"
    return found if more <= 0 else [*found, Part(text=said, link=silent[0].link), Part(text=". ")]


def _is_silent(feed: SilentFeed) -> str:
    return "has never delivered" if feed.silent_for is None else "is silent"


def _of_proposal(day: int, then: int, moves: int) -> list[Part]:
    with_moves = f" with {moves:,} {'move' if moves == 1 else 'moves'}. "
    if then < day:
        return [
            Part(text=f"The plan that waits cuts the {day:,} to "),
            Part(text=f"{then:,}", strong=True),
            Part(text=with_moves),
        ]
    if then == day:
        return [Part(text="The plan that waits would change nothing of that. ")]
    return [Part(text=f"The plan that waits would make that {then:,}: look at why before you publish. ")]


def _waits(waits: Waits, now: datetime) -> str:
    """Say how long nobody has decided, and what happens if nobody does."""
    is_new = waits.length < timedelta(minutes=1)
    said = "A plan waits to be published" if is_new else f"A plan has waited {span(waits.length)} to be published"
    if waits.due_out_at is None:
        return f"{said}. "
    due = "with the next look" if waits.due_out_at <= now else f"at {clock(waits.due_out_at, now)}"
    return f"{said}; emergencies in it that nobody has go onto lists {due}. "


def clock(instant: datetime, now: datetime) -> str:
    """Return an instant of today or tomorrow in words: `12:04`, `tomorrow 08:00`."""
    local, today = instant.astimezone(LONDON), now.astimezone(LONDON).date()
    day = "" if local.date() == today else "tomorrow "
    return f"{day}{local:%H:%M}"


def _silent(feed: SilentFeed) -> str:
    said = "has never been heard" if feed.silent_for is None else f"has been silent for {span(feed.silent_for)}"
    return f"{feed.trust} {said}, and {feed.urgent:,} of its studies {_has(feed.urgent)} only hours left"


def _studies(number: int) -> str:
    return f"{number:,} {'study' if number == 1 else 'studies'}"


def _their(number: int) -> str:
    return "its" if number == 1 else "their"


def _are(number: int) -> str:
    return "is" if number == 1 else "are"


def _has(number: int) -> str:
    return "has" if number == 1 else "have"


def _become(number: int) -> str:
    return "becomes" if number == 1 else "become"
