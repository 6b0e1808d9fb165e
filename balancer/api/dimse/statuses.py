"""How a DIMSE operation can end, in one table; nothing of a patient, and nothing that a library said, is ever sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pydicom.dataset import Dataset

from balancer.domain.errors import (
    BalancerError,
    ClaimedError,
    ConflictError,
    InvalidValueError,
    NotAllowedError,
    NotFoundError,
)
from balancer.publish.ups.elements import put
from balancer.publish.ups.state_table import Status
from balancer.publish.ups.workitem import carried

SUCCESS: Final = 0x0000
# PS3.7, Annex C.
PARTLY: Final = 0x0001  # PS3.4, CC.2.6.4: some attributes are not supported
PROCESSING_FAILURE: Final = 0x0110
NO_SUCH_ACTION: Final = 0x0123
NOT_AUTHORISED: Final = 0x0124
UNRECOGNISED: Final = 0x0211
RESOURCES: Final = 0x0213
# PS3.4, CC.2.8.4.
PENDING: Final = 0xFF00
PENDING_WITHOUT: Final = 0xFF01
CANCELED: Final = 0xFE00
OUT_OF_RESOURCES: Final = 0xA700
IDENTIFIER: Final = 0xA900
UNABLE: Final = 0xC001

INVALID_ATTRIBUTE: Final = 0x0106
INVALID_ARGUMENT: Final = 0x0115

BY_ERROR: Final[Mapping[type[BalancerError], int]] = {
    NotAllowedError: NOT_AUTHORISED,
    NotFoundError: Status.UNKNOWN.code,
    ClaimedError: Status.ALREADY_IN_PROGRESS.code,
    # the step may begin or end, and the read's own rules do not let this reporter: there is no code for it
    ConflictError: PROCESSING_FAILURE,
}
"""What a use case raised, and the status that its caller is sent; an invalid value's depends on the operation."""

_MOST_COMMENT: Final = 64  # VR LO


def said(code: int, comment: str = "") -> Dataset:
    """Return a status, with an Error Comment (0000,0902) if there is something to say."""
    status = put(Dataset(), Status=code)
    return put(status, ErrorComment=carried(comment, _MOST_COMMENT)) if comment else status


def told(status: Status, more: str = "") -> Dataset:
    """Return a status of the state table."""
    return said(status.code, more if status.is_failure else "")


def refusal(error: BalancerError, *, invalid: int) -> Dataset:
    """Return what is sent for an error of ours; ``invalid`` is this operation's status for an invalid value."""
    if isinstance(error, InvalidValueError):
        return said(invalid, str(error))
    code = next((code for kind, code in BY_ERROR.items() if isinstance(error, kind)), PROCESSING_FAILURE)
    return said(code, str(error) if code in {PROCESSING_FAILURE, Status.ALREADY_IN_PROGRESS.code} else "")
