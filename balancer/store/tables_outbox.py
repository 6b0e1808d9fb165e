"""The tables of what is told others: how far each outlet has come, what it is to say, what it has said."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Index, false
from sqlmodel import Field

from balancer.domain.letter import LetterState
from balancer.store.tables import Row
from balancer.store.types import StateText, UtcDateTime


class OutletRow(Row, table=True):
    """An outlet, and up to where in the journal it has written its letters.

    ``error``: why it reaches nobody now, since ``failing_since``; it names no patient and no study. ``taken_at``: when
    a letter of it was last taken.
    """

    __tablename__ = "outlets"
    name: str = Field(primary_key=True)
    incarnation: str
    sequence: int = Field(sa_type=BigInteger)
    moved_at: datetime = Field(sa_type=UtcDateTime)
    taken_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    failing_since: datetime | None = Field(default=None, sa_type=UtcDateTime)
    error: str = ""


class LetterRow(Row, table=True):
    """A letter of an outlet, and what has become of it (``domain.letter``).

    ``next_at``: it is not sent before. ``ended_at``: when it was taken or given up. ``error``: why it was not taken the
    last time, without anything that names a patient or a study.
    """

    __tablename__ = "letters"
    __table_args__ = (
        Index("ix_letters_outlet_state_key_id", "outlet", "state", "key", "id"),
        Index("ix_letters_outlet_subject_id", "outlet", "subject", "id"),
        Index("ix_letters_state_ended_at", "state", "ended_at"),
    )
    id: int | None = Field(default=None, primary_key=True)
    outlet: str = Field(foreign_key="outlets.name")
    key: str
    subject: str
    what: str
    trust: str | None = Field(default=None, foreign_key="trusts.code")
    study_id: int | None = Field(default=None, foreign_key="studies.id")
    body: dict[str, Any] = Field(sa_type=JSON)
    state: LetterState = Field(default=LetterState.WAITING, sa_type=StateText(LetterState))
    tries: int = 0
    made_at: datetime = Field(sa_type=UtcDateTime)
    next_at: datetime = Field(sa_type=UtcDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    error: str = ""


class ToldRow(Row, table=True):
    """What an outlet last wrote of a subject, a study's number, so that it writes again only what is news.

    It is kept for as long as the study waits for a report, or a letter about it is kept. ``uncertain``: a letter about
    it was given up since, and it may or may not be known.
    """

    __tablename__ = "told"
    outlet: str = Field(primary_key=True, foreign_key="outlets.name")
    subject: str = Field(primary_key=True)
    said: dict[str, Any] = Field(sa_type=JSON)
    uncertain: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
