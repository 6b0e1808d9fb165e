"""The tables of what is scarce: of which runs it has been worked out, and what one more hour is worth, by trust."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON
from sqlmodel import Field

from balancer.store.tables import Row
from balancer.store.types import UtcDateTime


class PricingRow(Row, table=True):
    """That the capacity beside a run's plan is priced, once: ``priced_at`` is empty until it is done, or if it failed.

    ``error`` says why it failed; it names nobody.
    """

    __tablename__ = "pricings"
    run_id: int = Field(primary_key=True, foreign_key="runs.id", ondelete="CASCADE")
    begun_at: datetime = Field(sa_type=UtcDateTime)
    priced_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    error: str = ""


class ScarcityRow(Row, table=True):
    """One thing that is scarce at a trust, beside a run's plan: the ``place``-th dearest, as ``domain.Scarcity``."""

    __tablename__ = "scarcities"
    run_id: int = Field(primary_key=True, foreign_key="runs.id", ondelete="CASCADE")
    place: int = Field(primary_key=True)
    trust: str
    found: dict[str, Any] = Field(sa_type=JSON)
