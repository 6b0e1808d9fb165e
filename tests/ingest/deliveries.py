"""Small deliveries that tests build in a line: a network of three trusts, and files as each of them delivers.

Feeds and rotas are described by the sample's own files under ``data/kent``; nothing else of the sample is used here.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from openpyxl import Workbook  # type: ignore[import-untyped]

from balancer.domain.feed import FeedKind, ParsedExtract, QuarantinedRow
from balancer.domain.network import Examination, Trust
from balancer.domain.roster import ParsedRoster
from balancer.domain.working_days import WorkingCalendar
from balancer.ingest.extract import parse_extract
from balancer.ingest.feed_file import FeedDescription, read_feed
from balancer.ingest.network_folder import NetworkFolder
from balancer.ingest.roster_file import RosterDescription, read_roster_description
from balancer.ingest.rota import parse_rota
from tests.worlds import policy, priority, reporter

KENT = Path(__file__).parents[2] / "data" / "kent"
KEY = b"a key for tests"
EXTRACTED_AT = datetime(2026, 3, 2, 7, 30, tzinfo=UTC)
CLASSES = ("emergency", "inpatient_urgent", "inpatient", "suspected_cancer", "urgent", "screening", "routine")

# NHS numbers of the test range, with their right check digits.
ANNE, BILL = "9990000018", "9990000026"


def examination(
    code: str, name: str, modality: str, subspecialty: str, *, minutes: float = 10, reads: int = 1
) -> Examination:
    """Return one entry of the catalogue."""
    return Examination(
        code=code, name=name, modality=modality, body_region="", subspecialty=subspecialty, minutes=minutes, reads=reads
    )


NETWORK = NetworkFolder(
    folder=KENT,
    title="A network for tests",
    as_of=None,
    synthetic=True,
    trusts=tuple(Trust(code=code, name=code) for code in ("RVV", "RWF", "RPA")),
    examinations=(
        examination("XCHES", "XR Chest", "DX", "thoracic", minutes=2),
        examination("XKNEL", "XR Knee Lt", "DX", "msk", minutes=2),
        examination("XKNER", "XR Knee Rt", "DX", "msk", minutes=2),
        examination("CSKUH", "CT Head", "CT", "neuro", minutes=7),
        examination("ZCTAP", "CT Thorax, abdomen and pelvis", "CT", "oncology", minutes=24),
        examination("ZCHDNA", "CT Angiogram head and neck", "CT", "neuro", minutes=14),
        examination("MSKUH", "MRI Head", "MR", "neuro", minutes=12),
        examination("ZGSCRE", "Mammogram, screening", "MG", "breast", minutes=1.5, reads=2),
        examination("UABDO", "US Abdomen", "US", "gastrointestinal", minutes=8),
        examination("ZMPROS", "MRI Prostate", "MR", "urogynae", minutes=20),
        *(examination(code, f"An examination {code}", "CT", "general") for code in ("XABDO", "ZCPULM", "ZPFDG")),
    ),
    aliases={"XCHES": ("CXR", "Chest X-ray"), "ZCTAP": ("CT TAP",), "ZMPROS": ("MP prostate MRI",)},
    reporters=(reporter("9900001"), reporter("9900002"), reporter("RA000123")),
    policy=policy(*(priority(code) for code in CLASSES)),
    calendar=WorkingCalendar(),
)


@cache
def feed(trust: str) -> FeedDescription:
    """Return the sample's description of a trust's feed."""
    return read_feed(KENT / "feeds" / f"{trust}.toml")


@cache
def roster(trust: str) -> RosterDescription:
    """Return the sample's description of a trust's rota."""
    return read_roster_description(KENT / "rosters" / f"{trust}.toml")


# --- files -----------------------------------------------------------------------------------------------------------

Row = dict[str, object]

_RVV: Row = {
    "Accession": "E1",
    "NHS No": ANNE,
    "Hospital No": "EK000001",
    "Exam Code": "CSKUH",
    "Exam Name": "CT Head",
    "Priority": "7",
    "Exam Date": "27/02/2026 10:30",
    "Patient Type": "Outpatient",
    "Site": "William Harvey Hospital",
    "Images Complete": "",
    "First Reader": "",
    "Previous Reporter": "",
}
_RWF: Row = {
    "Accession No.": "M1",
    "NHS Number": int(ANNE),
    "Unit Number": "M0000001",
    "Exam": "CSKUH",
    "Examination": "CT Head",
    "Priority": "Routine",
    "Date/Time of Exam": datetime(2026, 2, 27, 10, 30),  # noqa: DTZ001 - a spreadsheet's cell
    "Referral Source": "OPD",
    "Images Expected": None,
    "1st Reader": None,
    "Last Reported By": None,
}
_RPA: Row = {
    "AccessionNumber": "P1",
    "NHSNumber": ANNE,
    "PatientID": "0000001",
    "ExamCode": "CSKUH",
    "ExamDescription": "CT Head",
    "Urgency": "R",
    "PerformedAt": "2026-02-27 10:30:00",
    "Source": "OP",
    "Location": "Medway Maritime Hospital",
    "ImagesAvailableAt": "",
    "FirstReader": "",
    "PriorReporter": "",
}
SHEETS = ("Maidstone", "Tunbridge Wells", "Maidstone CDC")
NO_SHEETS: Mapping[str, Sequence[Row]] = {}
TITLE = "Unreported examinations at 02/03/2026 07:30"


def rvv_row(**cells: object) -> Row:
    """Return a good row of East Kent with some cells replaced; blanks in headings are written ``_``."""
    return _with(_RVV, cells)


def rwf_row(**cells: object) -> Row:
    """Return a good row of Maidstone with some cells replaced."""
    return _with(_RWF, cells)


def rpa_row(**cells: object) -> Row:
    """Return a good row of Medway with some cells replaced."""
    return _with(_RPA, cells)


def _with(row: Row, cells: Row) -> Row:
    by_name = {"".join(filter(str.isalnum, heading)): heading for heading in row}
    return {**row, **{by_name["".join(filter(str.isalnum, name))]: cell for name, cell in cells.items()}}


def csv_text(rows: Iterable[Sequence[object]], delimiter: str = ",") -> str:
    """Return rows as CSV text."""
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator="\r\n").writerows(rows)
    return text.getvalue()


def rvv_file(*rows: Row) -> bytes:
    """Return an extract of East Kent: commas, UTF-8."""
    return csv_text([list(_RVV), *(list(row.values()) for row in rows)]).encode()


def rpa_file(*rows: Row) -> bytes:
    """Return an extract of Medway: semicolons and a byte-order mark."""
    return csv_text([list(_RPA), *(list(row.values()) for row in rows)], ";").encode("utf-8-sig")


def rwf_file(
    *rows: Row, total: int | None = None, hidden: str = "", sheets: Mapping[str, Sequence[Row]] = NO_SHEETS
) -> bytes:
    """Return an extract of Maidstone: ``rows`` stand on the first sheet; ``total`` is what its footer says.

    ``sheets`` are others by name; one sheet may be ``hidden``.
    """
    by_sheet: dict[str, Sequence[Row]] = dict.fromkeys(SHEETS, ()) | {SHEETS[0]: rows} | dict(sheets)
    book = Workbook()
    book.remove(book.active)
    for name, members in by_sheet.items():
        sheet = book.create_sheet(name)
        sheet.append([TITLE])
        sheet.merge_cells("A1:F1")
        sheet.append([])
        sheet.append(list(_RWF))
        for row in members:
            sheet.append(list(row.values()))
        sheet.append(["Total", len(members) if total is None or name != SHEETS[0] else total])
        sheet.append([None, "  "])
        sheet.sheet_state = "hidden" if name == hidden else "visible"
    return workbook_bytes(book)


def workbook_bytes(book: Workbook) -> bytes:
    """Return a workbook as a file."""
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


# --- reading them ----------------------------------------------------------------------------------------------------

NAMES = {"RVV": "unreported-20260302T0730.csv", "RWF": "Unreported.xlsx", "RPA": "RPA_worklist-20260302T0730.csv"}


def parse(content: bytes, described: FeedDescription | str, *, file_name: str | None = None) -> ParsedExtract:
    """Parse an extract of a trust, or of a description made for the test."""
    description = feed(described) if isinstance(described, str) else described
    name = NAMES[description.trust] if file_name is None else file_name
    return parse_extract(content, description, NETWORK, file_name=name, pseudonym_key=KEY)


def parse_week(
    content: bytes, described: RosterDescription | str, *, file_name: str = "rota-2026-03-02.csv"
) -> ParsedRoster:
    """Parse a rota of a trust, or of a description made for the test."""
    description = roster(described) if isinstance(described, str) else described
    return parse_rota(content, description, NETWORK, file_name=file_name)


def only_quarantined(parsed: ParsedExtract | ParsedRoster) -> QuarantinedRow:
    """Return the one quarantined row; there must be one and no more."""
    (row,) = parsed.quarantined
    return row


def heaps(parsed: ParsedExtract) -> tuple[int, int, int, int]:
    """Return how many rows are in each heap: studies, duplicates, excluded, quarantined."""
    return len(parsed.studies), len(parsed.duplicates), len(parsed.excluded), len(parsed.quarantined)


def delta(trust: str) -> FeedDescription:
    """Return a trust's feed as if it delivered what changed."""
    return replace(feed(trust), kind=FeedKind.DELTA)
