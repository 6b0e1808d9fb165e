"""``balancer solve`` as people and other programs run it: a folder in, a folder out, or nothing at all."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from balancer.cli import app
from balancer.publish.plan_folder import read_plan, write_plan
from balancer.publish.problem_folder import write_problem
from balancer.simulate.instances import Shape, generate
from tests.worlds import (
    NOW,
    breast_screening,
    lay_out,
    overloaded_morning,
    policy,
    reporter,
    session,
    study,
    two_trusts,
    world,
)

AT = NOW.isoformat()


def run(*arguments: object) -> Result:
    """Run the command."""
    return CliRunner().invoke(app, ["solve", *map(str, arguments)])


def summary(plan: Path) -> dict[str, Any]:
    """Return what ``summary.json`` says."""
    content: dict[str, Any] = json.loads((plan / "summary.json").read_text(encoding="utf-8"))
    return content


@pytest.fixture
def problem(tmp_path: Path) -> Path:
    """Return the folder of a small world of two trusts."""
    write_problem(two_trusts(), tmp_path / "problem")
    return tmp_path / "problem"


def test_the_plan_it_writes_passes_the_check(tmp_path: Path) -> None:
    """A generated week, solved and judged by the command."""
    write_problem(generate(Shape(trusts=2, studies=250, reporters=8, seed=3)), tmp_path / "problem")
    result = run(tmp_path / "problem", "--now", AT, "--out", tmp_path / "plan", "--seed", 3)
    assert result.exit_code == 0, result.output
    checked = CliRunner().invoke(app, ["check", str(tmp_path / "problem"), str(tmp_path / "plan"), "--now", AT])
    assert checked.exit_code == 0, checked.output


def test_a_person_reads_what_came_of_it(tmp_path: Path) -> None:
    """Late by class, the longest wait against its ceiling, the gap, and where the plan is."""
    write_problem(overloaded_morning(), tmp_path / "problem")
    result = run(tmp_path / "problem", "--now", AT, "--out", tmp_path / "plan")
    assert result.exit_code == 0, result.output
    assert "6 reads: 4 allocated, 2 unallocated" in result.stdout
    assert "no_capacity: 2" in result.stdout
    assert "late       2 of       6" in result.stdout
    assert "gap" in result.stdout
    assert str(tmp_path / "plan") in result.stdout


def test_the_summary_says_what_was_asked_and_how_long_it_took(problem: Path, tmp_path: Path) -> None:
    """Seed, seconds by stage, and a digest of the inputs that changes with them."""
    assert run(problem, "--now", AT, "--out", tmp_path / "a", "--seed", 5).exit_code == 0
    first = summary(tmp_path / "a")
    assert first["seed"] == 5
    assert {"read", "solve"} <= set(first["seconds"])
    assert len(first["digest"]) == 64
    (problem / "trusts.csv").write_text("trust,name\nRVV,other\nRWF,names\n", encoding="utf-8")
    assert run(problem, "--now", AT, "--out", tmp_path / "b", "--seed", 5).exit_code == 0
    assert summary(tmp_path / "b")["digest"] != first["digest"]


def test_a_previous_plan_says_what_is_published(problem: Path, tmp_path: Path) -> None:
    """A3 was R1's by its column; the earlier plan lists it as unallocated, which wins, so that nobody loses it."""
    world = two_trusts()
    earlier = lay_out(world, {"S1": ["A1", "RWF/A1"], "S2": ["RWF/A2"]}, {"A3": "deferred"})
    write_plan(earlier, tmp_path / "earlier")
    assert run(problem, "--now", AT, "--out", tmp_path / "alone").exit_code == 0
    assert run(problem, "--now", AT, "--out", tmp_path / "after", "--previous", tmp_path / "earlier").exit_code == 0
    moved = {row.key: row.reporter_id for row in read_plan(tmp_path / "after").allocations}
    was = {row.key: row.reporter_id for row in earlier.allocations}
    assert summary(tmp_path / "after")["terms"]["churn"] == sum(moved.get(key) != who for key, who in was.items())
    assert summary(tmp_path / "after")["digest"] != summary(tmp_path / "alone")["digest"]
    check = ["check", str(problem), str(tmp_path / "after"), "--now", AT]
    assert CliRunner().invoke(app, [*check, "--previous", str(tmp_path / "earlier")]).exit_code == 0
    unaware = CliRunner().invoke(app, check)
    assert unaware.exit_code == 1
    assert "churn" in unaware.output


