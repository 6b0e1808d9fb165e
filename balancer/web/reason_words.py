"""Why a read waits or is late, in the words that every page uses for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from balancer.domain.becoming_late import PARKED, PLANNED_LATE
from balancer.domain.ledger import LEDGER_CAP
from balancer.domain.life import AWAITS_OTHER_READ, UNPLANNED
from balancer.domain.plan import UnallocatedReason
from balancer.services.build_problem import NO_PRIORITY_CLASS

REASON_WORDS: Final[Mapping[str, str]] = {
    PLANNED_LATE: "Not enough hours before it is due",
    UnallocatedReason.NO_CAPACITY: "No room left in anybody's sessions",
    UnallocatedReason.DEFERRED: "Others gain more from the hours there are",
    UnallocatedReason.NO_SESSION: "No session that is long enough",
    UnallocatedReason.NO_SKILLED_REPORTER: "Nobody with the skill",
    UnallocatedReason.NO_ENTITLED_REPORTER: "Nobody entitled",
    LEDGER_CAP: "Other trusts have read as much as they may",
    NO_PRIORITY_CLASS: "A class that the policy does not know",
    AWAITS_OTHER_READ: "Waits for another reading",
    UnallocatedReason.CLAIMED_REPORTER_UNAVAILABLE: "Open with somebody who has no session",
    UnallocatedReason.PINNED_REPORTER_UNAVAILABLE: "Pinned to somebody who has no session",
    UNPLANNED: "Came after the plan was made",
    PARKED: "Parked: it cannot be read now",
}


def reason_words(reason: str) -> str:
    """Return a reason in words; one that has none is said as it is."""
    return REASON_WORDS.get(reason) or reason.replace("_", " ").capitalize() or "Nobody has it yet"
