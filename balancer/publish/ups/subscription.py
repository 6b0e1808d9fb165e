"""What an N-ACTION about a subscription says (PS3.4, Table CC.2.3-1): who receives, and what of, in UPS-RS's words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from pydicom.dataset import Dataset

from balancer.domain.errors import InvalidValueError
from balancer.publish.ups.elements import text
from balancer.publish.ups.identifier import query_in

# What stands beside the matching keys of a filter.
_ASIDE: Final = frozenset({"ReceivingAE", "DeletionLock"})
_LOCKS: Final = {"TRUE": True, "FALSE": False, "": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscribing:
    """Action Information: the Receiving AE, whether a Deletion Lock is wanted, and the matching keys as a filter."""

    receiver: str
    lock: bool
    filter_text: str


def subscribing_in(information: Dataset) -> Subscribing:
    """Return what an Action Information says.

    Raises
    ------
    InvalidValueError
        If it names no Receiving AE, or its Deletion Lock or a key is none.
    """
    receiver = text(information, "ReceivingAE").strip(" ")
    if not receiver:
        raise InvalidValueError("ReceivingAE", "is missing: who is to receive event reports?")
    lock = _LOCKS.get(text(information, "DeletionLock"))
    if lock is None:
        raise InvalidValueError("DeletionLock", "is neither TRUE nor FALSE")
    return Subscribing(receiver=receiver, lock=lock, filter_text=_filter(information))


def _filter(information: Dataset) -> str:
    """Return the matching keys as PS3.18, 11.10.1 writes them; a universal one is none."""
    keys = Dataset()
    for element in information:
        if element.keyword not in _ASIDE:
            keys.add(element)
    return ",".join(f"{'.'.join(path)}={quote(value, safe='')}" for path, value in query_in(keys).keys.items() if value)
