"""The table of the journal: every step that reads have taken, for as long as somebody may still have to be told."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger
from sqlmodel import Field

from balancer.domain.life import ReadState
from balancer.domain.states import JournalKind
from balancer.store.tables import Row
from balancer.store.types import StateText, UtcDateTime


class JournalRow(Row, table=True):
    """One step of a read, under the number that the change feed gave it, in the order of commits over all trusts.

    ``workitem`` says which of the read's workitems shows it from here on. What is ``_before`` is as the journal last
    had it: of a read that it had never told of there is nothing. ``state`` is the read's own, ``gone`` whether nobody
    is to read it any more, ``has_images`` whether its Study Instance UID was known, and ``had_images`` whether before;
    neither of steps from before they were kept. ``said``: the words that came with a progress or a request, in the
    DICOM JSON Model.
    """

    __tablename__ = "journal"
    sequence: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    kind: JournalKind = Field(sa_type=StateText(JournalKind))
    trust: str = Field(foreign_key="trusts.code")
    study_id: int = Field(foreign_key="studies.id")
    read: int
    read_id: int = Field(foreign_key="reads.id")
    at: datetime = Field(sa_type=UtcDateTime, index=True)
    workitem_before: int | None = None
    workitem: int
    state_before: ReadState | None = Field(default=None, sa_type=StateText(ReadState))
    state: ReadState = Field(sa_type=StateText(ReadState))
    reporter_before: str | None = None
    reporter_id: str | None = None
    gone: bool
    had_images: bool | None = None
    has_images: bool | None = None
    said: dict[str, Any] = Field(sa_type=JSON)
