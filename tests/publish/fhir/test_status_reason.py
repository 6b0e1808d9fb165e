"""Why a Task stands where it does, in codes: whatever a read says of itself has one, and nobody's words are any."""

from __future__ import annotations

import pytest

from balancer.domain.life import AWAITS_OTHER_READ, LATE_IMAGES, UNPLANNED, ReadState, ReturnReason
from balancer.domain.plan import UnallocatedReason
from balancer.publish.fhir.status_reason import StatusReason, status_reason

R, S = ReadState, StatusReason
WORDS = "Dr Smith's patient, born 1.2.1950"


@pytest.mark.parametrize(
    ("state", "reason", "why"),
    [
        (R.UNALLOCATED, UNPLANNED, None),
        (R.UNALLOCATED, "", None),
        *((R.UNALLOCATED, reason.value, S(reason.value)) for reason in UnallocatedReason),
        (R.UNALLOCATED, LATE_IMAGES, S.READ_AGAIN),
        (R.UNALLOCATED, AWAITS_OTHER_READ, S.AWAITS_OTHER_READ),
        (R.UNALLOCATED, "lapsed", S.LET_GO),
        *((R.UNALLOCATED, f"returned: {reason}", S.HANDED_BACK) for reason in ReturnReason),
        (R.UNALLOCATED, WORDS, S.OTHER),
        (R.PARKED, ReturnReason.IMAGES_MISSING.value, S.IMAGES_MISSING),
        (R.PARKED, WORDS, S.PARKED),
        (R.SENT_OUT, WORDS, S.SENT_OUT),
        (R.EXCLUDED, WORDS, S.EXCLUDED),
        (R.WITHDRAWN, "", S.WITHDRAWN),
        (R.ALLOCATED, WORDS, None),
        (R.CLAIMED, "", None),
        (R.DONE, WORDS, None),
    ],
)
def test_every_reason_has_a_code(state: ReadState, reason: str, why: StatusReason | None) -> None:
    """Where there is something to say."""
    assert status_reason(state, reason) is why
