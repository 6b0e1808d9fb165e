"""Which instance an operation is asked for on, and the dataset that comes with it."""

from __future__ import annotations

from pydicom.dataset import Dataset
from pynetdicom.events import Event

from balancer.domain.errors import InvalidValueError
from balancer.publish.ups.json_model import looked_at
from balancer.publish.ups.uids import is_uid


def requested_uid(event: Event) -> str:
    """Return the Requested SOP Instance UID (0000,1001); ``InvalidValueError`` if it is none."""
    asked = str(getattr(event.request, "RequestedSOPInstanceUID", None) or "")
    if not is_uid(asked):
        raise InvalidValueError("RequestedSOPInstanceUID", "is not a UID")
    return asked


def dataset_sent(event: Event, name: str) -> Dataset:
    """Return the dataset that came with an operation, by pynetdicom's name for it, read whole.

    It is decoded when it is first asked for, and bytes that are no dataset fail then.

    Raises
    ------
    InvalidValueError
        If it is none, or holds what would not be taken as JSON.
    """
    try:
        found = getattr(event, name)
    except Exception as error:
        raise InvalidValueError("dataset", "cannot be read") from error
    return looked_at(found)
