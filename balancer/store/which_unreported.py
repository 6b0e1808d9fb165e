"""Which of the studies that wait for a report are meant, and what is counted of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from balancer.domain.age import Age
from balancer.domain.half_days import HalfDay
from balancer.domain.life import ReadState


class Standing(StrEnum):
    """How a study that its trust lists as unreported stands.

    ``waiting``: a read of it is still to be done. ``reported``: none is, one has been done here, and its trust has not
    said so yet. ``not_here``: none is, and none has been: somebody decided that it is not to be read here.
    ``open``: any of these. ``kept``: open, and no longer on the newest list of a trust that lists all it has. The
    others: a read of it is in that state.
    """

    WAITING = "waiting"
    REPORTED = "reported"
    NOT_HERE = "not_here"
    OPEN = "open"
    KEPT = "kept"
    UNALLOCATED = ReadState.UNALLOCATED.value
    ALLOCATED = ReadState.ALLOCATED.value
    CLAIMED = ReadState.CLAIMED.value
    PARKED = ReadState.PARKED.value
    SENT_OUT = ReadState.SENT_OUT.value


class Lateness(StrEnum):
    """``now``: past its target. ``planned``: on time now, and the published plan does not finish it before due."""

    NOW = "now"
    PLANNED = "planned"


@dataclass(frozen=True, slots=True, kw_only=True)
class LaidOver:
    """What holds of a study where it is not its feed's word."""

    priority: str
    due_at: datetime
    subspecialty: str
    modality: str
    exam_code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreportedFilter:
    """Which of the studies are meant; ``None`` means whatever.

    ``within``: becomes late within so many hours by the published plan. ``due``: in that half-day. ``reason``: why a
    read of it is not done before it is due. ``only``: those of these numbers, which become late by another plan.
    """

    standing: Standing = Standing.WAITING
    trust: str | None = None
    priority: str | None = None
    subspecialty: str | None = None
    modality: str | None = None
    exam: str | None = None
    age: Age | None = None
    late: Lateness | None = None
    within: int | None = None
    due: HalfDay | None = None
    reason: str | None = None
    reporter_id: str | None = None
    only: Collection[int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """How many studies of a class at a trust stand where, and since when the oldest waits."""

    trust: str
    priority: str
    ages: Mapping[Age, int]
    oldest_at: datetime

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.ages.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingNoMore:
    """How many studies that their trusts list as unreported have no read that is still to be done, as ``Standing``."""

    reported: int
    not_here: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingRead:
    """A read that is still to be done, of a study that is on time and due within what is looked at."""

    study_id: int
    number: int
    state: ReadState
    reason: str
    trust: str
    accession_number: str
    priority: str
    subspecialty: str
    minutes: float
    due_at: datetime
