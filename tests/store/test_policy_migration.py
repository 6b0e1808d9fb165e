"""What was loaded before versions were approved is in force afterwards as it was before, and names nobody."""

from __future__ import annotations

import json

from sqlalchemy import text

from balancer.domain.policy_version import PolicyState
from balancer.store import policies
from balancer.store.database import Database
from balancer.store.schema import upgrade
from tests.worlds import EXAMPLE_POLICY, NOW

_LOADED = text(
    "INSERT INTO policies (digest, owner, version, dated_on, document, loaded_at)"
    " VALUES ('', '', :version, '', :document, :now)"
)


def test_the_newest_version_stays_in_force_and_nobody_is_named(empty_db: Database) -> None:
    """Production then asks for somebody to approve it; nothing else changes."""
    document = json.dumps(policies.document_of(EXAMPLE_POLICY))
    with empty_db.connection() as connection:
        upgrade(connection, "0007")
        for version in ("1", "2"):
            connection.execute(_LOADED, {"version": version, "document": document, "now": NOW.isoformat()})
        upgrade(connection)
    with empty_db.session() as reading:
        found = [(item.state, item.row.version, item.approver) for item in policies.versions(reading)]
        assert policies.current_policy(reading) == EXAMPLE_POLICY
    assert found == [(PolicyState.IN_FORCE, "2", ""), (PolicyState.REPLACED, "1", "")]
