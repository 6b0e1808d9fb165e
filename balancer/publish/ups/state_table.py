"""The state table of a Unified Procedure Step (PS3.4, Table CC.1.1-2), as data, and its status codes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Final

from balancer.domain.steps import StepState


class StepEvent(StrEnum):
    """What is asked of a step; ``with`` and ``without`` the Transaction UID that holds its lock."""

    CREATE = "create"
    BEGIN = "to IN PROGRESS with a Transaction UID"
    BEGIN_WITHOUT = "to IN PROGRESS without a valid Transaction UID"
    SCHEDULE = "to SCHEDULED"
    COMPLETE = "to COMPLETED with the Transaction UID"
    COMPLETE_WITHOUT = "to COMPLETED without the Transaction UID"
    CANCEL = "to CANCELED with the Transaction UID"
    CANCEL_WITHOUT = "to CANCELED without the Transaction UID"
    REQUEST_CANCEL = "request cancellation"


class Status(Enum):
    """A status of PS3.4, Annex CC or PS3.7, Annex C: its DIMSE code, and its meaning in the standard's words."""

    SUCCESS = (0x0000, "Success")
    ALREADY_CANCELED = (0xB304, "The UPS is already in the requested state of CANCELED")
    MODIFIED = (0xB300, "The UPS was created with modifications")
    NO_LOCK = (0xB301, "Deletion Lock not granted")
    ALREADY_COMPLETED = (0xB306, "The UPS is already in the requested state of COMPLETED")
    DUPLICATE = (0x0111, "Duplicate SOP Instance")
    MISSING = (0x0120, "Missing Attribute")
    NO_LONGER = (0xC300, "The UPS may no longer be updated")
    WRONG_TRANSACTION = (0xC301, "The correct Transaction UID was not provided")
    ALREADY_IN_PROGRESS = (0xC302, "The UPS is already IN PROGRESS")
    ONLY_BY_CREATE = (0xC303, "The UPS may only become SCHEDULED via N-CREATE, not N-SET or N-ACTION")
    NOT_FINAL = (0xC304, "The UPS has not met final state requirements for the requested state change")
    UNKNOWN = (0xC307, "Specified SOP Instance UID does not exist or is not a UPS Instance managed by this SCP")
    UNKNOWN_RECEIVER = (0xC308, "Receiving AE-TITLE is Unknown to this SCP")
    NOT_SCHEDULED = (0xC309, "The provided value of UPS State was not SCHEDULED")
    NOT_IN_PROGRESS = (0xC310, "The UPS is not yet in the IN PROGRESS state")
    IS_COMPLETED = (0xC311, "The UPS is already COMPLETED")
    NO_CONTACT = (0xC312, "The performer cannot be contacted")
    WILL_NOT_CANCEL = (0xC313, "Performer chooses not to cancel")
    NOT_APPROPRIATE = (0xC314, "Specified action not appropriate for specified instance")
    NO_EVENTS = (0xC315, "SCP does not support Event Reports")

    def __init__(self, code: int, meaning: str) -> None:
        self.code = code
        self.meaning = meaning

    @property
    def is_failure(self) -> bool:
        """Whether nothing was done."""
        return self.code in {0x0111, 0x0120} or self.code >= 0xC000


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a cell of the table says: the status, and the state it leads to if it leads anywhere.

    ``needs_final``: the final state's requirements must be met, else ``Status.NOT_FINAL``.
    """

    status: Status
    to: StepState | None = None
    needs_final: bool = False


_S, _E, _C = StepState, StepEvent, Status
_STATES: Final = (None, _S.SCHEDULED, _S.IN_PROGRESS, _S.COMPLETED, _S.CANCELED)


def _row(*cells: Outcome | Status) -> dict[StepState | None, Outcome]:
    outcomes = (cell if isinstance(cell, Outcome) else Outcome(cell) for cell in cells)
    return dict(zip(_STATES, outcomes, strict=True))


# One row an event; the columns are: no such step, SCHEDULED, IN PROGRESS, COMPLETED, CANCELED.
TABLE: Final[Mapping[StepEvent, Mapping[StepState | None, Outcome]]] = {
    _E.CREATE: _row(Outcome(_C.SUCCESS, _S.SCHEDULED), _C.DUPLICATE, _C.DUPLICATE, _C.DUPLICATE, _C.DUPLICATE),
    _E.BEGIN: _row(_C.UNKNOWN, Outcome(_C.SUCCESS, _S.IN_PROGRESS), _C.ALREADY_IN_PROGRESS, _C.NO_LONGER, _C.NO_LONGER),
    _E.BEGIN_WITHOUT: _row(_C.UNKNOWN, *[_C.WRONG_TRANSACTION] * 4),
    _E.SCHEDULE: _row(_C.UNKNOWN, *[_C.ONLY_BY_CREATE] * 4),
    _E.COMPLETE: _row(
        _C.UNKNOWN,
        _C.NOT_IN_PROGRESS,
        Outcome(_C.SUCCESS, _S.COMPLETED, needs_final=True),
        _C.ALREADY_COMPLETED,
        _C.NO_LONGER,
    ),
    _E.COMPLETE_WITHOUT: _row(_C.UNKNOWN, *[_C.WRONG_TRANSACTION] * 4),
    _E.CANCEL: _row(
        _C.UNKNOWN,
        _C.NOT_IN_PROGRESS,
        Outcome(_C.SUCCESS, _S.CANCELED, needs_final=True),
        _C.NO_LONGER,
        _C.ALREADY_CANCELED,
    ),
    _E.CANCEL_WITHOUT: _row(_C.UNKNOWN, *[_C.WRONG_TRANSACTION] * 4),
    # in progress: whoever performs it is told, and decides
    _E.REQUEST_CANCEL: _row(
        _C.UNKNOWN,
        Outcome(_C.SUCCESS, _S.CANCELED),
        Outcome(_C.SUCCESS, _S.IN_PROGRESS),
        _C.IS_COMPLETED,
        _C.ALREADY_CANCELED,
    ),
}

_ASKED: Final[Mapping[StepState, tuple[StepEvent, StepEvent]]] = {
    _S.SCHEDULED: (_E.SCHEDULE, _E.SCHEDULE),
    _S.IN_PROGRESS: (_E.BEGIN, _E.BEGIN_WITHOUT),
    _S.COMPLETED: (_E.COMPLETE, _E.COMPLETE_WITHOUT),
    _S.CANCELED: (_E.CANCEL, _E.CANCEL_WITHOUT),
}


def asked_for(to: StepState, *, holds: bool) -> StepEvent:
    """Return the event that asking for the state ``to`` is.

    ``holds``: a Transaction UID came with it, and it is the one that holds the step's lock, if anything holds that.
    """
    return _ASKED[to][0 if holds else 1]
