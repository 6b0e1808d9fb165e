"""How long the sample's studies have been waiting: imaging follows the hours of the day and the days of the week."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np

from balancer.domain.policy import PriorityClass, TargetClock
from balancer.simulate.catalogue import EXAMPLE_PRIORITIES
from balancer.simulate.queue import SCANS_BY_HOUR

# Age of the oldest ordinary study as a multiple of its class's target: East Kent is behind, Maidstone is not.
_OLDEST = {"RVV": 1.2, "RWF": 0.97, "RPA": 1.1}
# A few have been forgotten: their age is near their class's ceiling or a little past it.
_FORGOTTEN = 0.012
_FORGOTTEN_FROM, _FORGOTTEN_TO = 0.75, 1.12
# The young outnumber the old: a share x of the ordinary ones is younger than x to this power of the oldest.
_SKEW = 1.7
# Relative activity on Monday ... Sunday; emergencies and inpatients know no weekend.
_PLANNED_BY_DAY = (1.0, 1.0, 1.0, 1.0, 1.0, 0.25, 0.06)
_PLANNED_HOURS = range(8, 20)
# Somebody reports the most urgent at night, so on Monday morning fewer of them are left, and those are younger.
_AT_NIGHT = {"emergency": 0.85, "inpatient_urgent": 0.8}
_ROUND_THE_CLOCK = frozenset({"emergency", "inpatient_urgent", "inpatient"})
_CANDIDATES = 24
_YOUNGEST_MINUTES = 4.0


class Ages:
    """Draws ages as seen at ``now``, a London wall-clock time."""

    def __init__(self, rng: np.random.Generator, now: datetime) -> None:
        self._rng = rng
        self._now = now
        self._classes = {priority.code: priority for priority in EXAMPLE_PRIORITIES}

    def draw(self, trust: str, priority: str) -> timedelta:
        """Return how long ago a study of this class was imaged, in whole minutes."""
        found = self._classes[priority]
        oldest = _target_minutes(found) * _OLDEST[trust] * _AT_NIGHT.get(priority, 1.0)
        if self._rng.random() < _FORGOTTEN:
            ceiling = found.ceiling_hours * 60.0
            low, high = ceiling * _FORGOTTEN_FROM, ceiling * _FORGOTTEN_TO
        else:
            low, high = _YOUNGEST_MINUTES, oldest
        candidates = (low + (high - low) * self._rng.random(_CANDIDATES) ** _SKEW).astype(int)
        weights = np.array([self._activity(int(age), planned=priority not in _ROUND_THE_CLOCK) for age in candidates])
        return timedelta(minutes=int(candidates[int(self._rng.choice(_CANDIDATES, p=weights / weights.sum()))]))

    def _activity(self, age_minutes: int, *, planned: bool) -> float:
        at = self._now - timedelta(minutes=age_minutes)
        by_hour = float(SCANS_BY_HOUR[at.hour])
        if not planned:
            return by_hour
        return by_hour * _PLANNED_BY_DAY[at.weekday()] * (1.0 if at.hour in _PLANNED_HOURS else 0.01)


def _target_minutes(priority: PriorityClass) -> float:
    """Return a class's target in elapsed minutes, roughly: a working day is a day and two fifths."""
    if priority.target_working_days is not None:
        return priority.target_working_days * 1440.0 * 1.4
    return (priority.target_hours or 0.0) * 60.0 * (1.4 if priority.clock is TargetClock.WORKING_DAYS else 1.0)
