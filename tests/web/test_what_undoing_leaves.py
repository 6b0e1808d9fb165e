"""What undoing a draft could not put back: so that somebody reads it, by why and not read by read."""

from __future__ import annotations

from balancer.api.models.drafts import LeftOut
from balancer.web.draft import left_over
from balancer.web.draft_facts import PreviewFacts

FACTS = PreviewFacts(
    draft_id=1,
    staged=(),
    run=None,
    preview=None,
    loads=(),
    moves=(),
    moves_total=0,
    studies={},
    names={f"R{number}": f"Dr R{number}" for number in range(1, 8)},
    exams={},
    unnamed=frozenset(),
    is_blind=False,
    until=None,
)


def read(number: int, whose: str | None, why: str = "it is withdrawn") -> LeftOut:
    """Return a read that somebody had and has no more."""
    return LeftOut(read_id=number, reporter_id=whose, instruction_id=None, why=why)


def test_one_read_is_said_by_whose_it_was() -> None:
    """Or, of one that is read blind, by nothing but why."""
    assert left_over(FACTS, [read(1, "R1")]) == ["A read of Dr R1: it is withdrawn"]
    assert left_over(FACTS, [read(1, None, "it is done")]) == ["A read: it is done"]


def test_many_reads_are_said_by_why_with_those_who_had_most() -> None:
    """A hundred lines that say the same are read by nobody."""
    many = [read(number, f"R{1 + number % 7}") for number in range(100)]
    decision = LeftOut(read_id=None, reporter_id=None, instruction_id=3, why="it has ended")
    first, second, third = left_over(FACTS, [*many, read(101, "R2", "it is done"), decision])
    assert first == "An earlier decision: it has ended"
    assert second.startswith("100 reads of Dr R1 (15), Dr R2 (15), ")
    assert second.endswith(" and 3 more reporters: it is withdrawn")
    assert third == "A read of Dr R2: it is done"
