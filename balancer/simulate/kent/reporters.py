"""The sample's sixty reporters: who they are, what they may report, and where.

Names are invented and stand for the mix of people who work in Kent; numbers are of ranges that neither register has
issued (a GMC number that starts 99, an HCPC number that starts RA99).
"""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

import numpy as np

from balancer.domain.reporter import Reporter, SkillLevel

FIRST_GMC = 9_900_001
FIRST_HCPC = 990_001
SPECIALIST, GENERAL, FALLBACK = SkillLevel.SPECIALIST, SkillLevel.GENERAL, SkillLevel.FALLBACK

Scope = tuple[str, str | None]


class Person(NamedTuple):
    """One radiologist: special interests, first the main one; ``also`` are the other trusts, ``@`` their last day."""

    name: str
    interests: str
    also: str
    grade: str = "consultant radiologist"
    modalities: str = ""


class Radiographer(NamedTuple):
    """One reporting radiographer with the written scope as ``reporters.csv`` would state it."""

    name: str
    skills: str
    also: str = ""
    grade: str = "reporting radiographer"


_LOCUM = "locum consultant radiologist"
_PLAIN = "specialty doctor"

RADIOLOGISTS: dict[str, tuple[Person, ...]] = {
    "RVV": (
        Person("Dr Amara Okafor", "neuro head_neck", "RWF RPA"),
        Person("Dr Gareth Pritchard", "neuro", "RPA"),
        Person("Dr Sunita Menon", "neuro msk", "RWF"),
        Person("Dr Helen Castle", "thoracic", "RWF RPA"),
        Person("Dr Tariq Mahmood", "thoracic cardiac", "RWF"),
        Person("Dr Ewa Nowicka", "thoracic oncology", "RWF RPA"),
        Person("Dr James Fairweather", "gastrointestinal", ""),
        Person("Dr Ngozi Eze", "gastrointestinal oncology", "RWF RPA"),
        Person("Dr Stefan Ionescu", "gastrointestinal", "RWF"),
        Person("Dr Priya Raghunathan", "msk", "RWF RPA"),
        Person("Dr Callum Fraser", "msk", "RPA@2026-06-30"),
        Person("Dr Mei-Ling Cheung", "msk", "RWF RPA"),
        Person("Dr Olufemi Adeyemi", "urogynae", "RWF"),
        Person("Dr Claire Hathaway", "urogynae gastrointestinal", ""),
        Person("Dr Nikolaos Petrou", "oncology urogynae", "RWF RPA"),
        Person("Dr Fatima Zahra Bennani", "breast", "RPA"),
        Person("Dr Ruth Ellingworth", "breast", "RWF"),
        Person("Dr Dilan Perera", "vascular", "RWF RPA@2026-03-04"),
        Person("Dr Aoife Brannigan", "paediatric msk", "RWF RPA"),
        Person("Dr Marek Dvorak", "head_neck nuclear", "RWF", _LOCUM),
    ),
    "RWF": (
        Person("Dr Rebecca Lindqvist", "neuro", "RVV RPA"),
        Person("Dr Vikram Chaudhary", "neuro", "RVV RPA"),
        Person("Dr Simone Baptiste", "neuro head_neck", "RVV"),
        Person("Dr Thomas Whitlock", "thoracic", "RVV RPA"),
        Person("Dr Yetunde Balogun", "thoracic", "RVV"),
        Person("Dr Arjun Nair", "gastrointestinal", "RVV RPA"),
        Person("Dr Katharine Moss", "gastrointestinal urogynae", "RVV"),
        Person("Dr Hassan Abdi", "oncology nuclear", "RVV RPA"),
        Person("Dr Laura Benedetti", "oncology nuclear", "RVV RPA"),
        Person("Dr Chidi Nwosu", "oncology gastrointestinal", "RVV@2026-05-31"),
        Person("Dr Emma Rosenthal", "breast", "RVV RPA"),
        Person("Dr Shabnam Karimi", "breast", "RPA RVV@2026-03-03"),
        Person("Dr Joanna Wrzesniewska", "breast oncology", "RVV RPA"),
        Person("Dr Daniel Osei", "msk", "RVV RPA"),
        Person("Dr Anjali Deshpande", "msk", "RVV"),
        Person("Dr Peter Kowalczyk", "urogynae", "RVV RPA"),
        Person("Dr Leila Haddad", "cardiac thoracic", "RVV RPA"),
        Person("Dr Robert Ashdown", "vascular gastrointestinal", ""),
    ),
    "RPA": (
        Person("Dr Folasade Akinola", "gastrointestinal", "RVV"),
        Person("Dr Mohammed Rahman", "gastrointestinal oncology", "RVV RWF"),
        Person("Dr Siobhan Keane", "thoracic cardiac", "RWF"),
        Person("Dr Wei Zhang", "thoracic", "RVV RWF"),
        Person("Dr Harpreet Sandhu", "msk", "RVV"),
        Person("Dr Isabel Marques", "msk paediatric", ""),
        Person("Dr Anthony Blackwood", "urogynae", "RWF", "consultant radiologist", "CT;DX;MR;PX;RF"),
        Person("Dr Zainab Sesay", "oncology breast", "RVV RWF@2026-02-27"),
        Person("Dr Lucy Pemberton", "breast", ""),
        Person("Dr Rajesh Iyer", "head_neck nuclear", "RVV", _LOCUM),
    ),
}

