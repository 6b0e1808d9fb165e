from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO

import pytest
from openpyxl import load_workbook  # type: ignore[import-untyped]

from balancer.domain.study import StudyKey
from balancer.ingest.feed_file import Paediatric
from balancer.ingest.pseudonym import pseudonym
from tests.ingest.deliveries import (
    ANNE,
    BILL,
    EXTRACTED_AT,
    KEY,
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


def test_a_row_of_east_kent_becomes_a_study() -> None:
    """Every column is mapped, the catalogue fills in the rest, and the row is remembered as it stood."""
    parsed = parse(
        rvv_file(rvv_row(Priority="1", Images_Complete="02/03/2026 09:00", Previous_Reporter="9900002")), "RVV"
    )
    (study,) = parsed.studies
    assert parsed.problem == ""
    assert parsed.feed == "RVV unreported studies"
    assert parsed.extracted_at == EXTRACTED_AT
    assert study.key == StudyKey("RVV", "E1")
    assert study.patient_id == pseudonym(KEY, ANNE, "RVV", "EK000001")
    assert study.local_patient_id == "EK000001"
    assert (study.exam_code, study.modality, study.subspecialty, study.minutes) == ("CSKUH", "CT", "neuro", 7)
    assert (study.priority, study.patient_setting, study.site) == ("emergency", "outpatient", "William Harvey Hospital")
    assert study.acquired_at == datetime(2026, 2, 27, 10, 30, tzinfo=UTC)
    assert study.ready_at == datetime(2026, 3, 2, 9, tzinfo=UTC)
    assert (study.reads, study.excluded, study.prior_reporter) == (1, frozenset(), "9900002")
    assert (study.row.line, study.row.sheet) == (2, "")
    assert study.row.raw["Exam Date"] == "27/02/2026 10:30"


def test_a_row_of_maidstone_becomes_a_study() -> None:
    """The sheet is the hospital, a date cell is a date, a number cell an NHS number, and the title says the hour."""
    content = rwf_file(rwf_row(), sheets={"Maidstone CDC": [rwf_row(Accession_No="M2", Priority="2ww")]})
    parsed = parse(content, "RWF")
    first, second = parsed.studies
    assert parsed.problem == ""
    assert parsed.extracted_at == EXTRACTED_AT
    assert parsed.rows_read == 2
    assert first.acquired_at == datetime(2026, 2, 27, 10, 30, tzinfo=UTC)
    assert first.patient_id == pseudonym(KEY, ANNE, "RWF", "")
    assert (first.site, first.row.sheet, first.row.line) == ("Maidstone Hospital", "Maidstone", 4)
    assert (second.site, second.priority) == ("Maidstone Community Diagnostic Centre", "suspected_cancer")
    assert first.row.raw["Date/Time of Exam"] == "27/02/2026 10:30"
    assert first.row.raw["NHS Number"] == ANNE


@pytest.mark.parametrize("cell", ["27/02/2026 10:30", 46080.4375, "2026-02-27 10:30:00"])
def test_dates_in_a_workbook_may_be_text_or_serial_numbers(cell: object) -> None:
    """People type dates as text, and a cell that lost its format shows days since 1899."""
    (study,) = parse(rwf_file(rwf_row(Date_Time_of_Exam=cell)), "RWF").studies
    assert study.acquired_at == datetime(2026, 2, 27, 10, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("cell", "priority"),
    [("A&E", "emergency"), ("ip  URGENT", "inpatient_urgent"), (" IP ", "inpatient"), ("GP routine", "routine")],
)
def test_priorities_in_words_forgive_capitals_and_blanks(cell: str, priority: str) -> None:
    """Whoever types them does so as they please."""
    (study,) = parse(rwf_file(rwf_row(Priority=cell)), "RWF").studies
    assert study.priority == priority


def test_hidden_sheets_are_not_read() -> None:
    """A hidden working sheet is nobody's list, whatever stands in it."""
    parsed = parse(rwf_file(rwf_row(), hidden="Working", sheets={"Working": [rwf_row(Accession_No="M2")]}), "RWF")
    assert heaps(parsed) == (1, 0, 0, 0)


def test_sheets_without_the_headings_are_not_read() -> None:
    """Notes for colleagues are no studies."""
    book = load_workbook(BytesIO(rwf_file(rwf_row())))
    book.create_sheet("Notes").append(["Please ring when a scanner is down"])
    assert heaps(parse(workbook_bytes(book), "RWF")) == (1, 0, 0, 0)


def test_studies_of_a_hospital_nobody_named_are_quarantined() -> None:
    """A new sheet with the same headings is a new hospital: its studies are neither taken nor silently left out."""
    parsed = parse(rwf_file(rwf_row(), sheets={"Sevenoaks": [rwf_row(Accession_No="M2")]}), "RWF")
    assert heaps(parsed) == (1, 0, 0, 1)
    assert parsed.quarantined[0].reason == "unknown_site"
    assert parsed.quarantined[0].key == StudyKey("RWF", "M2")


def test_a_row_of_medway_becomes_a_study() -> None:
    """Semicolons and a byte-order mark are no trouble, and where there is no code the name decides."""
    (study,) = parse(rpa_file(rpa_row(ExamCode="", ExamDescription="MEDWAY^ct  HEAD")), "RPA").studies
    assert study.key == StudyKey("RPA", "P1")
    assert study.exam_code == "CSKUH"
    assert study.acquired_at == datetime(2026, 2, 27, 10, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("CT Thorax, abdomen", "ZCTAP"),
        ("ROCHESTER^CT Thorax, a", "ZCTAP"),
        ("Chest X-ray", "XCHES"),
        ("cxr", "XCHES"),
        ("CT Head", "CSKUH"),
        ("XR  Knee (Lt)", "XKNEL"),
    ],
)
def test_names_are_matched_whole_by_alias_or_cut_short(name: str, code: str) -> None:
    """A whole name wins over being the beginning of another: CT Head is not CT Head and neck."""
    (study,) = parse(rpa_file(rpa_row(ExamCode="", ExamDescription=name)), "RPA").studies
    assert study.exam_code == code


