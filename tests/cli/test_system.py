"""``balancer system``: a system is let in, listed and shut out from the command line."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from balancer.cli import app
from balancer.services.secret import digest_of
from balancer.store import systems
from balancer.store.database import Database
from tests.networks import loaded
from tests.worlds import NOW


@pytest.fixture
def url(sqlite_db: Database, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return a database with a network in it."""
    monkeypatch.delenv("BALANCER_HOST", raising=False)
    return str(loaded(sqlite_db).engine.url)


def _run(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["system", *arguments])
    return done.exit_code, done.output


def test_a_system_is_added_listed_and_disabled(url: str, sqlite_db: Database) -> None:
    """The key that is shown is the one that opens."""
    code, said = _run("add", "pacs.rvv", "--trust", "RVV", "--scope", "assignments.read", "--database", url)
    assert code == 0
    with sqlite_db.session() as session:
        found = systems.by_key(session, digest_of(said.splitlines()[-1]), now=NOW)
    assert found is not None
    assert found.actor.subject == "system:pacs.rvv"
    assert "pacs.rvv  key  RVV  assignments.read  until" in _run("list", "--database", url)[1]
    assert _run("disable", "pacs.rvv", "--database", url)[0] == 0
    assert "disabled" in _run("list", "--database", url)[1]


@pytest.mark.parametrize(
    "arguments",
    [
        ("add", "x", "--trust", "RVV", "--scope", "everything"),
        ("add", "x", "--trust", "RXX", "--scope", "studies.read"),
        ("disable", "nobody"),
    ],
)
def test_what_cannot_be_is_refused_by_name(url: str, arguments: tuple[str, ...]) -> None:
    """Exit code 2, and nothing is written."""
    code, said = _run(*arguments, "--database", url)
    assert (code, "nothing was written" in said) == (2, True)
    assert _run("list", "--database", url) == (0, "")


def test_keys_that_are_no_jwk_set_are_refused(url: str, tmp_path: Path) -> None:
    """Before anything is stored."""
    (tmp_path / "keys.json").write_text("[]", encoding="utf-8")
    given = ("--trust", "RVV", "--scope", "studies.read", "--public-keys", str(tmp_path / "keys.json"))
    assert _run("add", "x", *given, "--database", url)[0] == 2


def test_an_ae_title_is_one_systems_until_it_is_taken_away(url: str) -> None:
    """Two applications of one title could not be told apart."""
    for name in ("pacs.rvv", "ris.rvv"):
        assert _run("add", name, "--trust", "RVV", "--scope", "reads.work", "--database", url)[0] == 0
    code, said = _run("add-ae-title", "pacs.rvv", "PACS_RVV", "--host", "10.0.0.1", "--port", "104", "--database", url)
    assert (code, "give --certificate" in said) == (0, True)
    assert "AE PACS_RVV" in _run("list", "--database", url)[1].splitlines()[0]
    assert _run("add-ae-title", "ris.rvv", "PACS_RVV", "--database", url)[0] == 2
    assert _run("remove-ae-title", "PACS_RVV", "--database", url)[0] == 0
    assert _run("add-ae-title", "ris.rvv", "PACS_RVV", "--database", url)[0] == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ("add-ae-title", "nobody", "PACS_RVV"),
        ("add-ae-title", "pacs.rvv", "SEVENTEEN_LETTERS"),
        ("add-ae-title", "pacs.rvv", "BACK\\SLASH"),
        ("add-ae-title", "pacs.rvv", "PACS_RVV", "--host", "10.0.0.1"),
        ("add-ae-title", "pacs.rvv", "PACS_RVV", "--certificate", __file__),
        ("remove-ae-title", "PACS_RVV"),
    ],
)
def test_an_ae_title_that_cannot_be_is_refused(url: str, arguments: tuple[str, ...]) -> None:
    """Exit code 2, and nobody has it."""
    assert _run("add", "pacs.rvv", "--trust", "RVV", "--scope", "reads.work", "--database", url)[0] == 0
    assert _run(*arguments, "--database", url)[0] == 2
    assert "AE " not in _run("list", "--database", url)[1]
