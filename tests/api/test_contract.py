"""The OpenAPI document is true: whatever is asked, the service answers as the document says, and never fails."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import hypothesis
import pytest
import schemathesis
from fastapi import FastAPI
from schemathesis.specs.openapi.checks import positive_data_acceptance

from balancer.api.app import OPENAPI, create_app
from balancer.api.doors import CredentialsDoor
from balancer.api.once import HEADER, PARAMETER
from balancer.api.readiness import SCHEDULER
from balancer.api.serving import Serving
from balancer.api.sign_in.ways import LOCAL
from balancer.domain.permission import Permission
from balancer.services.secret import KEY_PREFIX, digest_of, new_secret
from balancer.store import jobs, systems
from balancer.store.database import Database
from balancer.store.tables_access import SystemRow
from tests.api.service import KEY, StandingClock
from tests.api.small_network import allocate, read_network
from tests.worlds import NOW

# The tests are made from the document before there is a database, which the fixture then brings.
APP: FastAPI = create_app(
    Serving(database=None, clock=StandingClock(), read_network=read_network, pseudonym_key=KEY),  # type: ignore[arg-type]
    door=CredentialsDoor(lambda: APP.state.serving.database, StandingClock(), cookie=LOCAL.cookie),
    ways=replace(LOCAL, behind_gate=True),  # schemathesis says of no address that it is its own
)
# A run that waits is followed for an hour: that is looked at in test_runs.py.
SCHEMA = schemathesis.openapi.from_asgi(OPENAPI, APP).exclude(path_regex="/events$")

_KEY = re.compile(PARAMETER["schema"]["pattern"])
# A policy is a text with a grammar of its own, of which JSON Schema knows nothing: most texts are none.
POLICY = "POST /api/v1/policies"
# What a system that may everything shows; schemathesis also asks without it, and must be refused.
SHOWN = new_secret(KEY_PREFIX)
EVERYTHING = SystemRow(
    system_id="contract",
    name="Contract",
    scopes=sorted(Permission),
    at=["RVV", "RWF"],
    key_digest=digest_of(SHOWN),
    created_at=NOW,
)


@SCHEMA.auth(refresh_interval=None)
class Shown:
    """Shows it with every request that is meant to be let in."""

    def get(self, _case: schemathesis.Case, _context: schemathesis.AuthContext) -> str:  # type: ignore[type-arg]
        """Return it."""
        return SHOWN

    def set(self, case: schemathesis.Case, data: str, _context: schemathesis.AuthContext) -> None:  # type: ignore[type-arg]
        """Show it, and nothing else."""
        case.cookies.clear()
        case.headers["Authorization"] = f"Bearer {data}"


def prepared(migrated: Path, path: Path) -> Path:
    """Prepare a small network in ``path`` that has been allocated, by a scheduler that lives."""
    path.write_bytes(migrated.read_bytes())
    db = Database(f"sqlite:///{path}")
    allocate(db)
    with db.transaction() as session:
        jobs.beat(session, SCHEDULER, now=NOW)
        systems.add_system(session, SystemRow(**EVERYTHING.model_dump()))
    db.close()
    return path


@contextmanager
def serving(path: Path) -> Iterator[None]:
    """Serve what has been prepared."""
    db = Database(f"sqlite:///{path}")
    APP.state.serving = Serving(database=db, clock=StandingClock(), read_network=read_network, pseudonym_key=KEY)
    yield
    db.close()


@pytest.fixture(autouse=True, scope="module")
def _served(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with serving(prepared(migrated_sqlite, tmp_path_factory.mktemp("contract") / "balancer.sqlite")):
        yield


@SCHEMA.parametrize()
@hypothesis.settings(max_examples=15, deadline=None, derandomize=True)
def test_every_operation_answers_as_its_document_says(case: schemathesis.Case) -> None:  # type: ignore[type-arg]
    """Valid and invalid requests of every kind: documented statuses, documented shapes, no failure."""
    if _KEY.fullmatch(str(dict(case.headers or {}).get(HEADER, ""))):
        # a valid key that comes a second time, with another request, is refused: that is looked at in test_once.py
        case.headers[HEADER] = str(uuid.uuid4())
    case.call_and_validate(excluded_checks=[positive_data_acceptance] if case.operation.label == POLICY else [])
