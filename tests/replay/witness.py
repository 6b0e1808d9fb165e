"""What the replay's people and systems saw with their own eyes, to hold the database against."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Reported:
    """A completion that the service has acknowledged."""

    read_id: int
    reporter_id: str
    trust: str
    accession_number: str
    accepted: bool


@dataclass(slots=True)
class Witness:
    """What was acknowledged, what was seen out of balance, and what should never have been answered."""

    claimed: set[tuple[int, str]] = field(default_factory=set)
    reported: list[Reported] = field(default_factory=list)
    did: Counter[str] = field(default_factory=Counter)
    out_of_balance: list[str] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)
    looked_at_balance: int = 0
    parked: list[tuple[str, int]] = field(default_factory=list)
    audit_ends: list[tuple[int, str]] = field(default_factory=list)
