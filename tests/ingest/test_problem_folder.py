"""Reading a problem folder: what the files mean, and every fault found, with file, line, column and reason."""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from balancer.domain.errors import InputRefusedError, InvalidValueError
from balancer.domain.problem import AllocationProblem
from balancer.domain.reporter import SkillLevel
from balancer.domain.study import Study
from balancer.ingest.problem_folder import PROBLEM_FILES, read_problem
from tests.worlds import NOW

FILES = {
    "trusts.csv": "trust,name\nRVV,East\nRWF,West\nRPA,North\n",
    "exams.csv": (
        "exam_code,name,modality,body_region,subspecialty,minutes,reads\n"
        "ZCT,CT head,CT,head,neuro,7,\n"
        "ZMG,Mammogram,MG,breast,breast,2.5,2\n"
        "ZMR,MRI head,MR,head,neuro,12,1\n"
        "ZXK,XR knee,DX,knee,msk,3,1\n"
    ),
    "reporters.csv": (
        "reporter_id,name,grade,home_trust,trusts,skills,modalities,speed\n"
        "R1,Ann,consultant,RVV,RVV;RWF@2026-06-30,neuro:3;neuro/MR:1,,1.2\n"
        "R2,Bob,radiographer,RWF,RWF,breast/MG:2,MG;DX,\n"
        "R3,Cy,consultant,,RVV,,,\n"
    ),
    "sessions.csv": (
        "session_id,reporter_id,start,end,activity,productivity,trusts,subspecialties,modalities,priorities,max_reads\n"
        "S1,R1,2026-03-02T09:00:00+00:00,2026-03-02T13:00:00+00:00,reporting,,,,,,\n"
        "S2,R2,2026-03-30T09:00:00+01:00,2026-03-30T13:00:00+01:00,reporting,0.8,RWF,breast,MG;DX,urgent,10\n"
    ),
    "studies.csv": (
        "trust,accession_number,patient_id,exam_code,priority,acquired_at,ready_at,due_at,modality,subspecialty,"
        "minutes,reads,pinned_to,excluded,prior_reporter,published_to,claimed_by\n"
        "RVV,A1,p1,ZCT,urgent,2026-03-01T10:00:00Z,,,,,,,,,,,\n"
        "RWF,A1,p1,ZMG,routine,2026-02-28T11:00:00+00:00,2026-03-02T12:00:00+00:00,2026-03-05T00:00:00+00:00,DX,msk,"
        "4,2,;R2,R8;R9,R7,R9;R2,R1\n"
    ),
    "policy.toml": """\
[horizon]
hours = 168
beyond_hours = 24

[productivity]
default = 0.70

[[priority]]
code = "urgent"
target_hours = 24
clock = "calendar"
weight = 10
breach = 24
ceiling_hours = 96

[[priority]]
code = "routine"
target_working_days = 10
clock = "working_days"
weight = 1
breach = 24
ceiling_hours = 672

[weights]
wait_rate = 0.02
ceiling_weight = 50
general = 0.5
fallback = 3
remote = 0.2
churn = 1
prior = 0.5
split = 1

[load]
bands = [[0.6, 0.0], [0.8, 1.0], [0.9, 2.0], [1.0, 4.0]]
""",
}

