"""``balancer session end``: whoever may do something no longer is out at once."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from balancer.bootstrap import SystemClock
from balancer.cli import app
from balancer.domain.actor import Grant, person
from balancer.domain.permission import Role
from balancer.services.sign_in import sign_in, whose
from balancer.store.database import Database
from tests.networks import loaded


def test_all_sessions_of_one_person_are_ended_and_nobody_elses(
    sqlite_db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the name that stays the same; one that nobody has signed in by is refused."""
    monkeypatch.delenv("BALANCER_HOST", raising=False)
    url, now = str(loaded(sqlite_db).engine.url), SystemClock().now()
    manager = Grant(Role.MANAGER, "RVV")
    theirs = [sign_in(sqlite_db, person("entra:1", "A", manager), now) for _ in range(2)]
    another = sign_in(sqlite_db, person("entra:2", "B", manager), now)
    done = CliRunner().invoke(app, ["session", "end", "entra:1", "--database", url])
    assert (done.exit_code, done.output) == (0, "2 sessions of entra:1 ended\n")
    assert [whose(sqlite_db, secret, now) is None for secret in (*theirs, another)] == [True, True, False]
    refused = CliRunner().invoke(app, ["session", "end", "entra:1", "--database", url])
    assert (refused.exit_code, "nothing was written" in refused.output) == (2, True)
