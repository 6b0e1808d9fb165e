"""The table of the ledger between trusts."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import Index
from sqlmodel import Field

from balancer.store.tables import Row
from balancer.store.types import UtcDateTime


class LedgerRow(Row, table=True):
    """Minutes that a reporter of ``by_trust`` read for ``for_trust`` in the week that begins on ``week`` (London).

    Rows are added and never changed: what was booked and did not hold is booked again in the same week, below zero.
    ``minutes`` and both trusts are as they were when the read was done.
    """

    __tablename__ = "ledger"
    __table_args__ = (Index("ix_ledger_week_for_trust", "week", "for_trust"),)
    id: int | None = Field(default=None, primary_key=True)
    read_id: int = Field(foreign_key="reads.id", index=True)
    week: date
    by_trust: str
    for_trust: str = Field(foreign_key="trusts.code")
    minutes: float
    booked_at: datetime = Field(sa_type=UtcDateTime)
