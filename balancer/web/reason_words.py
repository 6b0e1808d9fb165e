"""Why a read is late in a plan, in the words that every page uses for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from balancer.domain.becoming_late import PARKED, PLANNED_LATE
from balancer.web import not_placed

# What has no place is said as on the page of the allocation; beside it stands what has one, and is late all the same.
REASON_WORDS: Final[Mapping[str, str]] = {
    PLANNED_LATE: "Not enough hours before it is due",
    **not_placed.REASONS,
    PARKED: "Parked: it cannot be read now",
}


def reason_words(reason: str) -> str:
    """Return a reason in words; one that has none is said as it is."""
    return REASON_WORDS.get(reason) or not_placed.reason_words(reason)
