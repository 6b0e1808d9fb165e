"""The truth about the sample's queue: every unreported study before a trust's system writes it down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

import numpy as np

from balancer.domain.instant import LONDON
from balancer.domain.reporter import Reporter
from balancer.simulate.kent import places
from balancer.simulate.kent.ages import Ages
from balancer.simulate.kent.catalogue import ENTRIES, PHOTOGRAPHS, ULTRASOUND, Entry
from balancer.simulate.kent.patients import Patient, Register

T = TypeVar("T")

_ONE_READ_DONE = 0.35
_REPEAT_PATIENTS = 0.17
_FROM_ELSEWHERE = 0.3
_UNTRACED = 0.015
_IMAGES_LATE = 0.015
_PRIOR = 0.12
_GONE = 0.1
ULTRASOUND_RULE, PHOTOGRAPHY_RULE = "ultrasound reported at the scan", "medical photography"
# People who have left: named as prior reporters, and nobody knows them any more.
LEAVERS = tuple(str(9_800_001 + number) for number in range(12))


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One unreported study as it truly is; ``first_reader`` has already done one of two reads.

    ``nhs_number`` is empty if the patient was never traced; instants are aware, in UTC, whole minutes.
    """

    trust: str
    accession_number: str
    entry: Entry
    nhs_number: str
    local_patient_id: str
    site: str
    setting: str
    priority: str
    acquired_at: datetime
    ready_at: datetime | None = None
    first_reader: str | None = None
    prior_reporter: str | None = None

    @property
    def excluded_by(self) -> str:
        """The rule by which nobody has to report this; empty for what is to be reported."""
        return {"US": ULTRASOUND_RULE, "XC": PHOTOGRAPHY_RULE}.get(self.entry.examination.modality, "")

    @property
    def reads(self) -> int:
        """Reads still to be done."""
        return self.entry.examination.reads - (self.first_reader is not None)


def draw_orders(rng: np.random.Generator, reporters: Sequence[Reporter], as_of: datetime) -> tuple[Order, ...]:
    """Return the queue seen at ``as_of``, by trust and accession number, which rises with the time of imaging."""
    register = Register(rng)
    imaging = _Imaging(rng, reporters, as_of)
    orders: list[Order] = []
    for trust, count in places.STUDIES.items():
        drawn_here = [imaging.draw(trust, imaging.exams[trust]) for _ in range(count)]
        drawn_here += [imaging.draw(trust, _evenly(ULTRASOUND)) for _ in range(places.ULTRASOUND[trust])]
        drawn_here += [imaging.draw(trust, _evenly(PHOTOGRAPHS)) for _ in range(places.PHOTOGRAPHS[trust])]
        drawn_here.sort(key=lambda drawn: drawn.acquired_at)
        for drawn, number in zip(drawn_here, _accession_numbers(rng, trust, len(drawn_here)), strict=True):
            patient = _patient(rng, register, trust)
            orders.append(
                Order(
                    trust=trust,
                    accession_number=number,
                    entry=drawn.entry,
                    nhs_number=patient.nhs_number,
                    local_patient_id=register.local_number(patient, trust),
                    site=drawn.site,
                    setting=drawn.setting,
                    priority=drawn.priority,
                    acquired_at=drawn.acquired_at,
                    ready_at=imaging.ready_at(drawn),
                    first_reader=imaging.first_reader(drawn),
                    prior_reporter=imaging.prior_reporter(drawn),
                )
            )
    return tuple(orders)


def _evenly(entries: Sequence[Entry]) -> dict[Entry, float]:
    return dict.fromkeys(entries, 1.0)


def _accession_numbers(rng: np.random.Generator, trust: str, count: int) -> list[str]:
    """Return rising numbers; East Kent and Medway count in the same range, so about half of Medway's collide."""
    if trust == "RWF":
        return [f"MTW26-{number:06d}" for number in 200_000 + np.cumsum(rng.integers(1, 40, count))]
    return [str(number) for number in 26_100_000 + np.cumsum(rng.integers(1, 4 if trust == "RVV" else 8, count))]


