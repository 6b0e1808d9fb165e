"""``balancer check``: every hard rule broken alone by one cell of ``plan.csv``, and every false figure, is caught."""

from __future__ import annotations

import csv
import json
import tempfile
from collections.abc import Iterable
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from balancer.cli import app
from balancer.domain.problem import AllocationProblem
from balancer.publish.plan_folder import write_plan
from balancer.publish.problem_folder import write_problem
from tests.worlds import NOW, lay_out, policy, priority, reporter, session, study, with_true_figures, world


def every_rule() -> AllocationProblem:
    """Return a world in which each rule can be broken by one cell; R1 does everything, the others may not."""
    return world(
        studies=[
            study("A1"),
            study("A2", excluded=["R6"]),
            study("A3", pinned_to=("R1",)),
            study("A4", claimed_by=("R1",)),
            study("A5", reads=2),
            study("A6", due=999),
        ],
        reporters=[
            reporter("R1"),
            reporter("R2", home_trust="RWF", trusts=("RWF",)),  # not entitled for RVV
            reporter("R2b", trusts={"RVV": date(2026, 3, 1)}),  # no longer entitled
            reporter("R3", skills={"msk": 3}),  # not skilled
            reporter("R4", modalities=["DX"]),  # not in scope
            reporter("R6"),  # may do most things
        ],
        sessions=[
            session("S1", "R1", hours=5),
            session("S1-dx", "R1", start=6, modalities=["DX"]),
            session("S1-few", "R1", start=12, max_reads=0),
            session("S1-late", "R1", start=24),
            session("S2", "R2"),
            session("S2b", "R2b"),
            session("S3", "R3"),
            session("S4", "R4"),
            session("S6", "R6"),
            session("S6-gone", "R6", start=-8),
            session("S6-mdt", "R6", start=5, activity="mdt"),
        ],
        policy=policy(
            priority(breach=24), remote=0.2, general=0.5, churn=1, split=1, prior=0.5, bands=((0.5, 0), (1, 2))
        ),
    )


