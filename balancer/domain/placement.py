"""Where a read stands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Who does a read, in which session, at which position (from 1), from when to when."""

    reporter_id: str
    session_id: str
    position: int
    start: datetime
    end: datetime
