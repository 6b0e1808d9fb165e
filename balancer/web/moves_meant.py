"""Which moves of the plan that waits are meant, and what their list is called."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from balancer.store import planned_days
from balancer.store.database import Session
from balancer.store.plans import IN_FORCE, Spot
from balancer.web.allocation import Standing, day_looked_at, moves_of_next
from balancer.web.plan_moves import PlanMove
from balancer.web.tables import Choice


class Way(StrEnum):
    """Whether moves bring reads to a reporter or take them away."""

    IN = "in"
    OUT = "out"


@dataclass(frozen=True, slots=True, kw_only=True)
class MovesAsked:
    """The filters as an address has them; what is empty is not set.

    ``had``: only what somebody has now. ``next_on``: only what is taken of somebody's next few reads on that day.
    ``day``: with a reporter and a ``way``, only reads of that day, as its chart counts them.
    """

    reporter: str = ""
    trust: str = ""
    way: Way | None = None
    day: date | None = None
    next_on: date | None = None
    had: bool = False


EVERY_MOVE: Final = MovesAsked()


def moves_meant(session: Session, base: Standing, moves: Sequence[PlanMove], asked: MovesAsked) -> Sequence[PlanMove]:
    """Return the moves that are meant."""
    found = moves if asked.next_on is None else moves_of_next(session, base, asked.next_on, moves)
    if asked.day is not None and asked.reporter and asked.way is not None:
        theirs = _of_day(session, base, asked.reporter, asked.way, asked.day)
        found = [move for move in found if move.read.read_id in theirs]
    return [
        move
        for move in found
        if (not asked.had or move.read.was is not None)
        and (not asked.trust or move.read.trust == asked.trust)
        and (not asked.reporter or asked.reporter in {spot.reporter_id for spot in _ends(move, asked.way)})
    ]


def _of_day(session: Session, base: Standing, reporter_id: str, way: Way, day: date) -> set[int]:
    """Return the reads that come to somebody, or leave them, on a day, by number: those that the chart counts."""
    plan = base.plan if way is Way.IN else IN_FORCE
    return planned_days.apart(session, base.run_id, plan, reporter_id, day_looked_at(session, base, day))


def _ends(move: PlanMove, way: Way | None) -> list[Spot]:
    """Return where a read is before and after, or only that which is asked for."""
    ends = {Way.IN: move.read.becomes, Way.OUT: move.read.was}
    return [spot for each, spot in ends.items() if spot is not None and way in {None, each}]


def moves_heading(number: int, base: Standing, asked: MovesAsked) -> str:
    """Return what a list of moves holds, with the number first: everything that is filtered by is said."""
    hands = " that somebody has" if asked.had else ""
    few = "" if asked.next_on is None else f" of people's next {base.policy.replan.protected_next}"
    noun, verb = ("read", "moves") if number == 1 else ("reads", "move")
    where = f" of {base.trust(asked.trust)}" if asked.trust else ""
    many = f"{number:,}" if number else "No"
    return f"{many} {noun}{hands}{few}{where} {verb}{_whose(base, asked)} if the plan is published"


def _whose(base: Standing, asked: MovesAsked) -> str:
    """Return to or from whom moves are, and of which day of theirs, as far as that is filtered by."""
    if not asked.reporter:
        return ""
    person = base.by_id.get(asked.reporter)
    name = asked.reporter if person is None else person.name
    said = {Way.IN: f" to {name}", Way.OUT: f" away from {name}", None: f" to or away from {name}"}[asked.way]
    return f"{said} on {_day(asked.day)}" if asked.way is not None and asked.day is not None else said


def moves_filters(base: Standing, moves: Sequence[PlanMove], asked: MovesAsked) -> list[Choice]:
    """Return the filters of a list of moves: those that only a link sets are there to be taken off."""
    named = {spot.reporter_id for move in moves for spot in _ends(move, None)}
    people = [(person.reporter_id, person.name) for person in base.people if person.reporter_id in named]
    trusts = [("", "Every trust"), *((code, name) for code, name in base.trusts.items())]
    ways = [("", "To or from"), (Way.IN, "To"), (Way.OUT, "Away from")]
    found = [
        Choice(name="trust", label="Trust", options=trusts, chosen=asked.trust),
        Choice(name="way", label="Which way", options=ways, chosen=asked.way or ""),
        Choice(name="reporter", label="Reporter", options=[("", "Everybody"), *people], chosen=asked.reporter),
    ]
    if asked.day is not None:
        code = asked.day.isoformat()
        found.append(Choice(name="day", label="Day", options=[("", "Every day"), (code, _day(asked.day))], chosen=code))
    if asked.had:
        words = "Taken from somebody"
        found.append(Choice(name="had", label="Of whom", options=[("", "Anybody"), ("true", words)], chosen="true"))
    if asked.next_on is not None:
        words = f"Of people's next {base.policy.replan.protected_next}, {_day(asked.next_on)}"
        code = asked.next_on.isoformat()
        found.append(Choice(name="next_on", label="Which", options=[("", "Every move"), (code, words)], chosen=code))
    return found


def _day(day: date) -> str:
    return f"{day:%a} {day.day} {day:%B}"
