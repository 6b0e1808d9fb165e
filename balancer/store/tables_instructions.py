"""The table of instructions: what people have decided beside what the feeds say."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, text
from sqlmodel import Field

from balancer.domain.instruction import InstructionKind, InstructionState
from balancer.store.tables import Row
from balancer.store.types import FreeText, StateText, UtcDateTime


class InstructionRow(Row, table=True):
    """A decision, as ``domain.instruction.Instruction`` has it; never changed but for its state and when it holds.

    ``trust`` is whose managers see it. One of a kind is in force for a read at a time.
    """

    __tablename__ = "instructions"
    __table_args__ = (
        Index(
            "uq_instructions_of_read",
            "kind",
            "read_id",
            unique=True,
            sqlite_where=text("state = 'in_force' AND read_id IS NOT NULL"),
            postgresql_where=text("state = 'in_force' AND read_id IS NOT NULL"),
        ),
        Index("ix_instructions_state_kind", "state", "kind"),
        Index("ix_instructions_trust_id", "trust", "id"),
    )
    id: int | None = Field(default=None, primary_key=True)
    kind: InstructionKind = Field(sa_type=StateText(InstructionKind))
    state: InstructionState = Field(sa_type=StateText(InstructionState))
    study_id: int | None = Field(default=None, foreign_key="studies.id", index=True)
    read_id: int | None = Field(default=None, foreign_key="reads.id", index=True)
    reporter_id: str | None = Field(default=None, foreign_key="reporters.reporter_id", index=True)
    session_id: str | None = None
    trust: str = Field(foreign_key="trusts.code")
    value: dict[str, Any] = Field(sa_type=JSON)
    reason: str = Field(sa_type=FreeText)
    author: str = Field(sa_type=FreeText)
    made_at: datetime = Field(sa_type=UtcDateTime)
    in_force_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    expires_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    draft_id: int | None = Field(default=None, index=True)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    ended_by: str = Field(default="", sa_type=FreeText)
    ended_why: str = Field(default="", sa_type=FreeText)
