"""The ledger between trusts: whose reporters read how much for whom in a week, and how much a trust may take.

A week is Monday to Sunday in London. Minutes are expected minutes at speed 1: what a read costs does not depend on who
reads it. A reporter counts for their home trust, wherever they sit and on whose roster they stand.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cache

from balancer.domain.errors import InvalidValueError
from balancer.domain.instant import LONDON
from balancer.domain.policy import LedgerCap
from balancer.domain.problem import AllocationProblem
from balancer.domain.reporter import Reporter
from balancer.domain.study import Study, StudyKey

# The reason, beside those of ``UnallocatedReason``, of a read without a place that others were not offered.
LEDGER_CAP = "ledger_cap"
# Sums of minutes are not exact in binary: a second more is not beyond a cap.
_SLACK_MINUTES = 1.0 / 60.0


def week_of(instant: datetime) -> date:
    """Return the Monday, in London, of the week an instant lies in."""
    day = instant.astimezone(LONDON).date()
    return day - timedelta(days=day.weekday())


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """What reporters of ``by_trust`` have read of the studies of ``for_trust``, in minutes and reads."""

    by_trust: str
    for_trust: str
    minutes: float
    reads: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerWeek:
    """A week's ledger: one entry a pair of trusts, those of a trust with itself included.

    Raises
    ------
    InvalidValueError
        If the week does not begin on a Monday.
    """

    starts_on: date
    pairs: tuple[Pair, ...]

    def __post_init__(self) -> None:
        if self.starts_on.weekday():
            raise InvalidValueError("starts_on", f"{self.starts_on} is not a Monday")

    def own(self, trust: str) -> float:
        """Return the minutes that a trust's reporters read for their own trust."""
        return sum(pair.minutes for pair in self.pairs if pair.by_trust == pair.for_trust == trust)

    def given(self, trust: str) -> float:
        """Return the minutes that a trust's reporters read for the others."""
        return sum(pair.minutes for pair in self._between() if pair.by_trust == trust)

    def taken(self, trust: str) -> float:
        """Return the minutes that the others' reporters read for a trust."""
        return sum(pair.minutes for pair in self._between() if pair.for_trust == trust)

    def balance(self, trust: str) -> float:
        """Return what a trust gave less what it took; over all trusts these sum to zero."""
        return self.given(trust) - self.taken(trust)

    def _between(self) -> Iterable[Pair]:
        return (pair for pair in self.pairs if pair.by_trust != pair.for_trust)


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What a cap does to a problem: these ``studies`` of ``trust`` are offered to its own reporters only.

    ``taken`` minutes have others read for the trust this week; ``cap`` is the most they may.
    """

    trust: str
    cap: float
    taken: float
    studies: frozenset[StudyKey]

    def __str__(self) -> str:
        return (
            f"{len(self.studies)} studies of {self.trust} are kept for its own reporters: "
            f"others have read {self.taken:g} of at most {self.cap:g} minutes for it this week"
        )


def within_caps(problem: AllocationProblem, taken: Mapping[str, float]) -> tuple[AllocationProblem, tuple[Held, ...]]:
    """Return the problem in which no plan takes a trust beyond its cap, and what that holds back.

    ``taken`` is what others have read for each trust in the week of the problem's instant. What they have open, or
    have been given by a pin, is counted first: it is theirs whatever the cap says. Then emergencies, which a cap never
    holds back. What is left is for the trust's other studies in the order in which they are due: as soon as one does
    not fit, it and all after it are offered to the trust's own reporters only. Every study that is offered to others
    counts as if one of them read it, so a plan may stay below the cap and never exceeds it but by emergencies, claims
    and pins. A study that none of the others could read costs nothing. A cap looks at the present week alone: it opens
    again on Monday.
    """
    held = tuple(_held(problem, cap, taken.get(cap.trust, 0.0)) for cap in problem.policy.ledger)
    keys = frozenset[StudyKey]().union(*(item.studies for item in held))
    if not keys:
        return problem, ()
    others = {item.trust: _others(problem.reporters, item.trust) for item in held}
    ids = {trust: frozenset(person.reporter_id for person in people) for trust, people in others.items()}
    studies = tuple(
        replace(study, excluded=study.excluded | (ids[study.trust] - _named(study))) if study.key in keys else study
        for study in problem.studies
    )
    return replace(problem, studies=studies), tuple(item for item in held if item.studies)


def _held(problem: AllocationProblem, cap: LedgerCap, taken: float) -> Held:
    readers = _Readers(_others(problem.reporters, cap.trust), cap.trust, problem.now)
    studies = [study for study in problem.studies if study.trust == cap.trust and readers.any_for(study)]
    left = cap.minutes - taken - sum(readers.bound_minutes(study) for study in studies)
    emergencies = [study for study in studies if problem.policy.is_emergency(study.priority)]
    left -= sum(_free_minutes(study) for study in emergencies)
    waiting = [study for study in studies if not problem.policy.is_emergency(study.priority) and _free_minutes(study)]
    waiting.sort(key=lambda study: (problem.due_at(study), study.key))
    kept = frozenset(study.key for study in waiting[_how_many_fit(waiting, left) :])
    return Held(trust=cap.trust, cap=cap.minutes, taken=taken, studies=kept)


def _how_many_fit(waiting: Sequence[Study], left: float) -> int:
    for index, study in enumerate(waiting):
        left -= _free_minutes(study)
        if left < -_SLACK_MINUTES:
            return index
    return len(waiting)


class _Readers:
    """The reporters of other trusts, and which studies one of them could read."""

    def __init__(self, people: Sequence[Reporter], trust: str, now: datetime) -> None:
        self._ids = frozenset(person.reporter_id for person in people)
        self._entitled = [person for person in people if _is_entitled(person, trust, now)]
        self._skilled = cache(self._find)

    def any_for(self, study: Study) -> bool:
        """Tell whether one of them has a read of the study, or could be given it."""
        return bool(_named(study) & self._ids or self._skilled(study.subspecialty, study.modality) - study.excluded)

    def bound_minutes(self, study: Study) -> float:
        """Return the minutes of the reads that they have open or are pinned to."""
        return study.minutes * sum(1 for name in _names(study) if name in self._ids)

    def _find(self, subspecialty: str, modality: str) -> frozenset[str]:
        return frozenset(
            person.reporter_id
            for person in self._entitled
            if person.level(subspecialty, modality) and (not person.modalities or modality in person.modalities)
        )


def _others(people: Iterable[Reporter], trust: str) -> list[Reporter]:
    return [person for person in people if person.home_trust != trust]


def _is_entitled(person: Reporter, trust: str, now: datetime) -> bool:
    if trust not in person.trusts:
        return False
    until = person.entitled_until(trust)
    return until is None or until > now


def _names(study: Study) -> list[str | None]:
    """Return who is bound to each read: whoever has it open, else whoever it is pinned to."""
    return [study.claimed(read) or study.pinned(read) for read in range(1, study.reads + 1)]


def _named(study: Study) -> frozenset[str]:
    return frozenset(name for name in _names(study) if name)


def _free_minutes(study: Study) -> float:
    """Return the minutes of the reads that nobody is bound to."""
    return study.minutes * _names(study).count(None)