Where = tuple[str, int | None, str | None]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder that holds a valid problem."""
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def change(folder: Path, file: str, line: int, column: str, value: str) -> None:
    """Change one cell; ``line`` counts from 1, the header."""
    with (folder / file).open(newline="", encoding="utf-8") as handle:
        rows = list(csv.reader(handle))
    rows[line - 1][rows[0].index(column)] = value
    with (folder / file).open("w", newline="", encoding="utf-8") as handle:
        csv.writer(handle, lineterminator="\n").writerows(rows)


def faults(folder: Path, now: datetime = NOW) -> list[Where]:
    """Return where the faults of a folder are."""
    with pytest.raises(InputRefusedError) as refused:
        read_problem(folder, now=now)
    assert all(fault.reason for fault in refused.value.faults)
    return [(fault.file, fault.line, fault.column) for fault in refused.value.faults]


def read(folder: Path) -> AllocationProblem:
    """Return the problem; nothing is warned of."""
    problem, warnings = read_problem(folder, now=NOW)
    assert warnings == []
    return problem


def second_study(folder: Path) -> Study:
    """Return the study of line 3."""
    return read(folder).studies[1]


# --- what the files mean ---------------------------------------------------------------------------------------------


def test_a_studys_own_values_win_over_the_catalogues(folder: Path) -> None:
    """Line 2 takes everything from the catalogue, line 3 nothing."""
    first, second = read(folder).studies
    assert (first.modality, first.subspecialty, first.minutes, first.reads) == ("CT", "neuro", 7, 1)
    assert (second.modality, second.subspecialty, second.minutes, second.reads) == ("DX", "msk", 4, 2)


def test_lists_of_people_are_in_read_order(folder: Path) -> None:
    """``;R2`` pins read 2 alone, a single name is read 1's, exclusions have no order."""
    study = second_study(folder)
    assert (study.pinned(1), study.pinned(2)) == (None, "R2")
    assert (study.claimed(1), study.claimed(2)) == ("R1", None)
    assert study.publishers == {"R9", "R2"}
    assert study.excluded == {"R8", "R9"}
    assert study.prior_reporter == "R7"


def test_a_single_pinned_name_pins_read_1(folder: Path) -> None:
    """With several reads, one name alone means the first."""
    change(folder, "studies.csv", 3, "pinned_to", "R2")
    study = second_study(folder)
    assert (study.pinned(1), study.pinned(2)) == ("R2", None)


def test_empty_entries_at_the_end_of_a_list_are_not_given(folder: Path) -> None:
    """``R2;;`` names one read, which is not too many for two."""
    change(folder, "studies.csv", 3, "published_to", "R2;;")
    assert second_study(folder).published_to == ("R2",)


def test_entitlements_and_skills_are_read_entry_by_entry(folder: Path) -> None:
    """``RWF@2026-06-30`` expires at that day's end; ``neuro/MR:1`` wins for MR alone; blank modalities mean all."""
    ann, bob, _ = read(folder).reporters
    assert ann.trusts == {"RVV": None, "RWF": date(2026, 6, 30)}
    assert ann.entitled_until("RWF") == datetime(2026, 6, 30, 23, tzinfo=UTC)  # midnight in summer time
    assert (ann.level("neuro", "CT"), ann.level("neuro", "MR"), ann.level("msk", "CT")) == (3, 1, 0)
    assert ann.modalities == frozenset()
    assert bob.skills == {("breast", "MG"): SkillLevel.GENERAL}
    assert (ann.speed, bob.speed) == (1.2, 1.0)


def test_instants_become_utc_and_defaults_come_from_the_policy(folder: Path) -> None:
    """A session at 09:00+01:00 starts at 08:00 UTC; no productivity means the policy's."""
    first, second = read(folder).sessions
    assert second.start == datetime(2026, 3, 30, 8, tzinfo=UTC)
    assert second.start.utcoffset() == timedelta(0)
    assert (first.productivity, second.productivity) == (0.7, 0.8)
    assert (first.max_reads, second.max_reads) == (None, 10)
    assert second.modalities == {"MG", "DX"}


def test_the_working_calendar_knows_the_bank_holidays(folder: Path) -> None:
    """Acquired on Wednesday 25 March, ten working days later over Easter is Friday 10 April."""
    change(folder, "studies.csv", 2, "priority", "routine")
    change(folder, "studies.csv", 2, "acquired_at", "2026-03-25T10:00:00+00:00")
    problem, _ = read_problem(folder, now=datetime(2026, 3, 26, tzinfo=UTC))
    assert problem.due_at(problem.studies[0]) == datetime(2026, 4, 10, 9, tzinfo=UTC)


