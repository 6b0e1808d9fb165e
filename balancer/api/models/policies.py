"""Versions of the clinical policy."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from balancer.api.models.shape import In, Instant, Out
from balancer.domain.policy_version import FieldChange, PolicyState
from balancer.publish.problem_folder import policy_text
from balancer.store.policies import PolicyVersion, signed

_REASON = Field(min_length=1, max_length=500, pattern=r"^[^\x00-\x1f]+$", examples=["agreed by the board of 4 March"])
_NAME = r"^[^\x00-\x1f]*$"


class PolicyVersionOut(Out):
    """A version of the clinical policy: whose it is, and what became of it. What it says never changes."""

    policy_id: int = Field(examples=[3])
    state: PolicyState = Field(description="Runs are made by the one `in_force`.")
    owner: str = Field(description="As the policy says.", examples=["Example reporting board"])
    version: str = Field(description="As the policy says.", examples=["2026.1"])
    dated_on: str = Field(description="As the policy says.", examples=["2026-01-05"])
    author: str = Field(description="Who proposed it.", examples=["A. Author (entra:7f3c)"])
    proposed_at: Instant
    reason: str = Field(description="Why it was proposed.", examples=["the file changed"])
    approver: str = Field(description="Who answers for it; empty if nobody is named.", examples=["Dr B. Approver"])
    decided_at: Instant | None
    decision_reason: str = Field(examples=[""])
    sha256: str = Field(description="Of what it says.", examples=["9f86d081884c7d659a2feaa0c55ad015"])

    @classmethod
    def of(cls, found: PolicyVersion) -> PolicyVersionOut:
        """Return a version as the API shows it."""
        return cls(**_of(found))


class PolicyOut(PolicyVersionOut):
    """A version of the clinical policy with everything it says."""

    content: str = Field(description="As `policy.toml`: what `POST /policies` takes, and a network folder holds.")

    @classmethod
    def of(cls, found: PolicyVersion) -> PolicyOut:
        """Return a version, whole, as the API shows it."""
        return cls(**_of(found), content=policy_text(signed(found)))


def _of(found: PolicyVersion) -> dict[str, Any]:
    row, decision = found.row, found.decision
    return {
        "policy_id": row.id or 0,
        "state": found.state,
        "owner": row.owner,
        "version": row.version,
        "dated_on": row.dated_on,
        "author": row.author,
        "proposed_at": row.loaded_at,
        "reason": row.reason,
        "approver": found.approver,
        "decided_at": decision.decided_at if decision else None,
        "decision_reason": decision.reason if decision else "",
        "sha256": row.digest,
    }


class FieldChangeOut(Out):
    """One field in which two versions of the policy differ, as `policy.toml` names it."""

    field: str = Field(examples=["priority.urgent.target_hours"])
    was: Any = Field(description="`null` if the earlier version has no such field.", examples=[120])
    becomes: Any = Field(description="`null` if the later version has no such field.", examples=[96])

    @classmethod
    def of(cls, change: FieldChange) -> FieldChangeOut:
        """Return a change as the API shows it."""
        return cls(field=change.field, was=change.was, becomes=change.becomes)


class PolicyIn(In):
    """A policy to be proposed."""

    content: str = Field(
        min_length=1, max_length=50_000, description="A whole `policy.toml`.", examples=["[horizon]\nhours = 168\n..."]
    )
    reason: str = _REASON


class ApprovalIn(In):
    """Why a version is approved, and by whom if nobody signs in here."""

    reason: str = _REASON
    approver: str = Field(
        default="",
        max_length=100,
        pattern=_NAME,
        description="Who answers for it. Only where people do not sign in: whoever has signed in is named as that.",
        examples=["Dr B. Approver"],
    )
    base: int | None = Field(
        default=None,
        ge=0,
        le=2**31 - 1,
        description="The version in force beside which it was looked at (0: none was): refused if another is by now.",
        examples=[2],
    )


class RefusalIn(In):
    """Why a version is declined."""

    reason: str = _REASON
