"""The table of requests that must not be done twice."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON
from sqlmodel import Field

from balancer.store.tables import Row
from balancer.store.types import UtcDateTime


class IdempotencyKeyRow(Row, table=True):
    """A request that changes something, under the key its caller gave it; its answer, once there is one.

    ``request`` is a digest of what was asked. Without ``status`` it is under way, or ended without an answer.
    """

    __tablename__ = "idempotency_keys"
    caller: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    request: str
    begun_at: datetime = Field(sa_type=UtcDateTime, index=True)
    status: int | None = None
    headers: dict[str, Any] = Field(sa_type=JSON)
    body: str = ""
