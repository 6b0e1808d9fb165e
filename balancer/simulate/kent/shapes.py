"""How each trust's system writes its unreported studies down: headings, words and dates of three different exports.

What the descriptions under ``feeds/`` say of the extracts must hold of what is written here; a test reads them back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np

from balancer.domain.instant import LONDON
from balancer.simulate.kent.places import CDC, EMERGENCY, GP, INPATIENT, OUTPATIENT, SCREENING
from balancer.simulate.kent.queue import Order
from balancer.simulate.kent.workbook import Cell

UK_TIME = "%d/%m/%Y %H:%M"
# Medway's system cuts the name of an examination to this length on its way out.
NAME_LENGTH = 18
_NO_CODE = 0.35
_CUT = 0.5
_PREFIXED = 0.3
_NUMBERS_AS_TEXT = 0.15
_OWN_CODE = 0.4
# Codes of the trusts' own, invented: some departments kept theirs. The feed descriptions say what they stand for.
_OWN_CODES = {
    "RVV": {
        "XCHES": "EKCXR",
        "XABDO": "EKAXR",
        "CSKUH": "EKCTH",
        "MSKUH": "EKMRH",
        "ZCTAP": "EKTAP",
        "ZCPULM": "EKCTPA",
    },
    "RWF": {"XCHES": "MTWCXR", "ZPFDG": "MTWPET"},
    "RPA": {"XCHES": "MMHCXR"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """One trust's export: headings by what they hold, in the order of the file, and its words for our classes."""

    trust: str
    columns: Mapping[str, str]
    priorities: Mapping[str, str]
    settings: Mapping[str, str]
    sites: Mapping[str, str] = field(default_factory=dict)

    @property
    def headings(self) -> tuple[str, ...]:
        """The header row."""
        return tuple(self.columns.values())

    def cells(self, order: Order, rng: np.random.Generator) -> dict[str, Cell]:
        """Return the cells of one study by heading's role, as this trust's system writes them."""
        exam = order.entry.examination
        own_codes = _OWN_CODES[self.trust]
        own = own_codes.get(exam.code, exam.code) if rng.random() < _OWN_CODE else exam.code
        cells: dict[str, Cell] = {
            "accession": order.accession_number,
            "nhs": order.nhs_number,
            "local": order.local_patient_id,
            "code": own,
            "name": exam.name,
            "priority": self.priorities[order.priority],
            "acquired": local_text(order.acquired_at),
            "setting": self.settings[order.setting],
            "site": self.sites.get(order.site, order.site),
            "ready": local_text(order.ready_at) if order.ready_at else "",
            "first_reader": order.first_reader or "",
            "prior": order.prior_reporter or "",
            "label": "synthetic",
        }
        return {role: cell for role, cell in _QUIRKS[self.trust](cells, order, rng).items() if role in self.columns}


def local_text(at: datetime, style: str = UK_TIME) -> str:
    """Return an instant as London's wall clock shows it."""
    return at.astimezone(LONDON).strftime(style)


def _as_it_is(cells: dict[str, Cell], order: Order, rng: np.random.Generator) -> dict[str, Cell]:  # noqa: ARG001
    """East Kent writes what is there."""
    return cells


def _as_spreadsheet(cells: dict[str, Cell], order: Order, rng: np.random.Generator) -> dict[str, Cell]:
    """Maidstone's dates are dates and most of its NHS numbers numbers; some are text, in groups of three."""
    number = order.nhs_number
    as_text = rng.random() < _NUMBERS_AS_TEXT
    nhs: Cell = f"{number[:3]} {number[3:6]} {number[6:]}" if as_text else int(number or 0)
    return {
        **cells,
        "nhs": nhs if number else None,
        "acquired": _wall_clock(order.acquired_at),
        "ready": _wall_clock(order.ready_at) if order.ready_at else None,
    }


def _wall_clock(at: datetime) -> datetime:
    return at.astimezone(LONDON).replace(tzinfo=None)


