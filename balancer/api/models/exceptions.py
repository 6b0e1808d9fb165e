"""What somebody has to look at."""

from __future__ import annotations

from pydantic import Field

from balancer.api.models.shape import In, Instant, Out
from balancer.domain.exceptional import ExceptionKind
from balancer.store.tables_life import ExceptionRow


class ExceptionOut(Out):
    """Something about a read that goes beyond the rules, and whose it is to look at."""

    exception_id: int = Field(examples=[3])
    kind: ExceptionKind
    read_id: int = Field(examples=[4711])
    trust: str = Field(examples=["RVV"])
    owner: str = Field(description="Who has to look at it.", examples=["RVV reporting office"])
    detail: str = Field(
        description="Empty for a reporter who asks while the study is read blind by two.",
        examples=["passed over 5 times"],
    )
    opened_at: Instant
    resolved_at: Instant | None
    resolved_by: str = Field(description="Empty as `detail` is.", examples=[""])
    resolution: str = Field(description="Empty as `detail` is.", examples=[""])

    @classmethod
    def of(cls, row: ExceptionRow, *, hidden: bool = False) -> ExceptionOut:
        """Return an exception as the API shows it; what is ``hidden`` names no reporter."""
        return cls(
            exception_id=row.id or 0,
            kind=row.kind,
            read_id=row.read_id,
            trust=row.trust,
            owner=row.owner,
            detail="" if hidden else row.detail,
            opened_at=row.opened_at,
            resolved_at=row.resolved_at,
            resolved_by="" if hidden else row.resolved_by,
            resolution="" if hidden else row.resolution,
        )


class ResolutionIn(In):
    """What became of an exception."""

    resolution: str = Field(min_length=1, max_length=500, pattern=r"^[^\x00-\x1f]+$", examples=["rang the trust"])
