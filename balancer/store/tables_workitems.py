"""The table of workitems: what DICOM's worklist service needs to know of a read beyond where it stands."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON
from sqlmodel import Field

from balancer.domain.life import ReadEvent
from balancer.store.tables import Row
from balancer.store.types import StateText, UtcDateTime


class WorkitemRow(Row, table=True):
    """One workitem of a read, counted by ``sequence`` from 0; its UID follows from both.

    A read's current one is its last, and stands as the read does. It has no row while there is nothing to keep of it.
    The others have ``ended_at`` and what ended them, with ``reporter_id`` whose they were; ``completed`` tells a
    report that came to nothing from a cancellation. ``lock`` is a digest of the Transaction UID that holds it, empty
    while nothing does. ``presumed``: whoever began it named nobody, and it was taken to be its scheduled performer's.
    ``said`` is what its performer said of it, in the DICOM JSON Model. ``uid`` is the one that whoever created it gave
    it, which only a first one can have; ``replaces`` that of the one that it stands for now, if that was given one.
    """

    __tablename__ = "workitems"
    read_id: int = Field(primary_key=True, foreign_key="reads.id")
    sequence: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    lock: str = ""
    presumed: bool = False
    said: dict[str, Any] = Field(sa_type=JSON)
    completed: bool = False
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime, index=True)
    ended_by: ReadEvent | None = Field(default=None, sa_type=StateText(ReadEvent))
    reporter_id: str | None = None
    uid: str | None = Field(default=None, unique=True, index=True)
    replaces: str = ""
