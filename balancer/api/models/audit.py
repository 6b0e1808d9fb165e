"""The audit trail."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from balancer.api.models.shape import Instant, Out
from balancer.store.tables_life import AuditRow


class AuditEntryOut(Out):
    """One thing that was done."""

    sequence: int = Field(description="Its place in the chain, from 1.", examples=[812])
    at: Instant
    actor: str = Field(
        description="The subject of whoever did it. Empty, as are reason and detail, for a reporter who asks while the "
        "study is read blind by two.",
        examples=["job:allocation"],
    )
    action: str = Field(examples=["read.claim"])
    subject_kind: str = Field(examples=["read"])
    subject_id: str = Field(examples=["4711"])
    was: str = Field(description="The state before, if it is about one.", examples=["allocated"])
    became: str = Field(description="The state after.", examples=["claimed"])
    why: str = Field(examples=["run 12"])
    detail: dict[str, Any] = Field(examples=[{"to": "9000017"}])
    hash: str = Field(
        description="Of this entry and the one before: SHA-256. Empty for whoever reports: a guess at what an entry "
        "hides from them could be tried against it.",
        examples=["5f1d0c9ab0e4477e"],
    )

    @classmethod
    def of(cls, row: AuditRow, *, hidden: bool = False, with_hash: bool = True) -> AuditEntryOut:
        """Return an entry as the API shows it; what is ``hidden`` names nobody and says nothing of what they found."""
        return cls(
            sequence=row.sequence,
            at=row.at,
            actor="" if hidden else row.actor,
            action=row.action,
            subject_kind=row.subject_kind,
            subject_id=row.subject_id,
            was=row.was,
            became=row.became,
            why="" if hidden else row.why,
            detail={} if hidden else row.detail,
            hash=row.hash if with_hash else "",
        )
