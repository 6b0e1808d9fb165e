"""What a trust's rota delivers: sessions with everything resolved, and the rows that could not be taken."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from balancer.domain.errors import InvalidValueError
from balancer.domain.feed import QuarantinedRow
from balancer.domain.reporter import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedRoster:
    """One file of one roster; it replaces the trust's sessions that begin from ``covers_from`` to ``covers_to``.

    Both days are London's and belong to the range. ``sessions`` are reporting sessions only, in order of person and
    start, no two of one person overlapping: leave, meetings and lists have been cut out of them. ``locations`` says by
    session where somebody sits (a site, or ``home``), if the rota does. ``digest`` is the SHA-256 of the bytes.
    ``problem`` says why nothing could be read at all; the rest is then empty, and the days mean nothing.
    """

    feed: str
    digest: str
    covers_from: date
    covers_to: date
    sessions: tuple[Session, ...] = ()
    quarantined: tuple[QuarantinedRow, ...] = ()
    rows_read: int = 0
    problem: str = ""
    locations: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.covers_to < self.covers_from:
            raise InvalidValueError("covers_to", "lies before covers_from")
