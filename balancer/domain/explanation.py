"""Why a read is where it is: what it costs, who else could do it at what total, and what would give it a place.

Every figure is of a plan that could be published and that the referee would accept; none is a narrative. Points are
exact: ``difference`` is the total of that plan less the total of the plan that is explained.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from balancer.domain.addition import Remedy
from balancer.domain.placement import Placement
from balancer.domain.plan import Terms, UnallocatedReason
from balancer.domain.study import ReadKey, Study

__all__ = ["AllocatedExplanation", "Alternative", "Clinical", "Explanation", "Move", "Refusal", "Rule"]


class Rule(StrEnum):
    """The hard rules of section 3 that can keep one reporter from one read, in the order they are asked."""

    ENTITLED = "H1"
    SKILLED = "H2"
    MODALITY = "H3"
    EXCLUDED = "H6"
    PINNED = "H7"
    CLAIMED = "H8"
    TWO_READERS = "H9"
    SESSION = "H4"
    TIME = "H5"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Who may not do a read, by the first rule that keeps them from it; ``reporters`` by id, sorted."""

    rule: Rule
    reporters: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Clinical:
    """The clinical term of one study in its parts, in points (section 4)."""

    breach: float
    late: float
    wait: float
    over: float

    @property
    def total(self) -> float:
        """The clinical term of the study."""
        return self.breach + self.late + self.wait + self.over


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One read that another plan has elsewhere: another session, or a place where there was none, or none now."""

    key: ReadKey
    before: Placement | None
    after: Placement | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Alternative:
    """The best plan found in which the read is elsewhere, everything it displaces put right again.

    ``placement`` is ``None`` where nobody does the read. ``moves`` are the other reads that change their session;
    ``sequences`` every session whose order differs, with all its reads: together with the plan they are the whole plan.
    ``anyway`` is the change of the total, 0 or below, that putting the same sessions right makes with the read left
    where it is: what the plan itself still had to give there, which is no merit of the alternative.
    """

    placement: Placement | None
    terms: Terms
    difference: float
    moves: tuple[Move, ...]
    sequences: Mapping[str, tuple[ReadKey, ...]]
    anyway: float = 0.0

    @property
    def total(self) -> float:
        """The total of the repaired plan, in points."""
        return self.terms.total


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What is common to placed and unplaced reads.

    ``cost`` is what the read stands for in the plan's terms: its study's clinical and churn term (shared by the
    study's reads), and by how much this read raises match, remote, prior, split and load. ``clinical`` is that term in
    parts. ``alternatives`` are ranked, cheapest first, one a reporter; ``able`` counts the reporters whom no rule keeps
    from it.
    """

    key: ReadKey
    study: Study
    due_at: datetime
    completed_at: datetime
    plan_total: float
    cost: Terms
    clinical: Clinical
    able: int
    alternatives: tuple[Alternative, ...]
    refusals: tuple[Refusal, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AllocatedExplanation(Explanation):
    """Why a read is where it is. ``left_out`` is the best plan in which nobody does it; ``None`` for a claimed one."""

    placement: Placement
    left_out: Alternative | None


@dataclass(frozen=True, slots=True, kw_only=True)
class UnallocatedExplanation(Explanation):
    """Why a read has no place, and what would give it one.

    ``reason`` is the first of section 5 that holds. ``insertion`` is the cheapest place it fits into as the plan
    stands, if there is one: a ``deferred`` read's ``difference`` says how much dearer that is. ``remedies`` are the
    smallest additions, smallest first (see ``Remedy``). ``waiting_with`` are the study's other reads that have no place
    either: the study is not complete without them.
    """

    reason: UnallocatedReason
    insertion: Alternative | None
    remedies: tuple[Remedy, ...]
    waiting_with: tuple[ReadKey, ...]