def test_a_byte_order_mark_quoted_line_breaks_and_blank_lines_are_no_faults(folder: Path) -> None:
    """What spreadsheets write is read; a fault after a quoted line break still has its true line."""
    (folder / "trusts.csv").write_bytes(b'\xef\xbb\xbftrust,name\r\nRVV,"East\r\nKent"\r\n\r\nRWF,West\r\n\r\n')
    assert [trust.name for trust in read(folder).trusts] == ["East\r\nKent", "West"]
    (folder / "trusts.csv").write_bytes(b'trust,name\nRVV,"East\nKent"\nRWF,West\nRWF,"Again"\n')
    assert faults(folder) == [("trusts.csv", 5, "trust")]


def test_optional_columns_may_be_missing(folder: Path) -> None:
    """Columns with a default need not be there."""
    (folder / "exams.csv").write_text(
        "exam_code,name,modality,body_region,subspecialty,minutes\nZCT,CT head,CT,head,neuro,7\nZMG,M,MG,b,breast,2\n"
        "ZXK,XR knee,DX,knee,msk,3\nZMR,MRI head,MR,head,neuro,12\n",
        encoding="utf-8",
    )
    (folder / "sessions.csv").write_text(
        "session_id,reporter_id,start,end,activity\n"
        "S1,R1,2026-03-02T09:00:00+00:00,2026-03-02T13:00:00+00:00,reporting\n",
        encoding="utf-8",
    )
    (folder / "studies.csv").write_text(
        "trust,accession_number,patient_id,exam_code,priority,acquired_at\nRVV,A1,,ZCT,urgent,2026-03-01T10:00:00Z\n",
        encoding="utf-8",
    )
    problem = read(folder)
    assert problem.studies[0].patient_id == ""
    assert problem.sessions[0].productivity == 0.7


def test_unknown_columns_are_named_in_one_warning(folder: Path) -> None:
    """They are accepted and ignored, wherever they stand."""
    (folder / "trusts.csv").write_text("region,trust,name,beds\nx,RVV,East,9\nx,RWF,West,8\n", encoding="utf-8")
    policy = folder / "policy.toml"
    policy.write_text(policy.read_text(encoding="utf-8") + "[colour]\nof = 1\n", encoding="utf-8")
    problem, warnings = read_problem(folder, now=NOW)
    assert [trust.code for trust in problem.trusts] == ["RVV", "RWF"]
    assert len(warnings) == 1
    assert all(name in warnings[0] for name in ("region", "beds", "colour"))


def test_people_who_left_may_be_named_where_the_contract_says_so(folder: Path) -> None:
    """``excluded``, ``prior_reporter`` and ``published_to`` may name anybody."""
    change(folder, "studies.csv", 2, "excluded", "gone")
    change(folder, "studies.csv", 2, "prior_reporter", "gone")
    change(folder, "studies.csv", 2, "published_to", "gone")
    assert read(folder).studies[0].publishers == {"gone"}


def test_a_study_may_be_published_to_more_people_than_it_needs_reads(folder: Path) -> None:
    """Two had it, one has done a read since; churn asks who had it, so every name counts (section 4)."""
    change(folder, "studies.csv", 2, "published_to", "R1;;R2")
    study = read(folder).studies[0]
    assert (study.reads, study.published_to) == (1, ("R1", None, "R2"))
    assert study.publishers == {"R1", "R2"}


def test_adjoining_sessions_and_other_activities_do_not_overlap(folder: Path) -> None:
    """A session may start when another ends, and an MDT may lie anywhere."""
    with (folder / "sessions.csv").open("a", encoding="utf-8") as handle:
        handle.write("S3,R1,2026-03-02T13:00:00+00:00,2026-03-02T14:00:00+00:00,reporting,,,,,,\n")
        handle.write("S4,R1,2026-03-02T12:00:00+00:00,2026-03-02T14:00:00+00:00,mdt,,,,,,\n")
    assert len(read(folder).sessions) == 4


def test_for_ever_is_a_day_too(folder: Path) -> None:
    """An entitlement until 9999-12-31 does not fall off the end of the calendar."""
    change(folder, "reporters.csv", 2, "trusts", "RVV@9999-12-31")
    until = read(folder).reporters[0].entitled_until("RVV")
    assert until is not None
    assert until.year > 2900


