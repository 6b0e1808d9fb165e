"""Which instance an operation is asked for on."""

from __future__ import annotations

from pynetdicom.events import Event

from balancer.domain.errors import InvalidValueError
from balancer.publish.ups.uids import is_uid


def requested_uid(event: Event) -> str:
    """Return the Requested SOP Instance UID (0000,1001); ``InvalidValueError`` if it is none."""
    asked = str(getattr(event.request, "RequestedSOPInstanceUID", None) or "")
    if not is_uid(asked):
        raise InvalidValueError("RequestedSOPInstanceUID", "is not a UID")
    return asked
