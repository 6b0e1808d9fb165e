"""Files that are not what they should be: a problem that says what, and nothing else is claimed."""

from __future__ import annotations

import io
import re
import zipfile
from dataclasses import replace

import pytest
from openpyxl import load_workbook  # type: ignore[import-untyped]

from balancer.domain.feed import ParsedExtract
from balancer.ingest.feed_file import FeedDescription
from tests.ingest.deliveries import (
    EXTRACTED_AT,
    csv_text,
    delta,
    feed,
    heaps,
    parse,
    rpa_file,
    rpa_row,
    rvv_file,
    rvv_row,
    rwf_file,
    rwf_row,
    workbook_bytes,
)

GARBAGE = bytes(range(256)) * 40


def assert_nothing_claimed(parsed: ParsedExtract, *told: str) -> None:
    """Nothing of the file is in any heap, and the problem says each of ``told``."""
    assert heaps(parsed) == (0, 0, 0, 0)
    assert parsed.rows_read == 0
    assert all(word in parsed.problem for word in told), parsed.problem
    assert len(parsed.digest) == 64


@pytest.mark.parametrize("trust", ["RVV", "RWF", "RPA"])
@pytest.mark.parametrize(
    "content",
    [b"", b"\n\n  \n", b"\xef\xbb\xbf", GARBAGE, b"\x00" * 500, b"%PDF-1.7 ...", b"PK\x03\x04 not really a zip"],
)
def test_what_is_no_extract_at_all_is_said_to_be_none(trust: str, content: bytes) -> None:
    """Nothing, noise, and other kinds of files."""
    assert_nothing_claimed(parse(content, trust))
    assert parse(content, trust).problem


def test_another_trusts_file_is_none_of_ours() -> None:
    """The headings are not ours."""
    assert_nothing_claimed(parse(rpa_file(rpa_row()), "RVV"), "line 1", "header")
    assert_nothing_claimed(parse(rwf_file(rwf_row()), "RVV"), "Excel workbook")
    assert_nothing_claimed(parse(rvv_file(rvv_row()), "RWF"), "not an Excel workbook")


def test_a_workbook_locked_by_a_password_says_so() -> None:
    """Excel wraps a locked workbook in an older kind of file."""
    locked = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 600
    assert_nothing_claimed(parse(locked, "RWF"), "password")
    assert_nothing_claimed(parse(locked, "RVV"), "password")


def test_a_zip_archive_of_something_else_is_no_workbook() -> None:
    """Both begin alike."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("holiday.jpg", GARBAGE)
    assert_nothing_claimed(parse(buffer.getvalue(), "RWF"), "not a whole Excel workbook")


def test_a_workbook_that_would_fill_the_machine_is_not_unpacked() -> None:
    """A few kilobytes can claim to be gigabytes."""
    content = bytearray(rwf_file(rwf_row()))
    directory = content.index(b"PK\x01\x02")
    content[directory + 24 : directory + 28] = (600_000_000).to_bytes(4, "little")  # its first entry says so
    assert_nothing_claimed(parse(bytes(content), "RWF"), "unpacks to 600,")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_half_a_workbook_is_no_workbook(share: float) -> None:
    """Its directory stands at its end."""
    whole = rwf_file(*(rwf_row(Accession_No=f"M{number}") for number in range(50)))
    assert_nothing_claimed(parse(whole[: int(len(whole) * share)], "RWF"), "not a whole Excel workbook")


@pytest.mark.parametrize("cut", range(2, 60))
def test_a_csv_cut_in_the_middle_of_a_row_says_so(cut: int) -> None:
    """Wherever it was cut: the line it ends on does not end."""
    whole = rvv_file(*(rvv_row(Accession=f"E{number}") for number in range(5)))
    assert_nothing_claimed(parse(whole[:-cut], "RVV"), "cut short", "line 6")


def test_a_csv_that_need_not_end_its_last_line_is_still_found_cut() -> None:
    """A last row with too few cells and no end is half a row; a whole one is whole."""
    described = replace(feed("RVV"), format=replace(feed("RVV").format, ends_with_newline=False))
    whole = rvv_file(rvv_row(), rvv_row(Accession="E2")).rstrip()
    assert heaps(parse(whole, described)) == (2, 0, 0, 0)
    assert_nothing_claimed(parse(whole[:-40], described), "cut short", "line 3")


def counted() -> FeedDescription:
    """Return East Kent's feed as if its files ended with ``Rows: 2``."""
    layout = replace(feed("RVV").format, footer=re.compile(r"^Rows: ([\d,]+)$"), ends_with_newline=False)
    return replace(feed("RVV"), format=layout)


def test_a_footer_that_agrees_is_no_row() -> None:
    """It is read, checked and left out."""
    content = rvv_file(rvv_row(), rvv_row(Accession="E2")) + b"Rows: 2\r\n\r\n"
    assert heaps(parse(content, counted())) == (2, 0, 0, 0)


@pytest.mark.parametrize(("footer", "told"), [(b"", "cut short"), (b"Rows: 3\r\n", "counts '3' rows and there are 2")])
def test_a_footer_that_is_missing_or_disagrees_means_a_file_that_is_not_whole(footer: bytes, told: str) -> None:
    """Cut exactly between two rows, a file looks whole to everything but its footer."""
    assert_nothing_claimed(parse(rvv_file(rvv_row(), rvv_row(Accession="E2")) + footer, counted()), told)


