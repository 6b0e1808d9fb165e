"""What holds of every file whatever: cells, lines and bytes drawn at random."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

from hypothesis import example, given, settings
from hypothesis import strategies as st
from openpyxl import Workbook  # type: ignore[import-untyped]

from balancer.domain.feed import ParsedExtract
from balancer.ingest.extract import parse_rows
from tests.ingest.deliveries import (
    ANNE,
    KEY,
    NETWORK,
    SHEETS,
    TITLE,
    csv_text,
    delta,
    feed,
    parse,
    rvv_row,
    rwf_row,
    workbook_bytes,
)

HEADER, GOOD = list(rvv_row()), list(rvv_row().values())
# Cells that mean something, near misses, and noise that may well break the file's own rules.
_TELLING = ["", " ", "E1", "E2", "CSKUH", "UABDO", "MPX", "CT Head", "1", "7", "27/02/2026 10:30", "29/03/2026 01:30"]
_NEAR = [
    "#N/A",
    "31/02/2026 10:30",
    "99999",
    "2.6E+07",
    ANNE,
    ANNE[:-1],
    "William Harvey Hospital",
    '"',
    "\ufffd",
    "a\nb",
]
_NOISE = st.text(st.characters(codec="utf-8"), max_size=12)
CELLS = st.one_of(st.sampled_from([*_TELLING, *_NEAR]), _NOISE)


@st.composite
def rows(draw: st.DrawFn) -> list[list[str]]:
    """Return rows that are good, but for any number of cells, and now and then too short or too long."""
    drawn = []
    for _ in range(draw(st.integers(0, 8))):
        row = [str(cell) for cell in GOOD]
        for place in draw(st.lists(st.integers(0, len(row) - 1), max_size=5)):
            row[place] = draw(CELLS)
        if draw(st.booleans()) and draw(st.booleans()):
            # a short row of several lines may be several rows: each of its lines would count
            row = [" ".join(cell.splitlines()) for cell in row[: draw(st.integers(1, len(row)))]]
        drawn.append(row)
    return drawn


def places(parsed: ParsedExtract) -> Counter[tuple[str, int]]:
    """Return where every row of every heap stood."""
    studies = [study.row for study in (*parsed.studies, *parsed.duplicates)]
    others = [*(row.row for row in parsed.excluded), *(row.row for row in parsed.quarantined)]
    return Counter((row.sheet, row.line) for row in (*studies, *others))


@settings(max_examples=80, deadline=None)
@given(rows(), st.sampled_from(["snapshot", "delta"]))
def test_every_data_row_is_in_exactly_one_heap(drawn: list[list[str]], kind: str) -> None:
    """Rows read are the sum of the heaps, no line is in two, and no study is accepted twice."""
    described = feed("RVV") if kind == "snapshot" else delta("RVV")
    parsed = parse(csv_text([HEADER, *drawn]).encode(), described)
    found = places(parsed)
    assert parsed.rows_read == found.total()
    assert found.total() == len(found)
    if not parsed.problem:
        filled = [row for row in drawn if any(cell.strip() for cell in row)]
        assert parsed.rows_read == sum(row != HEADER for row in filled)
    keys = Counter(study.key for study in parsed.studies)
    assert len(keys) == keys.total()
    if kind == "snapshot":
        assert not keys.keys() & {row.key for row in parsed.excluded}


@settings(max_examples=40, deadline=None)
@given(rows())
def test_parsing_twice_says_the_same(drawn: list[list[str]]) -> None:
    """Nothing depends on the hour, on chance or on what was read before."""
    content = csv_text([HEADER, *drawn]).encode()
    assert parse(content, "RVV") == parse(content, "RVV")


@settings(max_examples=40, deadline=None)
@given(rows())
def test_what_is_accepted_is_whole(drawn: list[list[str]]) -> None:
    """An accepted study has a number, a class of the policy, a known examination and an hour not after the extract."""
    parsed = parse(csv_text([HEADER, *drawn]).encode(), "RVV")
    classes = {priority.code for priority in NETWORK.policy.priorities}
    codes = {exam.code for exam in NETWORK.examinations}
    for study in (*parsed.studies, *parsed.duplicates):
        assert study.accession_number
        assert study.priority in classes
        assert study.exam_code in codes
        assert study.acquired_at.tzinfo is UTC
        assert parsed.extracted_at is not None
        assert study.acquired_at < parsed.extracted_at + timedelta(minutes=1)


@settings(max_examples=40, deadline=None)
@given(rows())
def test_rows_read_again_from_what_was_kept_say_the_same(drawn: list[list[str]]) -> None:
    """Quarantined rows hold everything that is needed to judge them again, once a map has been mended."""
    parsed = parse(csv_text([HEADER, *drawn]).encode(), "RVV")
    kept = [row.row for row in parsed.quarantined]
    again = parse_rows(kept, feed("RVV"), NETWORK, extracted_at=parsed.extracted_at, pseudonym_key=KEY)
    assert again.rows_read == len(kept)
    alone = {"contradictory_rows", "broken_row"}
    reasons = {row.row.line: row.reason for row in parsed.quarantined if row.reason not in alone}
    assert {row.row.line: row.reason for row in again.quarantined if row.row.line in reasons} == reasons


@settings(max_examples=80, deadline=None)
@given(st.binary(max_size=400), st.sampled_from(["RVV", "RWF", "RPA"]))
@example(b"PK\x03\x04", "RWF")
@example(b'"', "RVV")
@example(("Accession," * 3).encode(), "RVV")
def test_no_bytes_raise(content: bytes, trust: str) -> None:
    """Noise is a problem that is told, never an exception."""
    assert parse(content, trust).problem


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_no_half_and_no_damaged_file_raises(data: st.DataObject) -> None:
    """A file cut or overwritten anywhere is read as far as it can be, or refused; its rows still balance."""
    content = bytearray(csv_text([HEADER, *[[f"E{number}", *GOOD[1:]] for number in range(6)]]).encode())
    for _ in range(data.draw(st.integers(0, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    parsed = parse(bytes(content[: data.draw(st.integers(0, len(content)))]), "RVV")
    assert parsed.rows_read == places(parsed).total()


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**12), 10**12),
    st.floats(allow_nan=False, allow_infinity=False),
    st.datetimes(datetime(1900, 3, 1), datetime(9999, 12, 31)),  # noqa: DTZ001 - a spreadsheet's cells
    st.sampled_from(["#REF!", "Total", "", "2WW", ANNE]),
    st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Cn")), max_size=8),
)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from(list(rwf_row())), VALUES, max_size=4), max_size=4))
def test_cells_of_any_kind_in_a_workbook_are_in_exactly_one_heap(changes: list[dict[str, object]]) -> None:
    """Numbers, dates, truth values and text wherever a spreadsheet lets people put them."""
    book = Workbook()
    book.remove(book.active)
    for name in SHEETS:
        sheet = book.create_sheet(name)
        for heading in ([TITLE], [], list(rwf_row())):
            sheet.append(heading)
    drawn = [list({**rwf_row(Accession_No=f"M{at}"), **change}.values()) for at, change in enumerate(changes)]
    for row in drawn:
        book[SHEETS[0]].append(row)
    for name in SHEETS:
        book[name].append(["Total", len(drawn) if name == SHEETS[0] else 0])
    parsed = parse(workbook_bytes(book), "RWF")
    assert parsed.problem == "" or not drawn
    assert parsed.rows_read == places(parsed).total() == len(drawn)
