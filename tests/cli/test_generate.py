"""``balancer generate`` as people and other programs run it."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from balancer.cli import app
from balancer.ingest.problem_folder import PROBLEM_FILES, read_problem
from tests.worlds import NOW

SMALL = ["--trusts", "2", "--studies", "300", "--reporters", "8", "--days", "7", "--seed", "1"]


def run(*arguments: str) -> Result:
    """Run the command."""
    return CliRunner().invoke(app, ["generate", *arguments])


def test_a_problem_folder_is_written_that_reads_without_a_word(tmp_path: Path) -> None:
    """All six files, no warning."""
    result = run(str(tmp_path / "p"), *SMALL, "--load", "0.7", "--published", "0.5")
    assert result.exit_code == 0, result.output
    assert sorted(path.name for path in (tmp_path / "p").iterdir()) == sorted(PROBLEM_FILES)
    problem, warnings = read_problem(tmp_path / "p", now=NOW)
    assert warnings == []
    assert len(problem.studies) == 300


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    """File by file."""
    for name in ("a", "b"):
        assert run(str(tmp_path / name), *SMALL).exit_code == 0
    for file in PROBLEM_FILES:
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_now_may_be_any_instant_with_an_offset(tmp_path: Path) -> None:
    """Nothing is acquired after it."""
    now = "2026-10-24T18:30:00+01:00"
    assert run(str(tmp_path / "p"), *SMALL, "--now", now).exit_code == 0
    problem, _ = read_problem(tmp_path / "p", now=NOW.fromisoformat(now))
    assert len(problem.studies) == 300


@pytest.mark.parametrize(
    "arguments",
    [
        ["--now", "2026-03-02T08:00:00"],
        ["--now", "Monday"],
        ["--trusts", "0"],
        ["--load", "0"],
        ["--load", "nan"],
        ["--published", "2"],
        ["--studies", "many"],
    ],
)
def test_bad_arguments_give_exit_code_2_and_nothing_written(tmp_path: Path, arguments: list[str]) -> None:
    """Whatever is wrong with them."""
    result = run(str(tmp_path / "p"), *SMALL, *arguments)
    assert result.exit_code == 2
    assert result.stderr
    assert list(tmp_path.iterdir()) == []


def test_something_else_is_never_overwritten(tmp_path: Path) -> None:
    """A file, or a folder with other things in it."""
    (tmp_path / "precious").write_text("x", encoding="utf-8")
    assert run(str(tmp_path / "precious"), *SMALL).exit_code == 2
    assert run(str(tmp_path), *SMALL).exit_code == 2
    assert [path.name for path in tmp_path.iterdir()] == ["precious"]
