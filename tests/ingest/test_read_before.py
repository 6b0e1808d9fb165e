"""Rows that were read before are not read again, and what is made of a file does not depend on it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from balancer.domain.feed import ParsedExtract
from balancer.ingest.extract import parse_extract
from balancer.ingest.feed_file import FeedDescription, Paediatric
from balancer.ingest.heading_table import tabulate
from balancer.ingest.read_before import ReadBefore
from balancer.ingest.whole_file import TextSheet
from tests.ingest.deliveries import KEY, NETWORK, csv_text, delta, feed, rpa_file, rvv_file, rvv_row, rwf_file, rwf_row

HEADER = list(rvv_row())
NAME = "unreported-20260302T{:02}30.csv"
# Good rows, two that say the same of one study, two that contradict each other, one left out by a rule, bad ones.
ROWS = (
    rvv_row(Accession="E1"),
    rvv_row(Accession="E1", Priority="1"),
    rvv_row(Accession=" E1 "),
    rvv_row(Accession="E2"),
    rvv_row(Accession="E3", Priority="1"),
    rvv_row(Accession="E4", First_Reader="9900001"),
    rvv_row(Accession="E5", Exam_Code="UABDO"),
    rvv_row(Accession="E6", Priority="no class"),
    rvv_row(Accession="E7", Exam_Date="02/03/2026 08:15"),
    rvv_row(Accession="", Exam_Name="E2"),
    rvv_row(Accession="E8", Hospital_No="E3"),
)
DRAWN = st.lists(st.integers(0, len(ROWS) - 1), max_size=8)


def read(
    content: bytes,
    before: ReadBefore | None,
    *,
    hour: int = 7,
    described: FeedDescription | None = None,
    name: str = NAME,
    key: bytes = KEY,
) -> ParsedExtract:
    """Read an extract of East Kent, made at half past ``hour``."""
    by = described or feed("RVV")
    return parse_extract(content, by, NETWORK, file_name=name.format(hour), pseudonym_key=key, before=before)


@pytest.fixture
def looked_at(monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[int]]:
    """Return what tells how many lines, with the header, each file had that were read and not known."""
    lines: list[int] = []

    def noted(sheets: Sequence[TextSheet], *rest: object) -> object:
        lines.append(sum(len(sheet.rows) for sheet in sheets))
        return tabulate(sheets, *rest)  # type: ignore[arg-type]  # as it was called

    monkeypatch.setattr("balancer.ingest.extract.tabulate", noted)
    return lambda: lines


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(DRAWN, st.integers(6, 9)), min_size=2, max_size=4))
def test_whatever_was_read_before_a_file_says_the_same(files: list[tuple[list[int], int]]) -> None:
    """Rows in any order, repeated, contradicting each other or gone; files of any hour, earlier ones too."""
    before = ReadBefore()
    for drawn, hour in files:
        content = csv_text([HEADER, *(list(ROWS[at].values()) for at in drawn)]).encode()
        assert read(content, before, hour=hour) == read(content, None, hour=hour)


def test_of_a_later_file_only_what_is_new_is_read(looked_at: Callable[[], list[int]]) -> None:
    """A thousand studies that still wait hold up no emergency that has come since."""
    before, rows = ReadBefore(), [rvv_row(Accession=f"E{number}") for number in range(50)]
    read(rvv_file(*rows), before)
    found = read(rvv_file(*rows[:20], rvv_row(Accession="A1", Priority="1"), *rows[21:]), before)
    assert looked_at() == [51, 2]
    assert [study.accession_number for study in found.studies][19:22] == ["E19", "A1", "E21"]
    assert [study.row.line for study in found.studies] == [*range(2, 52)]
    assert found.rows_read == 50


def test_a_file_from_which_rows_have_only_gone_is_not_empty(looked_at: Callable[[], list[int]]) -> None:
    """They have been reported; that nothing new stands in it is no failed export."""
    before = ReadBefore()
    read(rvv_file(rvv_row(Accession="E1"), rvv_row(Accession="E2")), before)
    found = read(rvv_file(rvv_row(Accession="E2")), before)
    assert (found.problem, found.rows_read, [study.accession_number for study in found.studies]) == ("", 1, ["E2"])
    assert looked_at() == [3, 1]


@pytest.mark.parametrize(
    "changed",
    [
        {"described": replace(feed("RVV"), priorities={**feed("RVV").priorities, "7": "emergency"})},
        {"key": b"another key of pseudonyms"},
        {"hour": 6},
    ],
)
def test_what_was_read_by_something_else_is_read_again(changed: dict[str, object]) -> None:
    """Another meaning of its words, another key, or an extract that was made before: a row may be in its future."""
    before, content = ReadBefore(), rvv_file(rvv_row(Exam_Date="02/03/2026 07:10"), rvv_row(Accession="E2"))
    first = read(content, before)
    again = read(content, before, **changed)  # type: ignore[arg-type]  # keywords of the function
    assert again == read(content, None, **changed)  # type: ignore[arg-type]  # as above
    assert again.studies != first.studies


def test_columns_that_have_changed_places_are_read_again() -> None:
    """The cells are the same; what they mean is not."""
    before, row = ReadBefore(), rvv_row(Exam_Name="", Images_Complete="02/03/2026 07:00", Exam_Date="02/03/2026 07:01")
    swapped = {"Exam Date": "Images Complete", "Images Complete": "Exam Date"}
    header = [swapped.get(heading, heading) for heading in HEADER]
    first = read(csv_text([HEADER, list(row.values())]).encode(), before)
    second = read(csv_text([header, list(row.values())]).encode(), before)
    assert (first.studies[0].acquired_at, first.studies[0].ready_at) == (
        second.studies[0].ready_at,
        second.studies[0].acquired_at,
    )


def test_who_was_a_child_is_not_taken_for_granted() -> None:
    """A date of birth is kept nowhere; that it is another one is seen all the same."""
    by = replace(feed("RVV"), paediatric=Paediatric(column="Born", under_years=16, date_formats=("%d/%m/%Y",)))
    before = ReadBefore()
    files = [
        csv_text([[*HEADER, "Born"], [*rvv_row().values(), born]]).encode() for born in ("01/02/1960", "01/02/2020")
    ]
    grown, child = (read(content, before, described=by).studies[0] for content in files)
    assert grown.subspecialty == "neuro"
    assert child.subspecialty == "paediatric"
    assert not any("1960" in cell for cell in grown.row.raw.values())


def test_feeds_whose_rows_are_not_judged_one_by_one_are_read_whole(looked_at: Callable[[], list[int]]) -> None:
    """Changes, which repeat nothing; a workbook, whose footer counts its rows; whatever comes first of its feed."""
    before, content = ReadBefore(), rvv_file(rvv_row())
    for _ in range(2):
        read(content, before, described=delta("RVV"))
        read(rwf_file(rwf_row()), before, described=feed("RWF"), name="Unreported.xlsx")
    read(content, before)
    read(rpa_file(), before, described=feed("RPA"), name="RPA_worklist-20260302T{:02}30.csv")
    lines = looked_at()
    assert lines[:2] == lines[2:4]
    assert lines[4] == 2


def test_no_more_rows_are_kept_than_may_be(looked_at: Callable[[], list[int]]) -> None:
    """Of several feeds those are forgotten that were read longest ago."""
    before = ReadBefore(most_rows=3)
    other = replace(feed("RVV"), name="another feed")
    content = rvv_file(rvv_row(Accession="E1"), rvv_row(Accession="E2"))
    for described in (feed("RVV"), other, other, feed("RVV")):
        read(content, before, described=described)
    assert looked_at() == [3, 3, 1, 3]
