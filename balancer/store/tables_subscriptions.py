"""The table of subscriptions to UPS event reports."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlmodel import Field

from balancer.store.tables import Row
from balancer.store.types import StateText, UtcDateTime


class SubscriptionKind(StrEnum):
    """To what: every workitem, those that match a filter, or a single one."""

    ALL = "all"
    FILTERED = "filtered"
    ONE = "one"


class SubscriptionRow(Row, table=True):
    """One subscription of an AE title, made by a caller: nobody else takes it over by using the same title.

    ``name`` tells it from the others of the same title. ``query``: the filter. ``read_id`` and ``workitem``: the single
    one; ``ended``: it has been left, though a subscription to every one stands. ``suspended_at``: no workitem that
    came after is subscribed to by it, of which ``last_read_id`` was the last read.
    """

    __tablename__ = "subscriptions"
    subject: str = Field(primary_key=True)
    aet: str = Field(primary_key=True)
    name: str = Field(primary_key=True)
    kind: SubscriptionKind = Field(sa_type=StateText(SubscriptionKind))
    query: str = ""
    read_id: int | None = Field(default=None, foreign_key="reads.id")
    workitem: int | None = None
    ended: bool = False
    deletion_lock: bool = False
    created_at: datetime = Field(sa_type=UtcDateTime)
    suspended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    last_read_id: int | None = None
