"""The OpenAPI document is good enough to generate a client from, and a read can be worked with nothing else."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from balancer.api.doors import CredentialsDoor
from balancer.api.sign_in.ways import LOCAL
from balancer.domain.permission import Permission
from balancer.services.register_system import Registration, register_system
from balancer.store.database import Database
from tests.api.listening import listening
from tests.api.service import Service, StandingClock
from tests.api.small_network import allocate
from tests.terminal import OPERATOR
from tests.worlds import NOW

HERE = Path(__file__).parent
PYTHON = HERE / ".venv" / "bin" / "python"
SYSTEM = Registration(
    system_id="ris",
    name="A vendor's system",
    scopes=frozenset({Permission.ASSIGNMENTS_READ, Permission.READS_WORK, Permission.WORKLISTS_READ}),
    trusts=frozenset({"RVV"}),
)


def ran(*arguments: object, packages: Path) -> subprocess.CompletedProcess[str]:
    """Run the generator's Python, which finds the generated client in ``packages`` and nothing of ours."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    env = {**kept, "PATH": f"{PYTHON.parent}:{os.environ['PATH']}", "PYTHONPATH": str(packages)}
    return subprocess.run(
        [str(PYTHON), *map(str, arguments)], capture_output=True, text=True, env=env, cwd=packages, check=False
    )


def test_a_client_generated_from_the_document_lists_claims_and_completes(sqlite_db: Database, tmp_path: Path) -> None:
    """Every operation and every shape is understood, and answers of every kind come back as what they are."""
    if not PYTHON.exists():
        pytest.skip("no generator: tools/setup-client installs it, as make test does")
    allocate(sqlite_db)
    key = register_system(sqlite_db, SYSTEM, NOW, by=OPERATOR)
    service = Service(sqlite_db, door=CredentialsDoor(lambda: sqlite_db, StandingClock(), cookie=LOCAL.cookie))
    document = tmp_path / "openapi.json"
    document.write_text(json.dumps(service.app.openapi()), encoding="utf-8")
    generated = ran(
        *("-m", "openapi_python_client", "generate", "--path", document, "--meta", "none"),
        *("--output-path", tmp_path / "balancer_client", "--fail-on-warning"),
        packages=tmp_path,
    )
    assert generated.returncode == 0, generated.stdout + generated.stderr
    with listening(service) as port:
        worked = ran(HERE / "works_a_read.py", f"http://127.0.0.1:{port}", key, packages=tmp_path)
    assert worked.returncode == 0, worked.stderr
    found: dict[str, Any] = json.loads(worked.stdout)
    assert found.pop("lists")["R1"] == 2
    assert found.pop("first")[:2] == ["A1", "allocated"]
    status, refusal = found.pop("refused")
    assert (status, refusal["type"], refusal["claimed_by"]) == (409, "/problems#claimed", "R1"), refusal
    assert found == {
        "opened": True,
        "kept_for": "R1",
        "accepted": True,
        "told": ["allocated", "claimed", None],
    }
