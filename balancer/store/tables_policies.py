"""What was decided about versions of the clinical policy, which are never edited themselves."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index
from sqlmodel import Field

from balancer.domain.policy_version import PolicyDecision
from balancer.store.tables import Row
from balancer.store.types import FreeText, StateText, UtcDateTime


class PolicyDecisionRow(Row, table=True):
    """Somebody approved a version of the policy, or declined it; the last one approved is in force.

    ``decided_by`` is the approver's name, as people know it; empty if nobody is named.
    """

    __tablename__ = "policy_decisions"
    __table_args__ = (Index("uq_policy_decisions_policy_id", "policy_id", unique=True),)
    id: int | None = Field(default=None, primary_key=True)
    policy_id: int = Field(foreign_key="policies.id")
    decision: PolicyDecision = Field(sa_type=StateText(PolicyDecision))
    decided_by: str = Field(default="", sa_type=FreeText)
    decided_at: datetime = Field(sa_type=UtcDateTime)
    reason: str = Field(default="", sa_type=FreeText)
