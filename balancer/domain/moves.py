"""What mending a plan did: every read that changed its place, and what that was worth in points."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from balancer.domain.events import Event
from balancer.domain.study import ReadKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a read stands: whose it is, in which session, at which position (from 1)."""

    reporter_id: str
    session_id: str
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One read that changed its place; ``None`` is no place at all.

    ``gain`` in points: by how much taking it out and putting it in lowered the total, those behind it included; below
    0 for a read that made room. ``event`` is what took its place away or brought it, if anything did;
    ``made_room_for`` the read that stands where this one stood, if that is why it moved.
    """

    read: ReadKey
    before: Place | None
    after: Place | None
    gain: float
    event: Event | None = None
    made_room_for: ReadKey | None = None

    @property
    def changes_reporter(self) -> bool:
        """Whether somebody had the read and has it no longer."""
        return self.before is not None and (self.after is None or self.after.reporter_id != self.before.reporter_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mended:
    """What some events did to a plan and what was done about it; points.

    ``total_before`` is the total as it was, seen at the earlier ``now``. ``cost_of_events`` is what the events did to
    it on their own: studies come and gone, time passed, places lost and not yet found again. Always::

        total_after = total_before + cost_of_events - sum of the moves' gains

    ``unallocated`` are reads that the events brought or displaced and for which there is no place, or none that pays.
    ``churned`` of the ``budget`` published reads that may change reporter have done so since the plan was opened,
    without an event having taken them from their reporter.
    """

    now: datetime
    moves: tuple[Move, ...]
    unallocated: tuple[ReadKey, ...]
    total_before: float
    cost_of_events: float
    total_after: float
    churned: int
    budget: int

    @property
    def gain(self) -> float:
        """What all moves gained together, in points."""
        return sum(move.gain for move in self.moves)
