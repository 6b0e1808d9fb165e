"""Which change of a Task's status is which act on its read: the one table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, Final

from balancer.domain.errors import InvalidValueError
from balancer.publish.fhir.codes import STATUSES, TASK_STATUSES


class Act(StrEnum):
    """What is done to a read; the acts and their rules are those of every other door."""

    CLAIM = "claim"
    RELEASE = "release"
    RETURN = "return"
    COMPLETE = "complete"
    NOTHING = "nothing"


FINAL: Final = frozenset({"completed", "cancelled"})
_WAITS: Final = ("requested", "ready")
# From, to, act. A report is never dropped: from whatever status, that a read is completed is heard (of a Task, too,
# that was cancelled and that another has followed).
CHANGES: Final[Mapping[tuple[str, str], Act]] = {
    **{(status, "completed"): Act.COMPLETE for status in sorted(set(STATUSES.values()))},
    **{(status, "in-progress"): Act.CLAIM for status in (*_WAITS, "in-progress")},
    **{("in-progress", status): Act.RELEASE for status in _WAITS},
    # handed back: before it was begun, after, or because it cannot be read now
    **{(status, to): Act.RETURN for status in ("ready", "in-progress") for to in ("rejected", "failed", "on-hold")},
    **{(status, status): Act.NOTHING for status in (*_WAITS, "on-hold", "cancelled")},
}
TELLS: Final = frozenset(
    {"status", "statusReason", "owner", "output", "businessStatus", "executionPeriod", "lastModified", "meta", "text"}
)
"""The elements of a Task that a change of status may touch; of these only the first four are looked at."""


def act_of(status: str, to: str) -> Act | None:
    """Return what a change of status means; ``None`` if it means nothing that can be done.

    Raises
    ------
    InvalidValueError
        If it is no status at all.
    """
    if to not in TASK_STATUSES:
        raise InvalidValueError("Task.status", f"is none of {', '.join(sorted(TASK_STATUSES))}")
    return CHANGES.get((status, to))


def changed_elements(current: Mapping[str, Any], wished: Mapping[str, Any]) -> list[str]:
    """Return the elements in which two Tasks differ and that nobody can change."""
    names: Iterable[str] = {*current, *wished} - TELLS
    return sorted(name for name in names if current.get(name) != wished.get(name))
