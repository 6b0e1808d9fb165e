"""The table of FHIR subscriptions: where a system wants to be told that Tasks have changed."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field

from balancer.store.tables import Row
from balancer.store.types import FreeText, UtcDateTime


class HookRow(Row, table=True):
    """A rest-hook of a system: ``criteria`` is a search of Tasks, ``endpoint`` where what changes is told.

    ``active_at``: when its outlet began. ``end_at``: when it ends by itself; ``ended_at``: when it was ended.
    """

    __tablename__ = "fhir_subscriptions"
    id: int | None = Field(default=None, primary_key=True)
    system: str = Field(index=True)
    criteria: str = Field(sa_type=FreeText)
    endpoint: str
    reason: str = Field(default="", sa_type=FreeText)
    made_at: datetime = Field(sa_type=UtcDateTime)
    active_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    end_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
