from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from balancer.domain.reporter import Session
from balancer.domain.roster import ParsedRoster
from tests.ingest.deliveries import csv_text, only_quarantined, parse_week, roster

EAST = ["Staff No", "Name", "Date", "Start", "End", "Activity", "Location"]
GOOD = ["9900001", "Dr R", "02/03/2026", "09:00", "13:00", "REP", "SITE"]
MEDWAY = ["ReporterID", "From", "To", "Duty", "Place"]


def week(*rows: list[str], header: list[str] = EAST) -> bytes:
    """Return a rota of East Kent."""
    return csv_text([header, *rows]).encode()


def east(*changes: dict[int, str]) -> ParsedRoster:
    """Parse a rota of good rows with cells replaced by their place."""
    return parse_week(week(*([change.get(at, cell) for at, cell in enumerate(GOOD)] for change in changes)), "RVV")


def hours(parsed: ParsedRoster) -> list[tuple[str, str]]:
    """Return when each session starts and ends in UTC."""
    return [(f"{item.start:%d %H:%M}", f"{item.end:%d %H:%M}") for item in parsed.sessions]


def test_a_row_becomes_a_session() -> None:
    """With the policy's productivity, a stable name, and where it takes place."""
    parsed = east({})
    assert parsed.sessions == (
        Session(
            session_id="RVV-9900001-20260302T0900Z",
            reporter_id="9900001",
            start=datetime(2026, 3, 2, 9, tzinfo=UTC),
            end=datetime(2026, 3, 2, 13, tzinfo=UTC),
            productivity=1.0,
        ),
    )
    assert (parsed.covers_from, parsed.covers_to) == (date(2026, 3, 2), date(2026, 3, 8))
    assert (parsed.rows_read, parsed.problem) == (1, "")
    assert parsed.locations == {"RVV-9900001-20260302T0900Z": "site"}


def test_on_call_is_for_emergencies_and_slower() -> None:
    """The code says so, for every row that bears it."""
    (session,) = east({5: "oncall"}).sessions
    assert (session.priorities, session.productivity) == (frozenset({"emergency"}), 0.35)


@pytest.mark.parametrize(
    ("changes", "left"),
    [
        ({3: "12:00", 4: "13:00", 5: "MDT"}, [("02 09:00", "02 12:00")]),
        ({3: "10:00", 4: "11:30", 5: "US"}, [("02 09:00", "02 10:00"), ("02 11:30", "02 13:00")]),
        ({3: "08:00", 4: "10:00", 5: "SPA"}, [("02 10:00", "02 13:00")]),
        ({3: "00:00", 4: "24:00", 5: "AL"}, []),
        ({3: "13:00", 4: "17:00", 5: "AL"}, [("02 09:00", "02 13:00")]),
        ({0: "9900002", 3: "09:00", 4: "13:00", 5: "AL"}, [("02 09:00", "02 13:00")]),
    ],
)
def test_everything_else_is_cut_out_of_reporting(changes: dict[int, str], left: list[tuple[str, str]]) -> None:
    """Meetings, lists and leave of the same person take their time, whichever row stands first."""
    assert hours(east({}, changes)) == left
    assert hours(east(changes, {})) == left


def test_a_session_that_overlaps_is_quarantined_and_the_earlier_row_stands() -> None:
    """Nobody reports in two places at once; sessions that touch do not overlap."""
    parsed = east({}, {3: "12:59", 4: "15:00"}, {3: "13:00", 4: "14:00"})
    row = only_quarantined(parsed)
    assert (row.row.line, row.reason, row.column) == (3, "overlapping_session", "Start")
    assert "02/03/2026 09:00 to 13:00" in row.detail
    assert hours(parsed) == [("02 09:00", "02 13:00"), ("02 13:00", "02 14:00")]


@pytest.mark.parametrize(
    ("changes", "column", "reason"),
    [
        ({0: "9999999"}, "Staff No", "unknown_reporter"),
        ({0: ""}, "Staff No", "missing_value"),
        ({5: "XYZ"}, "Activity", "unknown_activity"),
        ({5: ""}, "Activity", "missing_value"),
        ({2: "31/02/2026"}, "Date", "unreadable_date"),
        ({2: ""}, "Date", "missing_value"),
        ({3: "9ish"}, "Start", "unreadable_date"),
        ({4: ""}, "End", "missing_value"),
        ({5: "#REF!"}, "Activity", "spreadsheet_error"),
        ({2: "02/04/2026"}, "Start", "implausible_date"),
        ({2: "28/02/2026"}, "Start", "implausible_date"),
    ],
)
def test_one_bad_cell_quarantines_its_row(changes: dict[int, str], column: str, reason: str) -> None:
    """With its line and heading; the other rows stand."""
    parsed = east(changes, {2: "03/03/2026"})
    row = only_quarantined(parsed)
    assert (row.row.line, row.column, row.reason) == (2, column, reason)
    assert len(parsed.sessions) == 1
    assert parsed.rows_read == 2


def test_a_row_with_several_faults_is_quarantined_once() -> None:
    """With all of them in its detail."""
    row = only_quarantined(east({0: "9999999", 3: "9ish"}))
    assert row.reason == "unknown_reporter"
    assert "Start: '9ish'" in row.detail


def test_rows_of_the_wrong_length_are_broken() -> None:
    """As in an extract."""
    parsed = parse_week(week(GOOD, GOOD[:4]), "RVV")
    assert only_quarantined(parsed).reason == "broken_row"
    assert parsed.rows_read == 2


