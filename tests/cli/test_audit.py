"""``balancer audit verify`` on a database file."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from balancer.cli import app
from balancer.store import audit
from balancer.store.database import Database
from balancer.store.pages import Cut
from tests.api.small_network import allocate


@pytest.fixture
def url(migrated_sqlite: Path, tmp_path: Path) -> str:
    """Return the address of a database in which something was done."""
    shutil.copy(migrated_sqlite, tmp_path / "balancer.sqlite")
    found = f"sqlite:///{tmp_path / 'balancer.sqlite'}"
    db = Database(found)
    allocate(db)
    db.close()
    return found


def test_a_trail_that_holds_is_said_to_and_its_end_is_printed(url: str) -> None:
    """What was printed can be shown again later."""
    result = CliRunner().invoke(app, ["audit", "verify", "--database", url])
    assert result.exit_code == 0, result.output
    with Database(url).session() as reading:
        entries = len(audit.entries(reading, Cut(limit=100)).items)
    assert entries > 1
    assert f"the audit trail holds: {entries} entries" in result.stdout
    end = result.stdout.splitlines()[1].removeprefix("its end: ")
    again = CliRunner().invoke(app, ["audit", "verify", "--database", url, "--witnessed", end])
    assert again.exit_code == 0
    forged = end[:-4] + ("0000" if not end.endswith("0000") else "1111")
    assert CliRunner().invoke(app, ["audit", "verify", "--database", url, "--witnessed", forged]).exit_code == 1
    assert CliRunner().invoke(app, ["audit", "verify", "--database", url, "--witnessed", "yesterday"]).exit_code == 2


def test_a_broken_trail_exits_1_and_says_where(url: str) -> None:
    """Somebody with the file in hand has changed an entry."""
    db = Database(url)
    with db.connection() as connection:
        connection.execute(text("DROP TRIGGER audit_no_update"))
        connection.execute(text("UPDATE audit SET actor = 'somebody else' WHERE sequence = 2"))
    db.close()
    result = CliRunner().invoke(app, ["audit", "verify", "--database", url])
    assert result.exit_code == 1
    assert "entry 2 is not what was written" in result.stderr
