"""Tables as values: what stands in the address, in which order rows come, and what a download holds."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime

import openpyxl  # type: ignore[import-untyped]  # has no stubs
import pytest
from starlette.responses import Response

from balancer.web.downloads import download
from balancer.web.tables import MOST_ROWS, ROWS_A_PAGE, Cell, Column, Medium, Row, Table, View, number, table_of

COLUMNS = (Column(key="name", head="Name", sorts=True), Column(key="late", head="Late", number=True, sorts=True))
NOW = datetime(2026, 7, 1, 8, 4, tzinfo=UTC)  # 09:04 in London


def rows(*late: int) -> list[Row]:
    """Return a row for each number, named after its place."""
    return [Row(cells=(Cell(text=f"n{place}"), number(value))) for place, value in enumerate(late)]


def view(**asked: str) -> View:
    """Return what an address asks for."""
    return View(
        path="/lists",
        asked=list(asked.items()),
        sort=asked.get("sort", ""),
        page=int(asked.get("page", 1)),
        medium=Medium(asked.get("as", "page")),
    )


def names(table: Table) -> list[str]:
    """Return the rows' names in order."""
    return [row.cells[0].text for row in table.rows]


def text(answer: Response) -> str:
    """Return a CSV's text."""
    return bytes(answer.body).decode("utf-8-sig")


def test_rows_come_in_the_order_that_the_address_says() -> None:
    """Up, down, and as they are if nothing is said; a column that is none changes nothing."""
    found = rows(2, 10, 1)
    assert names(table_of("t", COLUMNS, found, view(sort="late"))) == ["n2", "n0", "n1"]
    assert names(table_of("t", COLUMNS, found, view(sort="-late"))) == ["n1", "n0", "n2"]
    assert names(table_of("t", COLUMNS, found, view())) == ["n0", "n1", "n2"]
    assert names(table_of("t", COLUMNS, found, view(sort="height"))) == ["n0", "n1", "n2"]


def test_what_has_no_value_comes_last_in_either_order() -> None:
    """Nobody looks for what is not there at the top."""
    found = [*rows(2, 1), Row(cells=(Cell(text="none"), Cell(text="")))]
    for order in ("late", "-late"):
        assert names(table_of("t", COLUMNS, found, view(sort=order)))[-1] == "none"


def test_a_head_sorts_by_its_column_and_then_the_other_way_from_the_first_page() -> None:
    """What was filtered stays so."""
    column = COLUMNS[1]
    assert view(trust="RVV", page="3").sorted_by(column) == "/lists?trust=RVV&sort=late"
    assert view(sort="late").sorted_by(column) == "/lists?sort=-late"
    assert view(sort="-late").sorted_by(column) == "/lists?sort=late"
    assert [view(sort=sort).order_of(column) for sort in ("late", "-late", "name")] == [
        "ascending",
        "descending",
        "none",
    ]


def test_a_page_holds_as_many_rows_as_a_person_reads_and_a_download_all() -> None:
    """The cut is said in words."""
    found = rows(*range(ROWS_A_PAGE + 3))
    second = table_of("t", COLUMNS, found, view(page="2"))
    assert (names(second), second.pages, second.cut) == (["n50", "n51", "n52"], 2, "51 to 53 of 53")
    assert len(table_of("t", COLUMNS, found, view(**{"as": "csv", "page": "2"})).rows) == len(found)
    assert view(**{"as": "csv"}).limit == MOST_ROWS


def test_a_csv_has_values_and_not_words() -> None:
    """Instants in London's time with their offset, numbers without commas, the columns' keys as heads."""
    columns = (*COLUMNS, Column(key="due", head="Due"))
    row = Row(cells=(Cell(text="Ä"), number(1_234), Cell(text="tomorrow", value=NOW)))
    answer = download(table_of("Late studies", columns, [row], view(**{"as": "csv"})), NOW)
    assert list(csv.reader(io.StringIO(text(answer)))) == [
        ["name", "late", "due"],
        ["Ä", "1234", "2026-07-01T09:04+01:00"],
    ]
    assert 'filename="late-studies-2026-07-01-0904.csv"' in answer.headers["content-disposition"]


@pytest.mark.parametrize("said", ["=1+1", "+44", "-x", "@a", "\tx"])
def test_no_cell_is_a_formula(said: str) -> None:
    """What a feed says is opened in a spreadsheet by somebody with rights."""
    found = table_of("t", COLUMNS[:1], [Row(cells=(Cell(text=said),))], view(**{"as": "csv"}))
    assert text(download(found, NOW)).splitlines()[1].lstrip('"').startswith("'")
    book = table_of("t", COLUMNS[:1], [Row(cells=(Cell(text=said.strip()),))], view(**{"as": "xlsx"}))
    sheet = openpyxl.load_workbook(io.BytesIO(bytes(download(book, NOW).body))).active
    assert sheet is not None
    assert sheet["A2"].data_type == "s"


def test_a_workbook_has_numbers_and_instants_to_reckon_with() -> None:
    """A workbook knows no zones: its instants are London's."""
    columns = (*COLUMNS, Column(key="due", head="Due"))
    row = Row(cells=(Cell(text="a"), number(3), Cell(value=NOW)))
    answer = download(table_of("a/b", columns, [row], view(**{"as": "xlsx"})), NOW)
    sheet = openpyxl.load_workbook(io.BytesIO(bytes(answer.body))).active
    assert sheet is not None
    assert [cell.value for cell in sheet[2]] == ["a", 3, datetime(2026, 7, 1, 9, 4)]  # noqa: DTZ001 - as it is kept
    assert [cell.value for cell in sheet[1]] == ["Name", "Late", "Due (London)"]


def test_a_download_has_what_stands_in_grey_below_and_says_what_a_value_is() -> None:
    """An accession number below an examination; a due time under its own name, not as the time left."""
    columns = (Column(key="study", head="Study", second="accession"), Column(key="left", head="Time left", kept="due"))
    row = Row(cells=(Cell(text="CT Head", second="A1"), Cell(text="2 h left", value=NOW)))
    answer = download(table_of("t", columns, [row], view(**{"as": "csv"})), NOW)
    assert list(csv.reader(io.StringIO(text(answer)))) == [
        ["study", "accession", "due"],
        ["CT Head", "A1", "2026-07-01T09:04+01:00"],
    ]
    book = download(table_of("t", columns, [row], view(**{"as": "xlsx"})), NOW)
    sheet = openpyxl.load_workbook(io.BytesIO(bytes(book.body))).active
    assert sheet is not None
    assert [cell.value for cell in sheet[1]] == ["Study", "Accession", "Due (London)"]