# --- warnings --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "line", "column", "value", "told"),
    [
        ("reporters.csv", 2, "skills", "nuero:3", "reporters.csv, skills: 'nuero' (did you mean 'neuro'?)"),
        ("reporters.csv", 2, "skills", "Neuro:3", "reporters.csv, skills: 'Neuro' (did you mean 'neuro'?)"),
        ("reporters.csv", 2, "skills", "neuro/mr:3", "reporters.csv, skills: 'mr' (did you mean 'MR'?)"),
        ("reporters.csv", 2, "modalities", "CT;xray", "reporters.csv, modalities: 'xray'"),
        ("sessions.csv", 2, "subspecialties", " neuro", "sessions.csv: ' neuro' (did you mean 'neuro'?)"),
        ("sessions.csv", 2, "modalities", "M R;CT", "sessions.csv: 'M R' (did you mean 'MR'?)"),
        ("studies.csv", 2, "subspecialty", "nuero", "studies.csv: 'nuero' (did you mean 'neuro'?)"),
        ("studies.csv", 2, "modality", "XX", "studies.csv: 'XX'"),
    ],
)
def test_a_name_that_matches_nothing_is_warned_of(
    folder: Path, file: str, line: int, column: str, value: str, told: str
) -> None:
    """A slip of the pen must not make somebody ineligible without a word; one warning names all of them."""
    change(folder, file, line, column, value)
    _, warnings = read_problem(folder, now=NOW)
    assert warnings == [f"subspecialties or modalities that match nothing: {told}"]


def test_all_names_that_match_nothing_are_in_one_warning(folder: Path) -> None:
    """By file, and not by the hundred."""
    change(folder, "reporters.csv", 2, "skills", ";".join(f"x{number:02}:3" for number in range(30)))
    change(folder, "sessions.csv", 2, "modalities", "YY")
    _, warnings = read_problem(folder, now=NOW)
    assert len(warnings) == 1
    assert "'x19', and 10 more; sessions.csv: 'YY'" in warnings[0]


def test_what_the_other_side_knows_is_no_slip(folder: Path) -> None:
    """No examination is paediatric, but a study of a child is, and a reporter has the skill."""
    change(folder, "reporters.csv", 2, "skills", "neuro:3;paediatric:2")
    change(folder, "studies.csv", 2, "subspecialty", "paediatric")
    assert read(folder).studies[0].subspecialty == "paediatric"


@pytest.mark.parametrize("activity", ["Reporting", "REPORTING", " reporting"])
def test_an_activity_that_is_almost_reporting_is_warned_of(folder: Path, activity: str) -> None:
    """The contract's word is ``reporting``, which every checker compares as it stands; so do we, but say so."""
    change(folder, "sessions.csv", 2, "activity", activity)
    problem, warnings = read_problem(folder, now=NOW)
    assert warnings == [f"sessions.csv: activity {activity!r} is not 'reporting': such sessions carry no reads"]
    assert [s.session_id for s in problem.counted_sessions()] == []


