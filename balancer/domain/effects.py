"""What a change does to a plan, in figures: what becomes late by it, what is in time again, what finds no place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from balancer.domain.plan import Plan
from balancer.domain.problem import AllocationProblem
from balancer.domain.study import StudyKey

SOON = timedelta(hours=24)
"""How far ahead lateness that comes is counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """When a plan completes a study, and when it is due; one with a read that has no place ends beyond the horizon."""

    due_at: datetime
    completed_at: datetime

    @property
    def is_late(self) -> bool:
        """Whether it is completed after it is due."""
        return self.completed_at > self.due_at

    @property
    def late_minutes(self) -> float:
        """By how much, in minutes; below 0 is time in hand."""
        return (self.completed_at - self.due_at).total_seconds() / 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """A plan in a few figures.

    ``late_soon`` counts the studies that are due within ``SOON`` and would be late, ``not_placed`` reads without a
    place; ``total`` in points, which the ``terms`` add up to.
    """

    late_soon: int
    not_placed: int
    total: float
    terms: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Turned:
    """A study that one plan has late and the other in time."""

    key: StudyKey
    before: Completion
    after: Completion


def completions(problem: AllocationProblem, plan: Plan) -> Mapping[StudyKey, Completion]:
    """Return when a plan completes each study of its problem, and when that is due."""
    ends: dict[StudyKey, datetime] = {}
    dues: dict[StudyKey, datetime] = {}
    for row in plan.allocations:
        key = StudyKey(row.trust, row.accession_number)
        ends[key] = max(row.end, ends.get(key, row.end))
        dues[key] = row.due_at
    for left in plan.unallocated:
        ends[StudyKey(left.trust, left.accession_number)] = problem.beyond_at
    studies = ((study.key, study) for study in problem.studies if study.key in ends)
    return {
        key: Completion(
            due_at=dues[key] if key in dues else study.due_at or problem.due_at(study), completed_at=ends[key]
        )
        for key, study in studies
    }


def figures(found: Mapping[StudyKey, Completion], plan: Plan, now: datetime) -> Figures:
    """Return a plan in figures at ``now``."""
    soon = sum(one.is_late and now < one.due_at <= now + SOON for one in found.values())
    terms = plan.summary.terms
    return Figures(late_soon=soon, not_placed=len(plan.unallocated), total=terms.total, terms=terms.as_dict())


def turned(before: Mapping[StudyKey, Completion], after: Mapping[StudyKey, Completion]) -> tuple[Turned, ...]:
    """Return the studies of both plans that only one of them has late: those that become late first, the latest first.

    What a change takes out of the queue, or brings into it, is in one plan only, and has not turned.
    """
    found = list(_turned(before, after))
    return tuple(sorted(found, key=lambda one: (not one.after.is_late, -one.after.late_minutes, one.key)))


def _turned(before: Mapping[StudyKey, Completion], after: Mapping[StudyKey, Completion]) -> Iterator[Turned]:
    for key, was in before.items():
        becomes = after.get(key)
        if becomes is not None and becomes.is_late != was.is_late:
            yield Turned(key=key, before=was, after=becomes)
