"""What people have decided, laid over what the feeds say when a run looks; the feeds' own words stay as they are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from balancer.domain.instruction import OF_READS, Instruction, InstructionKind, InstructionState
from balancer.domain.policy import Policy
from balancer.store.queue import QueuedStudy

_CORRECTED = ("priority", "exam_code", "modality", "subspecialty", "minutes", "ready_at")
_AWAY = OF_READS - {InstructionKind.PIN}


class Instructed:
    """The instructions about studies and reads that hold, by what they are about; of two the later one counts."""

    def __init__(self, instructions: Iterable[Instruction]) -> None:
        self._pins: dict[int, str] = {}
        self._bars: dict[int, set[str]] = defaultdict(set)
        self._expedited: dict[int, Instruction] = {}
        self._corrections: dict[int, dict[str, Any]] = defaultdict(dict)
        self._leaving: set[int] = set()
        for item in instructions:
            self._take(item)

    def pinned(self, read_id: int) -> str | None:
        """Return to whom a read is pinned."""
        return self._pins.get(read_id)

    def barred(self, study_id: int) -> frozenset[str]:
        """Return who is not offered a study."""
        return frozenset(self._bars.get(study_id, ()))

    def leaves(self, read_id: int) -> bool:
        """Tell whether a draft would exclude, park or send out a read, which therefore takes no part in its preview.

        What is in force has moved the read itself.
        """
        return read_id in self._leaving

    def study(self, said: QueuedStudy, policy: Policy) -> QueuedStudy:
        """Return a study as it holds: corrected, and of the more urgent class of its own and the one it was given.

        Its due time is a matter of its own (``due``): without one it is the policy's, which only a run can tell.
        """
        corrections = self._corrections.get(said.id)
        holds = said._replace(**corrections) if corrections else said
        expedite = self._expedited.get(said.id)
        asked = expedite.value.get("priority") if expedite else None
        return holds if asked is None else holds._replace(priority=more_urgent(policy, holds.priority, asked))

    def due(self, study_id: int) -> datetime | None:
        """Return when somebody has said that a study is due; the feed's or the policy's word counts if it is sooner."""
        expedite = self._expedited.get(study_id)
        return None if expedite is None else expedite.instant("due_at")

    def _take(self, item: Instruction) -> None:
        study_id, read_id, reporter_id = item.study_id or 0, item.read_id or 0, item.reporter_id or ""
        if item.kind is InstructionKind.PIN:
            self._pins[read_id] = reporter_id
        elif item.kind is InstructionKind.BAR:
            self._bars[study_id].add(reporter_id)
        elif item.kind is InstructionKind.EXPEDITE:
            self._expedited[study_id] = item
        elif item.kind is InstructionKind.STUDY:
            self._corrections[study_id] |= corrected(item)
        elif item.kind in _AWAY and item.state is InstructionState.STAGED:
            self._leaving.add(read_id)


def corrected(item: Instruction) -> dict[str, Any]:
    """Return what a correction says of a study, in the words of the problem; the body region is for people only."""
    stated = {name: item.value[name] for name in _CORRECTED if name in item.value}
    return stated | ({"ready_at": item.instant("ready_at")} if "ready_at" in stated else {})


def more_urgent(policy: Policy, one: str, other: str) -> str:
    """Return the more urgent of two classes; one that the policy does not know gives way to one that it does."""
    codes = [priority.code for priority in policy.priorities]
    known = [code for code in (one, other) if code in codes]
    return min(known, key=codes.index, default=one)
