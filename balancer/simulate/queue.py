"""A synthetic queue of unreported studies: who asked for what, how old it is, and what has already been arranged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from balancer.domain.instant import LONDON
from balancer.domain.network import Examination
from balancer.domain.policy import EMERGENCY, PriorityClass
from balancer.domain.reporter import Reporter, Session
from balancer.domain.study import Study
from balancer.simulate.catalogue import CATALOGUE, PAEDIATRIC, SCREENING
from balancer.simulate.people import Staff

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

# Relative weight of each hour of the day (London) at which images are taken.
SCANS_BY_HOUR = np.array([1, 1, 1, 1, 1, 1, 1, 2, 15, 57, 36, 41, 51, 55, 54, 42, 44, 42, 33, 12, 7, 5, 8, 1], float)
# (share among acute examinations, among others) by class; screening is what screening examinations are.
_SHARES = {
    EMERGENCY: (0.09, 0.0),
    "inpatient_urgent": (0.14, 0.02),
    "inpatient": (0.22, 0.07),
    "suspected_cancer": (0.05, 0.2),
    "urgent": (0.15, 0.22),
    "routine": (0.35, 0.49),
}
# Ages are spread evenly up to this multiple of a class's target, so that about a tenth are past due at the start.
_OLDEST = 1.12
_LEAVERS = tuple(f"{8_000_001 + number}" for number in range(40))
_MOST_CLAIMS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """The columns of the queue before anybody is named; each of shape (N,)."""

    trust: Ints
    exam: Ints
    priority: Ints
    child: Flags
    acquired_s: Ints  # seconds before now
    patient: Ints
    reads: Ints  # still to be done
    minutes: NDArray[np.float64]  # expected, a read


def draw_frame(
    rng: np.random.Generator, staff: Staff, priorities: Sequence[PriorityClass], *, studies: int, now: datetime
) -> Frame:
    """Return where, what, how urgent and how old each of ``studies`` studies is."""
    trust = np.sort(rng.choice(len(staff.trusts), studies, p=staff.size))
    frequency = np.array([row.frequency for row in CATALOGUE])
    exam = rng.choice(len(CATALOGUE), studies, p=frequency / frequency.sum())
    priority = _priorities(rng, exam, [p.code for p in priorities])
    plain = np.array([row.examination.modality in {"DX", "CT", "MR"} for row in CATALOGUE])
    breast = np.array([row.examination.subspecialty in {"breast", "cardiac", "oncology"} for row in CATALOGUE])
    asked = np.array([row.examination.reads for row in CATALOGUE])[exam]
    part_done = (asked > 1) & (rng.random(studies) < 0.25)
    usual = np.array([row.examination.minutes for row in CATALOGUE])[exam]
    own = np.round(usual * rng.uniform(0.5, 2.0, studies), 1)
    return Frame(
        trust=trust,
        exam=exam,
        priority=priority,
        child=(rng.random(studies) < 0.04) & plain[exam] & ~breast[exam],
        acquired_s=_ages(rng, priority, priorities, now),
        patient=_patients(rng, trust, staff.network),
        reads=np.where(part_done, 1, asked),
        minutes=np.where(rng.random(studies) < 0.03, own, usual),
    )


def _priorities(rng: np.random.Generator, exam: Ints, codes: list[str]) -> Ints:
    acute = np.array([row.acute for row in CATALOGUE])[exam]
    screening = np.array([row.examination.reads > 1 for row in CATALOGUE])[exam]
    names = list(_SHARES)
    position = np.array([codes.index(name) for name in names])
    drawn = np.empty(len(exam), np.int64)
    for flag, column in ((True, 0), (False, 1)):
        share = np.array([_SHARES[name][column] for name in names])
        rows = np.flatnonzero(acute == flag)
        drawn[rows] = position[rng.choice(len(names), len(rows), p=share / share.sum())]
    drawn[screening] = codes.index(SCREENING)
    return drawn


def _ages(rng: np.random.Generator, priority: Ints, priorities: Sequence[PriorityClass], now: datetime) -> Ints:
    """Return each study's age in whole seconds, older ones moved to an hour of the day at which images are taken."""
    target = np.array([_target_hours(p) for p in priorities])[priority]
    age = rng.random(len(priority)) * _OLDEST * target * 3600.0
    local = now.astimezone(LONDON)
    since_midnight = local.hour * 3600 + local.minute * 60 + local.second
    days = np.floor((age - since_midnight) / 86_400.0) + 1  # 0 = today
    hour = rng.choice(24, len(priority), p=SCANS_BY_HOUR / SCANS_BY_HOUR.sum())
    moved = days * 86_400.0 + since_midnight - hour * 3600.0 - rng.integers(0, 3600, len(priority))
    moved = np.maximum(moved, 3600.0)
    chosen: Ints = np.where(age > 36 * 3600.0, moved, np.maximum(age, 60.0)).astype(np.int64)
    return chosen


def _target_hours(priority: PriorityClass) -> float:
    """Return a class's target in elapsed hours, roughly: a working day is a day and two fifths."""
    if priority.target_working_days is not None:
        return priority.target_working_days * 24.0 * 1.4
    return (priority.target_hours or 0.0) * (1.4 if priority.clock == "working_days" else 1.0)


