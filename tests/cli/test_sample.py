"""``balancer sample`` as people run it: the committed sample byte for byte, and nobody's files removed."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from balancer.cli import app
from tests.kent_sample import KENT


def run(*arguments: str | Path) -> Result:
    """Run the command with the committed descriptions."""
    return CliRunner().invoke(app, ["sample", *map(str, arguments)])


def content(folder: Path) -> dict[str, bytes]:
    """Return every file below ``folder`` by its path."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a freshly made sample."""
    folder = tmp_path_factory.mktemp("sample") / "kent"
    result = run(folder, "--descriptions", KENT)
    assert result.exit_code == 0, result.output
    assert "synthetic" in result.stdout
    return folder


def test_the_committed_sample_is_made_again_byte_for_byte(made: Path) -> None:
    """Workbooks included: nothing in them says when or by what they were written."""
    ours, committed = content(made), content(KENT)
    assert sorted(ours) == sorted(committed)
    assert [path for path in ours if ours[path] != committed[path]] == []


def test_it_stays_below_three_megabytes(made: Path) -> None:
    """It is cloned by everybody."""
    assert sum(map(len, content(made).values())) < 3_000_000


def test_making_it_again_over_itself_changes_nothing(made: Path) -> None:
    """And needs no descriptions, for it has its own."""
    before = content(made)
    assert run(made, "--descriptions", "/nowhere").exit_code == 0
    assert content(made) == before


def test_another_seed_changes_the_data_and_not_how_they_are_read(tmp_path: Path, made: Path) -> None:
    """Descriptions are written by hand."""
    assert run(tmp_path / "b", "--seed", "7", "--descriptions", made).exit_code == 0
    one, other = content(made), content(tmp_path / "b")
    assert sorted(one) == sorted(other)
    changed = {path for path in one if one[path] != other[path]}
    assert {Path(path).parts[0] for path in changed} == {"extracts", "rotas", "reporters.csv", "PLANTED.csv"}


def test_a_folder_that_holds_something_else_is_left_alone(tmp_path: Path) -> None:
    """Exit 2, the file named, nothing changed: it may be a trust's own extract."""
    assert run(tmp_path / "kent", "--descriptions", KENT).exit_code == 0
    own = tmp_path / "kent" / "extracts" / "RVV" / "unreported-20260303T0730.csv"
    own.write_text("theirs")
    before = content(tmp_path)
    result = run(tmp_path / "kent")
    assert result.exit_code == 2
    assert "unreported-20260303T0730.csv" in result.stderr
    assert "nothing was written" in result.stderr
    assert content(tmp_path) == before


def test_without_descriptions_nothing_is_written(tmp_path: Path) -> None:
    """A sample that nobody could read is no sample; the message says what to name."""
    result = run(tmp_path / "kent", "--descriptions", tmp_path)
    assert result.exit_code == 2
    assert "--descriptions" in result.stderr
    assert content(tmp_path) == {}
