"""``balancer explain`` and ``balancer scarcity``: what they say of small worlds, and how they refuse."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from balancer.cli import app
from balancer.publish.plan_folder import write_plan
from balancer.publish.problem_folder import write_problem
from tests.worlds import NOW, lay_out, overloaded_morning, with_true_figures

AT = NOW.isoformat()


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Return a problem of five hours' work for one session of four, and a plan that leaves A5 out."""
    problem = overloaded_morning(5)
    plan = lay_out(problem, {"S1": ["A1", "A2", "A3", "A4"]}, {"A5": "no_capacity"})
    write_problem(problem, tmp_path / "problem")
    write_plan(with_true_figures(problem, plan), tmp_path / "plan")
    return tmp_path / "problem", tmp_path / "plan"


def run(command: str, folders: tuple[Path, Path], *arguments: str) -> Result:
    """Return what a command does."""
    return CliRunner().invoke(app, [command, *map(str, folders), *arguments, "--now", AT])


def test_an_unplaced_read_is_told_the_smallest_addition(folders: tuple[Path, Path]) -> None:
    """In the manager's words: minutes, subspecialty, trust, until when."""
    result = run("explain", folders, "RVV", "A5")
    assert result.exit_code == 0, result.output
    assert "has no place: every session that would take it is full" in result.stdout
    assert "60 more minutes of neuro for RVV before Mon 2 Mar 13:00, at the end of session S1" in result.stdout
    assert "187.00 points lower" in result.stdout


def test_a_placed_read_is_told_what_it_costs_and_what_without_it(folders: tuple[Path, Path]) -> None:
    """A4 ends as it is due; without it, A5 would take the hour."""
    result = run("explain", folders, "RVV", "A4")
    assert result.exit_code == 0, result.output
    assert "Read 1 of RVV A4 is R1's, number 4 of session S1: Mon 2 Mar 11:00 to Mon 2 Mar 12:00" in result.stdout
    assert "If nobody did it, the total would be the same; RVV A5 to R1." in result.stdout
    assert "Nobody else can do it" in result.stdout or "No plan was found in which somebody else" in result.stdout


def test_a_read_that_is_not_there_is_bad_input(folders: tuple[Path, Path]) -> None:
    """Exit 2 and the read's name."""
    result = run("explain", folders, "RVV", "B9")
    assert result.exit_code == 2
    assert "RVV B9 read 1 is not a read of this problem" in result.stderr
    assert run("explain", folders, "RVV", "A1", "--read", "2").exit_code == 2


def test_a_plan_that_breaks_a_rule_is_not_explained(folders: tuple[Path, Path]) -> None:
    """Exit 1, with what the referee found."""
    plan = folders[1] / "plan.csv"
    plan.write_text(plan.read_text(encoding="utf-8").replace("A4,1,R1,S1,4", "A4,1,R1,S1,7"), encoding="utf-8")
    for command in ("explain", "scarcity"):
        result = run(command, folders, *(["RVV", "A1"] if command == "explain" else []))
        assert result.exit_code == 1
        assert "H5" in result.stderr


def test_scarcity_ranks_minutes_and_tells_how_evenly_work_lies(folders: tuple[Path, Path]) -> None:
    """One skill and one trust; R1 is busy all of the time."""
    result = run("scarcity", folders, "--top", "3")
    assert result.exit_code == 0, result.output
    assert "RVV neuro/CT Mon 2 Mar" in result.stdout
    assert "in a real session of 60 min" in result.stdout
    assert "most 100.0%" in result.stdout
