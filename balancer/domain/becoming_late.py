"""What becomes late if nothing changes: studies that are on time now, and that a plan does not finish before due."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

# Why a read is late in a plan, beside the reasons for which one has no place in it.
PLANNED_LATE = "planned_late"
PARKED = "parked"


class LateRead(NamedTuple):
    """A read that is not done when its study is due, and why; ``minutes`` are expected at speed 1."""

    study_id: int
    trust: str
    priority: str
    subspecialty: str
    minutes: float
    due_at: datetime
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BecomingLate:
    """A study that becomes late at ``due_at``, and why: the reasons of its reads that are not done by then.

    ``minutes`` are those reads', expected at speed 1.
    """

    study_id: int
    trust: str
    priority: str
    subspecialty: str
    minutes: float
    due_at: datetime
    reasons: frozenset[str]


@dataclass(frozen=True, slots=True, order=True)
class Cause:
    """Why studies become late: the reason, and of which subspecialty they are."""

    reason: str
    subspecialty: str


def together(reads: Iterable[LateRead]) -> list[BecomingLate]:
    """Return the studies of these reads, each once, in the order in which they come."""
    found: dict[int, BecomingLate] = {}
    for read in reads:
        before = found.get(read.study_id)
        found[read.study_id] = BecomingLate(
            study_id=read.study_id,
            trust=read.trust,
            priority=read.priority,
            subspecialty=read.subspecialty,
            minutes=read.minutes + (before.minutes if before else 0.0),
            due_at=read.due_at,
            reasons=frozenset({read.reason}) | (before.reasons if before else frozenset()),
        )
    return list(found.values())


def within(found: Iterable[BecomingLate], now: datetime, hours: float) -> int:
    """Return how many studies become late within so many hours."""
    until = now + timedelta(hours=hours)
    return sum(study.due_at < until for study in found)


def steps(found: Iterable[BecomingLate], now: datetime, hours: float) -> list[tuple[datetime, int]]:
    """Return the instants at which studies become late with how many have by then: it begins at none, and ends there.

    Every step is real: between two of them nothing becomes late.
    """
    until = now + timedelta(hours=hours)
    counted = Counter(study.due_at for study in found if study.due_at < until)
    line, total = [(now, 0)], 0
    for instant in sorted(counted):
        total += counted[instant]
        line.append((instant, total))
    return [*line, (until, total)]


def causes(found: Sequence[BecomingLate]) -> list[tuple[Cause, int]]:
    """Return how many studies become late for what, most first; a study with two reasons stands under both."""
    counted = Counter(Cause(reason, study.subspecialty) for study in found for reason in study.reasons)
    return sorted(counted.items(), key=lambda item: (-item[1], item[0]))
