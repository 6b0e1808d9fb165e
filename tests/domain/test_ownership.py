"""Whose a study is for another system, and what of it is news there."""

from __future__ import annotations

import pytest

from balancer.domain.life import ReadKind, ReadState
from balancer.domain.ownership import OrderStatus, OwnedRead, Ownership, news, ownership
from balancer.domain.receiver import ALWAYS, News, Part

_S = ReadState
EVERYTHING = frozenset(News)


def read(
    number: int, state: ReadState, reporter_id: str | None = None, kind: ReadKind = ReadKind.INTERPRETATION
) -> OwnedRead:
    """Return a read."""
    return OwnedRead(number=number, kind=kind, state=state, reporter_id=reporter_id)


def has(*owners: str, status: OrderStatus = OrderStatus.SCHEDULED) -> Ownership:
    """Return a study whose images these read, the first and the second."""
    return Ownership(owners=dict(zip((Part.FIRST, Part.SECOND), owners, strict=False)), status=status)


def test_each_read_is_a_part_by_its_kind_and_order() -> None:
    """Two readings and what follows them, whoever has which."""
    found = ownership(
        [
            read(4, _S.ALLOCATED, "R4", ReadKind.ARBITRATION),
            read(2, _S.DONE, "R2"),
            read(1, _S.DONE, "R1"),
            read(3, _S.CLAIMED, "R3", ReadKind.VERIFICATION),
        ]
    )
    assert found.owners == {Part.FIRST: "R1", Part.SECOND: "R2", Part.VERIFIER: "R3", Part.ARBITER: "R4"}
    assert found.status is OrderStatus.IN_PROCESS


@pytest.mark.parametrize("state", [_S.UNALLOCATED, _S.PARKED, _S.SENT_OUT, _S.EXCLUDED, _S.WITHDRAWN])
def test_whoever_had_it_is_no_owner_where_nobody_of_ours_reads_it(state: ReadState) -> None:
    """A provider's study is nobody's here, and a read that is not wanted neither."""
    assert ownership([read(1, state, "R1")]).owners == {}


@pytest.mark.parametrize(
    ("states", "status"),
    [
        ([_S.DONE, _S.DONE], OrderStatus.COMPLETE),
        ([_S.DONE, _S.WITHDRAWN], OrderStatus.COMPLETE),
        ([_S.WITHDRAWN, _S.EXCLUDED], OrderStatus.CANCELLED),
        ([_S.DONE, _S.ALLOCATED], OrderStatus.SCHEDULED),
        ([_S.ALLOCATED, _S.CLAIMED], OrderStatus.IN_PROCESS),
    ],
)
def test_a_study_is_as_far_as_its_reads_are(states: list[ReadState], status: OrderStatus) -> None:
    """Complete once none is to be done and one was."""
    assert ownership([read(number, state) for number, state in enumerate(states, 1)]).status is status


@pytest.mark.parametrize(
    ("states", "owners"),
    [
        ([_S.ALLOCATED], {Part.FIRST: "B"}),
        ([_S.UNALLOCATED], {}),
        ([_S.CLAIMED, _S.ALLOCATED], {Part.FIRST: "B", Part.SECOND: "C"}),
        ([_S.DONE], {Part.FIRST: "B"}),
        ([_S.WITHDRAWN], {Part.FIRST: "A"}),
        ([_S.EXCLUDED], {Part.FIRST: "A"}),
        ([], {Part.FIRST: "A"}),
    ],
)
def test_of_a_study_that_came_back_whoever_reads_it_now_is_its_first(
    states: list[ReadState], owners: dict[Part, str]
) -> None:
    """A RIS that went on naming who read it before would let it lie; if it came back for nothing it stays theirs."""
    before = OwnedRead(number=1, kind=ReadKind.INTERPRETATION, state=_S.DONE, reporter_id="A", confirmed=True)
    again = [read(number, state, name) for number, state, name in zip((2, 3), states, "BC", strict=False)]
    assert ownership([before, *again]).owners == owners
    if len(states) == 1:
        assert ownership([before, *again], withholds_blind=True).owners == owners


def test_a_reading_that_is_withdrawn_makes_nobody_the_second() -> None:
    """One reading is asked for by now, and it is the first."""
    assert ownership([read(1, _S.WITHDRAWN, "A"), read(2, _S.ALLOCATED, "B")]).owners == {Part.FIRST: "B"}


def test_a_receiver_that_withholds_names_nobody_until_both_readings_are_over() -> None:
    """Neither reader can look up the other there; a single reading is blind to nobody."""
    waits = [read(1, _S.DONE, "R1"), read(2, _S.ALLOCATED, "R2")]
    assert ownership(waits, withholds_blind=True).owners == {}
    assert len(ownership(waits).owners) == 2
    over = [read(1, _S.DONE, "R1"), read(2, _S.DONE, "R2")]
    assert len(ownership(over, withholds_blind=True).owners) == 2
    assert ownership([read(1, _S.ALLOCATED, "R1")], withholds_blind=True).owners == {Part.FIRST: "R1"}


@pytest.mark.parametrize(
    ("before", "now", "what"),
    [
        (None, has("R1"), News.ASSIGNED),
        (None, has(), None),
        (None, has("R1", status=OrderStatus.COMPLETE), None),
        (has(), has("R1"), News.ASSIGNED),
        (has("R1"), has("R1"), None),
        (has("R1"), has("R2"), News.REASSIGNED),
        (has("R1"), has("R1", "R2"), News.REASSIGNED),
        (has("R1"), has(), News.UNASSIGNED),
        (has("R1"), has("R1", status=OrderStatus.IN_PROCESS), News.OPENED),
        (has("R1", status=OrderStatus.IN_PROCESS), has("R1"), News.OPENED),
        (has("R1", status=OrderStatus.IN_PROCESS), has("R2"), News.REASSIGNED),
        (has("R1"), has("R1", status=OrderStatus.COMPLETE), News.COMPLETED),
        (has("R1"), has("R2", status=OrderStatus.COMPLETE), News.COMPLETED),
        (has("R1"), has(status=OrderStatus.CANCELLED), News.CANCELLED),
        (has("R1", status=OrderStatus.CANCELLED), has(status=OrderStatus.CANCELLED), None),
    ],
)
def test_what_is_news(before: Ownership | None, now: Ownership, what: News | None) -> None:
    """To somebody who is told everything; whoever is not is told what is always told."""
    assert news(before, now, EVERYTHING) is what
    assert news(before, now, frozenset()) is (what if what in ALWAYS else None)


@pytest.mark.parametrize(
    ("before", "now", "what"),
    [
        (has("R1"), has("R1"), News.ASSIGNED),
        (has("R1"), has("R1", status=OrderStatus.IN_PROCESS), News.ASSIGNED),
        (has(), has("R1"), News.ASSIGNED),
        (has("R1"), has("R2"), News.REASSIGNED),
        (has(), has(), News.UNASSIGNED),
        (has("R1", status=OrderStatus.COMPLETE), has("R1", status=OrderStatus.COMPLETE), News.COMPLETED),
        (has(status=OrderStatus.CANCELLED), has(status=OrderStatus.CANCELLED), News.CANCELLED),
    ],
)
def test_to_whoever_may_not_have_heard_the_last_however_it_stands_is_news(
    before: Ownership, now: Ownership, what: News
) -> None:
    """Whose it is in words that every receiver is told, though only its status may have moved."""
    assert news(before, now, EVERYTHING, uncertain=True) is what
    assert news(before, now, frozenset(), uncertain=True) is (what if what in ALWAYS else None)