def test_the_trusts_own_codes_come_before_the_catalogue() -> None:
    """A code mapped in the description means what the description says."""
    (study,) = parse(rvv_file(rvv_row(Exam_Code="ekcxr")), "RVV").studies
    assert study.exam_code == "XCHES"


def test_bytes_of_an_older_encoding_are_read() -> None:
    """East Kent's older exports are cp1252: a no-break space or an accent must not break the file."""
    content = rvv_file(rvv_row(Exam_Name="Tête CT\u00a0")).decode().encode("cp1252")
    assert heaps(parse(content, "RVV")) == (1, 0, 0, 0)


def test_screening_needs_two_reads_and_one_if_somebody_has_read_it() -> None:
    """Whoever did the first read may not do the second."""
    rows = [
        rvv_row(Accession="E1", Exam_Code="ZGSCRE"),
        rvv_row(Accession="E2", Exam_Code="ZGSCRE", First_Reader="9900001"),
    ]
    unread, read_once = parse(rvv_file(*rows), "RVV").studies
    assert (unread.reads, unread.excluded) == (2, frozenset())
    assert (read_once.reads, read_once.excluded) == (1, frozenset({"9900001"}))


def test_a_patient_is_one_person_across_trusts_by_nhs_number_only() -> None:
    """With the number the pseudonym is the same everywhere; without, it is the trust's own, and never the other's."""
    (east,) = parse(rvv_file(rvv_row(Hospital_No="7")), "RVV").studies
    (west,) = parse(rwf_file(rwf_row(Unit_Number="8")), "RWF").studies
    (untraced,) = parse(rvv_file(rvv_row(NHS_No="", Hospital_No="7")), "RVV").studies
    (elsewhere,) = parse(rpa_file(rpa_row(NHSNumber="", PatientID="7")), "RPA").studies
    assert east.patient_id == west.patient_id
    assert len({east.patient_id, untraced.patient_id, elsewhere.patient_id}) == 3
    assert not any(ANNE in study.patient_id for study in (east, untraced))


def test_a_patient_nobody_can_name_has_no_pseudonym() -> None:
    """Without any number the patient is one of their own."""
    (study,) = parse(rvv_file(rvv_row(NHS_No="", Hospital_No="")), "RVV").studies
    assert study.patient_id == ""


def test_numbers_in_groups_are_the_same_number() -> None:
    """People write NHS numbers in groups of three, three and four."""
    (study,) = parse(rvv_file(rvv_row(NHS_No=f"{ANNE[:3]} {ANNE[3:6]} {ANNE[6:]}")), "RVV").studies
    assert study.patient_id == pseudonym(KEY, ANNE, "RVV", "")


@pytest.mark.parametrize(
    ("cells", "rule"),
    [
        ({"Exam_Code": "UABDO"}, "ultrasound reported at the scan"),
        ({"Exam_Code": "", "Exam_Name": "US Abdomen", "Priority": "nonsense"}, "ultrasound reported at the scan"),
        ({"Exam_Code": "MPWOUN", "Exam_Name": "MP Wound"}, "medical photography"),
        ({"Exam_Code": "", "Exam_Name": "MP Skin lesion"}, "medical photography"),
    ],
)
def test_rules_leave_rows_out_by_name(cells: dict[str, object], rule: str) -> None:
    """What nobody has to report is counted under the rule's name, whatever else is wrong with the row."""
    parsed = parse(rvv_file(rvv_row(), rvv_row(Accession="E2", **cells)), "RVV")
    assert heaps(parsed) == (1, 0, 1, 0)
    assert parsed.excluded[0].rule == rule
    assert parsed.excluded[0].key == StudyKey("RVV", "E2")


def test_a_prefix_does_not_leave_out_what_the_catalogue_knows() -> None:
    """MP prostate MRI is an alias of an examination and no photograph."""
    (study,) = parse(rvv_file(rvv_row(Exam_Code="", Exam_Name="MP prostate MRI")), "RVV").studies
    assert study.exam_code == "ZMPROS"