# --- faults ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "line", "column", "value"),
    [
        ("trusts.csv", 4, "trust", ""),
        ("trusts.csv", 4, "trust", "RVV"),
        ("exams.csv", 2, "minutes", "0"),
        ("exams.csv", 2, "minutes", "-7"),
        ("exams.csv", 2, "minutes", "nan"),
        ("exams.csv", 2, "minutes", "inf"),
        ("exams.csv", 2, "minutes", "1e400"),
        ("exams.csv", 2, "minutes", "1_0"),
        ("exams.csv", 2, "minutes", "5e-324"),
        ("exams.csv", 2, "minutes", "seven"),
        ("exams.csv", 2, "minutes", ""),
        ("exams.csv", 3, "reads", "0"),
        ("exams.csv", 3, "reads", "1.5"),
        ("exams.csv", 3, "reads", "9" * 5000),
        ("exams.csv", 2, "modality", ""),
        ("exams.csv", 2, "subspecialty", ""),
        ("exams.csv", 4, "exam_code", "ZCT"),
        ("reporters.csv", 4, "reporter_id", "R1"),
        ("reporters.csv", 2, "home_trust", "RXX"),
        ("reporters.csv", 2, "trusts", "RVV;RXX"),
        ("reporters.csv", 2, "trusts", "RVV@30/06/2026"),
        ("reporters.csv", 2, "trusts", "RVV@"),
        ("reporters.csv", 2, "trusts", "RVV;RVV@2026-06-30"),
        ("reporters.csv", 2, "skills", "neuro"),
        ("reporters.csv", 2, "skills", "neuro:4"),
        ("reporters.csv", 2, "skills", "neuro:0"),
        ("reporters.csv", 2, "skills", "neuro/:3"),
        ("reporters.csv", 2, "skills", ":3"),
        ("reporters.csv", 2, "skills", "neuro:3;neuro:2"),
        ("reporters.csv", 2, "speed", "0"),
        ("reporters.csv", 2, "speed", "fast"),
        ("sessions.csv", 3, "session_id", "S1"),
        ("sessions.csv", 3, "session_id", ""),
        ("sessions.csv", 3, "reporter_id", "R9"),
        ("sessions.csv", 3, "start", "2026-03-02 09:00"),
        ("sessions.csv", 3, "start", "2026-03-02T09:00:00"),
        ("sessions.csv", 3, "start", "tomorrow"),
        ("sessions.csv", 3, "start", "2026-03-02109:00:00+00:00"),
        ("sessions.csv", 3, "start", ""),
        ("sessions.csv", 3, "end", "2026-03-30T09:00:00+01:00"),
        ("sessions.csv", 3, "end", "0001-01-01T00:00:00+14:00"),
        ("sessions.csv", 3, "activity", ""),
        ("sessions.csv", 3, "productivity", "0"),
        ("sessions.csv", 3, "productivity", "1.01"),
        ("sessions.csv", 3, "productivity", "1e-300"),
        ("sessions.csv", 3, "trusts", "RXX"),
        ("sessions.csv", 3, "priorities", "urgent;stat"),
        ("sessions.csv", 3, "max_reads", "-1"),
        ("studies.csv", 3, "trust", "RXX"),
        ("studies.csv", 3, "trust", ""),
        ("studies.csv", 3, "accession_number", ""),
        ("studies.csv", 3, "exam_code", "ZXX"),
        ("studies.csv", 3, "exam_code", ""),
        ("studies.csv", 3, "priority", "stat"),
        ("studies.csv", 3, "priority", ""),
        ("studies.csv", 3, "acquired_at", "2026-03-02T08:00:01+00:00"),
        ("studies.csv", 3, "acquired_at", "2026-03-01T08:00:00"),
        ("studies.csv", 3, "acquired_at", ""),
        ("studies.csv", 3, "ready_at", "2026-03-01"),
        ("studies.csv", 3, "due_at", "soon"),
        ("studies.csv", 3, "minutes", "0"),
        ("studies.csv", 3, "reads", "0"),
        ("studies.csv", 3, "pinned_to", "R9"),
        ("studies.csv", 3, "claimed_by", "R9"),
        ("studies.csv", 3, "pinned_to", "R1;R1;R2"),
    ],
)
def test_one_wrong_cell_is_one_fault_at_its_place(folder: Path, file: str, line: int, column: str, value: str) -> None:
    """Each kind of fault is found where it stands, and nothing else is blamed for it."""
    change(folder, file, line, column, value)
    assert faults(folder) == [(file, line, column)]


def test_the_same_accession_number_twice_in_a_trust_is_a_fault(folder: Path) -> None:
    """(RVV, A1) and (RWF, A1) are two studies; (RVV, A1) twice is not."""
    change(folder, "studies.csv", 3, "trust", "RVV")
    assert faults(folder) == [("studies.csv", 3, "accession_number")]


def test_overlapping_reporting_sessions_of_one_reporter_are_a_fault(folder: Path) -> None:
    """Even if a third session lies between them in the file, and even if one lies inside the other."""
    with (folder / "sessions.csv").open("a", encoding="utf-8") as handle:
        handle.write("S3,R1,2026-03-02T10:00:00+00:00,2026-03-02T11:00:00+00:00,reporting,,,,,,\n")
        handle.write("S4,R1,2026-03-02T12:59:59+00:00,2026-03-02T14:00:00+00:00,reporting,,,,,,\n")
    assert faults(folder) == [("sessions.csv", 4, "start"), ("sessions.csv", 5, "start")]


