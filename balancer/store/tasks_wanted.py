"""What is looked for when FHIR looks for reads, and what is found."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from balancer.domain.life import ReadKind, ReadState
from balancer.domain.outcome import Outcome
from balancer.store.tables import ReporterRow, StudyRow
from balancer.store.tables_kinds import FollowUpRow
from balancer.store.tables_life import ReadRow
from balancer.store.task_order import Held, Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """How a Task ended that another has followed."""

    state: ReadState
    reporter_id: str | None
    ended_at: datetime
    outcome: Outcome | None
    provisional: bool

    @property
    def report(self) -> tuple[Outcome | None, bool]:
        """What the report came to, and whether it had to be verified."""
        return self.outcome, self.provisional


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A read with its study; ``sequence`` says which of its workitems is the current one, ``uid`` which it was given.

    ``planned_start`` and ``changed_at`` as the change feed has them, ``opened_at`` when the claim was made under which
    it is open, or was done. ``held_...``: what people have decided, once somebody has looked; ``is_unsaid``: why it is
    away is in words that are not told to whoever asks. ``generation``: how many Tasks of the read had ended for good
    before; ``past``: this one has too, and another stands for the read. ``place``: where it comes in the order that was
    asked for.
    """

    read: ReadRow
    study: StudyRow
    sequence: int
    uid: str | None
    exam_name: str | None
    reporter: ReporterRow | None
    follows: FollowUpRow | None
    planned_start: datetime | None
    changed_at: datetime
    opened_at: datetime | None
    held_priority: str | None = None
    held_due_at: datetime | None = None
    is_unsaid: bool = False
    generation: int = 0
    past: Past | None = None
    place: Place = ()

    @property
    def priority(self) -> str:
        """What class it is of."""
        return self.held_priority or self.study.priority

    @property
    def due_at(self) -> datetime:
        """When it is due."""
        said = self.study.due_at if self.follows is None else self.follows.due_of(self.study.due_at)
        return self.held_due_at or said

    @property
    def state(self) -> ReadState:
        """Where the read stands, or stood at the end."""
        return self.read.state if self.past is None else self.past.state

    @property
    def reporter_id(self) -> str | None:
        """Whose it is, or was."""
        return self.read.reporter_id if self.past is None else self.past.reporter_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Between:
    """From an instant, before another; either may be open."""

    since: datetime | None = None
    before: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is looked for; ``None`` where it does not matter, and an empty list finds nothing.

    ``task_ids``: by read, and how many of its Tasks had ended before.
    ``workitems``: by read and number, or by the UID that one was given. ``but_priorities``: any class but these, known
    or not. ``accessions`` and ``patients`` are numbers with whose they are, or with nobody's. ``ended_since``: what has
    ended before is not shown. ``held``: the classes that people have decided, by study.
    """

    ended_since: datetime | None = None
    read_ids: Collection[int] | None = None
    task_ids: Collection[tuple[int, int]] | None = None
    workitems: Collection[tuple[int, int] | str] | None = None
    study_ids: Collection[int] | None = None
    states: Collection[ReadState] | None = None
    kinds: Collection[ReadKind] | None = None
    priorities: Collection[str] | None = None
    but_priorities: Collection[str] | None = None
    reporter_ids: Collection[str] | None = None
    trusts: Collection[str] | None = None
    accessions: Collection[tuple[str | None, str]] | None = None
    patients: Collection[tuple[str | None, str]] | None = None
    changed: Sequence[Between] = ()
    authored: Sequence[Between] = ()
    due: Sequence[Between] = ()
    planned: Sequence[Between] = ()
    began: Sequence[Between] = ()
    ended: Sequence[Between] = ()
    held: Held = field(default_factory=Held)
