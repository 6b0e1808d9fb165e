"""Reads that cannot wait, in a list that people work from."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from balancer.domain.insertion import inserted
from balancer.domain.plan import Allocation
from tests.worlds import NOW


def row(number: str, session: str, start: int, length: int) -> Allocation:
    """Return a read from ``start`` minutes after now, ``length`` minutes long."""
    begins = NOW + timedelta(minutes=start)
    return Allocation(
        trust="RVV",
        accession_number=number,
        read=1,
        reporter_id="R1",
        session_id=session,
        position=1,
        start=begins,
        end=begins + timedelta(minutes=length),
        due_at=NOW,
    )


def lists(prefix: str) -> st.SearchStrategy[list[Allocation]]:
    """Return lists of reads in up to three sessions that follow each other, each list in order."""
    drawn = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 200), st.integers(1, 30)), max_size=8)
    return drawn.map(
        lambda found: [
            row(f"{prefix}{number}", f"S{session}", 300 * session + start, length)
            for number, (session, start, length) in enumerate(sorted(found))
        ]
    )


@given(lists("A"), lists("E"), st.integers(0, 2), st.integers(0, 900))
def test_nothing_is_lost_and_nothing_else_changes_its_order(
    listed: list[Allocation], urgent: list[Allocation], opened: int, now: int
) -> None:
    """Every read is there once; within a session what is open comes first, then what cannot wait, then the rest."""
    open_now = {item.key for item in listed[:opened]}
    at = NOW + timedelta(minutes=now)
    found = inserted(listed, urgent, open_now, at)
    assert sorted(item.key for item in found) == sorted(item.key for item in [*listed, *urgent])
    assert [item.key for item in found if item.key[1].startswith("A")] == [item.key for item in listed]
    in_a_hurry = {item.key for item in urgent}
    for session in {item.session_id for item in found}:
        of_session = [item for item in found if item.session_id == session]
        ranks = [0 if item.key in open_now else 1 if item.key in in_a_hurry else 2 for item in of_session]
        assert ranks == sorted(ranks)
        assert all(before.end <= after.start for before, after in pairwise(of_session))
        assert [item.position for item in of_session] == list(range(1, len(of_session) + 1))
    was = {item.key: item for item in [*listed, *urgent]}
    for item in found:
        assert item.start >= was[item.key].start
        assert item.end - item.start == was[item.key].end - was[item.key].start
        assert item.key not in in_a_hurry or item.start >= at
