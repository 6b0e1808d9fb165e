"""What a point is, and what points are made of, in the same words wherever points stand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from balancer.domain.policy import Policy
from balancer.web.field_words import in_words

# Points; what shows as 0.0.
LEAST: Final = 0.05
_TERMS: Final = {
    "clinical": "waiting and lateness",
    "match": "level",
    "remote": "other trusts' studies",
    "prior": "another reader than the prior's",
    "churn": "taken from a list that has it",
    "split": "more readers for a patient",
    "load": "how full sessions are",
}
# Of what makes up a number, so much is told by name: the largest.
_NAMED: Final = 3


def point_words(policy: Policy | None) -> str:
    """Return what a point is: an hour's lateness of a study of the class whose weight is 1, if the policy has one."""
    classes = () if policy is None else policy.priorities
    unit = next((item.code for item in classes if item.weight == 1), None)
    study = "study of weight 1" if unit is None else f"{in_words(unit).lower()} study"
    return f"A point is one hour late for one {study}."


def made_of(terms: Mapping[str, float]) -> str:
    """Return what points are made of, the largest first: what is told adds up to them."""
    shown = [(name, value) for name, value in terms.items() if abs(value) >= LEAST]
    parts = sorted(shown, key=lambda one: -abs(one[1]))
    named, others = parts[:_NAMED], sum(value for _, value in parts[_NAMED:])
    said = [f"{_TERMS[name]} {signed(value)}" for name, value in named]
    if abs(others) >= LEAST:
        said.append(f"the rest {signed(others)}")
    joined = ", ".join(said)
    return f"{joined[:1].upper()}{joined[1:]}"


def signed(points: float) -> str:
    """Return points with their sign: a minus, not a hyphen."""
    return f"{points:+,.1f}".replace("-", "\u2212")