RADIOGRAPHERS: dict[str, tuple[Radiographer, ...]] = {
    "RVV": (
        Radiographer("Michael Stanhope", "msk/DX:3;thoracic/DX:2;gastrointestinal/DX:2", "RWF RPA"),
        Radiographer("Grace Mwangi", "msk/DX:3;thoracic/DX:3", "RPA", "consultant radiographer"),
        Radiographer("Deborah Finch", "msk/DX:3"),
        Radiographer("Oliver Trent", "msk/DX:2;neuro/CT:2"),
        Radiographer("Parveen Akhtar", "breast/MG:3", "RWF", "consultant radiographer"),
    ),
    "RWF": (
        Radiographer("Kwame Boateng", "msk/DX:3;thoracic/DX:2", "RVV RPA"),
        Radiographer("Susan Whitcombe", "msk/DX:3;thoracic/DX:3;gastrointestinal/DX:2", "RVV"),
        Radiographer("Agnieszka Lis", "msk/DX:2;head_neck/DX:2", "RVV RPA@2026-12-31"),
        Radiographer("Teresa Galvao", "breast/MG:3", "RPA RVV"),
    ),
    "RPA": (
        Radiographer("Jonathan Mbeki", "msk/DX:3;thoracic/DX:2", "RVV"),
        Radiographer("Rachel Oduya", "msk/DX:3"),
        Radiographer("Bronwen Hughes", "msk/DX:2;thoracic/DX:2;gastrointestinal/DX:1", "RVV RWF"),
    ),
}

