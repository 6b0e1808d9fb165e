"""``balancer system``: a system is let in, listed and shut out from the command line."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from balancer.cli import app
from balancer.services.secret import digest_of
from balancer.store import audit, systems
from balancer.store.database import Database
from balancer.store.pages import Cut
from balancer.store.tables_life import AuditRow
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


def trail(db: Database) -> list[AuditRow]:
    """Return what is in the trail of systems, oldest first; the chain must hold."""
    with db.session() as reading:
        assert audit.verify(reading).fault == ""
        rows = audit.entries(reading, Cut(limit=100), subject_kind="system").items
    return list(reversed(rows))


def test_whoever_lets_a_system_in_or_shuts_it_out_is_in_the_trail(
    url: str, sqlite_db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With which system, what it may do where, and its AE titles; never what it is known by."""
    monkeypatch.setenv("LOGNAME", "tess")
    added = _run("add", "pacs.rvv", "--trust", "RVV", "--scope", "reads.work", "--database", url)[1]
    title = ("PACS_RVV", "--host", "10.0.0.1", "--port", "104", "--tls")
    for arguments in (("add-ae-title", "pacs.rvv", *title), ("remove-ae-title", "PACS_RVV"), ("disable", "pacs.rvv")):
        assert _run(*arguments, "--database", url)[0] == 0
    found = trail(sqlite_db)
    assert {(row.actor, row.subject_id) for row in found} == {("terminal:tess", "pacs.rvv")}
    may, called = (
        {"scopes": ["reads.work"], "trusts": ["RVV"]},
        {"title": "PACS_RVV", "listens_at": "10.0.0.1:104 over TLS"},
    )
    until = found[0].detail.get("until")
    assert until is not None
    assert [(row.action, row.detail) for row in found] == [
        ("system.add", {**may, "shows": "a key", "until": until}),
        ("system.add_ae_title", called),
        ("system.remove_ae_title", called),
        ("system.disable", may),
    ]
    key = added.splitlines()[-1]
    with sqlite_db.session() as reading:
        everything = repr([row.model_dump() for row in audit.entries(reading, Cut(limit=100)).items])
    assert key.startswith("balancer_key_")
    assert [secret for secret in (key, digest_of(key)) if secret in everything] == []


def test_what_is_refused_is_not_in_the_trail(url: str, sqlite_db: Database) -> None:
    """Nothing was done."""
    for arguments in (("disable", "nobody"), ("remove-ae-title", "PACS_RVV"), ("add-ae-title", "nobody", "PACS_RVV")):
        assert _run(*arguments, "--database", url)[0] == 2
    assert trail(sqlite_db) == []


def test_whoever_has_no_name_on_this_machine_is_in_the_trail_by_number(
    url: str, sqlite_db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the user of a container need not have one."""
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 4_000_000_001)
    assert _run("add", "pacs.rvv", "--trust", "RVV", "--scope", "reads.work", "--database", url)[0] == 0
    assert [row.actor for row in trail(sqlite_db)] == ["terminal:4000000001"]
