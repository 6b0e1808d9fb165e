"""What the scheduler does on its intervals, done once by hand."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from typer.testing import CliRunner, Result

from balancer.cli import app
from balancer.store import worklists
from balancer.store.database import Database
from tests.kent import content, kent, row

ROWS = [row(f"A{number}", exam="CSKUH") for number in range(5)]


@pytest.fixture(autouse=True)
def _logs_restored() -> Iterator[None]:
    """Take back what a command does to this process's logs, which in a process of its own end with it."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the Kent network to which five studies and a session of East Kent have been delivered."""
    for name, value in {
        "BALANCER_DATABASE_URL": f"sqlite:///{tmp_path / 'balancer.sqlite'}",
        "BALANCER_SHIFT_TO_PRESENT": "1",
        "BALANCER_SIGN_IN": "local",
        "BALANCER_ALLOCATE_SECONDS": "1",
    }.items():
        monkeypatch.setenv(name, value)
    found = kent(tmp_path)
    (found / "extracts" / "RVV" / "unreported-20260302T0730.csv").write_bytes(content(ROWS))
    return found


def run(*arguments: object) -> Result:
    """Run the command line in this process."""
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_refreshing_says_what_became_of_every_source(folder: Path) -> None:
    """A line each, the sum that makes up its rows, and nothing where nothing was delivered."""
    done = run("refresh", "--network", folder)
    assert done.exit_code == 0, done.output
    assert "RVV unreported studies: applied: 5 rows = 5 new" in done.stdout
    assert "RWF unreported studies: nothing has been delivered" in done.stdout
    assert "RVV unreported studies: unchanged" in run("refresh", "--network", folder).stdout


def test_a_source_that_cannot_be_fetched_keeps_no_other_from_being_taken_in(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 1, and which it was."""

    def refuse(self: Path) -> bytes:
        if self.parent.name == "RPA":
            raise PermissionError(13, "Permission denied", str(self))
        return read(self)

    read = Path.read_bytes
    (folder / "extracts" / "RPA" / "RPA_worklist-20260302T0730.csv").write_bytes(b"")
    monkeypatch.setattr(Path, "read_bytes", refuse)
    done = run("refresh", "--network", folder)
    assert done.exit_code == 1
    assert "RPA unreported studies: " in done.stderr
    assert "Permission denied" in done.stderr
    assert "RVV unreported studies: applied" in done.stdout


def test_allocating_publishes_a_list_for_everybody(folder: Path, tmp_path: Path) -> None:
    """Of people without sessions, empty ones; what has no place is not lost."""
    run("refresh", "--network", folder)
    done = run("allocate")
    assert done.exit_code == 0, done.output
    assert "run 1 published: 0 of 5 reads allocated" in done.stdout
    db = Database(f"sqlite:///{tmp_path / 'balancer.sqlite'}")
    with db.session() as session:
        assert len(worklists.worklists(session)) == 60
    db.close()


def test_nothing_is_published_in_production_by_a_policy_that_nobody_has_approved(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As nothing is served: whoever allocates by hand gives lists to the same people."""
    run("refresh", "--network", folder)
    monkeypatch.setenv("BALANCER_SIGN_IN", "oidc")
    done = run("allocate")
    assert done.exit_code == 2, done.output
    assert "version 1, which is in force, names nobody" in done.stderr
    db = Database(f"sqlite:///{tmp_path / 'balancer.sqlite'}")
    with db.session() as session:
        assert worklists.worklists(session) == []
    db.close()


def test_allocating_without_a_network_says_what_to_do(folder: Path) -> None:
    """Exit code 1, no trace of the program's insides."""
    assert folder.is_dir()
    done = run("allocate")
    assert done.exit_code == 1
    assert "balancer refresh" in done.stderr


def test_a_setting_that_makes_no_sense_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its variable, exit code 2, and nothing is written."""
    monkeypatch.setenv("BALANCER_PORT", "many")
    done = run("refresh", "--network", folder)
    assert done.exit_code == 2
    assert "BALANCER_PORT" in done.stderr
    assert not (folder.parent / "balancer.sqlite").exists()
