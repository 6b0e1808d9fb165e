"""A read as a DICOM procedure step (PS3.4, Annex CC): which state it shows, and when it needs a workitem of its own."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from balancer.domain.life import TRANSITIONS, ReadEvent, ReadState


class StepState(StrEnum):
    """Procedure Step State (0074,1000); the values are the standard's."""

    SCHEDULED = "SCHEDULED"
    IN_PROGRESS = "IN PROGRESS"
    COMPLETED = "COMPLETED"
    CANCELED = "CANCELED"


FINAL: Final = frozenset({StepState.COMPLETED, StepState.CANCELED})
"""The states that a step never leaves."""

STEP_STATES: Final[Mapping[ReadState, StepState]] = {
    ReadState.UNALLOCATED: StepState.SCHEDULED,
    ReadState.ALLOCATED: StepState.SCHEDULED,
    ReadState.PARKED: StepState.SCHEDULED,
    ReadState.SENT_OUT: StepState.SCHEDULED,
    ReadState.CLAIMED: StepState.IN_PROGRESS,
    ReadState.DONE: StepState.COMPLETED,
    ReadState.EXCLUDED: StepState.CANCELED,
    ReadState.WITHDRAWN: StepState.CANCELED,
}
"""How each state of a read reads as a Procedure Step State."""

# From IN PROGRESS a step can only end, and from its end go nowhere.
_LEADS: Final[Mapping[StepState, frozenset[StepState]]] = {
    StepState.SCHEDULED: frozenset(StepState),
    StepState.IN_PROGRESS: FINAL | {StepState.IN_PROGRESS},
    StepState.COMPLETED: frozenset({StepState.COMPLETED}),
    StepState.CANCELED: frozenset({StepState.CANCELED}),
}


def needs_another(state: ReadState, event: ReadEvent, to: ReadState) -> bool:
    """Tell whether a read's workitem cannot follow it from ``state`` to ``to``: it ends, and another replaces it.

    When a manager takes an open read over for somebody else too: the lock is the first claimant's.
    """
    return event is ReadEvent.TAKE_OVER or STEP_STATES[to] not in _LEADS[STEP_STATES[state]]


REVIVING: Final = frozenset(
    event for state, event, to in TRANSITIONS if STEP_STATES[state] in FINAL and needs_another(state, event, to)
)
"""What brings a read back whose step has ended for good: what FHIR calls a Task is another from then on too."""
