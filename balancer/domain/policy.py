"""The clinical policy: priority classes and their targets, the weights of every cost term, the price of load."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise

from balancer.domain.errors import InvalidValueError
from balancer.domain.working_days import WorkingCalendar

EMERGENCY = "emergency"
# A run takes longer than to be asked for more often.
LEAST_MINUTES = 1.0


class TargetClock(StrEnum):
    """How a target's time is counted: elapsed, or only on working days."""

    CALENDAR = "calendar"
    WORKING_DAYS = "working_days"


def _require(condition: object, field: str, reason: str) -> None:
    if not condition:
        raise InvalidValueError(field, reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class PriorityClass:
    """One class of urgency, with its target, its price and the wait nothing may quietly be traded into.

    ``weight`` in points per hour late, ``breach`` in hours of lateness that crossing the target is worth,
    ``ceiling_hours`` in elapsed hours from acquisition. Exactly one of the two targets is given.
    ``provisional_stops_clock``: a provisional report is what the class's target asks for. ``verification_hours`` is
    the target of its verification in elapsed hours from then, if the class has one of its own.
    """

    code: str
    weight: float
    breach: float
    ceiling_hours: float
    target_hours: float | None = None
    target_working_days: int | None = None
    clock: TargetClock = TargetClock.CALENDAR
    provisional_stops_clock: bool = False
    verification_hours: float | None = None

    def __post_init__(self) -> None:
        _require(bool(self.code), "code", "a priority class needs a code")
        _require(
            (self.target_hours is None) != (self.target_working_days is None),
            "target_hours",
            f"class {self.code}: give exactly one of target_hours and target_working_days",
        )
        for name in ("weight", "breach", "ceiling_hours", "target_hours", "target_working_days", "verification_hours"):
            _require((getattr(self, name) or 0) >= 0, name, f"class {self.code}: must not be negative")

    @property
    def is_emergency(self) -> bool:
        """Whether this is the class of emergencies, known by its code: what is urgent by another name may wait."""
        return self.code == EMERGENCY

    def due_at(self, acquired_at: datetime, calendar: WorkingCalendar) -> datetime:
        """Return when a study of this class acquired at ``acquired_at`` is due (section 4)."""
        if self.target_working_days is not None:
            return calendar.add_working_days(acquired_at, self.target_working_days)
        hours = self.target_hours or 0.0
        if self.clock is TargetClock.WORKING_DAYS:
            return calendar.add_working_hours(acquired_at, hours)
        return acquired_at + timedelta(hours=hours)

    def ceiling_at(self, acquired_at: datetime) -> datetime:
        """Return the ceiling of a study acquired at ``acquired_at``: always elapsed time."""
        return acquired_at + timedelta(hours=self.ceiling_hours)


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """The prices of section 4, in points; ``wait_rate`` is a share of the class weight."""

    wait_rate: float
    ceiling_weight: float
    general: float
    fallback: float
    remote: float
    churn: float
    prior: float
    split: float

    def __post_init__(self) -> None:
        for name in self.__slots__:
            _require(getattr(self, name) >= 0, name, "a weight must not be negative")


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadBand:
    """Utilisation up to ``up_to`` and above the band before costs ``price`` points an hour."""

    up_to: float
    price: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplanLimits:
    """How much of what people see on their lists may change when a plan is mended between runs.

    ``churn_budget`` is the share of published reads that may change reporter, ``protected_next`` how many reads that
    each reporter comes to next stay with them whatever is gained.
    """

    churn_budget: float = 0.05
    protected_next: int = 3

    def __post_init__(self) -> None:
        _require(0 <= self.churn_budget <= 1, "replan.churn_budget", "must be a share from 0 to 1")
        _require(self.protected_next >= 0, "replan.protected_next", "must not be negative")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingRules:
    """How people work from their lists.

    A reporter may take any of the next ``choice`` reads; one that has been passed over ``skips_noticed`` times is
    brought to the managers' notice. A claim ends ``lease_minutes`` after its last heartbeat; one by a system that sends
    none is brought to a manager after ``claim_hours``. Nobody opens more than ``most_claims`` reads at a time. A read
    done here that its source still lists ``confirm_hours`` later returns to the queue; one parked because images are
    missing is looked at again after ``parked_hours``.
    """

    choice: int = 3
    skips_noticed: int = 5
    lease_minutes: float = 10.0
    claim_hours: float = 4.0
    most_claims: int = 3
    confirm_hours: float = 4.0
    parked_hours: float = 24.0

    def __post_init__(self) -> None:
        for name in ("choice", "skips_noticed", "most_claims"):
            _require(getattr(self, name) >= 1, f"reading.{name}", "must be at least 1")
        for name in ("lease_minutes", "claim_hours", "confirm_hours", "parked_hours"):
            _require(getattr(self, name) > 0, f"reading.{name}", "must be positive")


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishingRules:
    """How plans come about and into force.

    A run is asked for every ``allocate_every_minutes``, whatever else asks for one. What feeds and rosters bring in
    asks for one too, but not sooner than ``changes_wait_minutes`` after the run before: what cannot wait is on a list
    by then, and each whole plan moves reads. With ``hold`` a plan waits until a manager publishes it; one that has
    waited ``emergencies_after_minutes`` lets its emergencies out all the same.
    """

    hold: bool = False
    emergencies_after_minutes: float = 10.0
    allocate_every_minutes: float = 15.0
    changes_wait_minutes: float = 5.0

    def __post_init__(self) -> None:
        _require(self.changes_wait_minutes >= 0, "publishing.changes_wait_minutes", "must not be negative")
        _require(self.emergencies_after_minutes >= 0, "publishing.emergencies_after_minutes", "must not be negative")
        _require(
            self.allocate_every_minutes >= LEAST_MINUTES,
            "publishing.allocate_every_minutes",
            f"must be at least {LEAST_MINUTES:g}",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerCap:
    """The most expected minutes that reporters of other trusts may read for ``trust`` in a week."""

    trust: str
    minutes: float

    def __post_init__(self) -> None:
        _require(bool(self.trust), "ledger.taken_minutes", "a cap is of a trust")
        _require(self.minutes >= 0, f"ledger.taken_minutes.{self.trust}", "must not be negative")


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUpRules:
    """How readings are followed up.

    Whoever's grade has one of the words ``provisional`` in it writes provisional reports; whoever's has one of
    ``verifiers``, and none of those, may verify them and arbitrate, within their scope. A verification takes
    ``verification_share`` of the study's minutes and is due ``verification_hours`` after the report, unless its class
    says otherwise; an arbitration takes ``arbitration_share``.
    """

    verification_share: float = 0.4
    arbitration_share: float = 2.5
    verification_hours: float = 24.0
    provisional: tuple[str, ...] = ("registrar", "resident", "trainee")
    verifiers: tuple[str, ...] = ("consultant",)

    def __post_init__(self) -> None:
        for name in ("verification_share", "arbitration_share", "verification_hours"):
            _require(getattr(self, name) > 0, f"follow_up.{name}", "must be positive")
        _require(self.verifiers, "follow_up.verifiers", "somebody must be able to verify")
        for name in ("provisional", "verifiers"):
            _require(all(word.strip() for word in getattr(self, name)), f"follow_up.{name}", "a word must not be empty")

    def is_provisional(self, grade: str) -> bool:
        """Tell whether somebody of this grade writes provisional reports."""
        return _has_word(grade, self.provisional)

    def may_verify(self, grade: str) -> bool:
        """Tell whether somebody of this grade may verify reports, and decide between readings."""
        return _has_word(grade, self.verifiers) and not self.is_provisional(grade)


def _has_word(text: str, words: Iterable[str]) -> bool:
    """Tell whether any of ``words`` (each of them one word or several) stands in a text, in whatever case."""
    return any(re.search(rf"\b{re.escape(word.strip())}\b", text, re.IGNORECASE) for word in words)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A whole clinical policy; ``priorities`` most urgent first, ``bands`` rising in both columns.

    ``ledger`` has the caps of the trusts that have one. ``owner``, ``version``, ``dated_on``, ``author`` and
    ``approver`` say whose policy it is; they are for people and change no plan.
    """

    horizon_hours: float
    beyond_hours: float
    default_productivity: float
    priorities: tuple[PriorityClass, ...]
    weights: Weights
    bands: tuple[LoadBand, ...]
    replan: ReplanLimits = field(default_factory=ReplanLimits)
    reading: ReadingRules = field(default_factory=ReadingRules)
    publishing: PublishingRules = field(default_factory=PublishingRules)
    ledger: tuple[LedgerCap, ...] = ()
    follow_up: FollowUpRules = field(default_factory=FollowUpRules)
    owner: str = ""
    version: str = ""
    dated_on: str = ""
    author: str = ""
    approver: str = ""

    def __post_init__(self) -> None:
        _require(self.horizon_hours > 0, "horizon.hours", "must be positive")
        _require(self.beyond_hours >= 0, "horizon.beyond_hours", "must not be negative")
        _require(0 < self.default_productivity <= 1, "productivity.default", "must be above 0 and at most 1")
        _require(bool(self.priorities), "priority", "at least one class is needed")
        codes = [priority.code for priority in self.priorities]
        _require(len(set(codes)) == len(codes), "priority", "two classes have the same code")
        capped = [cap.trust for cap in self.ledger]
        _require(len(set(capped)) == len(capped), "ledger.taken_minutes", "a trust has two caps")
        require_convex(self.bands)

    def priority(self, code: str) -> PriorityClass:
        """Return the class with this code; ``KeyError`` if the policy has none."""
        for priority in self.priorities:
            if priority.code == code:
                return priority
        raise KeyError(code)

    def verification_target(self, code: str, reported_at: datetime) -> tuple[datetime, bool]:
        """Return when a report of a study of this class is to be verified, and whether the study's clock has stopped.

        The clock of a class that the policy does not know goes on.
        """
        named = next((priority for priority in self.priorities if priority.code == code), None)
        own = None if named is None else named.verification_hours
        hours = self.follow_up.verification_hours if own is None else own
        return reported_at + timedelta(hours=hours), named is not None and named.provisional_stops_clock

    def is_emergency(self, code: str) -> bool:
        """Tell whether this is the code of the class of emergencies."""
        return any(priority.code == code and priority.is_emergency for priority in self.priorities)

    def load_points_per_hour(self, utilisation: float) -> float:
        """Return the integral of the marginal price from 0 to ``utilisation``: points per rostered hour.

        Above the last band its price goes on.
        """
        points, below = 0.0, 0.0
        for index, band in enumerate(self.bands):
            last = index == len(self.bands) - 1
            top = utilisation if last else min(utilisation, band.up_to)
            points += max(0.0, top - below) * band.price
            below = band.up_to
        return points


def require_convex(bands: Sequence[LoadBand]) -> None:
    """Ensure that bands rise in both columns, so that equal relative load is cheapest (section 4).

    Raises
    ------
    InvalidValueError
        If they do not, or one has a negative price or no width.
    """
    for before, after in pairwise(bands):
        _require(before.up_to < after.up_to, "load.bands", "bands must rise")
        _require(before.price <= after.price, "load.bands", "prices must not fall, or equal load is not cheapest")
    for band in bands:
        _require(band.up_to > 0 and band.price >= 0, "load.bands", "bounds must be positive, prices not negative")
