"""How full sessions are, and what the plan leaves late or without a place."""

from __future__ import annotations

from dataclasses import replace

from balancer.domain.actor import Reach
from balancer.services.claim_read import claim_read
from balancer.services.complete_read import complete_read
from balancer.services.run_allocation import run_allocation
from balancer.store.database import Database
from balancer.store.planned_time import (
    open_reads,
    planned_hours,
    planned_stretches,
    planned_time,
    reads_on_lists,
    short_reads,
)
from tests.networks import PACS, incoming, minutes, queued, read_id, rostered, solving
from tests.worlds import NOW, at, session

HOUR = 60.0
STUDIES = (
    replace(incoming("A1", minutes=HOUR), due_at=at(8)),
    replace(incoming("A2", minutes=HOUR), due_at=at(1.5)),
    replace(incoming("A3", minutes=HOUR), due_at=at(3)),
    replace(incoming("A4", minutes=HOUR), due_at=at(30)),
)


def allocated(db: Database) -> None:
    """Give R1 A1 from 08:00 and A2, due 09:30, from 09:00; A3 and A4 have no place."""
    queued(db, *STUDIES)
    rostered(db, session("S1", "R1"), session("S2", "R2"))
    done = run_allocation(db, NOW, solver=solving({"S1": ["A1", "A2"]}, {"A3": "deferred", "A4": "deferred"}))
    assert done.error == ""


def test_what_is_planned_is_what_is_still_on_lists(db: Database) -> None:
    """A1 and A2 fill R1's first two hours; what is done fills nothing, what is open still does."""
    allocated(db)
    with db.session() as reading:
        found = planned_time(reading, NOW, at(24))
        assert sorted(found) == [("R1", at(0), at(1)), ("R1", at(1), at(2))]
        assert planned_time(reading, at(1), at(24)) == [("R1", at(1), at(2))]
        assert planned_time(reading, NOW, at(24), ["R2"]) == []
        assert reads_on_lists(reading) == {"R1": 2}
    claim_read(db, read_id(db, "A1"), "R1", minutes(1), by=PACS)
    with db.session() as reading:
        assert len(planned_time(reading, NOW, at(24))) == 2
        assert [(found.exam_code, found.claimed_at) for found in open_reads(reading, "R1")] == [("CTH", minutes(1))]
    complete_read(db, read_id(db, "A1"), "R1", minutes(9), by=PACS)
    with db.session() as reading:
        assert [found.start for found in planned_time(reading, NOW, at(24))] == [at(1)]
        assert open_reads(reading, "R1") == []


def test_hours_are_added_up_as_each_read_is_planned(db: Database) -> None:
    """Of spans that begin or end within a read, and of one in which nothing is planned: as adding up each read does."""
    allocated(db)
    spans = [(at(0), at(24)), (at(0.5), at(1.25)), (at(1.5), at(3)), (at(5), at(6))]
    with db.session() as reading:
        found = planned_hours(reading, spans)
        one_by_one = [
            sum(
                (min(read.end, end) - max(read.start, start)) / (at(1) - at(0))
                for read in planned_time(reading, start, end)
            )
            for start, end in spans
        ]
    assert [hours.get("R1", 0.0) for hours in found] == one_by_one == [2.0, 0.75, 0.5, 0.0]
    assert set().union(*found) == {"R1"}


def test_reads_that_follow_each_other_are_one_stretch(db: Database) -> None:
    """Until one in the middle is done: then each of whoever has the gap stands alone, and their sum is the same."""
    queued(db, *STUDIES)
    rostered(db, session("S1", "R1"), session("S2", "R2"))
    run_allocation(db, NOW, solver=solving({"S1": ["A1", "A2", "A3"], "S2": ["A4"]}))
    with db.session() as reading:
        found = planned_stretches(reading, NOW, at(24))
        assert sorted(found) == [("R1", at(0), at(3)), ("R2", at(0), at(1))]
        assert planned_stretches(reading, NOW, at(24), ["R2"]) == [("R2", at(0), at(1))]
    claim_read(db, read_id(db, "A2"), "R1", minutes(1), by=PACS)
    complete_read(db, read_id(db, "A2"), "R1", minutes(9), by=PACS)
    with db.session() as reading:
        found = planned_stretches(reading, NOW, at(24))
        assert sorted(found) == sorted(planned_time(reading, NOW, at(24)))
        assert sorted(found) == [("R1", at(0), at(1)), ("R1", at(2), at(3)), ("R2", at(0), at(1))]


def test_what_is_short_is_due_within_the_time_and_ends_later_or_never(db: Database) -> None:
    """A2 ends at 10:00 and is due at 09:30; A3 has no place; A4 is due tomorrow, A1 is in time."""
    allocated(db)
    with db.session() as reading:
        found = short_reads(reading, NOW, at(24))
        assert [(read.due_at, read.planned_end, read.reason) for read in found] == [
            (at(1.5), at(2), ""),
            (at(3), None, "deferred"),
        ]
        assert [read.due_at for read in short_reads(reading, at(24), at(48))] == [at(30)]


def test_a_session_is_as_full_as_it_is_whoever_looks(db: Database) -> None:
    """West's manager sees none of East's reads, and that R1 has no time all the same."""
    allocated(db)
    with db.within(Reach(trusts=frozenset({"RWF"}))).session() as reading:
        assert len(planned_time(reading, NOW, at(24))) == 2
        assert planned_hours(reading, [(NOW, at(24))]) == [{"R1": 2.0}]
        assert short_reads(reading, NOW, at(24)) == []
        assert reads_on_lists(reading) == {}