PLACED = {"S1": ["A4", "A1", "A2", "A3", "A5#1"], "S6": ["A5#2"]}


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Return the folders of the world above and of a plan with which nothing is wrong."""
    problem = every_rule()
    write_problem(problem, tmp_path / "problem")
    plan = with_true_figures(problem, lay_out(problem, PLACED, {"A6": "deferred"}))
    write_plan(plan, tmp_path / "plan")
    return tmp_path / "problem", tmp_path / "plan"


def check(folders: tuple[Path, Path], now: str = NOW.isoformat()) -> Result:
    """Run the command."""
    problem, plan = folders
    return CliRunner().invoke(app, ["check", str(problem), str(plan), "--now", now])


def change(file: Path, accession_number: str, read: int, column: str, value: str) -> None:
    """Change one cell of the row of one read."""
    with file.open(newline="", encoding="utf-8") as handle:
        rows = list(csv.DictReader(handle))
    changed = [row for row in rows if (row["accession_number"], row["read"]) == (accession_number, str(read))]
    assert len(changed) == 1
    assert changed[0][column] != value
    changed[0][column] = value
    with file.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.DictWriter(handle, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def rules(result: Result) -> set[str]:
    """Return the rules that the command says are broken."""
    return {line.split(":")[0] for line in result.stdout.splitlines() if ": " in line}


def test_a_plan_with_which_nothing_is_wrong_passes(folders: tuple[Path, Path]) -> None:
    """The unchanged plan gives exit code 0 and no finding."""
    result = check(folders)
    assert result.exit_code == 0, result.output
    assert "nothing wrong was found" in result.stdout


@pytest.mark.parametrize(
    ("rule", "accession_number", "read", "column", "value"),
    [
        ("H1", "A1", 1, "reporter_id", "R2"),
        ("H1", "A1", 1, "reporter_id", "R2b"),
        ("H2", "A1", 1, "reporter_id", "R3"),
        ("H3", "A1", 1, "reporter_id", "R4"),
        ("H4", "A1", 1, "session_id", "S1-dx"),
        ("H4", "A1", 1, "session_id", "S1-few"),
        ("H5", "A1", 1, "session_id", "S6"),
        ("H5", "A1", 1, "session_id", "S99"),
        ("H5", "A5", 2, "session_id", "S6-gone"),
        ("H5", "A5", 2, "session_id", "S6-mdt"),
        ("H5", "A1", 1, "reporter_id", "R99"),
        ("H5", "A1", 1, "start", "2026-03-02T09:00:02+00:00"),
        ("H5", "A1", 1, "start", "2026-03-02T08:59:58+00:00"),
        ("H5", "A1", 1, "end", "2026-03-02T10:00:02+00:00"),
        ("H5", "A1", 1, "position", "3"),
        ("H5", "A5", 1, "position", "6"),
        ("H5", "A5", 2, "position", "0"),
        ("H6", "A2", 1, "reporter_id", "R6"),
        ("H7", "A3", 1, "reporter_id", "R6"),
        ("H8", "A4", 1, "reporter_id", "R6"),
        ("H8", "A4", 1, "position", "9"),
        ("H8", "A4", 1, "session_id", "S1-late"),
        ("H9", "A5", 2, "reporter_id", "R1"),
        ("H10", "A5", 2, "read", "1"),
        ("H10", "A1", 1, "read", "2"),
        ("H10", "A1", 1, "accession_number", "A0"),
        ("H10", "A1", 1, "trust", "RWF"),
    ],
)
def test_one_changed_cell_that_breaks_a_rule_is_caught(
    folders: tuple[Path, Path], rule: str, accession_number: str, read: int, column: str, value: str
) -> None:
    """Each rule of section 3, broken by one cell of ``plan.csv``, is named, and the exit code is 1."""
    change(folders[1] / "plan.csv", accession_number, read, column, value)
    result = check(folders)
    assert result.exit_code == 1, result.output
    assert rule in rules(result), result.output


@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_no_cell_of_the_plan_can_be_exchanged_unnoticed(data: st.DataObject) -> None:
    """Any cell that takes another row's value is caught, whatever rule, time or figure that breaks."""
    with tempfile.TemporaryDirectory() as folder:
        problem = every_rule()
        write_problem(problem, Path(folder) / "problem")
        write_plan(with_true_figures(problem, lay_out(problem, PLACED, {"A6": "deferred"})), Path(folder) / "plan")
        file = Path(folder) / "plan" / "plan.csv"
        with file.open(newline="", encoding="utf-8") as handle:
            rows = list(csv.DictReader(handle))
        row = data.draw(st.sampled_from(rows))
        column = data.draw(st.sampled_from([name for name in row if len({other[name] for other in rows}) > 1]))
        value = data.draw(st.sampled_from(sorted({other[column] for other in rows} - {row[column]})))
        change(file, row["accession_number"], int(row["read"]), column, value)
        assert check((Path(folder) / "problem", Path(folder) / "plan")).exit_code == 1


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("due_at", "2026-03-03T08:00:02+00:00"),
        ("late_minutes", "0.05"),
        ("end", "2026-03-02T08:30:00+00:00"),
        ("end", "2026-03-02T09:00:00+00:00"),  # ends when it starts: no domain value can hold that row
    ],
)
def test_a_row_that_states_what_is_not_so_is_caught(folders: tuple[Path, Path], column: str, value: str) -> None:
    """Due time, lateness and end of a row are checked too."""
    change(folders[1] / "plan.csv", "A1", 1, column, value)
    assert check(folders).exit_code == 1


def test_a_second_either_way_is_allowed(folders: tuple[Path, Path]) -> None:
    """Checkers allow one second on an instant (section 2)."""
    change(folders[1] / "plan.csv", "A1", 1, "due_at", "2026-03-03T08:00:01+00:00")
    assert check(folders).exit_code == 0


@pytest.mark.parametrize("reason", ["no_capacity", "no_session", "claimed_reporter_unavailable", "tired", ""])
def test_a_reason_that_does_not_hold_is_caught(folders: tuple[Path, Path], reason: str) -> None:
    """A6 fits somewhere at a higher total, so anything but ``deferred`` is wrong."""
    change(folders[1] / "unallocated.csv", "A6", 1, "reason", reason)
    assert check(folders).exit_code == 1


def test_a_read_listed_twice_is_caught(folders: tuple[Path, Path]) -> None:
    """Placed and unallocated at once breaks H10."""
    with (folders[1] / "unallocated.csv").open("a", encoding="utf-8") as handle:
        handle.write("RVV,A1,1,deferred\n")
    assert "H10" in rules(check(folders))


