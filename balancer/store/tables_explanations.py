"""The table of explanations: why each read of which somebody has asked is where it is, as it was last worked out."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON
from sqlmodel import Field

from balancer.domain.read_explained import ExplanationState
from balancer.store.tables import Row
from balancer.store.types import StateText, UtcDateTime


class ExplanationRow(Row, table=True):
    """What was last asked and found of a read; one a read, the newer in place of the older.

    ``found`` stays while it is asked anew; ``run_id`` is the run whose lists were in force when it was made, ``now``
    the instant it is of.
    """

    __tablename__ = "explanations"
    read_id: int = Field(primary_key=True, foreign_key="reads.id", ondelete="CASCADE")
    state: ExplanationState = Field(sa_type=StateText(ExplanationState), index=True)
    asked_at: datetime = Field(sa_type=UtcDateTime)
    run_id: int | None = Field(default=None, foreign_key="runs.id", ondelete="SET NULL")
    now: datetime | None = Field(default=None, sa_type=UtcDateTime)
    found: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    error: str = ""
