"""What a point is, in the same words wherever points stand."""

from __future__ import annotations

from balancer.domain.policy import Policy
from balancer.web.field_words import in_words


def point_words(policy: Policy | None) -> str:
    """Return what a point is: an hour's lateness of a study of the class whose weight is 1, if the policy has one."""
    classes = () if policy is None else policy.priorities
    unit = next((item.code for item in classes if item.weight == 1), None)
    study = "study of weight 1" if unit is None else f"{in_words(unit).lower()} study"
    return f"A point is one hour late for one {study}."
