"""Whom a plan that waits would move, and what each move gains: in words first, then in points."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from balancer.domain.policy import Policy
from balancer.domain.read_points import Waiting, read_terms
from balancer.domain.reporter import Reporter
from balancer.domain.run_changes import MoveReason
from balancer.store.plans import PlannedRead, Spot
from balancer.web.points import made_of
from balancer.web.time_left import span

_SPECIALIST: Final = 3
_WORTH_SAYING: Final = timedelta(hours=1)
_MUST: Final = {
    MoveReason.NOT_OFFERED: "Had to move: whoever had it may not read it",
    MoveReason.NOT_ROSTERED: "Had to move: whoever had it has no session",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanMove:
    """A read that publishing would give to somebody else; ``saves`` is what it alone saves, by term: below 0 it costs.

    It is ``None`` if the policy does not know the read's class. Words are put together when they are asked for: of
    thousands of moves a page shows a few.
    """

    read: PlannedRead
    saves: Mapping[str, float] | None
    people: Mapping[str, Reporter]
    reason: MoveReason | None

    @property
    def points(self) -> float | None:
        """What it saves in all."""
        return None if self.saves is None else sum(self.saves.values())

    @property
    def made_of(self) -> str:
        """What its points are made of, in words."""
        return "" if self.saves is None else made_of(self.saves)

    @property
    def was(self) -> str:
        """Who has it."""
        return name_of(self.read.was, self.people)

    @property
    def becomes(self) -> str:
        """Who would get it."""
        return name_of(self.read.becomes, self.people)

    @property
    def gain(self) -> str:
        """What the move gains."""
        return gain_words(self.read, self.people, self.reason)


def plan_moves(
    reads: Iterable[PlannedRead],
    people: Mapping[str, Reporter],
    reasons: Mapping[tuple[int, int], MoveReason],
    policy: Policy,
    now: datetime,
) -> list[PlanMove]:
    """Return the moves, most gained first."""
    found = [
        PlanMove(
            read=read,
            saves=_saves(read, people, policy, now),
            people=people,
            reason=reasons.get((read.study_id, read.read)),
        )
        for read in reads
    ]
    return sorted(found, key=lambda move: (move.points is None, -(move.points or 0.0), move.read.read_id))


def name_of(spot: Spot | None, people: Mapping[str, Reporter]) -> str:
    """Return who has a read, in words."""
    if spot is None:
        return "nobody"
    person = people.get(spot.reporter_id)
    return person.name if person is not None else "a reporter"


def gain_words(read: PlannedRead, people: Mapping[str, Reporter], reason: MoveReason | None) -> str:
    """Return what a move gains, or costs: the first that holds of being placed, on time, read by whom and when."""
    was, becomes = read.was, read.becomes
    if becomes is None:
        return "Loses its place: the plan has none"
    if was is None:
        return f"Placed, {_when(read, becomes)}"
    timing = _timing(read, was, becomes)
    if timing:
        return timing
    if reason in _MUST:
        return _MUST[reason]
    return _better(read, was, becomes, people)


def _when(read: PlannedRead, spot: Spot) -> str:
    return f"late by {span(spot.end - read.due_at)}" if spot.end > read.due_at else "on time"


def _timing(read: PlannedRead, was: Spot, becomes: Spot) -> str:
    """Return what changes about its being late, if anything does."""
    before, after = was.end - read.due_at, becomes.end - read.due_at
    if before > timedelta() >= after:
        return f"On time, not {span(before)} late"
    if after > timedelta() >= before:
        return f"Late by {span(after)}, was on time"
    if after > timedelta() and abs(after - before) >= _WORTH_SAYING:
        return f"Late by {span(after)}, not {span(before)}"
    return ""


def _better(read: PlannedRead, was: Spot, becomes: Spot, people: Mapping[str, Reporter]) -> str:
    """Return what else speaks for it: who reads it, and how much sooner."""
    sooner = was.end - becomes.end
    when = f", and {span(sooner)} sooner" if sooner >= _WORTH_SAYING else ""
    before, after = people.get(was.reporter_id), people.get(becomes.reporter_id)
    if before is not None and after is not None:
        said = _reader(read, before, after)
        if said:
            return f"{said}{when}"
    if when:
        return f"{span(sooner)} sooner"
    if -sooner >= _WORTH_SAYING:
        return f"{span(-sooner)} later, makes room for others"
    return "Evens out load"


def _reader(read: PlannedRead, before: Reporter, after: Reporter) -> str:
    levels = before.level(read.subspecialty, read.modality), after.level(read.subspecialty, read.modality)
    if levels[1] > levels[0]:
        return "A specialist reads it" if levels[1] == _SPECIALIST else "Somebody who reports this reads it"
    if read.prior_reporter == after.reporter_id:
        return "Whoever reported the last study reads it"
    if before.home_trust != read.trust == after.home_trust:
        return "Read at its own trust"
    return ""


def _saves(
    read: PlannedRead, people: Mapping[str, Reporter], policy: Policy, now: datetime
) -> Mapping[str, float] | None:
    spots = [spot for spot in (read.was, read.becomes) if spot is not None]
    if any(spot.reporter_id not in people for spot in spots):
        return None
    waiting = Waiting(
        trust=read.trust,
        priority=read.priority,
        subspecialty=read.subspecialty,
        modality=read.modality,
        clock_started_at=read.clock_started_at,
        due_at=read.due_at,
        prior_reporter=read.prior_reporter,
    )

    def at(spot: Spot | None) -> Mapping[str, float]:
        if spot is None:
            return read_terms(waiting, None, None, now, policy)
        return read_terms(waiting, people[spot.reporter_id], spot.end, now, policy)

    try:
        was, becomes = at(read.was), at(read.becomes)
    except KeyError:
        return None
    gained = {name: was.get(name, 0.0) - becomes.get(name, 0.0) for name in {**was, **becomes}}
    return gained if read.was is None else gained | {"churn": -policy.weights.churn}
