"""The examinations of the Kent sample: how long each takes and where that figure comes from, and its other names.

A code is NICIP only where code and name have been seen together in a published source (domain notes, B1); every other
code is invented and starts with Z. Expected minutes follow the starting table of the domain notes, B4.
"""

from __future__ import annotations

from typing import NamedTuple

from balancer.domain.network import Examination
from balancer.simulate.catalogue import CATALOGUE

NICIP = frozenset(
    {
        "XCHES",
        "XABDO",
        "XKNEL",
        "XKNER",
        "XARML",
        "XARMR",
        "UABDO",
        "CSKUH",
        "MSKUH",
        "CACDB",
        "CACRY",
        "MAULR",
    }
)

_ASSUMED = "assumption: replace by the network's own median reporting time"
_CNS = "measured: 7.0 min, mean of CT reports of the central nervous system (PubMed 27397691; 42 382 CT reports)"
_THORAX = "measured: 14.2 min, mean of CT reports of the thorax, rounded (PubMed 27397691; 42 382 CT reports)"
_ABDOMEN = "measured: 17.1 min, mean of CT reports of the abdomen, rounded (PubMed 27397691; 42 382 CT reports)"
_TRUNK = "derived: (14.2 + 17.1) min x 0.77, several regions read together cost less than each alone"
_FILM = "derived: 0.17 to 0.22 work RVU x 9.5 min"
_JOINT = "derived: 1.35 work RVU x 8.2 min"
_MRI_HEAD = "derived: 1.48 work RVU x 8.2 min"
_PELVIS = "derived: 2.20 work RVU x 9 min"


class Entry(NamedTuple):
    """One examination of the sample; ``frequency`` is relative, ``acute`` says whether emergencies ask for it."""

    examination: Examination
    frequency: float
    acute: bool
    basis: str
    aliases: tuple[str, ...]

    @property
    def nicip(self) -> bool:
        """Whether the code is a verified NICIP code rather than an invented one."""
        return self.examination.code in NICIP


_GENERAL = {row.examination.code: row for row in CATALOGUE}


def _same(code: str, minutes: float, frequency: float, basis: str, *aliases: str) -> Entry:
    """Return an examination of the general synthetic catalogue with the sample's own figures."""
    known = _GENERAL[code]
    exam = known.examination
    examination = Examination(
        code=exam.code,
        name=exam.name,
        modality=exam.modality,
        body_region=exam.body_region,
        subspecialty=exam.subspecialty,
        minutes=minutes,
        reads=exam.reads,
    )
    return Entry(examination, frequency, known.acute, basis, aliases)


def _more(code: str, about: str, minutes: float, frequency: float, basis: str, *aliases: str) -> Entry:
    """Return one that only the sample has; ``about`` is name | modality | region | subspecialty, ``!`` if acute."""
    name, modality, region, subspecialty = (part.strip() for part in about.rstrip("!").split("|"))
    examination = Examination(
        code=code, name=name, modality=modality, body_region=region, subspecialty=subspecialty, minutes=minutes
    )
    return Entry(examination, frequency, about.endswith("!"), basis, aliases)