def test_the_same_study_again_is_a_duplicate_however_it_is_written() -> None:
    """A second row that says the same is counted and not taken; the first one stands."""
    again = rvv_row(NHS_No=f"{ANNE[:3]}-{ANNE[3:6]}-{ANNE[6:]}", Exam_Code=" cskuh", Exam_Name="Head CT")
    parsed = parse(rvv_file(rvv_row(), again, rvv_row()), "RVV")
    assert heaps(parsed) == (1, 2, 0, 0)
    assert parsed.studies[0].row.line == 2


def test_a_bad_copy_does_not_take_the_good_row_with_it() -> None:
    """A row that cannot be read is no evidence against one that can."""
    parsed = parse(rvv_file(rvv_row(), rvv_row(Exam_Date="yesterday")), "RVV")
    assert heaps(parsed) == (1, 0, 0, 1)


def test_in_a_delta_the_last_row_of_a_study_holds() -> None:
    """A study that came through several states since the last file is what it is now."""
    parsed = parse(rvv_file(rvv_row(Priority="7"), rvv_row(Priority="1")), delta("RVV"))
    assert heaps(parsed) == (1, 1, 0, 0)
    assert parsed.studies[0].priority == "emergency"


def test_in_a_delta_a_study_that_is_left_out_in_the_end_is_left_out() -> None:
    """The first row is superseded: it is left out under the same rule."""
    parsed = parse(rvv_file(rvv_row(), rvv_row(Exam_Code="UABDO")), delta("RVV"))
    assert heaps(parsed) == (0, 0, 2, 0)


def test_a_status_can_leave_a_row_out() -> None:
    """A delta says by a status that a study has been reported."""
    described = delta("RPA")
    rule = replace(described.excludes[0], rule="reported", modalities=frozenset(), statuses=frozenset({"final"}))
    described = replace(described, columns={**described.columns, "status": ("Label",)}, excludes=(rule,))
    header = [*rpa_row(), "Label"]
    content = csv_text([header, [*rpa_row().values(), "FINAL"], [*rpa_row(AccessionNumber="P2").values(), "open"]], ";")
    parsed = parse(content.encode(), described)
    assert heaps(parsed) == (1, 0, 1, 0)
    assert parsed.excluded[0].rule == "reported"


def test_a_date_and_a_time_in_two_columns_are_one_instant() -> None:
    """Many systems export them apart."""
    described = replace(feed("RVV"), columns={**feed("RVV").columns, "acquired_at": ("Exam Date", "Exam Time")})
    row = rvv_row(Exam_Date="27/02/2026")
    content = csv_text([[*row, "Exam Time"], [*row.values(), "10:30"]]).encode()
    (study,) = parse(content, described).studies
    assert study.acquired_at == datetime(2026, 2, 27, 10, 30, tzinfo=UTC)


def test_children_are_read_by_paediatric_reporters_and_their_birth_dates_are_not_kept() -> None:
    """Sixteen on the day of the examination is no child any more; nothing of the date goes any further."""
    described = replace(feed("RVV"), paediatric=Paediatric(under_years=16, column="Born", date_formats=("%d/%m/%Y",)))
    born = {"E1": "28/02/2010", "E2": "27/02/2010", "E3": "", "E4": "31/02/2010"}
    rows = [[*rvv_row(Accession=accession).values(), day] for accession, day in born.items()]
    parsed = parse(csv_text([[*rvv_row(), "Born"], *rows]).encode(), described)
    assert [study.subspecialty for study in parsed.studies] == ["paediatric", "neuro", "neuro"]
    assert [row.reason for row in parsed.quarantined] == ["unreadable_date"]
    kept = [*(study.row for study in parsed.studies), *(row.row for row in parsed.quarantined)]
    assert [row.raw["Born"] for row in kept] == ["under 16", "16 or over", "", "unreadable"]


def test_columns_that_may_not_be_kept_are_kept_nowhere() -> None:
    """Not even in the raw cells of a row in quarantine, broken or not."""
    described = replace(feed("RVV"), never_keep=("Patient Name",))
    header, row = list(rvv_row()), list(rvv_row(Priority="?").values())
    lines: list[list[object]] = [
        [header[0], "Patient Name", *header[1:]],
        [row[0], "SMITH, Ann", *row[1:]],
        ["E2", "SMITH, Ann", "x"],
    ]
    parsed = parse(csv_text(lines).encode(), described)
    assert [item.reason for item in parsed.quarantined] == ["unknown_priority", "broken_row"]
    assert not any("SMITH" in cell for item in parsed.quarantined for cell in item.row.raw.values())


def test_two_people_are_two_pseudonyms() -> None:
    """Different numbers never meet in one pseudonym."""
    rows = [rvv_row(Accession="E1"), rvv_row(Accession="E2", NHS_No=BILL)]
    first, second = parse(rvv_file(*rows), "RVV").studies
    assert first.patient_id != second.patient_id
