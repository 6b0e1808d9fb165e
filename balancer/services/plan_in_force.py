"""The plan that is in force, as it would be mended now: what previews compare with and explanations are of."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from balancer.domain.plan import Plan
from balancer.domain.problem import AllocationProblem
from balancer.domain.study import ReadKey, StudyKey
from balancer.services.build_problem import Gathered, gather
from balancer.services.follow_changes import what_happened
from balancer.services.mend_worklists import tell_plan
from balancer.services.mended_lists import study_of
from balancer.services.open_live import Live
from balancer.store.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanInForce:
    """A plan with its problem, and which of a study's reads the problem counts from 1."""

    plan: Plan
    problem: AllocationProblem
    numbers: Mapping[StudyKey, tuple[int, ...]]

    def own(self, key: ReadKey) -> ReadKey:
        """Return a read of the plan by its own number."""
        return key._replace(read=self.numbers[study_of(key)][key.read - 1])

    def counted(self, key: ReadKey) -> ReadKey | None:
        """Return a read, given by its own number, as the problem counts it; ``None`` if it takes no part now."""
        numbers = self.numbers.get(study_of(key), ())
        return key._replace(read=numbers.index(key.read) + 1) if key.read in numbers else None

    def given(self) -> dict[ReadKey, str]:
        """Return whom each read that has a place is given to, by own number."""
        return {self.own(row.key): row.reporter_id for row in self.plan.allocations}

    def reads(self) -> set[ReadKey]:
        """Return every read of the plan's problem, by own number."""
        keys = [row.key for row in self.plan.allocations] + [row.key for row in self.plan.unallocated]
        return {self.own(key) for key in keys}


def mended(live: Live, gathered: Gathered, asked: Collection[StudyKey], now: datetime) -> PlanInForce:
    """Tell an open plan what has happened, let it be mended, and return it as it is then."""
    happened = what_happened(live, gathered, asked, max(now, live.plan.now), asked=asked)
    if happened.events:
        tell_plan(live, happened, gathered.numbers)
    numbers = {key: tuple(of_study) for key, of_study in live.numbers.items()}
    return PlanInForce(plan=live.plan.plan(), problem=live.plan.problem, numbers=numbers)


def mended_as_it_stands(db: Database, live: Live, now: datetime) -> PlanInForce:
    """Return an open plan as it is without any decision that has not been made."""
    return mended(live, gather(db, now, only=()), (), now)
