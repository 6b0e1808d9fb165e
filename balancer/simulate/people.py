"""Synthetic trusts and reporters: who is employed where, may work where else, and can report what."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from balancer.domain.network import Trust
from balancer.domain.reporter import Reporter, SkillLevel
from balancer.simulate.catalogue import BREAST, CATALOGUE, PAEDIATRIC

# Trusts share reporters within an imaging network of about this many.
_TRUSTS_A_NETWORK = 6
_RADIOGRAPHERS = 0.2
_READERS_A_SCOPE = 3
_NICHE = frozenset({BREAST, "cardiac", "nuclear", PAEDIATRIC})
_NEVER_GENERAL = _NICHE | {"vascular", "head_neck"}
_SPECIALIST, _GENERAL, _FALLBACK = SkillLevel.SPECIALIST, SkillLevel.GENERAL, SkillLevel.FALLBACK

Scope = tuple[str, str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Staff:
    """Trusts, their sizes (shares of the work, shape (T,)), their networks (shape (T,)), and the reporters."""

    trusts: tuple[Trust, ...]
    size: NDArray[np.float64]
    network: NDArray[np.int64]
    reporters: tuple[Reporter, ...]


def draw_staff(rng: np.random.Generator, *, trusts: int, reporters: int, today: date, days: int) -> Staff:
    """Return ``trusts`` trusts of different sizes and ``reporters`` people, every scope covered at every trust."""
    size = rng.lognormal(0.0, 0.45, trusts)
    size /= size.sum()
    networks = max(1, round(trusts / _TRUSTS_A_NETWORK))
    network = np.arange(trusts) * networks // trusts
    codes = [f"T{number:03d}" for number in range(1, trusts + 1)]
    home = rng.choice(trusts, reporters, p=size)
    home[: min(trusts, reporters)] = np.arange(min(trusts, reporters))  # nobody's trust is without anybody
    people = []
    for index in range(reporters):
        radiographer = index >= trusts and rng.random() < _RADIOGRAPHERS
        people.append(
            _Draft(
                index=index,
                home=int(home[index]),
                radiographer=radiographer,
                skills=_radiographer_skills(rng) if radiographer else _radiologist_skills(rng),
                entitled=_entitlements(rng, int(home[index]), network, today, days),
                speed=float(np.clip(rng.lognormal(0.05 if radiographer else 0.0, 0.12), 0.75, 1.4).round(2)),
            )
        )
    _cover(rng, people, network)
    return Staff(
        trusts=tuple(Trust(code=code, name=f"Synthetic trust {code[1:]}") for code in codes),
        size=size,
        network=network,
        reporters=tuple(person.reporter(codes) for person in people),
    )


@dataclass(slots=True, kw_only=True)
class _Draft:
    """A reporter in the making: ``home`` and ``entitled`` by number of trust."""

    index: int
    home: int
    radiographer: bool
    skills: dict[Scope, SkillLevel]
    entitled: dict[int, date | None]
    speed: float

    def level(self, subspecialty: str, modality: str) -> int:
        own = self.skills.get((subspecialty, modality))
        return int(own if own is not None else self.skills.get((subspecialty, None), 0))

    def lasts(self, trust: int) -> bool:
        return self.entitled.get(trust, date.min) is None

    def reporter(self, codes: list[str]) -> Reporter:
        number = f"RA{self.index + 1:06d}" if self.radiographer else f"{9_000_001 + self.index}"
        modalities = {modality for _, modality in self.skills if modality} if self.radiographer else set()
        return Reporter(
            reporter_id=number,
            name=f"Synthetic reporter {self.index + 1}",
            grade="reporting radiographer" if self.radiographer else "consultant radiologist",
            home_trust=codes[self.home],
            trusts={codes[trust]: until for trust, until in sorted(self.entitled.items())},
            skills=self.skills,
            modalities=frozenset(modalities),
            speed=self.speed,
        )


def _specialties() -> tuple[list[str], NDArray[np.float64]]:
    """Return the subspecialties and the share of cross-sectional minutes each asks for."""
    minutes: dict[str, float] = {PAEDIATRIC: 40.0}
    for exam, frequency, _ in CATALOGUE:
        if exam.modality != "DX":
            minutes[exam.subspecialty] = minutes.get(exam.subspecialty, 0.0) + frequency * exam.minutes * exam.reads
    names = sorted(minutes)
    share = np.array([minutes[name] for name in names])
    return names, share / share.sum()


_NAMES, _SHARE = _specialties()


def _radiologist_skills(rng: np.random.Generator) -> dict[Scope, SkillLevel]:
    """Return one to three specialist subspecialties, general reporting in most others, fallback in some."""
    count = int(rng.choice([1, 2, 3], p=[0.35, 0.45, 0.2]))
    skills: dict[Scope, SkillLevel] = {
        (str(name), None): _SPECIALIST for name in rng.choice(_NAMES, count, replace=False, p=_SHARE)
    }
    for name in _NAMES:
        if (name, None) in skills or (name in _NICHE and rng.random() < 0.95):
            continue
        draw = rng.random()
        if draw < (0.15 if name in _NEVER_GENERAL else 0.55):
            skills[name, None] = _GENERAL
        elif draw < 0.8:
            skills[name, None] = _FALLBACK
    # every radiologist reports plain films
    for name in ("thoracic", "msk", "gastrointestinal", "head_neck"):
        if skills.get((name, None), 0) < _GENERAL:
            skills[name, "DX"] = _GENERAL
    return skills


def _radiographer_skills(rng: np.random.Generator) -> dict[Scope, SkillLevel]:
    """Return a narrow written scope: limbs on plain film, often chests, some CT heads, some mammograms."""
    if rng.random() < 0.12:
        return {(BREAST, "MG"): _SPECIALIST}
    skills: dict[Scope, SkillLevel] = {("msk", "DX"): _SPECIALIST}
    if rng.random() < 0.6:
        skills["thoracic", "DX"] = _SPECIALIST if rng.random() < 0.4 else _GENERAL
    if rng.random() < 0.4:
        skills["gastrointestinal", "DX"] = _GENERAL
    if rng.random() < 0.3:
        skills["head_neck", "DX"] = _GENERAL
    if rng.random() < 0.15:
        skills["neuro", "CT"] = _GENERAL
    return skills


def _entitlements(
    rng: np.random.Generator, home: int, network: NDArray[np.int64], today: date, days: int
) -> dict[int, date | None]:
    """Return the home trust and some others of its network; a few of those expire around the horizon."""
    entitled: dict[int, date | None] = {home: None}
    for other in np.flatnonzero(network == network[home]):
        if other != home and rng.random() < 0.5:
            expires = rng.random() < 0.08
            entitled[int(other)] = today + timedelta(days=int(rng.integers(-1, days + 30))) if expires else None
    return entitled


def _cover(rng: np.random.Generator, people: list[_Draft], network: NDArray[np.int64]) -> None:
    """Ensure that every trust has, if there are so many people, three with lasting entitlement for every scope."""
    scopes = sorted({(exam.subspecialty, exam.modality) for exam, _, _ in CATALOGUE} | {(PAEDIATRIC, "DX")})
    radiologists = [person for person in people if not person.radiographer]
    for trust in range(len(network)):
        near = [person for person in radiologists if network[person.home] == network[trust]] or radiologists
        lasting = [person for person in people if person.lasts(trust)]
        for subspecialty, modality in scopes:
            able = sum(person.level(subspecialty, modality) > 0 for person in lasting)
            while able < min(_READERS_A_SCOPE, len(near)):
                missing = [p for p in near if not (p.lasts(trust) and p.level(subspecialty, modality))]
                # rather someone who can already do it, or already may
                half = [p for p in missing if p.lasts(trust) or p.level(subspecialty, modality)] or missing
                chosen = half[int(rng.integers(len(half)))]
                if not chosen.lasts(trust):
                    chosen.entitled[trust] = None
                    lasting.append(chosen)
                if not chosen.level(subspecialty, modality):
                    chosen.skills[subspecialty, None] = _GENERAL
                able += 1