@pytest.mark.parametrize(
    ("day", "start", "end", "length"),
    [
        ("02/03/2026", "21:00", "09:00", 12),
        ("28/03/2026", "21:00", "09:00", 11),
        ("24/10/2026", "21:00", "09:00", 13),
        ("29/03/2026", "00:30", "03:00", 1.5),
        ("25/10/2026", "00:30", "03:00", 3.5),
    ],
)
def test_nights_end_on_the_next_day_and_clock_changes_count(day: str, start: str, end: str, length: float) -> None:
    """A night of twelve hours on the clock is eleven in March and thirteen in October."""
    first = datetime.strptime(day, "%d/%m/%Y").date()  # noqa: DTZ007 - a day by the wall clock
    row = [{2: day, 3: start, 4: end}.get(at, cell) for at, cell in enumerate(GOOD)]
    (session,) = parse_week(week(row), "RVV", file_name=f"rota-{first}.csv").sessions
    assert (session.end - session.start).total_seconds() / 3600 == length


def test_the_night_before_the_first_day_belongs_to_the_week() -> None:
    """Whoever is on call on Monday at seven began on Sunday evening."""
    assert hours(east({2: "01/03/2026", 3: "22:00", 4: "08:30"})) == [("01 22:00", "02 08:30")]


def medway(*rows: list[str]) -> ParsedRoster:
    """Parse a rota of Medway."""
    return parse_week(csv_text([MEDWAY, *rows], ";").encode("utf-8-sig"), "RPA")


def test_a_rota_with_whole_dates_needs_no_column_for_the_day() -> None:
    """Medway writes from and to, and leave over several days in one row."""
    parsed = medway(
        ["RA000123", "2026-03-03 09:00", "2026-03-03 13:00", "reporting", "HOME"],
        ["RA000123", "2026-03-02 09:00", "2026-03-02 13:00", "Reporting", "Van"],
        ["RA000123", "2026-02-20 00:00", "2026-03-03 12:00", "Annual leave", ""],
    )
    assert hours(parsed) == [("03 12:00", "03 13:00")]
    assert list(parsed.locations.values()) == ["home"]


def test_an_end_before_its_start_is_a_fault_where_days_are_given() -> None:
    """Only a time without a day can mean the next one."""
    row = only_quarantined(medway(["9900001", "2026-03-03 13:00", "2026-03-03 09:00", "Reporting", ""]))
    assert (row.column, row.reason) == ("From", "ends_before_start")


def test_a_session_of_more_than_a_day_is_a_slip() -> None:
    """Leave may last for weeks, reporting may not."""
    parsed = medway(
        ["9900001", "2026-03-02 09:00", "2026-03-12 13:00", "Reporting", ""],
        ["9900002", "2026-03-02 00:00", "2026-06-01 00:00", "Annual leave", ""],
    )
    assert only_quarantined(parsed).reason == "implausible_length"


def restricted(*rows: list[str]) -> ParsedRoster:
    """Parse a rota whose rows may say what a session is for."""
    names = {name: (name,) for name in ("productivity", "trusts", "modalities", "priorities", "max_reads")}
    described = replace(roster("RVV"), columns={**roster("RVV").columns, **names})
    return parse_week(week(*(GOOD + row for row in rows), header=[*EAST, *names]), described)


def test_a_row_may_restrict_its_session() -> None:
    """Lists are separated by semicolons; an empty cell leaves what the code says."""
    (session,) = restricted(["0.5", "RVV; RPA", "CT;MR", "urgent", "20"]).sessions
    assert session.productivity == 0.5
    assert session.trusts == {"RVV", "RPA"}
    assert session.modalities == {"CT", "MR"}
    assert session.priorities == {"urgent"}
    assert session.max_reads == 20


@pytest.mark.parametrize(
    ("row", "column"),
    [
        (["2", "", "", "", ""], "productivity"),
        (["0", "", "", "", ""], "productivity"),
        (["", "RXX", "", "", ""], "trusts"),
        (["", "", "", "later", ""], "priorities"),
        (["", "", "", "", "few"], "max_reads"),
    ],
)
def test_a_restriction_that_means_nothing_is_a_fault(row: list[str], column: str) -> None:
    """A session must not be open to more than whoever wrote it meant."""
    found = only_quarantined(restricted(row))
    assert (found.column, found.reason) == (column, "bad_restriction")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "empty"),
        (bytes(range(256)) * 9, ""),
        (week(), "no row below"),
        (week(GOOD)[:-9], "cut short"),
        (week(GOOD, header=["Staff", *EAST[1:]]), "'Staff No'"),
    ],
)
def test_files_that_are_no_rota_claim_nothing(content: bytes, told: str) -> None:
    """They have a problem and no sessions, and never raise."""
    parsed = parse_week(content, "RVV")
    assert parsed.problem
    assert told in parsed.problem
    assert (parsed.sessions, parsed.quarantined, parsed.rows_read) == ((), (), 0)


def test_a_rota_that_does_not_say_its_week_is_a_problem() -> None:
    """Nobody knows which days it would replace."""
    assert "does not say from which day" in parse_week(week(GOOD), "RVV", file_name="new rota.csv").problem


def test_without_a_rule_the_first_row_says_when_the_week_begins() -> None:
    """Where the description does not say where the week is named."""
    described = replace(roster("RVV"), covers_from=None)
    later = [{2: "04/03/2026"}.get(at, cell) for at, cell in enumerate(GOOD)]
    parsed = parse_week(week(later, GOOD), described, file_name="new rota.csv")
    assert (parsed.covers_from, parsed.covers_to) == (date(2026, 3, 2), date(2026, 3, 8))


def test_parsing_twice_says_the_same() -> None:
    """Names of sessions depend on what they are and on nothing else."""
    content = week(GOOD, [*GOOD[:2], "03/03/2026", *GOOD[3:]])
    assert parse_week(content, "RVV") == parse_week(content, "RVV")
