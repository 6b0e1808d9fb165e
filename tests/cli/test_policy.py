"""Versions of the policy at the terminal, and what production asks of the one in force."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from balancer import bootstrap
from balancer.cli import app
from balancer.config import read_settings
from balancer.domain.errors import InputRefusedError
from balancer.ingest.network_folder import NetworkFolder, read_network
from balancer.publish.problem_folder import policy_text
from balancer.services.load_network import load_network
from balancer.store.database import Database
from tests.kent import kent
from tests.worlds import EXAMPLE_POLICY, NOW


@pytest.fixture
def url(sqlite_db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return a database whose first version is the Kent sample's policy."""
    load_network(sqlite_db, read_network(kent(tmp_path)), NOW)
    found = f"sqlite:///{tmp_path / 'balancer.sqlite'}"
    monkeypatch.setenv("BALANCER_DATABASE_URL", found)
    return found


def run(*arguments: object) -> Result:
    """Run the command line in this process."""
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.mark.usefixtures("url")
def test_a_policy_is_proposed_approved_listed_and_written_out(tmp_path: Path) -> None:
    """What is written out says whose it is, and is the same policy."""
    stricter = tmp_path / "stricter.toml"
    stricter.write_text(policy_text(replace(EXAMPLE_POLICY, version="2026.2", author="A. Author")), encoding="utf-8")
    assert "version 2 waits to be approved" in run("policy", "propose", stricter, "--reason", "winter").stdout
    assert run("policy", "list").stdout.splitlines()[0].startswith("2  proposed  2026.2, by A. Author")
    assert run("policy", "approve", 2, "--approver", "Dr B. Approver", "--reason", "agreed").exit_code == 0
    assert "2  in_force  2026.2, by A. Author, approved by Dr B. Approver" in run("policy", "list").stdout
    out = tmp_path / "out.toml"
    assert run("policy", "export", "--out", out).exit_code == 0
    assert 'approver = "Dr B. Approver"' in out.read_text(encoding="utf-8")
    assert run("policy", "export", 2).stdout == out.read_text(encoding="utf-8")
    assert run("policy", "compare", 2, out).exit_code == 0
    done = run("policy", "compare", 1, 2)
    assert done.exit_code == 1
    assert "priority.screening.code: screening -> nothing" in done.stdout.splitlines()


@pytest.mark.usefixtures("url")
def test_a_version_is_declined_once(tmp_path: Path) -> None:
    """What is refused says so, and ends with 2."""
    stricter = tmp_path / "stricter.toml"
    stricter.write_text(policy_text(EXAMPLE_POLICY), encoding="utf-8")
    run("policy", "propose", stricter, "--reason", "winter")
    assert run("policy", "decline", 2, "--reason", "no").stdout == "version 2 is declined\n"
    done = run("policy", "approve", 2, "--approver", "Dr B. Approver", "--reason", "after all")
    assert (done.exit_code, "does not wait for a decision" in done.stderr) == (2, True)


@pytest.mark.usefixtures("url")
def test_a_file_with_faults_is_not_proposed(tmp_path: Path) -> None:
    """Every fault with its line; nothing is written."""
    bad = tmp_path / "bad.toml"
    bad.write_text("[horizon]\nhours = 0\n", encoding="utf-8")
    done = run("policy", "propose", bad, "--reason", "winter")
    assert done.exit_code == 2
    assert f"{bad}:2: horizon.hours" in done.stderr
    assert len(run("policy", "list").stdout.splitlines()) == 1


# --- production ------------------------------------------------------------------------------------------------------


def network_of(folder: Path, approver: str = "") -> NetworkFolder:
    """Return the Kent network, its policy approved by somebody if they are named."""
    found = read_network(kent(folder))
    return replace(found, policy=replace(found.policy, approver=approver))


def test_production_refuses_a_policy_for_which_nobody_answers(sqlite_db: Database, tmp_path: Path) -> None:
    """Neither a file that names nobody nor a version in force that does; a name is enough for the first time."""
    production, local = read_settings(sign_in="oidc"), read_settings(sign_in="local")
    nobody, somebody = network_of(tmp_path / "a"), network_of(tmp_path / "b", "Dr B. Approver")
    with pytest.raises(InputRefusedError, match=r"policy.toml: policy.approver: nobody is named"):
        bootstrap.require_approver(production, sqlite_db, nobody)
    bootstrap.require_approver(production, sqlite_db, somebody)
    bootstrap.require_approver(local, sqlite_db, nobody)
    load_network(sqlite_db, nobody, NOW)
    with pytest.raises(InputRefusedError, match="version 1, which is in force, names nobody"):
        bootstrap.require_approver(production, sqlite_db, somebody)
    bootstrap.require_approver(local, sqlite_db, somebody)


def test_a_version_that_somebody_has_approved_satisfies_production(url: str, tmp_path: Path) -> None:
    """Whatever the file beside it says."""
    shutil.copy(Path(__file__).parents[2] / "data" / "kent" / "policy.toml", tmp_path / "same.toml")
    assert run("policy", "propose", tmp_path / "same.toml", "--reason", "to be signed").exit_code == 0
    assert run("policy", "approve", 2, "--approver", "Dr B. Approver", "--reason", "agreed").exit_code == 0
    database = Database(url)
    bootstrap.require_approver(read_settings(sign_in="oidc"), database, network_of(tmp_path / "a"))
    database.close()


def test_the_service_does_not_start_on_the_samples_policy_in_production(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is an example that no clinician has approved, and the terminal says so before anything is served."""
    for name, value in {
        "DATABASE_URL": f"sqlite:///{tmp_path / 'b.sqlite'}",
        "OIDC_ISSUER": "https://login.example",
        "OIDC_CLIENT_ID": "balancer",
        "OIDC_CLIENT_SECRET": "secret",
        "ACCESS": str(Path(__file__).parents[2] / "docs" / "how-to" / "access-entra.toml"),
        "PUBLIC_URL": "https://balancer.example",
    }.items():
        monkeypatch.setenv(f"BALANCER_{name}", value)
    done = run("serve", "--network", kent(tmp_path), "--port", "0")
    assert done.exit_code == 2
    assert "policy.approver: nobody is named who approved this policy" in done.stderr
    assert "serving" not in done.stdout
