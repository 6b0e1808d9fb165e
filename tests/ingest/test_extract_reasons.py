"""Every reason for quarantine, each alone: one cell of a good row is spoiled."""

from __future__ import annotations

from dataclasses import replace

import pytest

from balancer.domain.study import StudyKey
from tests.ingest.deliveries import (
    ANNE,
    csv_text,
    feed,
    heaps,
    only_quarantined,
    parse,
    rpa_file,
    rpa_row,
    rvv_file,
    rvv_row,
    rwf_file,
    rwf_row,
)

WRONG_DIGIT = f"{ANNE[:-1]}1"
CASES = [
    ("Accession", "", "missing_accession_number"),
    ("Accession", "   ", "missing_accession_number"),
    ("Accession", "2.61E+07", "bad_accession_number"),
    ("Accession", "E\x001", "bad_accession_number"),
    ("Accession", "E" * 65, "bad_accession_number"),
    ("Exam Code", "QQQQ", "unknown_exam"),
    ("Priority", "", "missing_value"),
    ("Priority", "9", "unknown_priority"),
    ("Priority", "#N/A", "spreadsheet_error"),
    ("Exam Date", "", "missing_value"),
    ("Exam Date", "2026-02-27 10:30", "unreadable_date"),
    ("Exam Date", "31/02/2026 10:30", "unreadable_date"),
    ("Exam Date", "27/02/2026", "unreadable_date"),
    ("Exam Date", "27/02/1926 10:30", "implausible_date"),
    ("Exam Date", "27/02/9026 10:30", "implausible_date"),
    ("Exam Date", "02/03/2026 07:31", "future_date"),
    ("Images Complete", "soon", "unreadable_date"),
    ("Images Complete", "02/03/2062 07:30", "implausible_date"),
    ("NHS No", WRONG_DIGIT, "bad_nhs_number"),
    ("NHS No", "not known", "bad_nhs_number"),
    ("NHS No", "999000001", "bad_nhs_number"),
    ("NHS No", "0000000000", "bad_nhs_number"),
    ("Site", "Somewhere else", "unknown_site"),
    ("First Reader", "#REF!", "spreadsheet_error"),
]


@pytest.mark.parametrize(("heading", "cell", "reason"), CASES)
def test_one_bad_cell_quarantines_its_row_and_no_other(heading: str, cell: str, reason: str) -> None:
    """The row is kept whole with its line, the heading at fault and the reason; the rows around it are taken."""
    bad = {**rvv_row(), heading: cell}
    if heading == "Exam Code":
        bad["Exam Name"] = ""
    parsed = parse(rvv_file(rvv_row(Accession="E0"), bad, rvv_row(Accession="E2")), "RVV")
    assert heaps(parsed) == (2, 0, 0, 1)
    row = only_quarantined(parsed)
    assert (row.row.line, row.column, row.reason) == (3, heading, reason)
    assert row.row.raw[heading] == cell
    assert row.detail
    assert row.key == (None if heading == "Accession" else StudyKey("RVV", "E1"))


def test_a_study_of_the_same_minute_is_not_in_the_future() -> None:
    """An extract says its hour to the minute: what was imaged within it may well be in it."""
    described = replace(feed("RPA"))
    (study,) = parse(rpa_file(rpa_row(PerformedAt="2026-03-02 07:30:59")), described).studies
    assert study.accession_number == "P1"


def test_no_row_is_in_the_future_of_a_file_without_an_hour() -> None:
    """A renamed file does not say when it was made; that is for whoever takes it in to judge."""
    parsed = parse(rvv_file(rvv_row(Exam_Date="02/03/2026 07:31")), "RVV", file_name="copy of list.csv")
    assert parsed.extracted_at is None
    assert heaps(parsed) == (1, 0, 0, 0)


def test_what_is_wrong_with_an_nhs_number_is_told_without_repeating_it() -> None:
    """Details are shown to people who have no business with it."""
    row = only_quarantined(parse(rvv_file(rvv_row(NHS_No=WRONG_DIGIT)), "RVV"))
    assert WRONG_DIGIT not in row.detail
    assert "check digit" in row.detail


@pytest.mark.parametrize(
    ("name", "reason", "meant"),
    [
        ("XR Knee", "ambiguous_exam", ["XKNEL", "XKNER"]),
        ("CT", "ambiguous_exam", ["CSKUH", "ZCHDNA", "ZCTAP"]),
        ("MR", "ambiguous_exam", ["MSKUH", "ZMPROS"]),
        ("Mam", "unknown_exam", []),
        ("CT Haed", "unknown_exam", ["CSKUH"]),
        ("", "missing_value", []),
    ],
)
def test_a_name_that_is_not_sure_is_quarantined_with_what_it_may_mean(name: str, reason: str, meant: list[str]) -> None:
    """A name cut so short that several examinations begin with it, or only a few letters long, decides nothing."""
    row = only_quarantined(parse(rpa_file(rpa_row(ExamCode="", ExamDescription=name)), "RPA"))
    assert (row.reason, row.column) == (reason, "ExamDescription")
    assert all(code in row.detail for code in meant)