# What a radiologist whose main interest is ... reports besides: everything a generalist does, or less.
_BODY = {
    "thoracic": GENERAL,
    "gastrointestinal": GENERAL,
    "urogynae": GENERAL,
    "oncology": GENERAL,
    "neuro/CT": GENERAL,
    "head_neck": FALLBACK,
    "msk/MR": FALLBACK,
    "msk/CT": FALLBACK,
}
_BESIDES: dict[str, dict[str, SkillLevel]] = {
    "neuro": {"head_neck": GENERAL, "thoracic/CT": FALLBACK, "gastrointestinal/CT": FALLBACK, "msk/MR": FALLBACK},
    "msk": {"neuro": FALLBACK, "neuro/CT": GENERAL, "thoracic/CT": FALLBACK, "gastrointestinal/CT": FALLBACK},
    "breast": {"oncology": FALLBACK, "thoracic/CT": FALLBACK, "neuro/CT": FALLBACK},
    "head_neck": {"neuro": GENERAL, "thoracic/CT": FALLBACK, "gastrointestinal/CT": FALLBACK},
    "paediatric": {"neuro/CT": GENERAL, "gastrointestinal": GENERAL, "urogynae/CT": FALLBACK},
    "cardiac": {"thoracic": GENERAL, "neuro/CT": GENERAL, "vascular": GENERAL, "gastrointestinal/CT": FALLBACK},
    "vascular": {**_BODY, "cardiac": FALLBACK},
    "urogynae": {**_BODY, "paediatric": FALLBACK},
    "thoracic": {**_BODY, "cardiac/CT": FALLBACK, "vascular": FALLBACK},
    "gastrointestinal": {**_BODY, "vascular": FALLBACK},
    "oncology": {**_BODY, "nuclear/NM": FALLBACK},
}
# Every radiologist reports plain films.
_FILMS = ("msk/DX", "thoracic/DX", "gastrointestinal/DX", "head_neck/DX", "head_neck/PX", "paediatric/DX")


def draw_reporters(rng: np.random.Generator) -> tuple[Reporter, ...]:
    """Return the sixty people with a personal speed each; radiographers are a little slower than the catalogue."""
    radiologists = [(home, person) for home, people in RADIOLOGISTS.items() for person in people]
    radiographers = [(home, person) for home, people in RADIOGRAPHERS.items() for person in people]
    consultants = (
        Reporter(
            reporter_id=str(FIRST_GMC + index),
            name=person.name,
            grade=person.grade,
            home_trust=home,
            trusts=_entitled(home, person.also),
            skills=_radiologist_skills(person.interests.split()),
            modalities=frozenset(person.modalities.split(";")) if person.modalities else frozenset(),
            speed=_speed(rng, 1.0),
        )
        for index, (home, person) in enumerate(radiologists)
    )
    return (*consultants, *(_radiographer(rng, index, *entry) for index, entry in enumerate(radiographers)))


def _radiographer(rng: np.random.Generator, index: int, home: str, person: Radiographer) -> Reporter:
    skills = _stated(person.skills)
    return Reporter(
        reporter_id=f"RA{FIRST_HCPC + index}",
        name=person.name,
        grade=person.grade,
        home_trust=home,
        trusts=_entitled(home, person.also),
        skills=skills,
        modalities=frozenset(modality for _, modality in skills if modality),
        speed=_speed(rng, 1.06),
    )


def _speed(rng: np.random.Generator, median: float) -> float:
    return float(np.clip(rng.lognormal(np.log(median), 0.11), 0.75, 1.35).round(2))


def _entitled(home: str, also: str) -> dict[str, date | None]:
    """Return the trusts in which somebody of ``home`` may report, with the last day where one is set."""
    until: dict[str, date | None] = {home: None}
    for entry in also.split():
        trust, at, day = entry.partition("@")
        until[trust] = date.fromisoformat(day) if at else None
    return until


def _radiologist_skills(interests: list[str]) -> dict[Scope, SkillLevel]:
    """Return specialist level in the interests, and what people of the main one report besides."""
    skills: dict[Scope, SkillLevel] = {(interest, None): SPECIALIST for interest in interests}
    for entry, level in _BESIDES[interests[0]].items():
        subspecialty, _, modality = entry.partition("/")
        if (subspecialty, None) not in skills:
            skills[subspecialty, modality or None] = level
    for entry in _FILMS:
        subspecialty, _, modality = entry.partition("/")
        if skills.get((subspecialty, None), 0) < GENERAL:
            skills[subspecialty, modality] = GENERAL
    return skills


def _stated(entries: str) -> dict[Scope, SkillLevel]:
    skills: dict[Scope, SkillLevel] = {}
    for entry in entries.split(";"):
        scope, _, level = entry.partition(":")
        subspecialty, _, modality = scope.partition("/")
        skills[subspecialty, modality or None] = SkillLevel(int(level))
    return skills
