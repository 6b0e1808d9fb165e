"""An independent DIMSE stack, npm's dcmjs-dimse, works a workitem from being scheduled to its end."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from balancer.domain.life import ReadState
from balancer.store.database import Database
from tests.api.dimse_peers import listening, registered
from tests.api.small_network import allocate
from tests.networks import standing

FOLDER = Path(__file__).parent / "dimse_peer"


def test_another_stack_works_a_workitem_to_its_end(sqlite_db: Database) -> None:
    """Found, begun, refused to a second and too early, said, completed and got; the read is done."""
    node = shutil.which("node")
    if node is None or not (FOLDER / "node_modules" / "dcmjs-dimse").is_dir():
        pytest.skip("no node, or npm's dcmjs-dimse is not installed: make test does it")
    allocate(sqlite_db)
    registered(sqlite_db, "PACS_RVV")
    with listening(sqlite_db) as port:
        command = [node, "life.mjs", str(port), "PACS_RVV", "A1", "R1"]
        done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    said = [line.removeprefix("step ") for line in done.stdout.splitlines() if line.startswith("step ")]
    assert said == [
        "echo 0000",
        "find 0000 1",
        "begin 0000",
        "again c302",
        "early c304",
        "say 0000",
        "complete 0000",
        "get 0000 COMPLETED",
    ]
    assert standing(sqlite_db, "A1") == (ReadState.DONE, "R1")
