"""What speaks for a reporter's having a read, each with what the plan would cost without it.

What a person is to a study adds to the price of any plan in which they read it, and to no other: so without a reason
the best plan found is the one as it is and that price more, or the best in which somebody else has the read, whichever
is cheaper. Without its session, it is the best alternative.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from balancer.domain.explanation import AllocatedExplanation
from balancer.domain.policy import Weights
from balancer.domain.read_explained import Reason, ReasonKind
from balancer.domain.reporter import Reporter, SkillLevel
from balancer.domain.study import Study

# Points; what shows as nothing speaks for nobody.
_LEAST = 0.005


def reasons(
    explanation: AllocatedExplanation, reporter: Reporter, weights: Weights, *, has_others_of_patient: bool
) -> tuple[Reason, ...]:
    """Return what speaks for ``reporter``, who has the read, the weightiest first.

    ``has_others_of_patient``: they have another read of the same patient in the plan.
    """
    elsewhere = [
        max(0.0, one.difference)
        for one in explanation.alternatives
        if one.placement is not None and one.placement.reporter_id != reporter.reporter_id
    ]
    ceiling = min(elsewhere, default=float("inf"))
    priced = [*_prices(explanation.study, reporter, weights)]
    if has_others_of_patient:
        priced.append((ReasonKind.PATIENT, weights.split))
    found = [Reason(kind=kind, points=min(points, ceiling)) for kind, points in priced]
    if explanation.alternatives:
        found.append(Reason(kind=ReasonKind.PLACE, points=max(0.0, explanation.alternatives[0].difference)))
    return tuple(sorted(_that_count(found), key=lambda one: (-one.points, one.kind)))


def _prices(study: Study, reporter: Reporter, weights: Weights) -> Iterator[tuple[ReasonKind, float]]:
    """Yield what would be paid if one thing were not so."""
    level = reporter.level(study.subspecialty, study.modality)
    below = {SkillLevel.SPECIALIST: weights.general, SkillLevel.GENERAL: weights.fallback - weights.general}
    if level in below:
        yield ReasonKind.LEVEL, below[SkillLevel(level)]
    if reporter.home_trust == study.trust:
        yield ReasonKind.HOME, weights.remote
    if study.prior_reporter == reporter.reporter_id:
        yield ReasonKind.PRIOR, weights.prior
    if reporter.reporter_id in study.publishers:
        yield ReasonKind.LISTED, weights.churn


def _that_count(found: Iterable[Reason]) -> Iterator[Reason]:
    return (one for one in found if one.points >= _LEAST)
