"""What one read costs where it stands (section 4): the terms that are a read's own, not those that many share."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from balancer.domain.policy import Policy
from balancer.domain.reporter import Reporter, SkillLevel

_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A read that waits, as its price sees it; its class is one that the policy knows."""

    trust: str
    priority: str
    subspecialty: str
    modality: str
    clock_started_at: datetime
    due_at: datetime
    prior_reporter: str | None = None


def read_points(read: Waiting, reader: Reporter | None, end: datetime | None, now: datetime, policy: Policy) -> float:
    """Return what ``read_terms`` come to together."""
    return sum(read_terms(read, reader, end, now, policy).values())


def read_terms(
    read: Waiting, reader: Reporter | None, end: datetime | None, now: datetime, policy: Policy
) -> dict[str, float]:
    """Return clinical, match, remote and prior of a read that ends at ``end`` with ``reader``, in points.

    A read that nobody has ends after the horizon and what the policy adds to it. Load, split and churn are of whole
    plans, and left out; so is what a read does to those behind it.

    Raises
    ------
    KeyError
        If the policy does not know its class.
    """
    horizon = timedelta(hours=policy.horizon_hours + policy.beyond_hours)
    done = now + horizon if end is None or reader is None else end
    of_reader = {} if reader is None else _of_reader(read, reader, policy)
    of_reader = {} if reader is None else _of_reader(read, reader, policy)
    return {"clinical": _clinical(read, done, now, policy), **of_reader}


def _clinical(read: Waiting, done: datetime, now: datetime, policy: Policy) -> float:
    priority, weights = policy.priority(read.priority), policy.weights
    late = max(0.0, (done - read.due_at) / _HOUR)
    wait = max(0.0, (done - now) / _HOUR)
    over = max(0.0, (done - priority.ceiling_at(read.clock_started_at)) / _HOUR)
    breach = priority.breach if done > read.due_at else 0.0
    return priority.weight * (breach + late + weights.wait_rate * wait) + weights.ceiling_weight * over


def _of_reader(read: Waiting, reader: Reporter, policy: Policy) -> dict[str, float]:
    weights = policy.weights
    price = {SkillLevel.GENERAL: weights.general, SkillLevel.FALLBACK: weights.fallback}
    level = reader.level(read.subspecialty, read.modality)
    other = read.prior_reporter is not None and read.prior_reporter != reader.reporter_id
    return {
        "match": price.get(SkillLevel(level), 0.0) if level else 0.0,
        "remote": weights.remote if reader.home_trust != read.trust else 0.0,
        "prior": weights.prior if other else 0.0,
    }