@pytest.mark.parametrize(
    "path",
    [
        ["total"],
        ["sunk"],
        ["gap"],
        ["studies"],
        ["reads"],
        ["allocated"],
        *([["terms", name]] for name in ("clinical", "match", "remote", "prior", "churn", "split", "load")),
        ["late", "routine"],
        ["longest_wait_hours", "routine"],
    ],
    ids=lambda path: ".".join(path if isinstance(path[0], str) else path[0]),
)
def test_a_false_figure_of_the_summary_is_caught(folders: tuple[Path, Path], path: list[str] | list[list[str]]) -> None:
    """Every figure of ``summary.json`` is recomputed."""
    edit_summary(folders[1], [key for part in path for key in ([part] if isinstance(part, str) else part)])
    result = check(folders)
    assert result.exit_code == 1
    assert "figure" in rules(result)


def edit_summary(plan: Path, keys: Iterable[str], add: float = 1) -> None:
    """Add to one figure of ``summary.json``."""
    content = json.loads((plan / "summary.json").read_text(encoding="utf-8"))
    *outer, last = keys
    table = content
    for name in outer:
        table = table[name]
    table[last] += add
    (plan / "summary.json").write_text(json.dumps(content), encoding="utf-8")


def test_a_bound_above_the_total_is_caught(folders: tuple[Path, Path]) -> None:
    """The bound stood a point below the total; two points more and it exceeds it."""
    edit_summary(folders[1], ["bound"], add=2)
    result = check(folders)
    assert result.exit_code == 1
    assert "exceeds the total" in result.stdout


def test_a_figure_that_is_not_a_number_is_caught(folders: tuple[Path, Path]) -> None:
    """NaN compares with nothing, and must not pass for that."""
    edit_summary(folders[1], ["total"], add=float("nan"))
    assert check(folders).exit_code == 1


@pytest.mark.parametrize("name", ["plan.csv", "unallocated.csv", "summary.json"])
@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe garbage", b'"unclosed'])
def test_a_plan_that_cannot_be_read_gives_exit_code_2(
    folders: tuple[Path, Path], name: str, content: bytes | None
) -> None:
    """Missing, empty and garbled files are unreadable input, named on stderr."""
    if content is None:
        (folders[1] / name).unlink()
    else:
        (folders[1] / name).write_bytes(content)
    result = check(folders)
    assert result.exit_code == 2
    assert name in result.stderr


def test_faults_of_problem_and_plan_are_listed_together(folders: tuple[Path, Path]) -> None:
    """Both folders' faults come out in one go."""
    (folders[0] / "trusts.csv").unlink()
    (folders[1] / "summary.json").unlink()
    result = check(folders)
    assert result.exit_code == 2
    assert "trusts.csv" in result.stderr
    assert "summary.json" in result.stderr


@pytest.mark.parametrize("read", ["0", "-1", "99", "9" * 30])
@pytest.mark.parametrize("name", ["plan.csv", "unallocated.csv"])
def test_a_read_that_no_study_has_is_caught(folders: tuple[Path, Path], name: str, read: str) -> None:
    """Also for a study whose reads are claimed."""
    row = f"RVV,A4,{read},R1,S1,9,{NOW.isoformat()},2026-03-02T09:00:00Z,2026-03-03T08:00:00Z,0.00\n"
    with (folders[1] / name).open("a", encoding="utf-8") as handle:
        handle.write(row if name == "plan.csv" else f"RVV,A4,{read},deferred\n")
    result = check(folders)
    assert result.exit_code == 1
    assert "H10" in rules(result)


def test_a_plan_made_at_another_time_does_not_pass(folders: tuple[Path, Path]) -> None:
    """Judged half an hour later, the first reads start before now."""
    assert check(folders, "2026-03-02T08:30:00+00:00").exit_code == 1


def test_a_naive_now_is_refused(folders: tuple[Path, Path]) -> None:
    """08:00 without an offset is two different instants a year."""
    assert check(folders, "2026-03-02T08:00:00").exit_code == 2


# --- how the files are written ---------------------------------------------------------------------------------------


def rewrite(file: Path, was: str, now: str) -> None:
    """Replace a text that must be there, wherever it stands."""
    text = file.read_bytes().decode()
    assert was in text
    file.write_bytes(text.replace(was, now).encode())


@pytest.mark.parametrize("name", ["plan.csv", "unallocated.csv", "summary.json"])
def test_line_ends_other_than_a_line_feed_are_caught(folders: tuple[Path, Path], name: str) -> None:
    """Section 5: line feed. One finding for a file, not one a line."""
    rewrite(folders[1] / name, "\n", "\r\n")
    result = check(folders)
    assert result.exit_code == 1
    assert result.stdout.count("form: ") == 1
    assert f"form: {name}:1: ends with a carriage return, not a line feed" in result.stdout


