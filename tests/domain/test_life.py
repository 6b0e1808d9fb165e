"""The one table of what can happen to a read."""

from __future__ import annotations

import pytest

from balancer.domain.errors import ConflictError
from balancer.domain.life import PLANNABLE, TRANSITIONS, ReadEvent, ReadState, require_transition


def leads(state: ReadState, event: ReadEvent) -> set[ReadState]:
    """Return where an event may lead from a state."""
    return {to for was, happened, to in TRANSITIONS if (was, happened) == (state, event)}


def test_every_state_can_be_reached_and_every_event_happens() -> None:
    """A row of the table that nothing uses is a mistake."""
    assert {to for _, _, to in TRANSITIONS} == set(ReadState)
    assert {event for _, event, _ in TRANSITIONS} == set(ReadEvent)


def test_no_read_is_stuck() -> None:
    """From every state some way leads back to whoever can read it."""
    for state in ReadState:
        reached, before = {state}, set[ReadState]()
        while reached != before:
            before = set(reached)
            reached |= {to for was, _, to in TRANSITIONS if was in reached}
        assert ReadState.CLAIMED in reached, state


def test_what_is_claimed_is_claimed_by_nobody_else() -> None:
    """Only a manager's taking over leads from claimed to claimed, to nobody, or out of the queue; no plan moves it."""
    assert leads(ReadState.CLAIMED, ReadEvent.CLAIM) == set()
    assert leads(ReadState.CLAIMED, ReadEvent.PUBLISH) == set()
    taken = {ReadState.CLAIMED, ReadState.UNALLOCATED, ReadState.WITHDRAWN}
    assert leads(ReadState.CLAIMED, ReadEvent.TAKE_OVER) == taken


def test_no_source_takes_a_read_away_under_its_claimant() -> None:
    """Neither a withdrawal nor a report elsewhere: both wait for the end of the claim."""
    assert leads(ReadState.CLAIMED, ReadEvent.WITHDRAW) == set()
    assert leads(ReadState.CLAIMED, ReadEvent.REPORT) == set()


def test_what_is_done_comes_back_only_when_its_source_contradicts() -> None:
    """No plan, claim or manager undoes a report."""
    assert {event for was, event, to in TRANSITIONS if was is ReadState.DONE and to is not ReadState.DONE} == {
        ReadEvent.DISPUTE
    }


def test_plans_move_what_is_plannable_and_nothing_else() -> None:
    """What is parked, sent out, excluded, withdrawn or done takes no part."""
    moved = {was for was, event, _ in TRANSITIONS if event is ReadEvent.PUBLISH}
    assert moved == PLANNABLE - {ReadState.CLAIMED}


def test_what_the_table_does_not_have_is_refused() -> None:
    """With what the read is, for whoever asked."""
    with pytest.raises(ConflictError, match="the read is done"):
        require_transition(ReadState.DONE, ReadEvent.CLAIM, ReadState.CLAIMED)
