"""Where a reporter's reads would go is counted, of every trust, and named only as far as somebody may be told."""

from __future__ import annotations

from balancer.domain.actor import Reach
from balancer.services.override_scope import Decision
from balancer.services.preview_draft import preview_next
from balancer.services.run_allocation import run_allocation
from balancer.services.stage_absence import stage_absence
from balancer.store import previews
from balancer.store.database import Database
from balancer.store.preview_moves import MoveCounts, move_counts, takers, without_place
from tests.networks import incoming, queued, rostered, solving
from tests.services.test_drafts import MANAGER
from tests.worlds import NOW, at, session


def ill(db: Database) -> int:
    """Put three hours on R1's list, three on R2's, of four each; return the run that shows R1 away."""
    queued(db, *(incoming(number, minutes=60.0) for number in ("A1", "A2", "A3", "B1", "B2", "B3")))
    rostered(db, session("S1", "R1"), session("S2", "R2"))
    assert run_allocation(db, NOW, solver=solving({"S1": ["A1", "A2", "A3"], "S2": ["B1", "B2", "B3"]})).error == ""
    said = Decision(trust="RVV", reason="away")
    number = stage_absence(db, "R1", NOW, at(12), NOW, by=MANAGER, said=said, name="Dr R1 away")
    run_id = preview_next(db, NOW)
    with db.session() as reading:
        found = previews.newest(reading, number)
    assert found is not None
    assert found[0].error == ""
    return run_id or 0


def test_reads_go_to_whoever_has_time_and_the_rest_to_nobody(db: Database) -> None:
    """R2 has an hour free, and takes one of three."""
    run_id = ill(db)
    with db.session() as reading:
        assert takers(reading, run_id, "R1") == {"R2": 1}
        counted = move_counts(reading, run_id, "R1")
        lost = without_place(reading, run_id, "R1", 10)
    assert counted == MoveCounts(moves=3, theirs=3, lost=2, theirs_lost=2, found=0)
    assert len(lost) == 2
    assert {detail for _, detail in lost} == {"no_capacity"}


def test_counts_are_the_same_for_whoever_asks_and_names_are_not(db: Database) -> None:
    """West's manager hears how many there are, and of none which."""
    run_id = ill(db)
    with db.within(Reach(trusts=frozenset({"RWF"}))).session() as reading:
        assert move_counts(reading, run_id, "R1").theirs == 3
        assert takers(reading, run_id, "R1") == {}
        assert without_place(reading, run_id, "R1", 10) == []