def _by_name(cells: dict[str, Cell], order: Order, rng: np.random.Generator) -> dict[str, Cell]:
    """Medway leaves a third of the codes out; names are then cut short or bear the site before them."""
    name = order.entry.examination.name
    if rng.random() < _PREFIXED:
        name = f"{_PREFIXES[order.site]}^{name}"
    elif rng.random() < _CUT:
        name = name[:NAME_LENGTH]
    no_code = rng.random() < _NO_CODE
    return {
        **cells,
        "code": "" if no_code else cells["code"],
        "name": name if no_code else order.entry.examination.name,
        "acquired": local_text(order.acquired_at, "%Y-%m-%d %H:%M:%S"),
        "ready": local_text(order.ready_at, "%Y-%m-%d %H:%M:%S") if order.ready_at else "",
    }


_QUIRKS = {"RVV": _as_it_is, "RWF": _as_spreadsheet, "RPA": _by_name}
_PREFIXES = {
    "Medway Maritime Hospital": "MEDWAY",
    "Rochester Community Diagnostic Centre": "ROCHESTER",
    "Sheppey Community Diagnostic Centre": "SHEPPEY",
}

RVV = Shape(
    trust="RVV",
    columns={
        "accession": "Accession",
        "nhs": "NHS No",
        "local": "Hospital No",
        "code": "Exam Code",
        "name": "Exam Name",
        "priority": "Priority",
        "acquired": "Exam Date",
        "setting": "Patient Type",
        "site": "Site",
        "ready": "Images Complete",
        "first_reader": "First Reader",
        "prior": "Previous Reporter",
        "label": "Data",
    },
    priorities={
        "emergency": "1",
        "inpatient_urgent": "2",
        "inpatient": "3",
        "suspected_cancer": "4",
        "urgent": "5",
        "screening": "6",
        "routine": "7",
    },
    settings={
        INPATIENT: "Inpatient",
        EMERGENCY: "A&E",
        OUTPATIENT: "Outpatient",
        GP: "GP Direct Access",
        CDC: "CDC",
        SCREENING: "Breast Screening",
    },
)

RWF = Shape(
    trust="RWF",
    columns={
        "accession": "Accession No.",
        "nhs": "NHS Number",
        "local": "Unit Number",
        "code": "Exam",
        "name": "Examination",
        "priority": "Priority",
        "acquired": "Date/Time of Exam",
        "setting": "Referral Source",
        "ready": "Images Expected",
        "first_reader": "1st Reader",
        "prior": "Last Reported By",
    },
    priorities={
        "emergency": "A&E",
        "inpatient_urgent": "IP urgent",
        "inpatient": "IP",
        "suspected_cancer": "2WW",
        "urgent": "Urgent",
        "screening": "Screening",
        "routine": "Routine",
    },
    settings={
        INPATIENT: "Ward",
        EMERGENCY: "A&E",
        OUTPATIENT: "OPD",
        GP: "GP",
        CDC: "CDC",
        SCREENING: "Breast screening",
    },
    sites={
        "Maidstone Hospital": "Maidstone",
        "Tunbridge Wells Hospital": "Tunbridge Wells",
        "Maidstone Community Diagnostic Centre": "Maidstone CDC",
    },
)

RPA = Shape(
    trust="RPA",
    columns={
        "accession": "AccessionNumber",
        "nhs": "NHSNumber",
        "local": "PatientID",
        "code": "ExamCode",
        "name": "ExamDescription",
        "priority": "Urgency",
        "acquired": "PerformedAt",
        "setting": "Source",
        "site": "Location",
        "ready": "ImagesAvailableAt",
        "first_reader": "FirstReader",
        "prior": "PriorReporter",
        "label": "Label",
    },
    priorities={
        "emergency": "E",
        "inpatient_urgent": "IU",
        "inpatient": "I",
        "suspected_cancer": "C",
        "urgent": "U",
        "screening": "S",
        "routine": "R",
    },
    settings={
        INPATIENT: "IP",
        EMERGENCY: "ED",
        OUTPATIENT: "OP",
        GP: "GP",
        CDC: "CDC",
        SCREENING: "BSU",
    },
)

SHAPES = {shape.trust: shape for shape in (RVV, RWF, RPA)}
