"""The audit trail's chain: each entry carries a hash of itself and of the entry before."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from balancer.domain.instant import require_aware

# What the first entry names as the hash before it.
BEGINNING = "0" * 64


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """Who did what to what, when, and why.

    ``actor`` is the subject of an ``Actor``; ``subject_kind`` and ``subject_id`` name the thing by its internal number.
    ``was`` and ``became`` are states. Nothing here may name a patient or an accession number.
    """

    at: datetime
    actor: str
    action: str
    subject_kind: str
    subject_id: str
    was: str = ""
    became: str = ""
    why: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        require_aware(self.at, "at")


def chained_hash(entry: AuditEntry, sequence: int, previous_hash: str) -> str:
    """Return the SHA-256 (FIPS 180-4), in hexadecimal, of an entry in its place in the chain.

    What is hashed is a JSON array in ASCII, so that no two different entries give the same bytes.
    """
    content = [
        previous_hash,
        sequence,
        entry.at.astimezone(UTC).isoformat(timespec="microseconds"),
        entry.actor,
        entry.action,
        entry.subject_kind,
        entry.subject_id,
        entry.was,
        entry.became,
        entry.why,
        dict(entry.detail),
    ]
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode("ascii")).hexdigest()