ENTRIES: tuple[Entry, ...] = (
    _same("XCHES", 2, 202, _FILM, "CXR", "Chest X-ray"),
    _same("XABDO", 2, 32, _FILM, "AXR", "Abdominal X-ray"),
    _same("XKNEL", 2, 32, _FILM, "Knee Lt X-ray"),
    _same("XKNER", 2, 35, _FILM, "Knee Rt X-ray"),
    _more("XARML", "XR arm Lt | DX | arm | msk!", 2, 9, _FILM),
    _more("XARMR", "XR arm Rt | DX | arm | msk!", 2, 9, _FILM),
    _same("ZXPELV", 2, 35, _FILM, "Pelvis X-ray"),
    _same("ZXSHOU", 2, 35, _FILM, "Shoulder X-ray"),
    _same("ZXANKL", 2, 32, _FILM, "Ankle X-ray"),
    _same("ZXFOOT", 2, 32, _FILM, "Foot X-ray"),
    _same("ZXHIP", 2, 30, _FILM, "Hip X-ray"),
    _same("ZXHAND", 2, 27, _FILM, "Hand X-ray"),
    _more("ZXWRIL", "XR Wrist Lt | DX | wrist | msk!", 2, 14, _FILM),
    _more("ZXWRIR", "XR Wrist Rt | DX | wrist | msk!", 2, 14, _FILM),
    _more("ZXELBO", "XR Elbow | DX | elbow | msk!", 2, 14, _FILM),
    _more("ZXFEMU", "XR Femur | DX | thigh | msk!", 2, 11, _FILM),
    _more("ZXTIBF", "XR Tibia and fibula | DX | leg | msk!", 2, 11, _FILM, "XR Tib and fib"),
    _more("ZXSCAP", "XR Scaphoid | DX | wrist | msk!", 2, 7, _FILM),
    _more("ZXFING", "XR Fingers | DX | hand | msk!", 2, 11, _FILM),
    _same("ZXLSPI", 2, 24, _FILM, "XR L spine"),
    _same("ZXCSPI", 2, 16, _FILM, "XR C spine"),
    _more("ZXTSPI", "XR Thoracic spine | DX | spine | msk", 2, 9, _FILM, "XR T spine"),
    _same("ZXFACE", 2, 9, _FILM),
    _more("ZXMAND", "XR Mandible | DX | jaw | head_neck!", 2, 4, _FILM),
    _more("ZPOPG", "Dental panoramic radiograph | PX | jaw | head_neck", 2, 8, _ASSUMED, "OPG"),
    _same("ZXSKEL", 8, 7, _ASSUMED, "Myeloma survey"),
    _more("ZXSSPA", "XR Child skeletal survey | DX | whole body | paediatric", 12, 2, _ASSUMED),
    _same("CSKUH", 7, 62, _CNS, "CT Brain", "Head CT"),
    _more("CACDB", "CT angio aortic arch and carotid both | CT | neck | neuro!", 14, 8, _ASSUMED, "CTA carotids"),
    _same("ZCHDNA", 14, 8, _ASSUMED, "CTA head and neck"),
    _same("ZCCSPI", 9, 12, _ASSUMED, "CT C spine"),
    _more("ZCTEMP", "CT Temporal bones | CT | ear | head_neck", 9, 4, _ASSUMED, "CT Petrous bones"),
    _same("ZCTAP", 24, 40, _TRUNK, "CT TAP", "CT CAP"),
    _same("ZCABPE", 17, 36, _ABDOMEN, "CT AP", "CT Abdo pelvis"),
    _same("ZCCOLO", 20, 9, _ASSUMED, "CT Virtual colonoscopy"),
    _more("ZCPANC", "CT Pancreas | CT | abdomen | gastrointestinal", 17, 4, _ABDOMEN),
    _more("ZCADRE", "CT Adrenals | CT | abdomen | urogynae", 9, 3, _ASSUMED),
    _same("ZCPULM", 14, 20, _THORAX, "CTPA"),
    _same("ZCHRCT", 14, 12, _THORAX, "HRCT"),
    _same("ZCCHES", 14, 16, _THORAX, "CT Thorax"),
    _same("ZCUROG", 20, 10, _ASSUMED, "CT IVU"),
    _same("ZCKUB", 9, 12, _ASSUMED, "CT KUB"),
    _same("ZCAORT", 18, 6, _ASSUMED, "CTA aorta"),
    _same("ZCLEGA", 20, 5, _ASSUMED, "CTA legs"),
    _same("CACRY", 22, 9, _ASSUMED, "CTCA"),
    _same("ZCNECK", 14, 6, _ASSUMED),
    _same("ZCSINU", 8, 6, _ASSUMED),
    _same("ZCJOIN", 9, 7, _ASSUMED),
    _same("MSKUH", 12, 34, _MRI_HEAD, "MRI Brain", "Head MRI"),
    _more("ZMHEPA", "MRI Head of a child | MR | head | paediatric", 14, 3, _ASSUMED),
    _same("ZMIAMS", 16, 7, _ASSUMED, "MRI IAM", "IAMs"),
    _same("ZMPITU", 16, 4, _ASSUMED),
    _same("ZMLSPI", 12, 30, _ASSUMED, "MRI L spine"),
    _same("ZMCSPI", 12, 10, _ASSUMED, "MRI C spine"),
    _same("ZMSPIN", 22, 4, _ASSUMED),
    _same("ZMKNEE", 11, 24, _JOINT),
    _same("ZMSHOU", 11, 10, _JOINT),
    _same("ZMHIP", 11, 7, _JOINT),
    _more("ZMANKL", "MRI Ankle | MR | ankle | msk", 11, 6, _JOINT),
    _more("ZMSIJO", "MRI Sacroiliac joints | MR | pelvis | msk", 11, 5, _JOINT, "MRI SIJ"),
    _same("ZMPROS", 20, 13, _PELVIS, "MP prostate MRI"),
    _same("ZMGYNA", 20, 7, _PELVIS),
    _same("ZMRECT", 20, 5, _PELVIS),
    _same("ZMLIVE", 20, 6, _PELVIS),
    _more("ZMSBOW", "MRI Small bowel | MR | abdomen | gastrointestinal", 20, 4, _PELVIS, "MR enterography"),
    _same("ZMMRCP", 12, 10, _ASSUMED, "MR cholangiogram"),
    _more("MAULR", "MRA Upper limb Rt | MR | arm | vascular", 20, 2, _ASSUMED),
    _same("ZMHEAR", 35, 3, _ASSUMED, "Cardiac MRI", "CMR"),
    _same("ZMNECK", 16, 4, _ASSUMED),
    _same("ZMBREA", 25, 4, _ASSUMED),
    _same("ZGSCRE", 1.5, 52, _ASSUMED, "Breast screening"),
    _same("ZGSYMP", 5, 12, _ASSUMED, "Symptomatic breast"),
    _same("ZNBONE", 8, 9, _ASSUMED, "Bone scan"),
    _same("ZNRENO", 8, 4, _ASSUMED, "MAG3"),
    _more("ZNVQ", "NM Lung ventilation and perfusion | NM | chest | nuclear!", 8, 3, _ASSUMED, "VQ scan"),
    _same("ZPFDG", 30, 6, _ASSUMED, "PET-CT"),
    _same("ZFSWAL", 6, 7, _ASSUMED),
    _more("ZFWSSW", "Water soluble swallow | RF | oesophagus | gastrointestinal", 6, 4, _ASSUMED),
    _more("ZFMCUG", "Micturating cystourethrogram | RF | urinary tract | paediatric", 8, 1, _ASSUMED, "MCUG"),
    # Ultrasound is reported by whoever scans: trusts' systems list it all the same, and ingest leaves it out by rule.
    _more("UABDO", "US Abdomen | US | abdomen | gastrointestinal", 8, 0, _ASSUMED, "Abdominal ultrasound"),
    _more("ZUKIDN", "US Kidneys | US | kidneys | urogynae", 8, 0, _ASSUMED),
    _more("ZUPELV", "US Pelvis | US | pelvis | urogynae", 8, 0, _ASSUMED),
    _more("ZULEGV", "US Doppler leg veins | US | leg | vascular!", 8, 0, _ASSUMED, "DVT scan"),
    _more("ZUSOFT", "US Soft tissue | US | limb | msk", 8, 0, _ASSUMED),
)

BY_CODE: dict[str, Entry] = {entry.examination.code: entry for entry in ENTRIES}
EXAMINATIONS: tuple[Examination, ...] = tuple(entry.examination for entry in ENTRIES)

# What only some systems list and nobody reports: clinical photographs, in no catalogue of examinations.
PHOTOGRAPHS: tuple[Entry, ...] = (
    _more("MPWOUN", "MP Wound photograph | XC | skin | photography", 1, 3, ""),
    _more("MPSKIN", "MP Skin lesion photograph | XC | skin | photography", 1, 4, ""),
    _more("MPRETI", "MP Retinal photograph | XC | eye | photography", 1, 1, ""),
)
ULTRASOUND: tuple[Entry, ...] = tuple(entry for entry in ENTRIES if entry.examination.modality == "US")
