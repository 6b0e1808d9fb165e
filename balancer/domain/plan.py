"""The plan: every read either placed in a session or unallocated with a reason, and what that costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from balancer.domain.errors import InvalidValueError
from balancer.domain.instant import require_aware
from balancer.domain.study import ReadKey, StudyKey


class UnallocatedReason(StrEnum):
    """Why a read has no place; the first that holds, in this order (section 5)."""

    CLAIMED_REPORTER_UNAVAILABLE = "claimed_reporter_unavailable"
    PINNED_REPORTER_UNAVAILABLE = "pinned_reporter_unavailable"
    NO_ENTITLED_REPORTER = "no_entitled_reporter"
    NO_SKILLED_REPORTER = "no_skilled_reporter"
    NO_SESSION = "no_session"
    NO_CAPACITY = "no_capacity"
    DEFERRED = "deferred"


class Status(StrEnum):
    """How much a run proved about its plan."""

    OPTIMAL = "optimal"
    FEASIBLE = "feasible"


class StoppedBy(StrEnum):
    """What ended a run; only a run that was not ended by ``time`` is repeatable."""

    OPTIMAL = "optimal"
    WORK = "work"
    TIME = "time"


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocation:
    """One read placed: who, in which session, at which position (from 1), from when to when (whole seconds)."""

    trust: str
    accession_number: str
    read: int
    reporter_id: str
    session_id: str
    position: int
    start: datetime
    end: datetime
    due_at: datetime

    def __post_init__(self) -> None:
        require_aware(self.start, "start")
        require_aware(self.end, "end")
        require_aware(self.due_at, "due_at")
        if self.end <= self.start:
            raise InvalidValueError("end", "a read must end after it starts")

    @property
    def key(self) -> ReadKey:
        """The read that is placed."""
        return ReadKey(self.trust, self.accession_number, self.read)

    @property
    def late_minutes(self) -> float:
        """How long after its due time the read ends, in minutes; 0 if in time."""
        return max(0.0, (self.end - self.due_at).total_seconds() / 60.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unallocated:
    """One read that has no place in the plan, and why."""

    trust: str
    accession_number: str
    read: int
    reason: UnallocatedReason

    @property
    def key(self) -> ReadKey:
        """The read that is not placed."""
        return ReadKey(self.trust, self.accession_number, self.read)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The cost of a plan by term, in points (section 4)."""

    clinical: float
    match: float
    remote: float
    prior: float
    churn: float
    split: float
    load: float

    @property
    def total(self) -> float:
        """The sum of all terms."""
        return self.clinical + self.match + self.remote + self.prior + self.churn + self.split + self.load

    def as_dict(self) -> dict[str, float]:
        """Return the terms by name, in the order of the contract."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What a run says of its plan; the keys of ``summary.json`` (section 5).

    Costs in points; ``late`` counts studies by priority, ``longest_wait_hours`` is by priority too; ``seconds`` by
    stage.
    """

    now: datetime
    status: Status
    stopped_by: StoppedBy
    seconds: Mapping[str, float]
    terms: Terms
    sunk: float
    bound: float
    studies: int
    reads: int
    allocated: int
    late: Mapping[str, int]
    longest_wait_hours: Mapping[str, float]
    seed: int
    digest: str

    @property
    def total(self) -> float:
        """The plan's cost in points."""
        return self.terms.total

    @property
    def gap(self) -> float:
        """The proven share of the avoidable cost that might still be saved."""
        return (self.total - self.bound) / max(1.0, self.total - self.sunk)


class Seat(NamedTuple):
    """Where a read stands, without its times: whose list follows from the session; reads and positions from 1."""

    study: StudyKey
    read: int
    session_id: str
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Every read of a problem, placed or not; rows sorted by trust, accession number and read."""

    allocations: tuple[Allocation, ...]
    unallocated: tuple[Unallocated, ...]
    summary: Summary

    def seats(self) -> list[Seat]:
        """Return where every read stands that has a place."""
        return [
            Seat(StudyKey(row.trust, row.accession_number), row.read, row.session_id, row.position)
            for row in self.allocations
        ]


def plan_of_places(now: datetime, rows: Sequence[Allocation]) -> Plan:
    """Return rows, with the times that they state, as a plan whose figures nobody has worked out."""
    summary = Summary(
        now=now,
        status=Status.FEASIBLE,
        stopped_by=StoppedBy.WORK,
        seconds={},
        terms=Terms(**dict.fromkeys(Terms.__slots__, 0.0)),
        sunk=0.0,
        bound=0.0,
        studies=0,
        reads=0,
        allocated=len(rows),
        late={},
        longest_wait_hours={},
        seed=0,
        digest="",
    )
    return Plan(allocations=tuple(rows), unallocated=(), summary=summary)
