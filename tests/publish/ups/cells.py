"""The state table, written down a second time from the standard (PS3.4, Table CC.1.1-2): what every door is held to."""

from __future__ import annotations

from balancer.domain.steps import StepState
from balancer.publish.ups.state_table import StepEvent

S, P, D, C = StepState.SCHEDULED, StepState.IN_PROGRESS, StepState.COMPLETED, StepState.CANCELED
STATES = (None, S, P, D, C)
# What each state answers: the code, and the state it leads to if it leads anywhere.
CELLS: dict[StepEvent, tuple[int | tuple[int, StepState], ...]] = {
    StepEvent.CREATE: ((0, S), 0x0111, 0x0111, 0x0111, 0x0111),
    StepEvent.BEGIN: (0xC307, (0, P), 0xC302, 0xC300, 0xC300),
    StepEvent.BEGIN_WITHOUT: (0xC307, 0xC301, 0xC301, 0xC301, 0xC301),
    StepEvent.SCHEDULE: (0xC307, 0xC303, 0xC303, 0xC303, 0xC303),
    StepEvent.COMPLETE: (0xC307, 0xC310, (0, D), 0xB306, 0xC300),
    StepEvent.COMPLETE_WITHOUT: (0xC307, 0xC301, 0xC301, 0xC301, 0xC301),
    StepEvent.CANCEL: (0xC307, 0xC310, (0, C), 0xC300, 0xB304),
    StepEvent.CANCEL_WITHOUT: (0xC307, 0xC301, 0xC301, 0xC301, 0xC301),
    StepEvent.REQUEST_CANCEL: (0xC307, (0, C), (0, P), 0xC311, 0xB304),
}