def test_whoever_holds_the_read_that_remains_keeps_it(tmp_path: Path) -> None:
    """R1 and R2 had a read each and R1 has reported: the study needs one read, and moving it off R2 would be churn.

    R3 is cheaper by less than that. Churn is paid for R1 whatever happens, as ``published_to`` is taken literally.
    """
    before = world(
        studies=[study(reads=2)],
        reporters=[reporter("R1"), reporter("R2", skills={"neuro": 2}), reporter("R3")],
        sessions=[session("S1", "R1"), session("S2", "R2"), session("S3", "R3")],
        policy=policy(churn=1, general=0.5),
    )
    write_plan(lay_out(before, {"S1": ["A1#1"], "S2": ["A1#2"]}), tmp_path / "earlier")
    after = replace(before, studies=(study(excluded=["R1"]),))
    write_problem(after, tmp_path / "problem")
    previous = ["--previous", tmp_path / "earlier"]
    assert run(tmp_path / "problem", "--now", AT, "--out", tmp_path / "alone").exit_code == 0
    assert [row.reporter_id for row in read_plan(tmp_path / "alone").allocations] == ["R3"]
    assert run(tmp_path / "problem", "--now", AT, "--out", tmp_path / "plan", *previous).exit_code == 0
    assert [row.reporter_id for row in read_plan(tmp_path / "plan").allocations] == ["R2"]
    assert summary(tmp_path / "plan")["terms"]["churn"] == 1
    check = ["check", str(tmp_path / "problem"), str(tmp_path / "plan"), "--now", AT, *map(str, previous)]
    assert CliRunner().invoke(app, check).exit_code == 0


@pytest.mark.parametrize("name", ["plan.csv", "unallocated.csv"])
def test_an_earlier_plan_with_a_read_twice_is_refused(problem: Path, tmp_path: Path, name: str) -> None:
    """Nobody can say who has it; the problem's own faults come out with it."""
    write_plan(lay_out(two_trusts(), {"S1": ["A1"]}, {"A3": "deferred"}), tmp_path / "earlier")
    row = "RVV,A1,1,R2,S2,1,2026-03-02T08:00:00+00:00,2026-03-02T09:00:00+00:00,2026-03-02T10:00:00+00:00,0.00\n"
    with (tmp_path / "earlier" / name).open("a", encoding="utf-8") as handle:
        handle.write(row if name == "plan.csv" else "RVV,A1,1,deferred\n")
    (problem / "sessions.csv").unlink()
    result = run(problem, "--now", AT, "--out", tmp_path / "plan", "--previous", tmp_path / "earlier")
    assert result.exit_code == 2
    first, second, *_ = result.stderr.splitlines()
    assert first == "sessions.csv: the file is missing"
    assert second == f"{tmp_path / 'earlier' / name}:3: read: RVV A1 read 1 already stands in plan.csv:2"
    assert not (tmp_path / "plan").exists()


def test_a_later_plan_replaces_an_earlier_one(problem: Path, tmp_path: Path) -> None:
    """``--out`` may be the folder of the last run, and that of ``--previous`` too."""
    for seed in (1, 2):
        arguments = ["--now", AT, "--out", tmp_path / "plan", "--seed", seed]
        assert run(problem, *arguments, *(["--previous", tmp_path / "plan"] if seed > 1 else [])).exit_code == 0
    assert summary(tmp_path / "plan")["seed"] == 2


