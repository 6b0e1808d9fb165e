"""A downtime list on paper and as a table: what a feed calls things is text, never markup or a formula."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from balancer.domain.downtime import DowntimeList, DowntimeRead
from balancer.publish.downtime import sheet as paper
from balancer.publish.downtime import table
from tests.worlds import NOW

READ = DowntimeRead(
    place=1,
    trust="RVV",
    site="",
    accession_number="A1",
    local_patient_id="H1",
    exam_code="CTH",
    exam_name="CT head",
    modality="CT",
    priority="suspected_cancer",
    patient_setting="inpatient",
    acquired_at=NOW,
    due_at=NOW + timedelta(hours=4),
    planned_start=NOW,
    planned_end=NOW + timedelta(minutes=7),
    minutes=7,
)
LIST = DowntimeList(
    reporter_id="R1",
    name="Dr A. Example",
    home_trust="RVV",
    version=4,
    published_at=NOW,
    made_at=NOW,
    withheld=0,
    reads=[READ],
)


def test_the_same_list_is_the_same_pdf() -> None:
    """Bytes can be compared."""
    assert paper.sheet(LIST) == paper.sheet(LIST)


def test_a_list_is_made_at_any_instant() -> None:
    """Clocks do not stand at whole seconds."""
    assert paper.sheet(replace(LIST, made_at=NOW + timedelta(microseconds=123_456))).startswith(b"%PDF-")


@pytest.mark.parametrize("name", ['#panic("x") $x$ *bold* <a> "', "Łódź Ørsted \u0639", "\\"])
def test_what_a_feed_says_is_never_markup(name: str) -> None:
    """Nor do letters of any alphabet keep a list from being made."""
    assert paper.sheet(replace(LIST, name=name, reads=[replace(READ, exam_name=name)])).startswith(b"%PDF-")


def test_paper_reaches_two_days_and_says_how_much_follows() -> None:
    """What is open is on it whenever it was planned."""
    later = replace(READ, planned_start=NOW + timedelta(hours=49))
    shown = paper.on_paper(replace(LIST, reads=[READ, later, replace(later, open=True)]))
    assert len(shown["rows"]) == 2
    assert shown["more"] == "1 more read is planned later: see the CSV file."


def test_what_is_late_says_so_in_words() -> None:
    """Paper is grey."""
    late = replace(READ, due_at=NOW - timedelta(hours=1))
    assert paper.on_paper(replace(LIST, reads=[late]))["rows"][0][3].endswith("LATE")


@pytest.mark.parametrize(("setting", "words"), [("gp", "GP"), ("day_case", "day case"), ("A&E", "A&E")])
def test_where_a_patient_was_seen_is_said_in_words(setting: str, words: str) -> None:
    """A feed's own word is for programs."""
    assert words in paper.on_paper(replace(LIST, reads=[replace(READ, patient_setting=setting)]))["rows"][0]


def test_no_cell_is_a_formula() -> None:
    """Spreadsheets run what begins like one."""
    row = next(iter(table.rows(replace(LIST, reads=[replace(READ, exam_name="=HYPERLINK(1)")]))))
    assert row[table.HEADER.index("exam_name")] == "'=HYPERLINK(1)"
