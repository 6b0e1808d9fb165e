"""Where the sample's imaging happens: trusts, hospitals, who sends patients there and how urgently.

Shares are assumptions; the trusts' order of size follows their published or assumed yearly volumes (domain notes, A5).
"""

from __future__ import annotations

from typing import NamedTuple

from balancer.domain.network import Examination, Trust
from balancer.simulate.kent.catalogue import Entry

TRUSTS = (
    Trust(code="RVV", name="East Kent Hospitals University NHS Foundation Trust"),
    Trust(code="RWF", name="Maidstone and Tunbridge Wells NHS Trust"),
    Trust(code="RPA", name="Medway NHS Foundation Trust"),
)

# Unreported studies in the queue; East Kent's is long for its size.
STUDIES = {"RVV": 2840, "RWF": 1720, "RPA": 1380}

# Besides, what the systems list although nobody has to report it: ultrasound, reported at the scan, and photographs.
ULTRASOUND = {"RVV": 46, "RWF": 28, "RPA": 19}
PHOTOGRAPHS = {"RVV": 12, "RWF": 7, "RPA": 6}

INPATIENT, EMERGENCY, OUTPATIENT, GP, CDC = "inpatient", "A&E", "outpatient", "GP direct access", "CDC"
SCREENING = "breast screening"
FILMS = frozenset({"DX", "PX"})


class Site(NamedTuple):
    """One hospital or community diagnostic centre; ``acute`` ones have beds and an emergency department."""

    trust: str
    name: str
    share: float
    acute: bool

    @property
    def diagnostic_centre(self) -> bool:
        """Whether this is a community diagnostic centre."""
        return "Diagnostic Centre" in self.name

    def offers(self, exam: Examination) -> bool:
        """Tell whether ``exam`` is done here: small places have no gamma camera and image no hearts and no children."""
        if self.acute:
            return True
        return exam.modality in {"DX", "PX", "CT", "MR"} and exam.subspecialty not in {
            "cardiac",
            "vascular",
            "paediatric",
        }


SITES = (
    Site("RVV", "William Harvey Hospital", 0.37, True),
    Site("RVV", "Queen Elizabeth The Queen Mother Hospital", 0.31, True),
    Site("RVV", "Kent and Canterbury Hospital", 0.20, False),
    Site("RVV", "Buckland Hospital", 0.08, False),
    Site("RVV", "Royal Victoria Hospital", 0.04, False),
    Site("RWF", "Maidstone Hospital", 0.47, True),
    Site("RWF", "Tunbridge Wells Hospital", 0.40, True),
    Site("RWF", "Maidstone Community Diagnostic Centre", 0.13, False),
    Site("RPA", "Medway Maritime Hospital", 0.76, True),
    Site("RPA", "Rochester Community Diagnostic Centre", 0.15, False),
    Site("RPA", "Sheppey Community Diagnostic Centre", 0.09, False),
)


def settings_of(site: Site, entry: Entry) -> dict[str, float]:
    """Return the shares of patient settings at ``site`` for one examination."""
    film = entry.examination.modality in FILMS
    gp = 0.37 if film else 0.12
    if site.diagnostic_centre:
        return {CDC: 1.0}
    if entry.examination.modality in {"MG", "PT"}:
        return {OUTPATIENT: 1.0}
    if not site.acute:
        return {INPATIENT: 0.08, OUTPATIENT: 0.55, GP: gp}
    if entry.acute:
        return {EMERGENCY: 0.22, INPATIENT: 0.19, OUTPATIENT: 0.30, GP: gp * 0.8}
    return {EMERGENCY: 0.01, INPATIENT: 0.10, OUTPATIENT: 0.72, GP: gp * 0.6}


# Class of urgency by patient setting: a diagnostic centre sends no emergencies, general practice no inpatients. A film
# of the emergency department is wanted within a working day, a scan within hours.
CLASSES: dict[str, dict[str, float]] = {
    "A&E film": {"emergency": 0.04, "inpatient": 0.96},
    EMERGENCY: {"emergency": 0.42, "inpatient_urgent": 0.40, "inpatient": 0.18},
    INPATIENT: {"inpatient_urgent": 0.22, "inpatient": 0.78},
    OUTPATIENT: {"suspected_cancer": 0.20, "urgent": 0.24, "routine": 0.56},
    GP: {"suspected_cancer": 0.13, "urgent": 0.27, "routine": 0.60},
    CDC: {"suspected_cancer": 0.17, "urgent": 0.18, "routine": 0.65},
}

# Where one trust's work differs from another's. PET at Maidstone serves all of Kent; the rest is invented, so that no
# two trusts are short of the same thing: at Medway it is breast and neuroradiology.
EMPHASIS: dict[str, dict[str, float]] = {
    "RVV": {"ZPFDG": 0.0, "ZGSCRE": 0.8, "XCHES": 1.15},
    "RWF": {"ZPFDG": 3.2, "ZCTAP": 1.35, "ZMPROS": 1.2, "ZGSCRE": 0.7},
    "RPA": {"ZPFDG": 0.0, "ZGSCRE": 1.8, "ZGSYMP": 1.6, "ZMHEAR": 0.0, "CACRY": 0.5, "MSKUH": 1.3, "ZMSPIN": 1.5},
}
