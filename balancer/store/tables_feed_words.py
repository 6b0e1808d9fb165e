"""The table of what people have said a feed's words mean."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, text
from sqlmodel import Field

from balancer.domain.feed_word import WordKind
from balancer.store.tables import Row
from balancer.store.types import FreeText, StateText, UtcDateTime


class FeedWordRow(Row, table=True):
    """A word and its meaning, from when it was said until it was taken back; ``key`` is the word folded.

    What holds of a word is the one that has not ended: there is at most one.
    """

    __tablename__ = "feed_words"
    __table_args__ = (
        Index(
            "uq_feed_words_current",
            "feed",
            "kind",
            "key",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
    )
    id: int | None = Field(default=None, primary_key=True)
    feed: str = Field(foreign_key="feeds.name", index=True)
    kind: WordKind = Field(sa_type=StateText(WordKind))
    key: str
    word: str
    meaning: str
    reason: str = Field(sa_type=FreeText)
    said_by: str
    said_at: datetime = Field(sa_type=UtcDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    ended_by: str = ""
