"""Caps of the ledger put in force in a line."""

from __future__ import annotations

from dataclasses import replace

from balancer.domain.policy import LedgerCap
from balancer.domain.policy_version import PolicyDecision
from balancer.store import policies
from balancer.store.database import Database
from tests.worlds import NOW


def cap_in_force(db: Database, *caps: LedgerCap) -> None:
    """Approve a version of the policy in force that has these caps and no others."""
    with db.transaction() as writing:
        policy = replace(policies.current_policy(writing), ledger=caps)
        row = policies.add_version(writing, policy, author="A. Manager", reason="a cap", now=NOW)
        policies.decide(writing, row, PolicyDecision.APPROVE, by="A. Lead", now=NOW, reason="agreed")
