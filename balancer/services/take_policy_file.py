"""Take over what the network folder's policy file says: the first time it is in force, from then on a proposal."""

from __future__ import annotations

from datetime import datetime

from balancer.domain.actor import job
from balancer.domain.audit import AuditEntry
from balancer.domain.policy import Policy
from balancer.domain.policy_version import PolicyDecision, PolicyState
from balancer.store import audit, policies
from balancer.store.database import Session
from balancer.store.policies import PolicyVersion

_NETWORK = job("network")
_FILE = "policy.toml"


def take_policy_file(session: Session, policy: Policy, now: datetime) -> bool:
    """Take over ``policy`` as the file states it; return whether a version came into force by that.

    The first one is version 1 and in force at once, approved by whom the file names, if it names anybody. A file that
    says something else later is proposed, and waits until somebody approves it: a version approved since must not be
    undone by an old file on some replica's disk, and whoever can write files need not be whoever answers for a policy.
    What the file proposed and says no longer is declined.
    """
    policies.turn(session)
    versions = policies.versions(session)
    author = policy.author or _FILE
    if not versions:
        row = policies.add_version(session, policy, author=author, reason="the first policy", now=now, from_file=True)
        policies.decide(session, row, PolicyDecision.APPROVE, by=policy.approver, now=now, reason="as the file states")
        _enter(session, "approve", row.id, PolicyState.IN_FORCE, now)
        return True
    for item in versions:
        if item.row.from_file and item.state is PolicyState.PROPOSED and policies.policy_of(item.row) != policy:
            policies.decide(
                session, item.row, PolicyDecision.DECLINE, by="", now=now, reason="the file says it no longer"
            )
            _enter(session, "decline", item.row.id, PolicyState.DECLINED, now)
    if not any(_says(item, policy) for item in versions):
        row = policies.add_version(session, policy, author=author, reason="the file changed", now=now, from_file=True)
        _enter(session, "propose", row.id, PolicyState.PROPOSED, now)
    return False


def _says(version: PolicyVersion, policy: Policy) -> bool:
    """Tell whether a version that is in force, waits or was refused by somebody says the same already."""
    if version.state is PolicyState.IN_FORCE:
        return policies.says(version, policy)
    refused = version.state is PolicyState.DECLINED and version.decision is not None and version.decision.decided_by
    return policies.policy_of(version.row) == policy and (version.state is PolicyState.PROPOSED or bool(refused))


def _enter(session: Session, action: str, policy_id: int | None, became: PolicyState, now: datetime) -> None:
    audit.append(
        session,
        AuditEntry(
            at=now,
            actor=_NETWORK.subject,
            action=f"policy.{action}",
            subject_kind="policy",
            subject_id=str(policy_id),
            became=became,
        ),
    )