@pytest.mark.parametrize("file", PROBLEM_FILES)
def test_a_missing_file_is_one_fault_and_nothing_is_blamed_for_it(folder: Path, file: str) -> None:
    """If the trusts cannot be read, no study's trust is called unknown."""
    (folder / file).unlink()
    assert faults(folder) == [(file, None, None)]


@pytest.mark.parametrize("file", [name for name in PROBLEM_FILES if name.endswith(".csv")])
def test_an_empty_file_is_a_fault(folder: Path, file: str) -> None:
    """A file without a header says nothing, which is not the same as no rows."""
    (folder / file).write_bytes(b"")
    assert (file, 1, None) in faults(folder)


def test_a_missing_column_is_a_fault(folder: Path) -> None:
    """``modalities`` blank means all; the column missing must not mean it."""
    text = FILES["reporters.csv"].replace("modalities", "modality")
    (folder / "reporters.csv").write_text(text, encoding="utf-8")
    assert faults(folder) == [("reporters.csv", 1, "modalities")]


def test_a_column_that_stands_twice_is_a_fault(folder: Path) -> None:
    """Nobody can say which one counts."""
    (folder / "trusts.csv").write_text("trust,name,trust\nRVV,East,RVV\nRWF,West,RWF\n", encoding="utf-8")
    assert faults(folder) == [("trusts.csv", 1, "trust")]


def test_a_row_of_the_wrong_length_is_a_fault(folder: Path) -> None:
    """An unquoted comma shifts every cell after it."""
    (folder / "trusts.csv").write_text("trust,name\nRVV,East, Kent\nRWF,West\nRPA\n", encoding="utf-8")
    found = faults(folder)
    assert [where for where in found if where[0] == "trusts.csv"] == [("trusts.csv", 2, None), ("trusts.csv", 4, None)]


def test_lines_that_are_not_utf_8_are_faults(folder: Path) -> None:
    """Each such line is named."""
    (folder / "trusts.csv").write_bytes("trust,name\nRVV,Ångström\nRWF,Tromsø\n".encode("latin-1"))
    assert faults(folder) == [("trusts.csv", 2, None), ("trusts.csv", 3, None)]


def test_an_unclosed_quote_is_a_fault(folder: Path) -> None:
    """It must not swallow the rest of the file into one cell."""
    (folder / "trusts.csv").write_text('trust,name\nRVV,East\nRWF,"West\n', encoding="utf-8")
    assert ("trusts.csv", 3, None) in faults(folder)


def test_every_fault_of_every_file_is_listed_in_order(folder: Path) -> None:
    """Several faults in a row, in a file and in several files come out in one go, in file and line order."""
    change(folder, "studies.csv", 3, "priority", "stat")
    change(folder, "studies.csv", 2, "minutes", "0")
    change(folder, "studies.csv", 2, "acquired_at", "yesterday")
    change(folder, "reporters.csv", 2, "speed", "0")
    (folder / "policy.toml").write_text(
        FILES["policy.toml"].replace("weight = 10\n", "weight = true\n"), encoding="utf-8"
    )
    change(folder, "sessions.csv", 3, "productivity", "2")
    found = faults(folder)
    assert found[:1] == [("reporters.csv", 2, "speed")]
    assert ("sessions.csv", 3, "productivity") in found
    assert {("studies.csv", 2, "minutes"), ("studies.csv", 2, "acquired_at")} <= set(found)
    assert found[-1] == ("policy.toml", 12, "priority[1].weight")
    assert found == sorted(found, key=lambda where: (PROBLEM_FILES.index(where[0]), where[1] or 0))


