"""Why a Task stands where it does, in codes: what a read says of itself may be in somebody's own words."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from balancer.domain.life import AWAITS_OTHER_READ, UNPLANNED, Again, ReadState, ReturnReason
from balancer.domain.plan import UnallocatedReason


class StatusReason(StrEnum):
    """Why nobody has a read, it cannot be read, or it is not asked for; the values are wire names.

    Of what has no place in the plan, the plan's own reasons. ``let_go``: a claim ended without a report. ``other``:
    another reason that nobody has it.
    """

    CLAIMED_REPORTER_UNAVAILABLE = UnallocatedReason.CLAIMED_REPORTER_UNAVAILABLE.value
    PINNED_REPORTER_UNAVAILABLE = UnallocatedReason.PINNED_REPORTER_UNAVAILABLE.value
    NO_ENTITLED_REPORTER = UnallocatedReason.NO_ENTITLED_REPORTER.value
    NO_SKILLED_REPORTER = UnallocatedReason.NO_SKILLED_REPORTER.value
    NO_SESSION = UnallocatedReason.NO_SESSION.value
    NO_CAPACITY = UnallocatedReason.NO_CAPACITY.value
    DEFERRED = UnallocatedReason.DEFERRED.value
    AWAITS_OTHER_READ = "awaits_other_read"
    HANDED_BACK = "handed_back"
    LET_GO = "let_go"
    READ_AGAIN = "read_again"
    OTHER = "other"
    IMAGES_MISSING = "images_missing"
    PARKED = "parked"
    SENT_OUT = "sent_out"
    EXCLUDED = "excluded"
    WITHDRAWN = "withdrawn"


_AWAY: Final = {
    ReadState.PARKED: StatusReason.PARKED,
    ReadState.SENT_OUT: StatusReason.SENT_OUT,
    ReadState.EXCLUDED: StatusReason.EXCLUDED,
    ReadState.WITHDRAWN: StatusReason.WITHDRAWN,
}
# What a read that nobody has says of itself: words of this service's own.
_WORDS: Final = {
    **{reason.value: StatusReason(reason.value) for reason in UnallocatedReason},
    **{again.value: StatusReason.READ_AGAIN for again in Again},
    AWAITS_OTHER_READ: StatusReason.AWAITS_OTHER_READ,
    "released": StatusReason.LET_GO,
    "lapsed": StatusReason.LET_GO,
    "taken over": StatusReason.LET_GO,
}
_RETURNED: Final = "returned: "


def status_reason(state: ReadState, reason: str) -> StatusReason | None:
    """Return why a read stands where it does; ``None`` of one that somebody has or did, or that no plan has seen."""
    if state is ReadState.PARKED and reason == ReturnReason.IMAGES_MISSING:
        return StatusReason.IMAGES_MISSING
    if state is not ReadState.UNALLOCATED:
        return _AWAY.get(state)
    if reason in {"", UNPLANNED}:
        return None
    return StatusReason.HANDED_BACK if reason.startswith(_RETURNED) else _WORDS.get(reason, StatusReason.OTHER)
