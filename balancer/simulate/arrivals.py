"""Weeks in which studies keep coming: a synthetic network, its rosters, a queue to begin with, and all that arrives.

Arrivals are Poisson, hour of the week by hour of the week. What a study is, when it arrives and how long each of its
reads really takes is drawn once from the seed, so that whoever shares out the work meets the same studies: common
random numbers, which make a difference between two methods a difference of method.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from balancer.domain.errors import InvalidValueError
from balancer.domain.instant import LONDON
from balancer.domain.network import Examination, Trust
from balancer.domain.policy import Policy
from balancer.domain.reporter import Reporter, Session
from balancer.domain.study import Study, StudyKey
from balancer.simulate.catalogue import CATALOGUE, example_policy
from balancer.simulate.people import draw_staff
from balancer.simulate.queue import SCANS_BY_HOUR, Arrangements, Frame, Setting, draw_frame, draw_studies
from balancer.simulate.rosters import draw_sessions

HOUR = timedelta(hours=1)
_WEEK_DAYS = 7
_SATURDAY = 5
_AT_WEEKENDS = 0.4  # scans at a weekend, of those on a weekday
_SPREAD = 0.3  # of the logarithm of actual over expected reading time
_LEAST_HELD = 0.98  # of the minutes asked for that rosters must hold
_MONDAY = datetime(2026, 3, 2, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """How long, how large and how busy the simulated time is.

    ``studies`` arrive a week on average; ``load`` = their expected minutes / the week's session minutes x productivity;
    ``backlog`` is the queue at the start, in weeks of arrivals; ``horizon_days`` is how far ahead plans look.
    """

    trusts: int
    studies: int
    reporters: int
    days: int = 14
    horizon_days: int = 7
    load: float = 1.3
    backlog: float = 0.5
    seed: int = 0
    start: datetime = _MONDAY

    def __post_init__(self) -> None:
        for field, least, most in (
            ("trusts", 1, 999),
            ("studies", 1, 9_999_999),
            ("reporters", 1, 100_000),
            ("days", 1, 60),
            ("horizon_days", 1, 60),
            ("load", 0.01, 100),
            ("backlog", 0, 52),
        ):
            if not least <= getattr(self, field) <= most:
                raise InvalidValueError(field, f"{getattr(self, field)} is not between {least} and {most}")

    @property
    def end(self) -> datetime:
        """The instant at which the simulation ends."""
        return self.start + timedelta(days=self.days)


@dataclass(frozen=True, slots=True, kw_only=True)
class Weeks:
    """Everything that happens whoever shares out the work.

    ``studies`` are sorted by ``acquired_at``; ``pace`` has, for each, actual over expected reading time of its first,
    second, ... read that is done; ``sessions`` go on beyond the end as far as plans look ahead.
    """

    stretch: Stretch
    policy: Policy
    trusts: tuple[Trust, ...]
    examinations: tuple[Examination, ...]
    reporters: tuple[Reporter, ...]
    sessions: tuple[Session, ...]
    studies: tuple[Study, ...]
    pace: dict[StudyKey, tuple[float, ...]]


def draw_weeks(stretch: Stretch) -> Weeks:
    """Return the weeks; the same stretch gives the same weeks.

    Raises
    ------
    InvalidValueError
        If the reporters' half-days are too few for the load asked for.
    """
    streams = (np.random.default_rng(seed) for seed in np.random.SeedSequence(stretch.seed).spawn(6))
    people_rng, arrival_rng, frame_rng, roster_rng, study_rng, pace_rng = streams
    days = stretch.days + stretch.horizon_days
    policy = example_policy(24.0 * stretch.horizon_days)
    today = stretch.start.astimezone(LONDON).date()
    staff = draw_staff(people_rng, trusts=stretch.trusts, reporters=stretch.reporters, today=today, days=days)
    waiting = round(stretch.backlog * stretch.studies)
    arrives = _arrival_seconds(arrival_rng, stretch)
    count = waiting + len(arrives)
    frame = draw_frame(frame_rng, staff, policy.priorities, studies=count, now=stretch.start)
    # which of them arrive later is drawn, for the frame is sorted by trust
    later = np.sort(arrival_rng.permutation(count)[waiting:])
    age = frame.acquired_s.copy()
    age[later] = -arrival_rng.permutation(arrives)
    a_week = float(np.mean(frame.minutes * frame.reads)) * stretch.studies / stretch.load
    needed = a_week * days / _WEEK_DAYS
    sessions, found = draw_sessions(roster_rng, staff.reporters, now=stretch.start, days=days, minutes=needed)
    if found < _LEAST_HELD * needed:
        raise InvalidValueError("reporters", f"their half-days hold {found / needed:.0%} of the minutes asked for")
    arrangements = Arrangements(study_rng, staff, sessions, stretch.start)
    drawn_studies = _studies(study_rng, replace(frame, acquired_s=age), arrangements, policy, stretch.start)
    studies = sorted(drawn_studies, key=lambda study: (study.acquired_at, study.key))
    drawn = pace_rng.lognormal(-(_SPREAD**2) / 2, _SPREAD, (count, int(frame.reads.max())))
    return Weeks(
        stretch=stretch,
        policy=policy,
        trusts=staff.trusts,
        examinations=tuple(row.examination for row in CATALOGUE),
        reporters=staff.reporters,
        sessions=tuple(sessions),
        studies=tuple(studies),
        pace={study.key: tuple(map(float, row)) for study, row in zip(studies, drawn, strict=True)},
    )


def _arrival_seconds(rng: np.random.Generator, stretch: Stretch) -> NDArray[np.int64]:
    """Return when studies arrive, in seconds after the start: a Poisson number in each hour, evenly within it."""
    hours = [stretch.start + number * HOUR for number in range(24 * stretch.days)]
    share = np.array([_busyness(hour) for hour in hours])
    a_week = sum(_busyness(stretch.start + number * HOUR) for number in range(24 * _WEEK_DAYS))
    counts = rng.poisson(stretch.studies * share / a_week)
    within = rng.integers(0, 3600, int(counts.sum()))
    seconds: NDArray[np.int64] = np.repeat(np.arange(len(hours)) * 3600, counts) + within
    return seconds


def _busyness(hour: datetime) -> float:
    local = hour.astimezone(LONDON)
    return float(SCANS_BY_HOUR[local.hour]) * (_AT_WEEKENDS if local.weekday() >= _SATURDAY else 1.0)


def _studies(
    rng: np.random.Generator, frame: Frame, arrangements: Arrangements, policy: Policy, start: datetime
) -> Iterator[Study]:
    """Yield the studies; nothing is published yet. What is said of now in the queue is said of arrival in the rest.

    Nothing is pinned: in life somebody takes off a pin to a person who is not there, here it would wait for ever.
    """
    exams = [row.examination for row in CATALOGUE]
    setting = Setting(exams=exams, codes=[p.code for p in policy.priorities], now=start, published=0.0)
    for study in draw_studies(rng, frame, arrangements, setting):
        shift = max(timedelta(0), study.acquired_at - start)
        yield replace(
            study,
            ready_at=study.ready_at + shift if study.ready_at else None,
            due_at=study.due_at + shift if study.due_at else None,
            pinned_to=(),
        )