@pytest.mark.parametrize(
    "fault",
    [
        ("weight = 10\n", "weight = true\n"),
        ("target_hours = 24\n", ""),
        ("general = 0.5\n", ""),
        ("[0.8, 1.0]", "[0.5, 1.0]"),
        ("[horizon]", "[horizont]"),
        ('clock = "working_days"', 'clock = "cuckoo"'),
    ],
)
def test_a_faulty_policy_does_not_hide_that_a_class_is_unknown(folder: Path, fault: tuple[str, str]) -> None:
    """Its codes could be read, so what refers to them is judged."""
    assert fault[0] in FILES["policy.toml"]
    (folder / "policy.toml").write_text(FILES["policy.toml"].replace(*fault), encoding="utf-8")
    change(folder, "studies.csv", 2, "priority", "stat")
    change(folder, "sessions.csv", 3, "priorities", "stat")
    found = faults(folder)
    assert found[:2] == [("sessions.csv", 3, "priorities"), ("studies.csv", 2, "priority")]
    assert {where[0] for where in found[2:]} == {"policy.toml"}


@pytest.mark.parametrize("code", ["code = 5", 'code = ""', 'code = "a;b"', "", "code ="])
def test_if_one_class_has_no_code_none_is_called_unknown(folder: Path, code: str) -> None:
    """It might be the one that is meant."""
    text = FILES["policy.toml"].replace('code = "routine"', code)
    (folder / "policy.toml").write_text(text, encoding="utf-8")
    assert {where[0] for where in faults(folder)} == {"policy.toml"}


def test_every_fault_of_a_policy_is_found(folder: Path) -> None:
    """Bands that fall are told even if a weight is missing."""
    text = FILES["policy.toml"].replace("general = 0.5\n", "").replace("[0.8, 1.0]", "[0.5, 1.0]")
    (folder / "policy.toml").write_text(text, encoding="utf-8")
    assert {where[2] for where in faults(folder)} == {"weights.general", "load.bands"}


def test_another_fault_of_a_session_does_not_hide_that_it_overlaps(folder: Path) -> None:
    """Its times could be read."""
    with (folder / "sessions.csv").open("a", encoding="utf-8") as handle:
        handle.write("S3,R1,2026-03-02T10:00:00+00:00,2026-03-02T11:00:00+00:00,reporting,7,,,,,\n")
    assert faults(folder) == [("sessions.csv", 4, "productivity"), ("sessions.csv", 4, "start")]


def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    """Neither a file nor nothing at all is a problem folder."""
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path / "nothing"):
        assert faults(path) == [(str(path), None, None)]


def test_a_naive_now_is_refused(folder: Path) -> None:
    """The present must say which offset it means."""
    with pytest.raises(InvalidValueError, match="now"):
        read_problem(folder, now=NOW.replace(tzinfo=None))


@pytest.mark.parametrize("damage", [lambda data: data[: len(data) // 2], lambda data: data[::-1], lambda _: b"\0" * 99])
@pytest.mark.parametrize("file", PROBLEM_FILES)
def test_damaged_files_are_refused_and_never_crash(folder: Path, file: str, damage: Callable[[bytes], bytes]) -> None:
    """Half a file, a file backwards and a file of NULs are refused with a reason."""
    path = folder / file
    path.write_bytes(damage(path.read_bytes()))
    assert faults(folder)


@settings(max_examples=150, deadline=None)
@given(
    file=st.sampled_from(PROBLEM_FILES),
    at=st.floats(0, 1),
    removed=st.integers(0, 12),
    inserted=st.binary(max_size=6)
    | st.sampled_from([b'"', b",", b";", b"\n", b"\r", b"\x00", b"nan", b"9" * 400, b"[["]),
)
def test_no_slip_of_the_hand_makes_the_reader_fail(file: str, at: float, removed: int, inserted: bytes) -> None:
    """A few bytes changed anywhere: the folder is read, or refused with reasons, and nothing else."""
    with tempfile.TemporaryDirectory() as name:
        for other, text in FILES.items():
            content = text.encode()
            if other == file:
                place = int(at * len(content))
                content = content[:place] + inserted + content[place + removed :]
            (Path(name) / other).write_bytes(content)
        with suppress(InputRefusedError):  # refusing is fine; any other error is not
            problem, _ = read_problem(Path(name), now=NOW)
            assert all(problem.due_at(study) for study in problem.studies)
