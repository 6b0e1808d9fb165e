"""UIDs of workitems: UUIDs under 2.25 (PS3.5, B.2) that say which read they are of, and the how manieth of it.

They are version 8 (RFC 9562): the numbering of this installation, the read and the number in a row, and nothing of a
patient. So a workitem has its UID before there is anything to keep of it. When a backup is restored the numbering
changes: reads are then numbered anew, and an old UID must not name another patient's.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from balancer.domain.errors import InvalidValueError

_ROOT: Final = "2.25."
_UID: Final = re.compile(r"(0|[1-9]\d*)(\.(0|[1-9]\d*))*", re.ASCII)
_MOST: Final = 64
_SEQUENCE_BITS, _READ_BITS, _NUMBERING_BITS = 26, 32, 64
_VERSION, _VARIANT = 8, 0b10


class WorkitemKey(NamedTuple):
    """Which workitem: of which read, counted from 0."""

    read_id: int
    sequence: int


def is_uid(text: str) -> bool:
    """Tell whether a text is a UID (PS3.5, 9.1)."""
    return len(text) <= _MOST and _UID.fullmatch(text) is not None


def uid_of(key: WorkitemKey, numbering: str) -> str:
    """Return a workitem's UID; ``numbering`` is the change feed's incarnation, 16 hexadecimal digits.

    Raises
    ------
    InvalidValueError
        If there is no room for one of them.
    """
    if not 0 <= key.sequence < 1 << _SEQUENCE_BITS or not 0 <= key.read_id < 1 << _READ_BITS:
        raise InvalidValueError("uid", "a read or its workitems have too high a number")
    said = (int(numbering, 16) << _READ_BITS | key.read_id) << _SEQUENCE_BITS | key.sequence
    if said >> (_NUMBERING_BITS + _READ_BITS + _SEQUENCE_BITS):
        raise InvalidValueError("numbering", "is longer than 16 digits")
    high, middle, low = said >> 74, said >> 62 & 0xFFF, said & (1 << 62) - 1
    return f"{_ROOT}{((high << 4 | _VERSION) << 12 | middle) << 64 | _VARIANT << 62 | low}"


def key_of(uid: str, numbering: str) -> WorkitemKey | None:
    """Return which workitem of this numbering a UID names, if it names one."""
    if not is_uid(uid) or not uid.startswith(_ROOT) or "." in uid[len(_ROOT) :]:
        return None
    whole = int(uid[len(_ROOT) :])
    high, middle, low = whole >> 80, whole >> 64 & 0xFFF, whole & (1 << 62) - 1
    said = high << 74 | middle << 62 | low
    read_id = said >> _SEQUENCE_BITS & (1 << _READ_BITS) - 1
    key = WorkitemKey(read_id, said & (1 << _SEQUENCE_BITS) - 1)
    try:
        return key if uid_of(key, numbering) == uid else None
    except InvalidValueError:
        return None
