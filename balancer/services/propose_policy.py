"""Propose a version of the policy: it waits until somebody approves it."""

from __future__ import annotations

from datetime import datetime

from balancer.domain.actor import Actor
from balancer.domain.audit import AuditEntry
from balancer.domain.errors import ConflictError, NotFoundError
from balancer.domain.policy import Policy
from balancer.domain.policy_version import PolicyState
from balancer.store import audit, policies
from balancer.store.database import Database, Session


def propose_policy(  # noqa: PLR0913 - who proposes what, when and why
    db: Database, policy: Policy, now: datetime, *, by: Actor, author: str, reason: str, base: int | None = None
) -> int:
    """Add ``policy`` as a version that waits to be approved, and return its number; nothing is changed by it.

    ``base`` is the version in force that it was made from (0: none was), where that is known.

    Raises
    ------
    ConflictError
        If it says nothing but what is in force, or another version than ``base`` is by now.
    """
    with db.transaction() as session:
        policies.turn(session)
        if base is not None:
            policies.require_in_force(session, base)
        _refuse_the_same(session, policy)
        row = policies.add_version(session, policy, author=author, reason=reason, now=now)
        audit.append(
            session,
            AuditEntry(
                at=now,
                actor=by.subject,
                action="policy.propose",
                subject_kind="policy",
                subject_id=str(row.id),
                became=PolicyState.PROPOSED,
                why=reason,
            ),
        )
        return row.id or 0


def _refuse_the_same(session: Session, policy: Policy) -> None:
    """Refuse what is in force already; unless nobody is named for that, so that somebody may be."""
    try:
        current = policies.version(session, policies.current_policy_row(session).id or 0)
    except NotFoundError:
        return
    if policies.says(current, policy) and current.approver:
        raise ConflictError(f"version {current.row.id}, which is in force, says the same")