def test_a_sheet_whose_total_disagrees_means_a_workbook_that_is_not_whole() -> None:
    """Somebody deleted a row, or an export stopped in the middle of a hospital."""
    assert_nothing_claimed(parse(rwf_file(rwf_row(), total=2), "RWF"), "'Maidstone'", "counts '2' rows")


def test_a_hospital_that_is_missing_means_a_workbook_that_is_not_whole() -> None:
    """Its absence would withdraw all its studies."""
    book = load_workbook(io.BytesIO(rwf_file(rwf_row())))
    del book["Tunbridge Wells"]
    assert_nothing_claimed(parse(workbook_bytes(book), "RWF"), "no sheet 'Tunbridge Wells'")


def test_a_snapshot_of_nothing_is_a_problem_and_a_delta_of_nothing_is_none() -> None:
    """It is likelier that an export failed than that nobody waits; but it may well be that nothing changed."""
    assert_nothing_claimed(parse(rvv_file(), "RVV"), "no row below")
    assert parse(rvv_file(), delta("RVV")).problem == ""
    assert parse(rvv_file(), delta("RVV")).extracted_at == EXTRACTED_AT


def test_missing_columns_are_named_with_what_they_may_be_called_now() -> None:
    """A system was updated and calls things by other names."""
    content = rvv_file(rvv_row()).replace(b"Exam Date", b"Exam Dates").replace(b"Priority", b"Rank")
    assert_nothing_claimed(parse(content, "RVV"), "'Exam Date' (is it 'Exam Dates'?)", "'Priority'")


def test_a_column_that_stands_twice_is_a_problem() -> None:
    """Nobody can tell which of the two counts."""
    content = csv_text([[*rvv_row(), "Priority"], [*rvv_row().values(), "1"]]).encode()
    assert_nothing_claimed(parse(content, "RVV"), "'Priority' twice")


def test_a_header_that_has_slipped_is_found() -> None:
    """Somebody inserted a title; the message says which line to name."""
    assert_nothing_claimed(parse(b"Our list\r\n" + rvv_file(rvv_row()), "RVV"), "line 2", "header_row = 2")


def test_columns_may_stand_in_any_order_and_others_between_them() -> None:
    """Only headings count."""
    row = {"Ward": "9", **dict(reversed(rvv_row().items())), "": "x"}
    parsed = parse(csv_text([list(row), list(row.values())]).encode(), "RVV")
    assert heaps(parsed) == (1, 0, 0, 0)
    assert parsed.studies[0].row.raw["column 14"] == "x"


def test_blank_rows_and_repeated_headers_are_no_rows() -> None:
    """They are what printing leaves behind; lines still count as an editor shows them."""
    header, row = list(rvv_row()), list(rvv_row().values())
    content = csv_text([header, [], [""] * 12, header, row, [], []])
    parsed = parse(content.encode(), "RVV")
    assert (parsed.rows_read, parsed.studies[0].row.line) == (1, 5)


def test_lines_count_as_an_editor_shows_them_even_after_a_cell_of_several_lines() -> None:
    """A comment with line breaks, well quoted, is one cell."""
    header = [*rvv_row(), "Comment"]
    rows = [[*rvv_row().values(), "first\nsecond\nthird"], [*rvv_row(Accession="E2").values(), ""]]
    parsed = parse(csv_text([header, *rows]).encode(), "RVV")
    assert [study.row.line for study in parsed.studies] == [2, 5]
    assert parsed.studies[0].row.raw["Comment"] == "first\nsecond\nthird"


@pytest.mark.parametrize("where", [3, 12])
def test_a_stray_quotation_mark_does_not_swallow_the_rows_below_it(where: int) -> None:
    """Read naively, everything down to the next mark, or to the end, would be one cell and its studies withdrawn."""
    rows = [[*rvv_row(Accession=f"E{number}").values(), "x"] for number in range(20)]
    lines = csv_text([[*rvv_row(), "Comment"], *rows]).split("\r\n")
    cells = lines[5].split(",")
    cells[where] = f'"{cells[where]}'
    lines[5] = ",".join(cells)
    parsed = parse("\r\n".join(lines).encode(), "RVV")
    assert parsed.rows_read == 20
    assert len(parsed.studies) + len(parsed.quarantined) == 20
    assert len(parsed.studies) >= 19


def test_a_mark_that_is_never_closed_does_not_swallow_a_large_file() -> None:
    """Beyond a certain length the standard library refuses a cell altogether."""
    rows = [list(rvv_row(Accession=f"E{number}").values()) for number in range(3000)]
    rows[3][4] = "OPEN"
    content = csv_text([list(rvv_row()), *rows]).replace("OPEN", '"CT Head')
    parsed = parse(content.encode(), "RVV")
    assert len(parsed.studies) == 3000


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_line_ends_of_every_system_are_line_ends(ending: str) -> None:
    """The line is the same whatever ends it."""
    content = csv_text([list(rvv_row()), list(rvv_row(Priority="?").values())]).replace("\r\n", ending)
    assert parse(content.encode(), "RVV").quarantined[0].row.line == 2
