"""A synthetic catalogue of examinations with how often each is asked for, and an example policy.

Codes are NICIP where one could be verified and invented otherwise: an invented code starts with Z. Minutes are a
starting table to be replaced by a department's own medians; frequencies are of the queue of unreported studies, in
which ultrasound hardly appears because whoever scans reports.
"""

from __future__ import annotations

from typing import NamedTuple

from balancer.domain.network import Examination
from balancer.domain.policy import EMERGENCY, LoadBand, Policy, PriorityClass, TargetClock, Weights

PAEDIATRIC = "paediatric"
BREAST = "breast"
SCREENING = "screening"


class Requested(NamedTuple):
    """One examination, how often it is asked for (relative), and whether emergencies ask for it."""

    examination: Examination
    frequency: float
    acute: bool


def _row(  # noqa: PLR0913, PLR0917 - a table of eight columns reads best as one
    code: str,
    name: str,
    modality: str,
    region: str,
    subspecialty: str,
    minutes: float,
    frequency: float,
    acute: bool = False,  # noqa: FBT001, FBT002 - the last column of the table
    reads: int = 1,
) -> Requested:
    examination = Examination(
        code=code,
        name=name,
        modality=modality,
        body_region=region,
        subspecialty=subspecialty,
        minutes=minutes,
        reads=reads,
    )
    return Requested(examination, frequency, acute)


CATALOGUE: tuple[Requested, ...] = (
    _row("XCHES", "XR Chest", "DX", "chest", "thoracic", 2, 190, True),
    _row("XABDO", "XR Abdomen", "DX", "abdomen", "gastrointestinal", 2, 28, True),
    _row("XKNEL", "XR Knee Lt", "DX", "knee", "msk", 2, 22, True),
    _row("XKNER", "XR Knee Rt", "DX", "knee", "msk", 2, 24, True),
    _row("ZXPELV", "XR Pelvis", "DX", "pelvis", "msk", 2, 34, True),
    _row("ZXSHOU", "XR Shoulder", "DX", "shoulder", "msk", 2, 36, True),
    _row("ZXANKL", "XR Ankle", "DX", "ankle", "msk", 2, 32, True),
    _row("ZXFOOT", "XR Foot", "DX", "foot", "msk", 2, 32, True),
    _row("ZXHIP", "XR Hip", "DX", "hip", "msk", 2, 24, True),
    _row("ZXHAND", "XR Hand", "DX", "hand", "msk", 2, 30, True),
    _row("ZXLSPI", "XR Lumbar spine", "DX", "spine", "msk", 2.5, 22),
    _row("ZXCSPI", "XR Cervical spine", "DX", "spine", "msk", 2.5, 14),
    _row("ZXFACE", "XR Facial bones", "DX", "face", "head_neck", 2.5, 8, True),
    _row("ZXSKEL", "XR Skeletal survey", "DX", "whole body", "msk", 8, 6),
    _row("CSKUH", "CT Head", "CT", "head", "neuro", 7, 72, True),
    _row("ZCHDNA", "CT Angiogram head and neck", "CT", "head and neck", "neuro", 14, 12, True),
    _row("ZCCSPI", "CT Cervical spine", "CT", "spine", "neuro", 9, 10, True),
    _row("ZCTAP", "CT Thorax, abdomen and pelvis", "CT", "trunk", "oncology", 24, 38),
    _row("ZCABPE", "CT Abdomen and pelvis", "CT", "abdomen", "gastrointestinal", 17, 36, True),
    _row("ZCCOLO", "CT Colonography", "CT", "colon", "gastrointestinal", 20, 8),
    _row("ZCPULM", "CT Pulmonary angiogram", "CT", "chest", "thoracic", 14, 20, True),
    _row("ZCHRCT", "CT Chest high resolution", "CT", "chest", "thoracic", 14, 16),
    _row("ZCCHES", "CT Chest", "CT", "chest", "thoracic", 14, 12),
    _row("ZCUROG", "CT Urogram", "CT", "urinary tract", "urogynae", 20, 10),
    _row("ZCKUB", "CT Kidneys, ureters and bladder", "CT", "urinary tract", "urogynae", 9, 12, True),
    _row("ZCAORT", "CT Angiogram aorta", "CT", "aorta", "vascular", 18, 7, True),
    _row("ZCLEGA", "CT Angiogram lower limbs", "CT", "legs", "vascular", 20, 5),
    _row("CACRY", "CT Cardiac angiogram coronary", "CT", "heart", "cardiac", 22, 10),
    _row("ZCNECK", "CT Neck", "CT", "neck", "head_neck", 14, 7),
    _row("ZCSINU", "CT Sinuses", "CT", "face", "head_neck", 8, 6),
    _row("ZCJOIN", "CT Joint", "CT", "limb", "msk", 9, 8),
    _row("MSKUH", "MRI Head", "MR", "head", "neuro", 12, 32),
    _row("ZMIAMS", "MRI Internal auditory meatus", "MR", "head", "neuro", 10, 8),
    _row("ZMPITU", "MRI Pituitary", "MR", "head", "neuro", 16, 4),
    _row("ZMLSPI", "MRI Lumbar spine", "MR", "spine", "msk", 12, 30),
    _row("ZMCSPI", "MRI Cervical spine", "MR", "spine", "neuro", 12, 10),
    _row("ZMSPIN", "MRI Whole spine", "MR", "spine", "neuro", 22, 5, True),
    _row("ZMKNEE", "MRI Knee", "MR", "knee", "msk", 11, 22),
    _row("ZMSHOU", "MRI Shoulder", "MR", "shoulder", "msk", 11, 10),
    _row("ZMHIP", "MRI Hip", "MR", "hip", "msk", 11, 6),
    _row("ZMPROS", "MRI Prostate", "MR", "pelvis", "urogynae", 20, 12),
    _row("ZMGYNA", "MRI Pelvis gynaecological", "MR", "pelvis", "urogynae", 20, 7),
    _row("ZMRECT", "MRI Rectum", "MR", "pelvis", "gastrointestinal", 20, 5),
    _row("ZMLIVE", "MRI Liver", "MR", "abdomen", "gastrointestinal", 20, 6),
    _row("ZMMRCP", "MRCP", "MR", "abdomen", "gastrointestinal", 12, 10),
    _row("ZMHEAR", "MRI Heart", "MR", "heart", "cardiac", 25, 4),
    _row("ZMNECK", "MRI Neck", "MR", "neck", "head_neck", 16, 4),
    _row("ZMBREA", "MRI Breast", "MR", "breast", BREAST, 15, 4),
    _row("ZGSCRE", "Mammogram, screening", "MG", "breast", BREAST, 2, 34, reads=2),
    _row("ZGSYMP", "Mammogram, symptomatic", "MG", "breast", BREAST, 4, 10),
    _row("ZNBONE", "NM Bone whole body", "NM", "whole body", "nuclear", 8, 9),
    _row("ZNRENO", "NM Renogram", "NM", "kidneys", "nuclear", 8, 4),
    _row("ZPFDG", "PET FDG whole body", "PT", "whole body", "nuclear", 25, 7),
    _row("ZFSWAL", "Barium swallow", "RF", "oesophagus", "gastrointestinal", 6, 9),
)