def test_two_reads_of_one_study_go_to_two_people(tmp_path: Path) -> None:
    """Breast screening."""
    write_problem(breast_screening(), tmp_path / "problem")
    assert run(tmp_path / "problem", "--now", AT, "--out", tmp_path / "plan").exit_code == 0
    assert len({row.reporter_id for row in read_plan(tmp_path / "plan").allocations}) == 2


def test_a_time_limit_is_a_guard_that_still_gives_a_plan(problem: Path, tmp_path: Path) -> None:
    """Even a limit that is over before the solver starts."""
    assert run(problem, "--now", AT, "--out", tmp_path / "plan", "--seconds", 0.1).exit_code == 0
    assert read_plan(tmp_path / "plan").allocations


@pytest.mark.parametrize(
    "arguments",
    [
        ["--now", "2026-03-02T08:00:00", "--out", "{tmp}/plan"],
        ["--now", "soon", "--out", "{tmp}/plan"],
        ["--now", AT, "--out", "{tmp}/plan", "--previous", "{tmp}/nothing"],
        ["--now", AT, "--out", "{tmp}/plan", "--seconds", "-1"],
        ["--now", AT, "--out", "{tmp}/plan", "--work", "much"],
        ["--now", AT, "--out", "{tmp}/problem"],
        ["--now", AT, "--out", "{tmp}/problem/trusts.csv"],
        ["--now", AT],
        ["--out", "{tmp}/plan"],
    ],
)
def test_bad_arguments_give_exit_code_2_and_nothing_written(
    problem: Path, tmp_path: Path, arguments: list[str]
) -> None:
    """The problem folder is as it was, and there is no plan."""
    before = {path.name: path.read_bytes() for path in problem.iterdir()}
    result = run(problem, *(argument.format(tmp=tmp_path) for argument in arguments))
    assert result.exit_code == 2
    assert result.stderr
    assert {path.name: path.read_bytes() for path in problem.iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["problem"]


def test_bad_input_is_refused_as_a_whole_with_every_fault(problem: Path, tmp_path: Path) -> None:
    """File, line, column and reason of each on stderr, exit code 2, nothing written."""
    studies = (problem / "studies.csv").read_text(encoding="utf-8")
    (problem / "studies.csv").write_text(
        studies.replace("routine", "stat").replace("2026-03-02T08:00:00+00:00,", "2026-03-02T08:00:00,", 1),
        encoding="utf-8",
    )
    (problem / "sessions.csv").unlink()
    result = run(problem, "--now", AT, "--out", tmp_path / "plan")
    assert result.exit_code == 2
    lines = result.stderr.splitlines()
    assert sum("studies.csv:" in line and "priority" in line and "'stat'" in line for line in lines) == 4
    assert any("studies.csv:2: acquired_at:" in line for line in lines)
    assert any("sessions.csv" in line and "missing" in line for line in lines)
    assert [path.name for path in tmp_path.iterdir()] == ["problem"]


def test_unknown_columns_are_one_warning_and_no_fault(problem: Path, tmp_path: Path) -> None:
    """On stderr, naming them."""
    (problem / "trusts.csv").write_text("trust,name,beds\nRVV,East,3\nRWF,West,4\n", encoding="utf-8")
    result = run(problem, "--now", AT, "--out", tmp_path / "plan")
    assert result.exit_code == 0
    assert [line for line in result.stderr.splitlines() if "beds" in line]


def test_module_and_console_script_are_the_same_command(problem: Path, tmp_path: Path) -> None:
    """``python -m balancer`` in a process of its own, away from the source tree; plain lines on stderr, no colours."""
    command = [sys.executable, "-m", "balancer", "solve", str(problem), "--now", AT, "--out", "plan"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, env=os.environ)
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stderr
    assert (tmp_path / "plan" / "plan.csv").exists()
