"""What the files of a plan say beyond what a ``Plan`` holds: the figures a plan would otherwise work out for itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from balancer.domain.errors import Fault
from balancer.domain.plan import Plan
from balancer.domain.study import ReadKey


@dataclass(frozen=True, slots=True, kw_only=True)
class StatedFigures:
    """Figures as stated: ``total`` in points, ``gap`` as a share, ``late_minutes`` of each row of ``plan.csv``."""

    total: float
    gap: float
    late_minutes: Mapping[ReadKey, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class FiledPlan:
    """A plan as its folder states it.

    ``impossible`` lists rows that break a rule so plainly that no domain value can hold them (a read that ends before
    it starts, a reason that does not exist); they are missing from ``plan``. ``repeated`` lists rows of a read that has
    one already, ``form`` what is not written as section 5 says, which changes nothing of what is said.
    """

    plan: Plan
    stated: StatedFigures
    impossible: tuple[Fault, ...] = field(default=())
    repeated: tuple[Fault, ...] = field(default=())
    form: tuple[Fault, ...] = field(default=())