EXAMPLE_PRIORITIES: tuple[PriorityClass, ...] = (
    PriorityClass(code=EMERGENCY, target_hours=4, weight=100, breach=24, ceiling_hours=24),
    PriorityClass(code="inpatient_urgent", target_hours=12, weight=40, breach=24, ceiling_hours=48),
    PriorityClass(
        code="inpatient",
        target_working_days=1,
        clock=TargetClock.WORKING_DAYS,
        weight=20,
        breach=24,
        ceiling_hours=96,
    ),
    PriorityClass(code="suspected_cancer", target_hours=72, weight=12, breach=24, ceiling_hours=168),
    PriorityClass(
        code="urgent", target_hours=120, clock=TargetClock.WORKING_DAYS, weight=5, breach=24, ceiling_hours=336
    ),
    PriorityClass(
        code=SCREENING,
        target_working_days=8,
        clock=TargetClock.WORKING_DAYS,
        weight=3,
        breach=24,
        ceiling_hours=336,
    ),
    PriorityClass(code="routine", target_hours=336, weight=1, breach=24, ceiling_hours=672),
)


def example_policy(hours: float) -> Policy:
    """Return the example policy with a horizon of ``hours``; nobody has approved it for clinical use."""
    return Policy(
        owner="Balancer's example: not clinically approved",
        version="1",
        dated_on="2026-03-01",
        horizon_hours=hours,
        beyond_hours=24,
        default_productivity=0.7,
        priorities=EXAMPLE_PRIORITIES,
        weights=Weights(
            wait_rate=0.02, ceiling_weight=50, general=0.5, fallback=3, remote=0.2, churn=1, prior=0.5, split=1
        ),
        bands=(
            LoadBand(up_to=0.6, price=0.0),
            LoadBand(up_to=0.8, price=1.0),
            LoadBand(up_to=0.9, price=2.0),
            LoadBand(up_to=1.0, price=4.0),
        ),
    )
