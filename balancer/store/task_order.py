"""In which order Tasks come, and where in it a page begins: what a search asks for, and at last the read's number.

No two Tasks have the same place, so a page begins where the one before it ended, whatever has come or gone since. A
Task whose place moves meanwhile may come twice, or not at all if it moves to the front; by numbers none ever moves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from functools import cmp_to_key
from typing import Any, Final, Protocol, TypeVar

from sqlalchemy import ColumnElement, literal
from sqlmodel import and_, case, col, or_

from balancer.domain.life import ReadState
from balancer.store.tables import StudyRow
from balancer.store.tables_assignments import AssignmentRow
from balancer.store.tables_kinds import FollowUpRow
from balancer.store.tables_life import ReadRow
from balancer.store.types import UtcDateTime
from balancer.store.workitems import opened_at

OVER: Final = (ReadState.DONE, ReadState.EXCLUDED, ReadState.WITHDRAWN)
_NEVER: Final = datetime(2999, 1, 1, tzinfo=UTC)
_BEFORE_ALL: Final = datetime(1000, 1, 1, tzinfo=UTC)

_CURRENT: Final = 1_000_000
"""Behind every Task of a read that another has followed."""

Place = tuple[int | datetime, ...]
"""Where in an order a Task comes: a value for each part of it, the read's number, and which of the read's it is."""


class Placed(Protocol):
    """What has a place in an order."""

    @property
    def place(self) -> Place:
        """The place."""


Item = TypeVar("Item", bound=Placed)


class By(StrEnum):
    """What Tasks are put in order by."""

    NUMBER = "number"
    CHANGED = "changed"
    AUTHORED = "authored"
    DUE = "due"
    PLANNED = "planned"
    BEGAN = "began"
    URGENCY = "urgency"


_MAY_LACK: Final = frozenset({By.PLANNED, By.BEGAN})


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A part of an order; ``falls``: from the last to the first."""

    by: By
    falls: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What classes and due times are taken for: the feeds' words, with what people have decided of some studies.

    ``ranks``: how urgent a class is, the least 0; one that is not named is ``otherwise``. ``classes``, ``due_at`` and
    ``asked_for`` are people's words, by study: as ``HeldStudy`` has them.
    """

    ranks: Mapping[str, int] = field(default_factory=dict)
    otherwise: int = 0
    classes: Mapping[int, str] = field(default_factory=dict)
    due_at: Mapping[int, datetime] = field(default_factory=dict)
    asked_for: Mapping[int, datetime] = field(default_factory=dict)


def parts(
    order: Sequence[Key], held: Held, *, instead: Mapping[By, Any] | None = None, last: Any = None
) -> list[tuple[Any, bool]]:
    """Return what to sort by and whether it falls; where there is nothing to sort by, it comes last either way.

    Tasks that are equal come as their reads are numbered, of one read the earlier first. ``instead``: what else some
    Tasks are looked at by; ``last``: which of its read's one is, if it is not the one that stands for it now.
    """
    found: list[tuple[Any, bool]] = []
    for key in order:
        value = (instead or {}).get(key.by)
        value = _value(key.by, held) if value is None else value
        if key.by in _MAY_LACK:
            value = _or(value, _BEFORE_ALL if key.falls else _NEVER)
        found.append((value, key.falls))
    return [*found, (col(ReadRow.id), False), (literal(_CURRENT) if last is None else last, False)]


def _or(value: Any, instead: datetime) -> Any:
    return case((value.is_(None), literal(instead, UtcDateTime())), else_=value)


def _value(by: By, held: Held) -> Any:
    """Return what a part of an order looks at."""
    looked_at: Mapping[By, Callable[[], Any]] = {
        By.NUMBER: lambda: col(ReadRow.id),
        By.CHANGED: changed_at,
        By.AUTHORED: lambda: col(StudyRow.first_seen_at),
        By.DUE: lambda: due_at(held),
        By.PLANNED: lambda: col(AssignmentRow.planned_start),
        By.BEGAN: began_at,
        By.URGENCY: lambda: _urgency(held),
    }
    return looked_at[by]()


def after(place: Place, order: Sequence[tuple[Any, bool]]) -> list[ColumnElement[bool]]:
    """Return the condition of whatever comes behind a place, in an order that ``parts`` has made."""
    if not place:
        return []
    value, falls = order[0]
    far_enough = value <= place[0] if falls else value >= place[0]  # which an index can be used for
    behind: list[ColumnElement[bool]] = []
    same: list[ColumnElement[bool]] = []
    for (value, falls), at in zip(order, place, strict=True):
        behind.append(and_(*same, value < at if falls else value > at))
        same.append(value == at)
    return [far_enough, or_(*behind)]


def merged(some: Sequence[Item], others: Sequence[Item], order: Sequence[Key]) -> list[Item]:
    """Return what has been found in two ways in the order that both are in."""
    falls = [key.falls for key in order]

    def compared(one: Item, other: Item) -> int:
        for at, (mine, theirs) in enumerate(zip(one.place, other.place, strict=True)):
            if mine != theirs:
                first = mine < theirs  # type: ignore[operator]  # of one part of an order, of one type
                return -1 if first is not (at < len(falls) and falls[at]) else 1
        return 0

    return sorted([*some, *others], key=cmp_to_key(compared))


def changed_at() -> Any:
    """Return when a read last changed: by what was done with it, or by what the change feed has of it."""
    later = col(AssignmentRow.changed_at) > col(ReadRow.since)
    return case((later, col(AssignmentRow.changed_at)), else_=col(ReadRow.since))


def began_at() -> Any:
    """Return when a read was begun, if it is open or was done, and somebody has said that they began it."""
    has = col(ReadRow.state).in_((ReadState.CLAIMED, ReadState.DONE))
    return case((has, opened_at()), else_=None)


def ended_at() -> Any:
    """Return when a read ended, if it has."""
    over = col(ReadRow.state).in_(OVER)
    said = case((col(ReadRow.done_at).is_(None), col(ReadRow.since)), else_=col(ReadRow.done_at))
    return case((over, said), else_=None)


def due_at(held: Held) -> Any:
    """Return when a read is due, as ``HeldStudy.due_of`` has it."""
    study, target = _by_study(held.due_at, col(StudyRow.due_at)), col(FollowUpRow.target_at)
    alone = or_(col(FollowUpRow.clock_stopped), target < study)
    own = case((target.is_(None), study), (alone, target), else_=study)
    if not held.asked_for:
        return own
    asked = _by_study(held.asked_for, literal(_NEVER, UtcDateTime()))
    return case((asked < own, asked), else_=own)


def _by_study(said: Mapping[int, datetime], otherwise: Any) -> Any:
    if not said:
        return otherwise
    theirs = {number: literal(at, UtcDateTime()) for number, at in sorted(said.items())}
    return case(theirs, value=col(StudyRow.id), else_=otherwise)


def _urgency(held: Held) -> Any:
    ranks = dict(held.ranks)
    by_feeds = case(ranks, value=col(StudyRow.priority), else_=held.otherwise) if ranks else literal(held.otherwise)
    if not held.classes:
        return by_feeds
    theirs = {number: held.ranks.get(code, held.otherwise) for number, code in sorted(held.classes.items())}
    return case(theirs, value=col(StudyRow.id), else_=by_feeds)
