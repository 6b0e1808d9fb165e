"""Logical ids of resources: which thing of which numbering, and nothing of a patient.

When a backup is restored the numbering changes: reads are then numbered anew, and an old id must not name another
patient's (as ``publish.ups.uids``).
"""

from __future__ import annotations

import re
from typing import Final

_ID: Final = re.compile(r"[A-Za-z0-9\-.]{1,64}", re.ASCII)
_OURS: Final = re.compile(r"([0-9a-f]{1,16})-([1-9]\d{0,9})", re.ASCII)
_TASK: Final = re.compile(r"([0-9a-f]{1,16}-[1-9]\d{0,9})(?:\.([1-9]\d{0,4}))?", re.ASCII)


def is_id(text: str) -> bool:
    """Tell whether a text can be a resource's id (R4, id)."""
    return _ID.fullmatch(text) is not None


def id_of(number: int, numbering: str) -> str:
    """Return the id of a read or a study; ``numbering`` is the change feed's incarnation."""
    return f"{numbering}-{number}"


def number_of(resource_id: str, numbering: str) -> int | None:
    """Return what an id of this numbering names, if it names anything."""
    found = _OURS.fullmatch(resource_id)
    return int(found[2]) if found is not None and found[1] == numbering else None


def task_id_of(read: int, generation: int, numbering: str) -> str:
    """Return the id of that Task of a read before which so many had ended for good."""
    number = id_of(read, numbering)
    return f"{number}.{generation}" if generation else number


def task_named(task_id: str, numbering: str) -> tuple[int, int] | None:
    """Return which read a Task's id names, and how many of its Tasks had ended before, if it names anything."""
    found = _TASK.fullmatch(task_id)
    read = None if found is None else number_of(found[1], numbering)
    return None if found is None or read is None else (read, int(found[2] or 0))
