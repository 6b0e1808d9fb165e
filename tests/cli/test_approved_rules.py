"""What leaves the queue by a feed's rule leaves it on somebody's word, who is named."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from balancer import bootstrap
from balancer.cli import app
from balancer.config import read_settings
from balancer.domain.errors import InputRefusedError
from balancer.store.database import Database
from tests.ingest.deliveries import KENT
from tests.kent import kent

RULE = "rule = "
APPROVED = 'approver = "Dr C. Lead"\nrule = '


def answered_for(folder: Path, *, policy: bool = True, rules: bool = True) -> Path:
    """Return a copy of the Kent network in which somebody answers for what is said."""
    network = kent(folder)
    if policy:
        path = network / "policy.toml"
        path.write_text(
            path.read_text("utf-8").replace("[policy]", '[policy]\napprover = "Dr B. Approver"', 1), "utf-8"
        )
    for path in (network / "feeds").glob("*.toml") if rules else ():
        path.write_text(re.sub(f"^{RULE}", APPROVED, path.read_text("utf-8"), flags=re.MULTILINE), "utf-8")
    return network


def in_production(monkeypatch: pytest.MonkeyPatch, network: Path, folder: Path) -> None:
    """Let settings be those of a service that people use."""
    for name, value in {
        "NETWORK": str(network),
        "DATABASE_URL": f"sqlite:///{folder / 'b.sqlite'}",
        "OIDC_ISSUER": "https://login.example",
        "OIDC_CLIENT_ID": "balancer",
        "OIDC_CLIENT_SECRET": "secret",
        "ACCESS": str(Path(__file__).parents[2] / "docs" / "how-to" / "access-entra.toml"),
        "PUBLIC_URL": "https://balancer.example",
    }.items():
        monkeypatch.setenv(f"BALANCER_{name}", value)


def test_production_does_not_start_with_a_rule_for_which_nobody_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of them is named, before anything is served."""
    in_production(monkeypatch, answered_for(tmp_path, rules=False), tmp_path)
    done = CliRunner().invoke(app, ["serve", "--port", "0"])
    assert done.exit_code == 2
    for feed in ("RVV", "RPA", "RWF"):
        assert f"{feed} unreported studies: exclude.approver of 'medical photography': nobody is named" in done.stderr
    assert "policy.approver" not in done.stderr
    assert "serving" not in done.stdout


def test_a_rule_that_comes_while_it_runs_needs_somebody_too(
    sqlite_db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder as it was holds on, as it does with any fault (``network.refused``)."""
    network = answered_for(tmp_path)
    in_production(monkeypatch, network, tmp_path)
    settings = read_settings()
    work = bootstrap.build_work(settings, sqlite_db)
    assert [len(feed.excludes) for feed in work._sources.read_network().feeds] == [2, 2, 2]  # noqa: SLF001
    application: Any = bootstrap.build_app(settings, sqlite_db)
    served = application.state.serving
    with (network / "feeds" / "RVV.toml").open("a", encoding="utf-8") as description:
        description.write('\n[[exclude]]\nrule = "one more"\nmodality = "MG"\n')
    for read in (work._sources.read_network, served.read_network):  # noqa: SLF001
        with pytest.raises(InputRefusedError, match="'one more': nobody is named"):
            read()


def test_to_try_it_out_nobody_need_answer(tmp_path: Path) -> None:
    """As for the policy."""
    settings = read_settings(network=answered_for(tmp_path, rules=False), sign_in="local")
    assert len(bootstrap.served_network(settings).feeds) == 3


def test_who_answers_is_kept_with_what_is_left_out(tmp_path: Path) -> None:
    """Wherever it is told by which rule."""
    network = answered_for(tmp_path)
    (file,) = (KENT / "extracts" / "RVV").iterdir()
    told = CliRunner().invoke(app, ["feed", "check", str(file), "--feed", str(network / "feeds" / "RVV.toml")]).output
    assert "left out: medical photography (approved by Dr C. Lead)" in told
