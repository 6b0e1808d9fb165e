"""Decide about a version of the policy that was proposed: approve it, and it is in force, or decline it."""

from __future__ import annotations

from datetime import datetime

from balancer.domain.actor import Actor
from balancer.domain.audit import AuditEntry
from balancer.domain.errors import InvalidValueError
from balancer.domain.policy_version import PolicyDecision, PolicyState
from balancer.services.due_times import reckon_due_times
from balancer.store import audit, policies, runs, sources
from balancer.store.assignments import note_all
from balancer.store.database import Database, Session


def approve_policy(  # noqa: PLR0913 - who decides what, when and why
    db: Database, policy_id: int, now: datetime, *, by: Actor, approver: str, reason: str, base: int | None = None
) -> None:
    """Bring a proposed version into force: open studies are due by it at once, and a run is asked for.

    ``approver`` is who answers for it, by name; ``base`` is the version in force beside which they have seen it (0:
    none was), where that is known.

    Raises
    ------
    NotFoundError
        If there is no such version.
    ConflictError
        If it does not wait for a decision, or another version than ``base`` is in force by now.
    InvalidValueError
        If nobody is named.
    """
    if not approver.strip():
        raise InvalidValueError("approver", "somebody must answer for the policy, by name")
    with db.transaction() as session:
        sources.lock_trusts(session)  # whoever takes in studies, which are all due anew, has their trust first
        policies.turn(session)
        if base is not None:
            policies.require_in_force(session, base)
        _decide(session, policy_id, PolicyDecision.APPROVE, now, by=by, decided_by=approver, reason=reason)
        policy = policies.current_policy(session)
        reckon_due_times(session, policy, now)
        runs.ask_for_run(session, now=now, reason=f"version {policy_id} of the policy was approved")
        note_all(session, now)


def decline_policy(db: Database, policy_id: int, now: datetime, *, by: Actor, reason: str) -> None:
    """Decide against a proposed version.

    Raises
    ------
    NotFoundError
        If there is no such version.
    ConflictError
        If it does not wait for a decision.
    """
    with db.transaction() as session:
        policies.turn(session)
        _decide(session, policy_id, PolicyDecision.DECLINE, now, by=by, decided_by=by.name, reason=reason)


_BECOMES = {PolicyDecision.APPROVE: PolicyState.IN_FORCE, PolicyDecision.DECLINE: PolicyState.DECLINED}


def _decide(  # noqa: PLR0913 - who decides what about what, when and why
    session: Session,
    policy_id: int,
    decision: PolicyDecision,
    now: datetime,
    *,
    by: Actor,
    decided_by: str,
    reason: str,
) -> None:
    found = policies.version(session, policy_id)
    policies.decide(session, found.row, decision, by=decided_by, now=now, reason=reason)
    audit.append(
        session,
        AuditEntry(
            at=now,
            actor=by.subject,
            action=f"policy.{decision}",
            subject_kind="policy",
            subject_id=str(policy_id),
            was=found.state,
            became=_BECOMES[decision],
            why=reason,
            detail={"decided_by": decided_by},
        ),
    )
