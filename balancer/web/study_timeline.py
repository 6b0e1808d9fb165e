"""A study's times on one line: places in tenths of a percent of its length, and a list of the same for narrow pages.

The line is to scale from the first instant to the last that is near; a ceiling far beyond stands at its end, behind a
break. Labels that would touch go into another lane.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from balancer.api.models.studies import StudyReadState
from balancer.web.study_facts import StudyFacts
from balancer.web.time_left import at_words, span

WIDTH: Final = 1320
_MARGIN: Final = 12
_BROKEN: Final = 150  # what is kept free behind the break
_CHARACTER: Final = 7.4  # a label's width for each character, at the size it is drawn in
_LANES: Final = 3
# A ceiling further away than so many times the rest of the line stands behind a break.
_FAR: Final = 1.6


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """An instant on the line: ``x`` from the left, ``lane`` from the line; ``ends``: its label stands before it."""

    kind: str
    label: str
    when: str
    x: float
    lane: int
    above: bool
    ends: bool
    past: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """The line. ``planned`` is (from, to), ``hand`` the stretch between planned end and due time: ``words`` say it."""

    moments: Sequence[Moment]
    elapsed: tuple[float, float]
    planned: tuple[float, float] | None
    hand: tuple[float, float] | None
    words: str
    is_late: bool
    break_at: float | None

    @property
    def above(self) -> int:
        """How many lanes stand above the line."""
        return max((one.lane + 1 for one in self.moments if one.above), default=0)

    @property
    def below(self) -> int:
        """How many lanes stand below the line."""
        return max((one.lane + 1 for one in self.moments if not one.above), default=0)


@dataclass(frozen=True, slots=True)
class _Event:
    at: datetime
    kind: str
    label: str
    when: str


def timeline(facts: StudyFacts, now: datetime) -> Timeline:
    """Return a study's times as a line at ``now``."""
    planned = _planned(facts)
    events = sorted(_events(facts, planned, now), key=lambda one: one.at)
    scale = _Scale(events, facts, planned, now)
    hand = None
    if planned is not None and planned[1] != facts.study.due_at:
        hand = scale.x(min(planned[1], facts.study.due_at)), scale.x(max(planned[1], facts.study.due_at))
    beyond = timedelta() if planned is None else planned[1] - facts.study.due_at
    return Timeline(
        moments=_laid_out(events, scale, now),
        elapsed=(scale.x(events[0].at), scale.x(now)),
        planned=None if planned is None else (scale.x(planned[0]), scale.x(planned[1])),
        hand=hand,
        words="" if planned is None else f"{span(abs(beyond))} {'late' if beyond > timedelta() else 'in hand'}",
        is_late=beyond > timedelta(),
        break_at=scale.break_at,
    )


def _planned(facts: StudyFacts) -> tuple[datetime, datetime] | None:
    """Return from when to when the study is planned to be read, if all its reads that wait have a place."""
    waiting = [read for read in facts.study.reads if read.state not in _OVER]
    starts = [read.planned_start for read in waiting if read.planned_start is not None]
    ends = [read.planned_end for read in waiting if read.planned_end is not None]
    if not waiting or len(ends) < len(waiting) or not starts:
        return None
    return min(starts), max(ends)


_OVER: Final = frozenset({StudyReadState.DONE, StudyReadState.WITHDRAWN, StudyReadState.EXCLUDED})


def _events(facts: StudyFacts, planned: tuple[datetime, datetime] | None, now: datetime) -> Iterable[_Event]:
    study = facts.study
    yield _Event(study.acquired_at, "acquired", "Acquired", at_words(study.acquired_at, now))
    if study.waiting_since != study.acquired_at:
        yield _Event(study.waiting_since, "waits", "Clock began", at_words(study.waiting_since, now))
    if study.ready_at is not None:
        yield _Event(study.ready_at, "ready", "Ready to read", at_words(study.ready_at, now))
    yield _Event(now, "now", "Now", at_words(now, now))
    if planned is not None:
        people = dict.fromkeys(facts.name(read.reporter_id) for read in study.reads if read.planned_end is not None)
        when = f"{at_words(planned[0], now)} to {at_words(planned[1], now)}, {', '.join(people)}"
        yield _Event(planned[0], "planned", "Planned read", when)
    for read in study.reads:
        if read.state is StudyReadState.DONE:
            yield _Event(read.since, "done", "Reported", at_words(read.since, now))
    yield _Event(study.due_at, "due", "Due", at_words(study.due_at, now))
    ceiling = _ceiling(facts)
    if ceiling is not None:
        yield _Event(ceiling, "ceiling", "Ceiling", at_words(ceiling, now))


def _ceiling(facts: StudyFacts) -> datetime | None:
    known = {one.code: one for one in facts.policy.priorities}
    found = known.get(facts.study.priority)
    return None if found is None else found.ceiling_at(facts.study.waiting_since)


class _Scale:
    """Where an instant stands on the line."""

    def __init__(
        self,
        events: Sequence[_Event],
        facts: StudyFacts,
        planned: tuple[datetime, datetime] | None,
        now: datetime,
    ) -> None:
        self._begin = events[0].at
        ends = [now, facts.study.due_at, *([planned[1]] if planned else [])]
        last, ceiling = max([*ends, *(one.at for one in events if one.kind != "ceiling")]), _ceiling(facts)
        near = last - self._begin
        self._far = ceiling if ceiling is not None and ceiling - self._begin > _FAR * near else None
        if ceiling is not None and self._far is None:
            last = max(last, ceiling)
        self._length = max((last - self._begin).total_seconds(), 1.0)
        self._room = WIDTH - 2 * _MARGIN - (_BROKEN if self._far else 0)

    @property
    def break_at(self) -> float | None:
        """Where the line is broken, if it is."""
        return None if self._far is None else float(WIDTH - _MARGIN - _BROKEN / 3)

    def x(self, at: datetime) -> float:
        """Return the place of an instant, from the left."""
        if self._far is not None and at >= self._far:
            return float(WIDTH - _MARGIN)
        share = min(max((at - self._begin).total_seconds() / self._length, 0.0), 1.0)
        return round(_MARGIN + share * self._room, 1)


def _laid_out(events: Sequence[_Event], scale: _Scale, now: datetime) -> list[Moment]:
    """Return the events with lanes in which no two labels touch, as long as there are lanes."""
    taken: dict[tuple[bool, int], list[tuple[float, float]]] = {}
    found = []
    for event in events:
        x = scale.x(event.at)
        width = _CHARACTER * max(len(event.label), len(event.when)) + 12
        ends = x + width > WIDTH
        reach = (x - width, x) if ends else (x, x + width)
        above, lane = _free(taken, reach, above=event.kind in _ABOVE)
        taken.setdefault((above, lane), []).append(reach)
        found.append(
            Moment(
                kind=event.kind,
                label=event.label,
                when=event.when,
                x=x,
                lane=lane,
                above=above,
                ends=ends,
                past=event.at <= now,
            )
        )
    return found


_ABOVE: Final = frozenset({"acquired", "now", "due"})


def _free(
    taken: dict[tuple[bool, int], list[tuple[float, float]]], reach: tuple[float, float], *, above: bool
) -> tuple[bool, int]:
    """Return the side and the lane nearest to the line in which nothing is in the way."""
    for lane in range(_LANES):
        for side in (above, not above):
            if all(reach[1] <= begin or end <= reach[0] for begin, end in taken.get((side, lane), [])):
                return side, lane
    return above, _LANES - 1
