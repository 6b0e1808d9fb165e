"""Synthetic allocation problems of any size: the same arguments give the same problem, byte for byte."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np

from balancer.domain.errors import InvalidValueError
from balancer.domain.instant import LONDON, require_aware
from balancer.domain.network import Examination
from balancer.domain.problem import AllocationProblem
from balancer.simulate.catalogue import CATALOGUE, example_policy
from balancer.simulate.people import draw_staff
from balancer.simulate.queue import Arrangements, Frame, Setting, draw_frame, draw_studies
from balancer.simulate.rosters import draw_sessions

_LEAST_MINUTES = 0.001
DEFAULT_NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How large and how busy a synthetic problem is.

    ``load`` = expected minutes of all reads at speed 1 / sum of session minutes x productivity; ``published`` the share
    of studies already published to somebody.
    """

    trusts: int
    studies: int
    reporters: int
    days: int = 7
    seed: int = 0
    load: float = 1.0
    published: float = 0.33
    now: datetime = DEFAULT_NOW

    def __post_init__(self) -> None:
        require_aware(self.now, "now")
        for field, least, most in (
            ("trusts", 1, 999),
            ("studies", 0, 9_999_999),
            ("reporters", 1, 100_000),
            ("days", 1, 60),
            ("seed", 0, 2**63 - 1),
        ):
            if not least <= getattr(self, field) <= most:
                raise InvalidValueError(field, f"{getattr(self, field)} is not between {least} and {most}")
        if not 0.01 <= self.load <= 100:
            raise InvalidValueError("load", f"{self.load:g} is not between 0.01 and 100")
        if not 0 <= self.published <= 1:
            raise InvalidValueError("published", f"{self.published:g} is not between 0 and 1")


def generate(shape: Shape, *, on_progress: Callable[[int], None] | None = None) -> AllocationProblem:
    """Return a synthetic week that looks like an imaging network's; ``on_progress`` hears how many studies are drawn.

    If all half-days of all reporters are too short for the studies at the load asked for, every examination's
    expected minutes shrink alike until they are not: the load always holds.
    """
    root = np.random.SeedSequence(shape.seed)
    people_rng, frame_rng, roster_rng, study_rng = (np.random.default_rng(seed) for seed in root.spawn(4))
    policy = example_policy(24.0 * shape.days)
    codes = [priority.code for priority in policy.priorities]
    today = shape.now.astimezone(LONDON).date()
    staff = draw_staff(people_rng, trusts=shape.trusts, reporters=shape.reporters, today=today, days=shape.days)
    frame = draw_frame(frame_rng, staff, policy.priorities, studies=shape.studies, now=shape.now)
    exams = [row.examination for row in CATALOGUE]
    needed = float(np.sum(frame.minutes * frame.reads)) / shape.load
    sessions, capacity = draw_sessions(roster_rng, staff.reporters, now=shape.now, days=shape.days, minutes=needed)
    if capacity < needed - 1.0:
        exams, frame = _shrunk(exams, frame, capacity / needed)
    arrangements = Arrangements(study_rng, staff, sessions, shape.now)
    studies = []
    setting = Setting(exams=exams, codes=codes, now=shape.now, published=shape.published)
    for study in draw_studies(study_rng, frame, arrangements, setting):
        studies.append(study)
        if on_progress is not None and len(studies) % 10_000 == 0:
            on_progress(len(studies))
    return AllocationProblem(
        now=shape.now,
        policy=policy,
        trusts=staff.trusts,
        examinations=tuple(exams),
        reporters=staff.reporters,
        sessions=tuple(sessions),
        studies=tuple(studies),
    )


def _shrunk(exams: list[Examination], frame: Frame, factor: float) -> tuple[list[Examination], Frame]:
    """Return catalogue and queue with all expected minutes multiplied by ``factor``."""
    shrunk = [replace(exam, minutes=_least_minutes(exam.minutes * factor)) for exam in exams]
    return shrunk, replace(frame, minutes=np.maximum(np.round(frame.minutes * factor, 6), _LEAST_MINUTES))


def _least_minutes(minutes: float) -> float:
    return max(float(np.round(minutes, 6)), _LEAST_MINUTES)