def test_cut_names_count_only_where_the_feed_says_that_they_are_cut() -> None:
    """East Kent exports whole names: half a name is a mistake there."""
    row = only_quarantined(parse(rvv_file(rvv_row(Exam_Code="", Exam_Name="CT Thorax, abdo")), "RVV"))
    assert row.reason == "unknown_exam"


@pytest.mark.parametrize(("cells", "told"), [(14, "14 cells"), (5, "5 cells")])
def test_rows_of_the_wrong_length_are_broken(cells: int, told: str) -> None:
    """Nobody knows which cell is missing or too many; the row might be any study whose number stands in it."""
    good = list(rvv_row().values())
    content = csv_text([list(rvv_row()), [*good, "x", "y"][:cells], [*rvv_row(Accession="E2").values()]])
    parsed = parse(content.encode(), "RVV")
    assert heaps(parsed) == (1, 0, 0, 1)
    row = only_quarantined(parsed)
    assert (row.reason, row.key, row.row.line) == ("broken_row", None, 2)
    assert told in row.detail
    assert row.row.raw["cell 1"] == "E1"


def test_a_cell_beyond_the_headings_of_a_sheet_breaks_its_row() -> None:
    """Something typed beside the table means that cells may have been moved."""
    parsed = parse(rwf_file({**rwf_row(), "beside": "ring Ann"}), "RWF")
    assert only_quarantined(parsed).reason == "broken_row"


@pytest.mark.parametrize(
    ("heading", "cell"),
    [("Priority", "1"), ("Exam Code", "XCHES"), ("Hospital No", "EK9"), ("Exam Code", "UABDO"), ("NHS No", "")],
)
def test_rows_that_contradict_each_other_are_all_quarantined(heading: str, cell: str) -> None:
    """Nobody can tell which of two statements about one study is right, even if a rule would leave one of them out."""
    parsed = parse(rvv_file(rvv_row(), rvv_row(Accession="E2"), {**rvv_row(), heading: cell}), "RVV")
    assert heaps(parsed) == (1, 0, 0, 2)
    assert {row.key for row in parsed.quarantined} == {StudyKey("RVV", "E1")}
    assert {(row.reason, row.column) for row in parsed.quarantined} == {("contradictory_rows", heading)}
    assert all("line 2" in row.detail and "line 4" in row.detail for row in parsed.quarantined)


def test_several_faults_of_one_row_are_all_told() -> None:
    """The first is the reason; whoever mends the row must not have to come back for the second."""
    row = only_quarantined(parse(rvv_file(rvv_row(Priority="9", Exam_Date="tomorrow")), "RVV"))
    assert (row.column, row.reason) == ("Priority", "unknown_priority")
    assert "Exam Date: 'tomorrow'" in row.detail


@pytest.mark.parametrize("error", ["#N/A", "#REF!", "#VALUE!", "#NAME?", "#DIV/0!"])
def test_error_cells_of_a_workbook_are_told_as_such(error: str) -> None:
    """An error cell is neither empty nor a word that nobody mapped."""
    row = only_quarantined(parse(rwf_file(rwf_row(Exam=error)), "RWF"))
    assert (row.reason, row.column) == ("spreadsheet_error", "Exam")
    assert row.row.raw["Exam"] == error


def test_an_error_in_a_column_that_decides_nothing_is_taken_for_an_empty_cell() -> None:
    """No study waits longer because a formula for the referral source failed."""
    (study,) = parse(rwf_file(rwf_row(Referral_Source="#N/A")), "RWF").studies
    assert study.patient_setting == ""


def test_characters_that_cannot_be_read_quarantine_their_row() -> None:
    """In a file that is no text of the encodings named, only the rows that were damaged are set aside."""
    described = replace(feed("RPA"), format=replace(feed("RPA").format, encodings=("utf-8",)))
    content = rpa_file(rpa_row(), rpa_row(AccessionNumber="P2", PatientID="ZZ")).replace(b"ZZ", b"\xff\xfe")
    parsed = parse(content, described)
    assert heaps(parsed) == (1, 0, 0, 1)
    assert only_quarantined(parsed).reason == "unreadable_characters"


def test_a_study_instance_uid_that_is_none_is_quarantined() -> None:
    """A wrong UID would open somebody else's images."""
    described = replace(feed("RVV"), columns={**feed("RVV").columns, "study_instance_uid": ("UID",)})
    rows = [[*rvv_row(Accession="E1").values(), "1.2.840.1"], [*rvv_row(Accession="E2").values(), "1.2.x"]]
    parsed = parse(csv_text([[*rvv_row(), "UID"], *rows]).encode(), described)
    assert parsed.studies[0].study_instance_uid == "1.2.840.1"
    assert only_quarantined(parsed).reason == "bad_study_instance_uid"
