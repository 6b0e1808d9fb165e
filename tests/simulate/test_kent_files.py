"""The Kent sample's files have the shapes that trusts' files have, and every planted row is where it says."""

from __future__ import annotations

import csv
import io
import zipfile
from collections import Counter

import openpyxl  # type: ignore[import-untyped]  # has no stubs
import pytest

from balancer.simulate.kent.planted import KINDS, Heap
from balancer.simulate.kent.workbook import Cell, Sheet, column_name, workbook_bytes
from tests.kent_sample import SAMPLE

EXTRACTS = {extract.trust: extract for extract in SAMPLE.extracts}
ROTAS = {rota.trust: rota for rota in SAMPLE.rotas}


def lines(content: bytes, encoding: str, delimiter: str) -> list[list[str]]:
    """Return the rows of a CSV."""
    return list(csv.reader(io.StringIO(content.decode(encoding), newline=""), delimiter=delimiter))


def test_east_kent_delivers_commas_and_numeric_priorities() -> None:
    """UK dates, priorities 1 to 7, a column that says synthetic."""
    rows = lines(EXTRACTS["RVV"].content, "utf-8", ",")
    head, data = rows[0], rows[1:]
    assert len(data) == EXTRACTS["RVV"].rows_read
    at = {name: place for place, name in enumerate(head)}
    whole = [row for row in data if len(row) == len(head)]
    assert sum(row[at["Priority"]].strip() in set("1234567") for row in whole) > 0.99 * len(whole)
    assert sum(row[at["Exam Date"]][2:3] == "/" for row in whole) > 0.99 * len(whole)
    assert {row[at["Data"]] for row in whole} == {"synthetic"}


def test_medway_delivers_semicolons_after_a_byte_order_mark_and_names_where_codes_are_missing() -> None:
    """Some names cut short, some after the site's."""
    content = EXTRACTS["RPA"].content
    assert content.startswith(b"\xef\xbb\xbf")
    rows = lines(content, "utf-8-sig", ";")
    head, data = rows[0], rows[1:]
    names = [row[4] for row in data if len(row) == len(head) and not row[3].strip()]
    assert 0.2 < len(names) / len(data) < 0.5
    assert any("^" in name for name in names)
    assert any(len(name) == 18 for name in names)


def test_maidstone_delivers_a_sheet_a_hospital_under_a_title() -> None:
    """Dates that are dates, numbers that are numbers, priorities in words, a total at the foot."""
    book = openpyxl.load_workbook(io.BytesIO(EXTRACTS["RWF"].content))
    assert book.sheetnames == ["Maidstone", "Tunbridge Wells", "Maidstone CDC"]
    read = 0
    for sheet in book.worksheets:
        assert str(sheet["A1"].value).startswith("SYNTHETIC")
        assert sheet["A3"].value == "Accession No."
        assert sheet.cell(sheet.max_row, 1).value == "Total"
        assert sheet.cell(sheet.max_row, 2).value == sheet.max_row - 4
        read += sheet.max_row - 4
        kinds = Counter(sheet.cell(row, 7).data_type for row in range(4, sheet.max_row))
        assert kinds["d"] > 0.98 * kinds.total()
        assert {"2WW", "IP", "Routine"} <= {sheet.cell(row, 6).value for row in range(4, sheet.max_row)} | {"IP"}
    assert read == EXTRACTS["RWF"].rows_read


def test_about_two_rows_in_a_hundred_are_wrong() -> None:
    """Enough to matter, few enough that a snapshot is still believed."""
    for extract in SAMPLE.extracts:
        wrong = sum(planted.expected is Heap.QUARANTINED for planted in extract.planted)
        assert 0.012 < wrong / extract.rows_read < 0.035


@pytest.mark.parametrize("trust", ["RVV", "RWF", "RPA"])
def test_every_kind_of_mistake_is_planted_as_often_as_the_table_says(trust: str) -> None:
    """And nothing twice in one row."""
    planted = Counter(p.kind for p in EXTRACTS[trust].planted)
    for kind in KINDS:
        assert planted[kind.name] == len(kind.cells.get(trust, ()))
    places = [(p.sheet, p.line) for p in EXTRACTS[trust].planted]
    assert len(places) == len(set(places))


