"""The cost terms of section 4, one function a term, each in points and straight from its sentence."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from balancer.domain.plan import Terms
from balancer.domain.policy import PriorityClass
from balancer.domain.reporter import SkillLevel
from balancer.domain.study import Study, StudyKey
from balancer.optimise.referee.case import Case

_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reckoning:
    """Every figure of a plan, reckoned from its rows; points, hours."""

    terms: Terms
    sunk: float
    late: Mapping[str, int]
    longest_wait_hours: Mapping[str, float]


def reckon(case: Case) -> Reckoning:
    """Return every figure of the plan."""
    return Reckoning(
        terms=terms_of(case), sunk=sunk_cost(case), late=late_studies(case), longest_wait_hours=longest_waits(case)
    )


def terms_of(case: Case) -> Terms:
    """Return every term of the plan."""
    return Terms(
        clinical=clinical(case, case.completed_at),
        match=match(case),
        remote=remote(case),
        prior=prior(case),
        churn=churn(case),
        split=split(case),
        load=load(case),
    )


def sunk_cost(case: Case) -> float:
    """Return the total with every C = now and all other terms 0."""
    now = case.problem.now
    return clinical(case, {study.key: now for study in case.problem.studies})


def clinical(case: Case, completed_at: Mapping[StudyKey, datetime]) -> float:
    """Return the sum over studies of w * (breach * [C > due] + late + wait_rate * wait) + ceiling_weight * over."""
    classes = {priority.code: priority for priority in case.problem.policy.priorities}
    return sum(
        _clinical_of(case, study, classes[study.priority], completed_at[study.key]) for study in case.problem.studies
    )


def _clinical_of(case: Case, study: Study, priority: PriorityClass, completed: datetime) -> float:
    weights = case.problem.policy.weights
    due = case.due_at[study.key]
    late = max(0.0, (completed - due) / _HOUR)
    wait = (completed - case.problem.now) / _HOUR
    over = max(0.0, (completed - priority.ceiling_at(study.acquired_at)) / _HOUR)
    breach = priority.breach if completed > due else 0.0
    return priority.weight * (breach + late + weights.wait_rate * wait) + weights.ceiling_weight * over


def match(case: Case) -> float:
    """Return 0, general or fallback per placed read, for the reporter's level 3, 2 or 1."""
    weights = case.problem.policy.weights
    price = {SkillLevel.GENERAL: weights.general, SkillLevel.FALLBACK: weights.fallback}
    levels = (item.reporter.level(item.study.subspecialty, item.study.modality) for item in case.placed)
    return sum(price.get(SkillLevel(level), 0.0) for level in levels if level)


def remote(case: Case) -> float:
    """Return remote per placed read whose reporter's home trust is not the study's trust."""
    away = sum(item.reporter.home_trust != item.study.trust for item in case.placed)
    return case.problem.policy.weights.remote * away


def prior(case: Case) -> float:
    """Return prior per placed read of a study that names a prior reporter, if another one reads it."""
    others = sum(
        item.study.prior_reporter is not None and item.study.prior_reporter != item.reporter.reporter_id
        for item in case.placed
    )
    return case.problem.policy.weights.prior * others


def churn(case: Case) -> float:
    """Return churn x the reporters in ``published_to`` who have none of the study's reads in this plan."""
    moved = sum(
        len(study.publishers.difference(case.readers_of.get(study.key, ())))
        for study in case.problem.studies
        if study.published_to
    )
    return case.problem.policy.weights.churn * moved


def split(case: Case) -> float:
    """Return split x the sum over patients with a placed read of (distinct reporters of those reads - 1).

    An empty ``patient_id`` is a patient of its own.
    """
    readers: dict[object, set[str]] = defaultdict(set)
    for item in case.placed:
        readers[item.study.patient_id or item.study.key].add(item.reporter.reporter_id)
    return case.problem.policy.weights.split * sum(len(names) - 1 for names in readers.values())


def load(case: Case) -> float:
    """Return the sum over reporters of rostered hours x the integral of the marginal price from 0 to u.

    Rostered hours are clock hours of counted reporting sessions; u = the sum of d / rostered (idle time is not load).
    """
    reading_hours: dict[str, float] = defaultdict(float)
    for item in case.placed:
        reading_hours[item.reporter.reporter_id] += item.seconds / 3600.0
    points = 0.0
    for reporter_id, sessions in case.sessions_of.items():
        rostered = sum((session.end - session.start) / _HOUR for session in sessions)
        points += rostered * case.problem.policy.load_points_per_hour(reading_hours[reporter_id] / rostered)
    return points


def late_studies(case: Case) -> dict[str, int]:
    """Return, by class, the number of studies with C > due, unallocated ones included."""
    late = {priority.code: 0 for priority in case.problem.policy.priorities}
    for study in case.problem.studies:
        late[study.priority] += case.completed_at[study.key] > case.due_at[study.key]
    return late


def longest_waits(case: Case) -> dict[str, float]:
    """Return, by class, the longest time from acquisition to completion in hours, to be held against the ceiling.

    From acquisition because the ceiling is ``acquired_at + ceiling_hours``; 0 for a class without studies.
    """
    longest = {priority.code: 0.0 for priority in case.problem.policy.priorities}
    for study in case.problem.studies:
        waited = (case.completed_at[study.key] - study.acquired_at) / _HOUR
        longest[study.priority] = max(longest[study.priority], waited)
    return longest
