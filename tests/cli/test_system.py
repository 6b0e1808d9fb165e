"""``balancer system``: a system is let in, listed and shut out from the command line."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from joserfc.jwk import ECKey, KeySet
from typer.testing import CliRunner

from balancer.bootstrap import SystemClock
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


def test_a_system_is_renewed_and_its_new_key_is_shown_once(url: str, sqlite_db: Database) -> None:
    """The former stays good for a day unless something else is said; a disabled one is refused."""
    added = _run("add", "pacs.rvv", "--trust", "RVV", "--scope", "reads.work", "--days", "30", "--database", url)[1]
    code, said = _run("renew", "pacs.rvv", "--database", url)
    assert (code, said.startswith("pacs.rvv may call for 365 days\nits former key is good until ")) == (0, True)
    keys = [text.splitlines()[-1] for text in (added, said)]
    assert _good(sqlite_db, *keys) == [True, True]
    assert ", a former key until " in _run("list", "--database", url)[1]
    code, said = _run("renew", "pacs.rvv", "--overlap-hours", "0", "--days", "1", "--database", url)
    assert (code, "its former key is good no more" in said) == (0, True)
    assert _good(sqlite_db, *keys, said.splitlines()[-1]) == [False, False, True]
    assert "former" not in _run("list", "--database", url)[1]
    assert _run("disable", "pacs.rvv", "--database", url)[0] == 0
    code, said = _run("renew", "pacs.rvv", "--database", url)
    assert (code, "'pacs.rvv' is disabled" in said, "nothing was written" in said) == (2, True, True)
    assert "balancer_key_" not in said


def _good(db: Database, *keys: str) -> list[bool]:
    with db.session() as session:
        return [systems.by_key(session, digest_of(key), now=SystemClock().now()) is not None for key in keys]


def test_a_system_that_signs_is_renewed_by_a_new_set_of_public_keys(url: str, tmp_path: Path) -> None:
    """No key is shown; without a set it is refused."""
    for kid in ("old", "new"):
        public = KeySet([ECKey.generate_key("P-384", {"kid": kid}, private=True)]).as_dict(private=False)
        (tmp_path / kid).write_text(json.dumps(public), encoding="utf-8")
    given = ("--trust", "RVV", "--scope", "reads.work", "--public-keys", str(tmp_path / "old"))
    assert _run("add", "pacs.rvv", *given, "--database", url)[0] == 0
    code, said = _run("renew", "pacs.rvv", "--public-keys", str(tmp_path / "new"), "--database", url)
    assert (code, said) == (0, "pacs.rvv may call for 365 days, by these public keys and no others\n")
    assert _run("renew", "pacs.rvv", "--database", url)[0] == 2
    assert "pacs.rvv  signs  RVV" in _run("list", "--database", url)[1]


@pytest.mark.parametrize(
    "arguments",
    [
        ("add", "x", "--trust", "RVV", "--scope", "everything"),
        ("add", "x", "--trust", "RXX", "--scope", "studies.read"),
        ("disable", "nobody"),
        ("renew", "nobody"),
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
