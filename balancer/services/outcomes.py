"""What the use cases answer: outcomes that are expected are values, not errors."""

from __future__ import annotations

from dataclasses import dataclass

from balancer.domain.feed import Books
from balancer.domain.plan import Plan
from balancer.domain.states import BatchState, RunState


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchOutcome:
    """What became of a file of a feed (or of its release, or of a replay of quarantined rows).

    ``reason`` says in words why it was held or refused. ``waiting`` counts the studies that a held batch would close.
    ``books`` are those of the batch; of a file that is ``unchanged``, those of the time it was taken.
    """

    batch_id: int
    feed: str
    state: BatchState
    reason: str
    books: Books
    waiting: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RosterOutcome:
    """What became of a roster file: how many sessions it brought, and how many of its rows could not be taken."""

    batch_id: int
    roster: str
    state: BatchState
    reason: str
    sessions: int
    quarantined: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOutcome:
    """What became of an allocation run.

    ``state`` is ``None`` if another run was under way, whose number ``run_id`` then is; nothing was done. ``plan`` is
    the plan that was published, held or rejected, ``error`` why it was neither published nor held.
    """

    run_id: int | None
    state: RunState | None
    error: str = ""
    warnings: tuple[str, ...] = ()
    plan: Plan | None = None

    @property
    def busy(self) -> bool:
        """Whether nothing was done because another run was under way."""
        return self.state is None
