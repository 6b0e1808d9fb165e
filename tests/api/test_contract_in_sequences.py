"""The OpenAPI document is true of requests that follow from one another: what one answers is asked for by the next."""

from __future__ import annotations

import re
import shutil
import uuid
from contextlib import ExitStack
from pathlib import Path
from typing import Any, ClassVar

import hypothesis
import schemathesis
from schemathesis.specs.openapi.checks import positive_data_acceptance

from balancer.api.app import OPENAPI
from balancer.api.once import HEADER, PARAMETER
from tests.api import test_contract as contract

# Of its own: the links between operations that are found are written into it.
SCHEMA = schemathesis.openapi.from_asgi(OPENAPI, contract.APP).exclude(path_regex="/events$")
SCHEMA.auth(refresh_interval=None)(contract.Shown)
_KEY = re.compile(PARAMETER["schema"]["pattern"])
Followed: Any = SCHEMA.as_state_machine()


class Sequences(Followed):  # type: ignore[misc]  # a class that is made from the document
    """Sequences of requests; each begins with the network as it was prepared."""

    prepared: ClassVar[Path]

    def setup(self) -> None:
        """Serve a copy: what one sequence has changed is nothing that another finds."""
        path = self.prepared.with_name("served.sqlite")
        for old in path.parent.glob("served.sqlite*"):
            old.unlink()
        shutil.copy(self.prepared, path)
        self.served = ExitStack()
        self.served.enter_context(contract.serving(path))

    def teardown(self) -> None:
        """Close it."""
        self.served.close()

    def before_call(self, case: schemathesis.Case) -> None:  # type: ignore[type-arg]
        """Make a valid key one that has not been given: what becomes of a second time is looked at in test_once.py."""
        if _KEY.fullmatch(str(dict(case.headers or {}).get(HEADER, ""))):
            case.headers[HEADER] = str(uuid.uuid4())

    def validate_response(self, response: Any, case: schemathesis.Case, **_: Any) -> None:  # type: ignore[type-arg]
        """Look at the answer as at that to a request by itself, and beside those before it."""
        excluded: list[Any] = [positive_data_acceptance] if case.operation.label == contract.POLICY else []
        case.validate_response(response, excluded_checks=excluded, recorder=self.recorder)


def test_every_sequence_is_answered_as_the_document_says(migrated_sqlite: Path, tmp_path: Path) -> None:
    """Documented statuses and shapes, no failure, and what has been taken away is not there."""
    Sequences.prepared = contract.prepared(migrated_sqlite, tmp_path / "balancer.sqlite")
    Sequences.run(
        settings=hypothesis.settings(
            max_examples=60,
            stateful_step_count=8,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(hypothesis.HealthCheck),
        )
    )