@pytest.mark.parametrize(("trust", "encoding", "delimiter"), [("RVV", "utf-8", ","), ("RPA", "utf-8-sig", ";")])
def test_a_planted_row_stands_on_the_line_it_says(trust: str, encoding: str, delimiter: str) -> None:
    """Lines count from 1, as an editor shows them."""
    rows = lines(EXTRACTS[trust].content, encoding, delimiter)
    for planted in EXTRACTS[trust].planted:
        row = rows[planted.line - 1]
        if planted.kind == "no accession number":
            assert not row[0].strip()
        else:
            assert row[0].strip() == planted.accession_number
        assert (len(row) == len(rows[0])) == (planted.kind not in {"too few cells", "too many cells"})


def test_a_planted_row_of_the_workbook_stands_on_its_sheet_and_row() -> None:
    """As Excel numbers them."""
    book = openpyxl.load_workbook(io.BytesIO(EXTRACTS["RWF"].content))
    for planted in EXTRACTS["RWF"].planted:
        value = str(book[planted.sheet].cell(planted.line, 1).value or "").strip()
        assert value == ("" if planted.kind == "no accession number" else planted.accession_number)


def test_the_list_of_what_is_planted_holds_all_of_it() -> None:
    """Extracts and rotas, one line each."""
    listed = list(csv.DictReader(io.StringIO(SAMPLE.files["PLANTED.csv"].decode())))
    everything = [p for extract in (*SAMPLE.extracts, *SAMPLE.rotas) for p in extract.planted]
    assert [(row["file"], row["sheet"], int(row["line"]), row["kind"]) for row in listed] == [
        (p.file, p.sheet, p.line, p.kind) for p in everything
    ]
    assert {row["label"] for row in listed} == {"synthetic"}


def test_a_rota_names_the_people_of_its_trust_and_its_wrong_lines_are_listed() -> None:
    """One line a duty for two trusts."""
    for trust, encoding, delimiter in (("RVV", "utf-8", ","), ("RPA", "utf-8-sig", ";")):
        rows = lines(ROTAS[trust].content, encoding, delimiter)[1:]
        assert len(rows) == ROTAS[trust].rows_read
        wrong = {planted.line for planted in ROTAS[trust].planted}
        own = {person.reporter_id for person in SAMPLE.reporters if person.home_trust == trust}
        assert {row[0] for line, row in enumerate(rows, start=2) if line not in wrong} <= own
        assert len(wrong) >= 5


def test_the_grid_has_people_down_and_half_days_across() -> None:
    """Codes in the cells; meetings share a half-day with reporting."""
    sheet = openpyxl.load_workbook(io.BytesIO(ROTAS["RWF"].content))["Rota"]
    assert [sheet.cell(3, column).value for column in (1, 2, 3, 4, 5)] == ["Name", "GMC/HCPC", "AM", "PM", "EVE"]
    assert sheet.max_column == 2 + 7 * 3
    codes = Counter(str(cell.value) for row in sheet.iter_rows(min_row=4, min_col=3) for cell in row if cell.value)
    assert {"R", "RH", "MDT/R", "R/MDT", "US", "AL", "SPA", "OC", "P"} <= set(codes)
    people = [p.reporter_id for p in SAMPLE.reporters if p.home_trust == "RWF"]
    assert [sheet.cell(row, 2).value for row in range(4, 4 + len(people))] == people


def test_a_workbook_has_no_date_of_writing_and_is_read_as_it_was_written() -> None:
    """Text, numbers, errors and blanks in their cells; every part stamped 1980."""
    rows: list[list[Cell]] = [["TITLE & <more>"], [], ["a", 1, 2.5, "#N/A", None, " padded "]]
    content = workbook_bytes([Sheet(name="A & B", rows=rows, bold=frozenset({0}))], title="t")
    book = openpyxl.load_workbook(io.BytesIO(content))
    assert [cell.value for cell in book["A & B"][3]] == ["a", 1, 2.5, "#N/A", None, " padded "]
    assert book["A & B"]["D3"].data_type == "e"
    assert book["A & B"]["A1"].value == "TITLE & <more>"
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert {entry.date_time[0] for entry in archive.infolist()} == {1980}


@pytest.mark.parametrize(("number", "name"), [(0, "A"), (25, "Z"), (26, "AA"), (51, "AZ"), (52, "BA"), (702, "AAA")])
def test_columns_are_named_as_a_spreadsheet_names_them(number: int, name: str) -> None:
    """After Z comes AA."""
    assert column_name(number) == name
