from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

import pytest
from openpyxl import Workbook  # type: ignore[import-untyped]

from balancer.domain.roster import ParsedRoster
from tests.ingest.deliveries import only_quarantined, parse_week, workbook_bytes

DAYS = ("Mon 02/03/2026", "Tue 03/03/2026")
HALVES = ("AM", "PM", "EVE")


def grid(*people: Sequence[object], days: Sequence[object] = DAYS, halves: Sequence[str] = HALVES) -> bytes:
    """Return a grid: each of ``people`` is a number and the codes of the half-days."""
    book = Workbook()
    sheet = book.active
    sheet.title = "Rota"
    sheet.append(["MTW radiology rota"])
    sheet.append(["", "", *(cell for day in days for cell in (day, None, None))])
    sheet.append(["Name", "GMC/HCPC", *(half for _ in days for half in halves)])
    for number, *codes in people:
        sheet.append([f"Dr {number}", number, *codes])
    for first in range(3, 3 + 3 * len(days), 3):
        sheet.merge_cells(start_row=2, start_column=first, end_row=2, end_column=first + 2)
    return workbook_bytes(book)


def read(*people: Sequence[object]) -> ParsedRoster:
    """Parse a grid."""
    return parse_week(grid(*people), "RWF", file_name="Rota.xlsx")


def hours(parsed: ParsedRoster) -> list[tuple[str, str]]:
    """Return when each session starts and ends in UTC."""
    return [(f"{item.start:%d %H:%M}", f"{item.end:%d %H:%M}") for item in parsed.sessions]


def test_a_code_in_a_cell_becomes_a_session_of_that_half_day() -> None:
    """The day stands over the first of its half-days, its cells merged; numbers may be numbers."""
    parsed = read([9900001, "R", None, "rh"], ["9900002", "US", "SPA", "AL", "OC"])
    assert hours(parsed) == [("02 08:30", "02 12:30"), ("02 18:00", "02 21:00"), ("03 08:30", "03 12:30")]
    assert [item.reporter_id for item in parsed.sessions] == ["9900001", "9900001", "9900002"]
    assert list(parsed.locations.values()) == ["site", "home", "site"]
    assert parsed.sessions[2].priorities == {"emergency"}
    assert (parsed.covers_from, parsed.covers_to) == (date(2026, 3, 2), date(2026, 3, 3))
    assert (parsed.rows_read, parsed.quarantined) == (2, ())


@pytest.mark.parametrize(
    ("code", "left"),
    [
        ("R/MDT", [("02 08:30", "02 10:30")]),
        ("mdt / r", [("02 10:30", "02 12:30")]),
        ("R/RH", [("02 08:30", "02 10:30"), ("02 10:30", "02 12:30")]),
        ("MDT/R/US/SPA", [("02 09:30", "02 10:30")]),
    ],
)
def test_a_half_day_may_be_split(code: str, left: list[tuple[str, str]]) -> None:
    """In equal parts, in the order they are written."""
    assert hours(read(["9900001", code])) == left


def test_leave_has_hours_of_its_own_and_cuts_what_another_row_says() -> None:
    """Leave in the morning lasts until one, whoever entered the person twice."""
    assert hours(read(["9900001", "AL", "R"], ["9900001", None, None, "R"])) == [
        ("02 13:30", "02 17:30"),
        ("02 18:00", "02 21:00"),
    ]


def test_a_code_nobody_knows_is_told_with_its_half_day_and_the_other_cells_hold() -> None:
    """One bad cell must not send somebody home for a week."""
    parsed = read(["9900001", "R", "Q?", "R/XX", "R"])
    row = only_quarantined(parsed)
    assert (row.row.sheet, row.row.line, row.column) == ("Rota", 4, "Mon 02/03/2026 PM")
    assert row.reason == "unknown_activity"
    assert "Mon 02/03/2026 EVE: 'XX'" in row.detail
    assert row.row.raw["Mon 02/03/2026 PM"] == "Q?"
    assert hours(parsed) == [("02 08:30", "02 12:30"), ("03 08:30", "03 12:30")]


@pytest.mark.parametrize(
    ("number", "reason"), [("9999999", "unknown_reporter"), (None, "missing_value"), ("#N/A", "unknown_reporter")]
)
def test_somebody_nobody_knows_has_no_sessions(number: object, reason: str) -> None:
    """Names are for people: nobody is recognised by name."""
    parsed = read(["9900001", "R"], [number, "R"])
    row = only_quarantined(parsed)
    assert (row.row.line, row.column, row.reason) == (5, "GMC/HCPC", reason)
    assert len(parsed.sessions) == 1


def test_an_error_cell_is_told_as_such() -> None:
    """It is no code."""
    assert only_quarantined(read(["9900001", "#REF!"])).reason == "spreadsheet_error"


def test_a_person_who_stands_twice_does_not_report_twice() -> None:
    """The second row is quarantined, once."""
    parsed = read(["9900001", "R", "R"], ["9900001", "R", "R"])
    assert only_quarantined(parsed).reason == "overlapping_session"
    assert len(parsed.sessions) == 2


def test_notes_and_blank_rows_are_nobody() -> None:
    """A key below the grid names no number and holds no code."""
    parsed = read(["9900001", "R"], [None], [None], ["", ""])
    assert (parsed.rows_read, len(parsed.sessions)) == (1, 1)


def test_dates_may_be_dates() -> None:
    """Where a department lets Excel count the days."""
    content = grid(["9900001", "R"], days=(datetime(2026, 3, 2), datetime(2026, 3, 3)))  # noqa: DTZ001 - cells
    assert hours(parse_week(content, "RWF")) == [("02 08:30", "02 12:30")]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "empty"),
        (b"Name,GMC/HCPC", "not an Excel workbook"),
        (grid(), "nobody below"),
        (grid(["9900001", "R"], halves=("Morning", "Afternoon", "Night")), "no half-day"),
        (grid(["9900001", "R"], days=("", "Tue 03/03/2026")), "there is no date"),
        (grid(["9900001", "R"], days=("Monday", "Tue 03/03/2026")), "'Monday' is no date"),
        (grid(["9900001", "R"], days=("Mon 02/03/2026",) * 2), "twice"),
        (grid(["9900001", "R"])[:-300], "not a whole Excel workbook"),
    ],
)
def test_files_that_are_no_grid_claim_nothing(content: bytes, told: str) -> None:
    """They have a problem that says where, and no sessions."""
    parsed = parse_week(content, "RWF")
    assert told in parsed.problem
    assert (parsed.sessions, parsed.rows_read) == ((), 0)


def test_a_workbook_without_the_sheet_claims_nothing() -> None:
    """Another workbook altogether."""
    assert "no sheet 'Rota'" in parse_week(workbook_bytes(Workbook()), "RWF").problem
