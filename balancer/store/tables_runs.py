"""What is kept of a run beyond its figures: what it was made from, the plan that waits, and whom it moved."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field

from balancer.domain.run_changes import MoveReason
from balancer.store.tables import Row
from balancer.store.types import StateText, UtcDateTime


class RunRecordRow(Row, table=True):
    """A run's problem and plan, packed (``publish.run_record``); forgotten after a while, when the figures stay.

    ``problem`` is ``None`` if it could not be packed: the run's warnings say so, and it cannot be made again.
    """

    __tablename__ = "run_records"
    run_id: int = Field(primary_key=True, foreign_key="runs.id", ondelete="CASCADE")
    kept_at: datetime = Field(sa_type=UtcDateTime, index=True)
    problem: bytes | None = None
    plan: bytes


class RunMoveRow(Row, table=True):
    """A read that a run's plan gives to somebody else than had it when the run began, or has no place for any more.

    ``was`` and ``becomes`` are reporters; ``None`` is nobody.
    """

    __tablename__ = "run_moves"
    run_id: int = Field(primary_key=True, foreign_key="runs.id", ondelete="CASCADE")
    study_id: int = Field(primary_key=True, foreign_key="studies.id", index=True)
    read: int = Field(primary_key=True)
    was: str | None = None
    becomes: str | None = None
    reason: MoveReason = Field(sa_type=StateText(MoveReason))
    detail: str = ""
