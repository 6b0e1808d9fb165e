"""When studies are due by the policy in force, outside a run."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from balancer.domain.policy import Policy
from balancer.domain.working_days import WorkingCalendar
from balancer.ingest.bank_holidays import england_and_wales
from balancer.store import standing
from balancer.store.database import Session

_A_YEAR = timedelta(days=366)


class DueTimes:
    """Reckons due times for studies whose clocks started at ``started``, over all bank holidays between."""

    def __init__(self, policy: Policy, started: Iterable[datetime], now: datetime) -> None:
        self._priorities = {priority.code: priority for priority in policy.priorities}
        self._calendar = calendar_over(policy, started, now)

    def due_at(self, priority: str, clock_started_at: datetime, source_due_at: datetime | None) -> datetime:
        """Return the source's own due time, else the policy's.

        A study of a class that the policy does not know is due at once: it is better seen too early than too late.
        """
        if source_due_at is not None:
            return source_due_at
        known = self._priorities.get(priority)
        return clock_started_at if known is None else known.due_at(clock_started_at, self._calendar)


def reckon_due_times(session: Session, policy: Policy, now: datetime) -> None:
    """Make every open study due by ``policy``, but for those whose source says when they are due.

    The caller has locked all trusts.
    """
    clocks = standing.open_clocks(session)
    due_times = DueTimes(policy, (clock.clock_started_at for clock in clocks), now)
    due = {clock.id: due_times.due_at(clock.priority, clock.clock_started_at, clock.source_due_at) for clock in clocks}
    # most policies change what few studies are due by
    standing.put_due_times(session, {clock.id: due[clock.id] for clock in clocks if due[clock.id] != clock.due_at})


def calendar_over(policy: Policy, started: Iterable[datetime], now: datetime) -> WorkingCalendar:
    """Return the working-days calendar from the first clock that started to the furthest due time."""
    days = [priority.target_working_days or (priority.target_hours or 0.0) / 24.0 for priority in policy.priorities]
    clocks = [now, *started]
    # twice the working days reach over any weekends and holidays between them
    furthest = max(clocks) + 2 * timedelta(days=max(days)) + _A_YEAR
    return england_and_wales((min(clocks) - _A_YEAR).year, furthest.year)