@pytest.mark.parametrize("name", ["plan.csv", "unallocated.csv"])
def test_rows_out_of_order_are_caught(folders: tuple[Path, Path], name: str) -> None:
    """By trust, accession number and read; nothing else is wrong with such a plan."""
    problem = every_rule()
    plan = lay_out(problem, {"S1": PLACED["S1"]}, {"A5#2": "deferred", "A6": "deferred"})
    write_plan(with_true_figures(problem, plan), folders[1])
    header, *rows = (folders[1] / name).read_text(encoding="utf-8").splitlines()
    (folders[1] / name).write_text("\n".join([header, *rows[::-1], ""]), encoding="utf-8")
    result = check(folders)
    assert result.exit_code == 1
    assert rules(result) & {"form", "H10", "H5"} == {"form"}
    assert f"form: {name}:3: stands after a row that it should stand before" in result.stdout


@pytest.mark.parametrize(
    ("was", "now", "told"),
    [
        ("+00:00", "Z", "does not end with +00:00"),
        ("T08:00:00+00:00", "T09:00:00+01:00", "does not end with +00:00"),
        ("T08:00:00+00:00", "T08:00:00.400+00:00", "is not a whole second"),
        (",0.00", ",0.0", "two decimals"),
        (",0.00", ",0", "two decimals"),
    ],
)
def test_instants_and_lateness_written_otherwise_are_caught(
    folders: tuple[Path, Path], was: str, now: str, told: str
) -> None:
    """Whole seconds in UTC with ``+00:00``, minutes with two decimals; told once a column, with how many there are."""
    rewrite(folders[1] / "plan.csv", was, now)
    result = check(folders)
    assert result.exit_code == 1
    assert set(rules(result)) & {"form", "H5", "figure"} == {"form"}
    assert told in result.stdout
    assert result.stdout.count("form: ") <= 3


def test_a_plan_says_in_utc_when_it_was_made(folders: tuple[Path, Path]) -> None:
    """``now`` may have a fraction of a second, as it was given, but not another offset."""
    rewrite(folders[1] / "summary.json", "T08:00:00+00:00", "T09:00:00+01:00")
    assert "form: summary.json: now:" in check(folders).stdout


@pytest.mark.parametrize("digest", [None, 5, "", [1]])
def test_a_plan_without_a_digest_of_its_inputs_is_caught(folders: tuple[Path, Path], digest: object) -> None:
    """Missing, or not text; what it is made of is the writer's choice."""
    file = folders[1] / "summary.json"
    content = json.loads(file.read_text(encoding="utf-8"))
    content["digest"] = digest
    if digest is None:
        del content["digest"]
    file.write_text(json.dumps(content), encoding="utf-8")
    result = check(folders)
    assert result.exit_code == 1
    assert "form: summary.json: digest:" in result.stdout


@pytest.mark.parametrize("table", ["late", "longest_wait_hours"])
def test_a_class_that_the_policy_does_not_have_is_caught(folders: tuple[Path, Path], table: str) -> None:
    """Even if its figure is 0."""
    file = folders[1] / "summary.json"
    content = json.loads(file.read_text(encoding="utf-8"))
    content[table]["stat"] = 0
    file.write_text(json.dumps(content), encoding="utf-8")
    result = check(folders)
    assert result.exit_code == 1
    assert f"figure: {table}.stat: the policy has no such class" in result.stdout


def test_what_the_contract_leaves_open_is_nobodys_business(folders: tuple[Path, Path]) -> None:
    """Another order of columns, further ones, further keys, a byte order mark, no end to the last line."""
    with (folders[1] / "plan.csv").open(newline="", encoding="utf-8") as handle:
        rows = list(csv.DictReader(handle))
    with (folders[1] / "plan.csv").open("w", newline="", encoding="utf-8-sig") as handle:
        writer = csv.DictWriter(handle, ["note", *reversed(rows[0])], lineterminator="\n")
        writer.writeheader()
        writer.writerows({**row, "note": "two\r\nlines"} for row in rows)
    file = folders[1] / "summary.json"
    content = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps({"solver": "another", **content, "digest": "md5 of something"}), encoding="utf-8")
    left = folders[1] / "unallocated.csv"
    left.write_text(left.read_text(encoding="utf-8").rstrip("\n"), encoding="utf-8")
    result = check(folders)
    assert result.exit_code == 0, result.output
