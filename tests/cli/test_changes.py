"""``balancer changes void``: after a backup is restored, nobody goes on from a cursor of before."""

from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner

from balancer.cli import app
from balancer.store.changes import marks
from balancer.store.database import Database
from tests.networks import queued


def test_every_cursor_is_void_and_everything_else_stands(sqlite_db: Database, tmp_path: Path) -> None:
    """Numbers go on; what they are numbers of is another feed."""
    queued(sqlite_db, "A1")
    with sqlite_db.session() as session:
        before = marks(session)["RVV"]
    done = CliRunner().invoke(app, ["changes", "void", "--database", f"sqlite:///{tmp_path / 'balancer.sqlite'}"])
    assert done.exit_code == 0, done.output
    with sqlite_db.session() as session:
        after = marks(session)["RVV"]
    assert (after.sequence, after.incarnation != before.incarnation) == (before.sequence, True)
