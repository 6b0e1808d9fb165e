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


class ProposedRow(Row, table=True):
    """Where the plan of a run that is held has a read, by the read's own number; forgotten once it is decided about.

    Nobody has it if ``reporter_id`` is ``None``: ``reason`` says why, and the rest is empty.
    """

    __tablename__ = "proposed_reads"
    run_id: int = Field(primary_key=True, foreign_key="runs.id", ondelete="CASCADE")
    study_id: int = Field(primary_key=True, foreign_key="studies.id", index=True)
    read: int = Field(primary_key=True)
    reporter_id: str | None = Field(default=None, foreign_key="reporters.reporter_id")
    session_id: str = ""
    position: int = 0
    planned_start: datetime | None = Field(default=None, sa_type=UtcDateTime)
    planned_end: datetime | None = Field(default=None, sa_type=UtcDateTime)
    due_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    reason: str = ""


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
