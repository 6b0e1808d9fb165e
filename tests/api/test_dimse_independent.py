"""An independent DIMSE stack, npm's dcmjs-dimse, creates a workitem, and works it from being scheduled to its end."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from balancer.domain.life import ReadState
from balancer.domain.permission import Permission
from balancer.store.database import Database
from tests.api.dimse_peers import listening, registered
from tests.api.small_network import allocate
from tests.networks import standing
from tests.patience import PATIENCE_SECONDS

FOLDER = Path(__file__).parent / "dimse_peer"


LIVED = ("find 0000 1", "begin 0000", "again c302", "early c304", "say 0000", "complete 0000", "get 0000 COMPLETED")


def test_another_stack_creates_a_workitem_and_works_it_to_its_end(sqlite_db: Database) -> None:
    """Found, begun, refused to a second and too early, said, completed and got: of what is planned, and of its own.

    What it creates it finds by the UID that it gave; half a request is refused, and so are the UID and the study again.
    """
    node = shutil.which("node")
    if node is None or not (FOLDER / "node_modules" / "dcmjs-dimse").is_dir():
        pytest.skip("no node, or npm's dcmjs-dimse is not installed: make test does it")
    allocate(sqlite_db)
    registered(sqlite_db, "PACS_RVV")
    registered(sqlite_db, "RIS_RVV", Permission.STUDIES_CREATE)
    with listening(sqlite_db) as port:
        command = [node, "life.mjs", str(port), "PACS_RVV", "RIS_RVV", "A1", "N1", "R1"]
        done = subprocess.run(
            command, cwd=FOLDER, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False
        )
    assert done.returncode == 0, done.stderr
    said = [line.removeprefix("step ") for line in done.stdout.splitlines() if line.startswith("step ")]
    created = ["half 0120", "create 0000", "twice 0111", *LIVED, "same 0000", "known 0110"]
    assert said == ["echo 0000", *LIVED, *created]
    assert [standing(sqlite_db, number) for number in ("A1", "N1")] == [(ReadState.DONE, "R1")] * 2
