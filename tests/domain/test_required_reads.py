"""How many reads a study needs is its source's word; which of ours that means is ours to find out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balancer.domain.life import TRANSITIONS, ReadEvent, ReadState
from balancer.domain.required_reads import Adjustment, KnownRead, adjust, close

S, E = ReadState, ReadEvent
LEADS_TO = {E.REPORT: S.DONE, E.WITHDRAW: S.WITHDRAWN, E.REOPEN: S.UNALLOCATED}


def read(number: int, state: ReadState, reporter_id: str | None = None, *, confirmed: bool = False) -> KnownRead:
    """Return a read."""
    return KnownRead(number=number, state=state, reporter_id=reporter_id, confirmed=confirmed)


ONE, TWO = read(1, S.ALLOCATED, "R1"), read(2, S.ALLOCATED, "R2")


@pytest.mark.parametrize(
    ("reads", "required", "done_by", "expected"),
    [
        ([], 2, set(), Adjustment(added=(1, 2))),
        ([ONE, TWO], 2, set(), Adjustment()),
        ([ONE, TWO], 1, {"R1"}, Adjustment(events=((1, E.REPORT),))),
        ([ONE, TWO], 1, {"R2"}, Adjustment(events=((2, E.REPORT),))),
        ([ONE, TWO], 1, set(), Adjustment(events=((2, E.WITHDRAW),))),
        ([ONE, read(2, S.UNALLOCATED)], 1, set(), Adjustment(events=((2, E.WITHDRAW),))),
        ([read(1, S.UNALLOCATED), TWO], 1, set(), Adjustment(events=((1, E.WITHDRAW),))),
        ([read(1, S.UNALLOCATED), read(2, S.SENT_OUT)], 1, set(), Adjustment(events=((2, E.WITHDRAW),))),
        ([read(1, S.SENT_OUT), read(2, S.PARKED)], 1, set(), Adjustment(events=((1, E.WITHDRAW),))),
        ([read(1, S.SENT_OUT), read(2, S.EXCLUDED)], 1, set(), Adjustment(events=((2, E.WITHDRAW),))),
        ([read(1, S.UNALLOCATED), read(2, S.EXCLUDED)], 1, set(), Adjustment(events=((2, E.WITHDRAW),))),
        ([read(1, S.DONE, "R1"), TWO], 2, set(), Adjustment()),
        ([read(1, S.DONE, "R1"), TWO], 1, {"R1"}, Adjustment(confirmed=(1,))),
        ([read(1, S.DONE, "R1"), TWO], 1, set(), Adjustment(confirmed=(1,))),
        ([read(1, S.DONE, "R1"), TWO], 1, {"R3"}, Adjustment(confirmed=(1,))),
        ([read(1, S.DONE, "R1"), TWO], 1, {"R2"}, Adjustment(events=((2, E.REPORT),))),
        ([read(1, S.DONE, "R1"), TWO], 0, {"R2"}, Adjustment(events=((2, E.REPORT),), confirmed=(1,))),
        ([read(1, S.DONE, "R1"), read(2, S.DONE, "R2")], 1, {"R2"}, Adjustment(confirmed=(2,))),
        ([read(1, S.DONE, "R1", confirmed=True), TWO], 1, {"R1"}, Adjustment()),
        ([read(1, S.DONE, "R1", confirmed=True)], 1, {"R1"}, Adjustment(added=(2,))),
        ([read(1, S.CLAIMED, "R1"), TWO], 1, {"R1"}, Adjustment()),
        ([read(1, S.CLAIMED, "R1"), TWO], 0, {"R1"}, Adjustment(events=((2, E.WITHDRAW),))),
        ([read(1, S.CLAIMED, "R1"), TWO], 1, set(), Adjustment(events=((2, E.WITHDRAW),))),
        ([read(1, S.CLAIMED, "R1"), TWO], 1, {"R2"}, Adjustment(events=((2, E.REPORT),))),
        ([read(1, S.CLAIMED, "R1"), TWO], 1, {"R3"}, Adjustment(events=((2, E.WITHDRAW),))),
        ([read(1, S.DONE, "R1"), read(2, S.CLAIMED, "R2")], 1, {"R2"}, Adjustment()),
        ([read(1, S.DONE, "R1"), read(2, S.CLAIMED, "R2")], 1, {"R1"}, Adjustment(confirmed=(1,))),
        ([read(1, S.DONE, "R1"), read(2, S.CLAIMED, "R2")], 1, {"R1", "R2"}, Adjustment(confirmed=(1,))),
        ([read(1, S.CLAIMED, "R1")], 0, set(), Adjustment()),
        ([read(1, S.WITHDRAWN)], 1, set(), Adjustment(events=((1, E.REOPEN),))),
        ([read(1, S.WITHDRAWN), TWO], 3, set(), Adjustment(events=((1, E.REOPEN),), added=(3,))),
    ],
)
def test_reads_follow_what_the_source_still_asks_for(
    reads: list[KnownRead], required: int, done_by: set[str], expected: Adjustment
) -> None:
    """When the first of two has been done elsewhere, the second reader's read is the one that is left."""
    assert adjust(reads, required, done_by) == expected


@st.composite
def studies(draw: st.DrawFn) -> list[KnownRead]:
    """Return the reads of a study, in whatever states."""
    found = []
    for number in range(1, draw(st.integers(0, 4)) + 1):
        state = draw(st.sampled_from(ReadState))
        name = draw(st.sampled_from(["R1", "R2", None])) if state is not S.UNALLOCATED else None
        found.append(read(number, state, name, confirmed=state is S.DONE and draw(st.booleans())))
    return found


@given(studies(), st.integers(0, 4), st.sets(st.sampled_from(["R1", "R2"])))
def test_afterwards_as_many_are_left_as_are_asked_for_unless_claims_forbid(
    reads: list[KnownRead], required: int, done_by: set[str]
) -> None:
    """And everything that happens is in the table of transitions."""
    change = adjust(reads, required, done_by)
    states = {item.number: item.state for item in reads}
    assert all((states[number], event, LEADS_TO[event]) in TRANSITIONS for number, event in change.events)
    events = dict(change.events)
    left = {item.number for item in reads if item.state is not S.WITHDRAWN and not item.confirmed}
    left -= {number for number, event in events.items() if event is not E.REOPEN} | set(change.confirmed)
    left |= {number for number, event in events.items() if event is E.REOPEN} | set(change.added)
    claimed = [item for item in reads if item.state is S.CLAIMED]
    # one whose reporter the source names is over, and still open: no other goes in its place
    over = sum(item.reporter_id in done_by for item in claimed)
    assert required <= len(left) <= max(required + over, len(claimed))
    assert len({*states, *change.added}) == len(states) + len(change.added)


@given(studies())
def test_a_closed_study_has_no_read_left_but_what_is_done_or_open_on_a_screen(reads: list[KnownRead]) -> None:
    """By events that the table has."""
    events = dict(close(reads))
    for item in reads:
        after = LEADS_TO[events[item.number]] if item.number in events else item.state
        assert after in {S.DONE, S.WITHDRAWN, S.CLAIMED}
        assert item.number not in events or (item.state, events[item.number], after) in TRANSITIONS
