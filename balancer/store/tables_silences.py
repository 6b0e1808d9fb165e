"""The table of silent feeds: since when one has said nothing, and who looks after it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, text
from sqlmodel import Field

from balancer.store.tables import Row
from balancer.store.types import UtcDateTime


class SilenceRow(Row, table=True):
    """A time in which a feed was silent; one of a feed is open.

    ``since`` is when its last extract was made, if there ever was one. ``taken_at``: when somebody said that they look
    after it, and the owner is they; before that the owner is the trust's reporting office.
    """

    __tablename__ = "silences"
    __table_args__ = (
        Index(
            "uq_silences_open",
            "feed",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
    )
    id: int | None = Field(default=None, primary_key=True)
    feed: str = Field(foreign_key="feeds.name")
    trust: str = Field(foreign_key="trusts.code")
    owner: str
    since: datetime | None = Field(default=None, sa_type=UtcDateTime)
    opened_at: datetime = Field(sa_type=UtcDateTime)
    taken_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