def _patients(rng: np.random.Generator, trust: Ints, network: Ints) -> Ints:
    """Return each study's patient: one in six has another study, now and then at another trust of the network."""
    patient = np.arange(len(trust))
    again = np.flatnonzero(rng.random(len(trust)) < 0.15)
    for group in (trust, network[trust]):
        # studies are sorted by trust, so a trust's and a network's stand together
        first = np.searchsorted(group, group[again], "left")
        last = np.searchsorted(group, group[again], "right")
        other = first + (rng.random(len(again)) * (last - first)).astype(np.int64)
        chosen = rng.random(len(again)) < (1.0 if group is trust else 0.25)
        patient[again[chosen]] = other[chosen]
    return patient


class Arrangements:
    """Says who could read what, and draws who has been given, has claimed or is kept from each study."""

    def __init__(self, rng: np.random.Generator, staff: Staff, sessions: Sequence[Session], now: datetime) -> None:
        self.rng = rng
        self.codes = [trust.code for trust in staff.trusts]
        rostered = {session.reporter_id for session in sessions}
        self.reporters = [reporter for reporter in staff.reporters if reporter.reporter_id in rostered]
        self.entitled = {code: self._entitled(code, now) for code in self.codes}
        self.known: dict[tuple[str, str, str], list[str]] = {}
        self.claims: dict[str, int] = {}

    def _entitled(self, trust: str, now: datetime) -> list[Reporter]:
        found = []
        for reporter in self.reporters:
            if trust in reporter.trusts:
                until = reporter.entitled_until(trust)
                if until is None or until > now + timedelta(days=1):
                    found.append(reporter)
        return found

    def able(self, trust: str, subspecialty: str, modality: str) -> list[str]:
        """Return the rostered reporters who pass H1, H2 and H3."""
        key = (trust, subspecialty, modality)
        if key not in self.known:
            self.known[key] = [
                reporter.reporter_id
                for reporter in self.entitled[trust]
                if reporter.level(subspecialty, modality)
                and (not reporter.modalities or modality in reporter.modalities)
            ]
        return self.known[key]

    def claim(self, reporter_id: str) -> bool:
        """Tell whether one more read may be open on this person's screen, and count it."""
        held = self.claims.get(reporter_id, 0)
        if held >= _MOST_CLAIMS:
            return False
        self.claims[reporter_id] = held + 1
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What studies are drawn against: the catalogue, the classes' codes, the present, the share published."""

    exams: Sequence[Examination]
    codes: Sequence[str]
    now: datetime
    published: float


def draw_studies(
    rng: np.random.Generator, frame: Frame, arrangements: Arrangements, setting: Setting
) -> Iterator[Study]:
    """Yield the studies of ``frame``; a share of them is published to somebody able to read them."""
    count = len(frame.trust)
    accession = np.arange(count) - np.searchsorted(frame.trust, frame.trust, "left") + 1
    is_published = rng.random(count) < setting.published
    draw = rng.random((count, 6))
    pick = rng.random((count, 3))
    whole_now = setting.now.replace(microsecond=0)
    for i in range(count):
        exam = setting.exams[frame.exam[i]]
        trust = arrangements.codes[frame.trust[i]]
        subspecialty = PAEDIATRIC if frame.child[i] else exam.subspecialty
        able = arrangements.able(trust, subspecialty, exam.modality)
        chance = draw[i]
        reads = int(frame.reads[i])
        people = [able[int(p * len(able))] for p in pick[i]] if able else []
        # whoever did the first of two reads may not do the second
        barred = people[:1] if reads < exam.reads or chance[0] < 0.015 else []
        excluded = frozenset(barred)
        given = tuple(dict.fromkeys(name for name in people[1:] if name not in excluded))[:reads]
        published_to: tuple[str, ...] = ()
        if is_published[i]:
            published_to = given if chance[1] > 0.01 else (_LEAVERS[int(pick[i][0] * len(_LEAVERS))],)
        claimed = chance[2] < 0.012 and published_to and published_to == given and arrangements.claim(published_to[0])
        pinned = not claimed and chance[2] > 0.994 and bool(given)
        acquired_at = whole_now - timedelta(seconds=int(frame.acquired_s[i]))
        yield Study(
            trust=trust,
            accession_number=f"A{accession[i]:07d}",
            patient_id=f"P{frame.patient[i]:07d}" if chance[3] > 0.002 else "",
            exam_code=exam.code,
            priority=setting.codes[frame.priority[i]],
            acquired_at=acquired_at,
            modality=exam.modality,
            subspecialty=subspecialty,
            minutes=float(frame.minutes[i]),
            reads=reads,
            ready_at=whole_now + timedelta(minutes=int(pick[i][2] * 2880))
            if chance[4] < 0.02 and not claimed
            else None,
            due_at=whole_now + timedelta(minutes=int(pick[i][0] * 7200)) if chance[4] > 0.99 else None,
            pinned_to=given[:1] if pinned else (),
            excluded=excluded,
            prior_reporter=_prior(chance[5], people),
            published_to=published_to,
            claimed_by=published_to[:1] if claimed else (),
        )


def _prior(chance: float, people: Sequence[str]) -> str | None:
    """Return who reported the patient's last study, for one study in ten; now and then someone who has left."""
    if chance < 0.01:
        return _LEAVERS[int(chance * 100 * len(_LEAVERS))]
    return people[0] if chance < 0.1 and people else None
