"""An explanation of one read as it is kept and shown: facts and points, without the plan that they were worked out in.

Studies are named by the store's numbers and people by theirs, so that whoever shows it can leave out what is beyond the
reach of whoever asks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from balancer.domain.addition import Release
from balancer.domain.explanation import Refusal
from balancer.domain.placement import Placement
from balancer.domain.plan import UnallocatedReason


class ExplanationState(StrEnum):
    """How far an explanation is: ``requested``, ``running``, ``made``, or ``failed``, which says why."""

    REQUESTED = "requested"
    RUNNING = "running"
    MADE = "made"
    FAILED = "failed"


class ReasonKind(StrEnum):
    """What can speak for a reporter's having a read; each is something that the plan's price knows of.

    ``place``: this session takes it sooner, or at less cost, than any other. ``level``: their level in the
    subspecialty. ``home``: the study is their own trust's. ``prior``: they reported the study before. ``listed``: it is
    on their list already. ``patient``: they have other reads of the patient.
    """

    PLACE = "place"
    LEVEL = "level"
    HOME = "home"
    PRIOR = "prior"
    LISTED = "listed"
    PATIENT = "patient"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """What speaks for a reporter, and by how many points the best plan found would be dearer if it did not."""

    kind: ReasonKind
    points: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Displaced:
    """Another read that an alternative takes elsewhere; ``becomes`` is ``None`` where it would have no place."""

    study_id: int
    was: str | None
    becomes: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Other:
    """The best plan found in which somebody else has the read, or they have it in another session.

    ``difference`` in points against the plan as it is, ``terms`` the same by term; ``anyway`` is what the same repair
    gives with the read left where it is (0 or below). ``level`` is that of the reporter for the study.
    """

    placement: Placement
    level: int
    at_home: bool
    difference: float
    anyway: float
    terms: Mapping[str, float]
    displaced: tuple[Displaced, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Addition:
    """What one reporter would need to do a read that has no place; see ``domain.addition.Addition``."""

    placement: Placement
    until: datetime
    minutes: int
    is_extra_session: bool
    entitled_for: str | None
    level: int | None
    in_scope: bool
    more_reads: int
    released: Release | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Remedied:
    """Additions that together give a read a place, and what that changes: points, below 0."""

    additions: tuple[Addition, ...]
    difference: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadExplained:
    """Why a read is where it is, or has no place, as one plan has it.

    ``cost`` is what the read stands for in the plan's terms, the clinical one in its parts (``breach``, ``late``,
    ``wait``, ``over``). ``others`` are ranked, cheapest first. ``able`` counts whom no rule keeps from it.
    ``not_placed`` says why it has no place, if so. ``left_out`` is the difference if nobody did it.
    """

    placement: Placement | None
    due_at: datetime
    completed_at: datetime
    plan_total: float
    cost: Mapping[str, float]
    able: int
    reasons: tuple[Reason, ...]
    others: tuple[Other, ...]
    refusals: tuple[Refusal, ...]
    not_placed: UnallocatedReason | None
    remedies: tuple[Remedied, ...]
    left_out: float | None
