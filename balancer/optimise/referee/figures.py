"""Whether a plan's figures about itself are true (sections 4 and 5), and its bound at least possible."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from balancer.domain.filed_plan import StatedFigures
from balancer.domain.plan import Status, Summary
from balancer.optimise.referee.case import TOLERANCE, Case, Finding, named
from balancer.optimise.referee.costs import Reckoning

# Checkers allow 0.01 point + 1e-6 relative on a term.
_POINTS = 0.01
_RELATIVE = 1e-6
# A second on an instant, in hours and (with two decimals) in minutes.
_HOURS = 1 / 3600 + 0.005
_LATE_MINUTES = 1 / 60 + 0.0051


def wrong_figures(case: Case, true: Reckoning, stated: StatedFigures | None) -> Iterator[Finding]:
    """Yield every figure of the summary that differs from the referee's by more than the tolerance."""
    summary = case.plan.summary
    if not abs(summary.now - case.problem.now) <= TOLERANCE:
        yield _wrong("now", summary.now, case.problem.now)
    for name, points in true.terms.as_dict().items():
        yield from _points(f"terms.{name}", getattr(summary.terms, name), points)
    yield from _points("total", stated.total if stated else summary.total, true.terms.total)
    yield from _points("sunk", summary.sunk, true.sunk)
    yield from _bound(summary, stated, true)
    yield from _counts(case, summary)
    yield from _by_class("late", summary.late, true.late, 0)
    yield from _by_class("longest_wait_hours", summary.longest_wait_hours, true.longest_wait_hours, _HOURS)
    if stated is not None:
        yield from _late_minutes(case, stated)


def _points(name: str, stated: float, true: float) -> Iterator[Finding]:
    # written so that a NaN is wrong too
    if not abs(stated - true) <= allowance(true):
        yield _wrong(name, stated, true)


def allowance(points: float) -> float:
    """Return how far a figure in points may be off."""
    return _POINTS + _RELATIVE * abs(points)


def _bound(summary: Summary, stated: StatedFigures | None, true: Reckoning) -> Iterator[Finding]:
    """The bound is at most the total, the gap follows from it, and ``optimal`` means that they meet."""
    total = true.terms.total
    if not summary.bound <= total + allowance(total):
        yield Finding(rule="figure", where="bound", what=f"{summary.bound} exceeds the total, {total}")
    avoidable = max(1.0, total - true.sunk)
    gap = (total - summary.bound) / avoidable
    claimed = stated.gap if stated else summary.gap
    if not abs(claimed - gap) <= 2 * allowance(total) / avoidable + _RELATIVE:
        yield _wrong("gap", claimed, gap)
    if summary.status is Status.OPTIMAL and not total - summary.bound <= allowance(total):
        yield Finding(rule="figure", where="status", what=f"says optimal, but the bound is {summary.bound}")


def _counts(case: Case, summary: Summary) -> Iterator[Finding]:
    studies = case.problem.studies
    for name, stated, true in (
        ("studies", summary.studies, len(studies)),
        ("reads", summary.reads, sum(study.reads for study in studies)),
        ("allocated", summary.allocated, len(case.plan.allocations)),
    ):
        if stated != true:
            yield _wrong(name, stated, true)


def _by_class(name: str, stated: Mapping[str, float], true: Mapping[str, float], allowed: float) -> Iterator[Finding]:
    for code in sorted({*stated, *true}):
        if code not in true:
            yield Finding(rule="figure", where=f"{name}.{code}", what="the policy has no such class")
        elif not abs(stated.get(code, 0) - true[code]) <= allowed:
            yield _wrong(f"{name}.{code}", stated.get(code, 0), true[code])


def _late_minutes(case: Case, stated: StatedFigures) -> Iterator[Finding]:
    """``late_minutes`` is how long after its due time the row ends."""
    for item in case.placed:
        late = (item.row.end - case.due_at[item.study.key]).total_seconds() / 60.0
        claimed = stated.late_minutes.get(item.row.key, 0.0)
        if not abs(claimed - max(0.0, late)) <= _LATE_MINUTES:
            yield Finding(
                rule="figure",
                where=named(item.row.key),
                what=f"states late_minutes {claimed:g}; it is {max(0.0, late):.2f}",
            )


def _wrong(name: str, stated: object, true: object) -> Finding:
    return Finding(rule="figure", where=name, what=f"summary states {stated}; it is {true}")
