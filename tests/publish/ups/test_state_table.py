"""The state table is the standard's, cell by cell (PS3.4, Table CC.1.1-2)."""

from __future__ import annotations

import pytest

from balancer.domain.steps import StepState
from balancer.publish.ups.state_table import TABLE, Status, StepEvent, asked_for
from tests.publish.ups.cells import CELLS, STATES, S


@pytest.mark.parametrize(
    ("event", "state", "cell"),
    [(event, state, cell) for event, row in CELLS.items() for state, cell in zip(STATES, row, strict=True)],
)
def test_each_cell_is_the_standards(
    event: StepEvent, state: StepState | None, cell: int | tuple[int, StepState]
) -> None:
    """The code, and where it leads; what ends a step needs what a final state needs."""
    found = TABLE[event][state]
    code, to = cell if isinstance(cell, tuple) else (cell, None)
    assert (found.status.code, found.to) == (code, to)
    assert found.needs_final == (event in {StepEvent.COMPLETE, StepEvent.CANCEL} and to is not None)


def test_every_event_meets_every_state() -> None:
    """There is no question without an answer."""
    assert set(TABLE) == set(StepEvent) == set(CELLS)
    assert all(set(row) == set(STATES) for row in TABLE.values())


def test_nothing_leads_back_to_scheduled_but_being_made() -> None:
    """So a read that is released needs a workitem of its own."""
    back = [(event, state) for event, row in TABLE.items() for state, cell in row.items() if cell.to is S]
    assert back == [(StepEvent.CREATE, None)]


def test_warnings_are_no_failures() -> None:
    """B304 and B306 say that it is as was asked for; C3xx and 0111 that nothing was done."""
    failing = {status for status in Status if status.is_failure}
    assert {Status.SUCCESS, Status.ALREADY_CANCELED, Status.ALREADY_COMPLETED}.isdisjoint(failing)
    assert {Status.DUPLICATE, Status.NO_LONGER, Status.UNKNOWN, Status.WILL_NOT_CANCEL} <= failing


@pytest.mark.parametrize("to", StepState)
def test_the_lock_decides_which_question_it_is(to: StepState) -> None:
    """SCHEDULED is refused either way."""
    held, not_held = asked_for(to, holds=True), asked_for(to, holds=False)
    assert (held is not_held) == (to is S)
    assert "without" not in held.value
