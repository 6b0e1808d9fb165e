from __future__ import annotations

from dataclasses import replace

from balancer.domain.feed import ParsedExtract
from balancer.ingest.extract import parse_rows
from balancer.ingest.feed_file import ExamRules, FeedDescription, Paediatric
from tests.ingest.deliveries import (
    EXTRACTED_AT,
    KEY,
    NETWORK,
    csv_text,
    feed,
    heaps,
    parse,
    rvv_file,
    rvv_row,
    rwf_file,
    rwf_row,
)


def again(parsed: ParsedExtract, described: FeedDescription) -> ParsedExtract:
    """Read the quarantined rows again by another description."""
    rows = [row.row for row in parsed.quarantined]
    return parse_rows(rows, described, NETWORK, extracted_at=parsed.extracted_at, pseudonym_key=KEY)


def test_rows_are_taken_once_the_map_is_mended() -> None:
    """As if they had stood in a file today; their lines are those of the file they came in."""
    parsed = parse(rvv_file(rvv_row(), rvv_row(Accession="E2", Exam_Code="NEW1", Exam_Name="")), "RVV")
    mended = replace(feed("RVV"), exam=ExamRules(codes={"new1": "MSKUH"}))
    (study,) = again(parsed, mended).studies
    assert (study.exam_code, study.accession_number, study.row.line) == ("MSKUH", "E2", 3)
    assert again(parsed, feed("RVV")).quarantined == parsed.quarantined


def test_dates_of_a_workbook_can_be_read_again() -> None:
    """A date cell was kept as the text the sheet showed."""
    parsed = parse(rwf_file(rwf_row(Priority="soon")), "RWF")
    mended = replace(feed("RWF"), priorities={"soon": "urgent"})
    (study,) = again(parsed, mended).studies
    assert f"{study.acquired_at:%Y-%m-%d %H:%M}" == "2026-02-27 10:30"
    assert study.site == "Maidstone Hospital"


def test_a_row_of_a_sheet_that_is_still_not_named_stays_where_it_is() -> None:
    """Naming the hospital is what mends it."""
    parsed = parse(rwf_file(rwf_row(), sheets={"Sevenoaks": [rwf_row(Accession_No="M2")]}), "RWF")
    nameless = replace(feed("RWF"), sites={})
    named = replace(nameless, format=replace(feed("RWF").format, sheets=(*feed("RWF").format.sheets, "Sevenoaks")))
    assert heaps(again(parsed, nameless)) == (0, 0, 0, 1)
    assert heaps(again(parsed, named)) == (1, 0, 0, 0)


def test_a_broken_row_stays_broken() -> None:
    """Nobody knows which of its cells is which."""
    content = csv_text([list(rvv_row()), list(rvv_row().values())[:5]]).encode()
    (row,) = again(parse(content, "RVV"), feed("RVV")).quarantined
    assert row.reason == "broken_row"


def test_a_child_is_still_a_child_though_the_birth_date_was_not_kept() -> None:
    """What was kept of it is enough."""
    described = replace(feed("RVV"), paediatric=Paediatric(under_years=16, column="Born", date_formats=("%d/%m/%Y",)))
    row = [*rvv_row(Priority="soon").values(), "01/01/2020"]
    parsed = parse(csv_text([[*rvv_row(), "Born"], row]).encode(), described)
    (study,) = again(parsed, replace(described, priorities={"soon": "urgent"})).studies
    assert study.subspecialty == "paediatric"


def test_no_rows_are_no_rows() -> None:
    """Nothing was in quarantine."""
    nothing = parse_rows([], feed("RVV"), NETWORK, extracted_at=EXTRACTED_AT, pseudonym_key=KEY)
    assert (nothing.rows_read, heaps(nothing)) == (0, (0, 0, 0, 0))