def _patient(rng: np.random.Generator, register: Register, trust: str) -> Patient:
    """Return a new patient, or one in six who already has a study in the queue, now and then of another trust."""
    known = None
    if rng.random() < _REPEAT_PATIENTS:
        known = register.again(trust, elsewhere=bool(rng.random() < _FROM_ELSEWHERE))
    return known or register.new(traced=bool(rng.random() >= _UNTRACED))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Drawn:
    trust: str
    entry: Entry
    site: str
    setting: str
    priority: str
    acquired_at: datetime


class _Imaging:
    """Draws what was imaged, where, for whom, how urgently and when, and who has looked at it before."""

    def __init__(self, rng: np.random.Generator, reporters: Sequence[Reporter], as_of: datetime) -> None:
        self._rng = rng
        self._reporters = reporters
        self._as_of = as_of
        self._ages = Ages(rng, as_of.astimezone(LONDON))
        self._sites = {
            trust: {site: site.share for site in places.SITES if site.trust == trust} for trust in places.STUDIES
        }
        self.exams = {
            trust: {
                entry: entry.frequency * places.EMPHASIS[trust].get(entry.examination.code, 1.0) for entry in ENTRIES
            }
            for trust in places.STUDIES
        }

    def draw(self, trust: str, exams: Mapping[Entry, float]) -> _Drawn:
        """Return one study of ``trust``, of one of ``exams`` with their relative frequencies."""
        entry = self._pick(exams)
        if entry.examination.reads > 1:
            site, setting, priority = self._main_site(trust), places.SCREENING, "screening"
        else:
            offering = {site: share for site, share in self._sites[trust].items() if site.offers(entry.examination)}
            place = self._pick(offering)
            setting = self._pick(places.settings_of(place, entry))
            film = setting == places.EMERGENCY and entry.examination.modality in places.FILMS
            priority = self._pick(places.CLASSES["A&E film" if film else setting])
            site = place.name
        acquired_at = self._as_of - self._ages.draw(trust, priority)
        return _Drawn(trust=trust, entry=entry, site=site, setting=setting, priority=priority, acquired_at=acquired_at)

    def ready_at(self, drawn: _Drawn) -> datetime | None:
        """Return when the images will all be there, for the few studies of which some are still under way."""
        if drawn.setting not in {places.CDC, places.OUTPATIENT} or self._rng.random() >= _IMAGES_LATE:
            return None
        return self._as_of + timedelta(minutes=30 * int(self._rng.integers(3, 50)))

    def first_reader(self, drawn: _Drawn) -> str | None:
        """Return who has already done one of two reads, for about a third of those that need two."""
        if drawn.entry.examination.reads == 1 or self._rng.random() >= _ONE_READ_DONE:
            return None
        readers = [person for person in self._able(drawn) if person.level("breast", "MG") > 1]
        return readers[int(self._rng.integers(len(readers)))].reporter_id

    def prior_reporter(self, drawn: _Drawn) -> str | None:
        """Return who reported the patient's last such study, for one in eight; now and then somebody who has left."""
        able = self._able(drawn)
        if not able or self._rng.random() >= _PRIOR:
            return None
        if self._rng.random() < _GONE:
            return LEAVERS[int(self._rng.integers(len(LEAVERS)))]
        return able[int(self._rng.integers(len(able)))].reporter_id

    def _able(self, drawn: _Drawn) -> list[Reporter]:
        exam = drawn.entry.examination
        return [
            person
            for person in self._reporters
            if drawn.trust in person.trusts
            and person.level(exam.subspecialty, exam.modality)
            and (not person.modalities or exam.modality in person.modalities)
        ]

    def _main_site(self, trust: str) -> str:
        return max(self._sites[trust], key=lambda site: site.share).name

    def _pick(self, shares: Mapping[T, float]) -> T:
        options, weights = list(shares), np.array(list(shares.values()))
        return options[int(self._rng.choice(len(options), p=weights / weights.sum()))]
