"""A held plan that somebody published is taken back: lists are as they were, but for what people have done since."""

from __future__ import annotations

import pytest

from balancer.domain.errors import ConflictError
from balancer.domain.life import ReadState
from balancer.domain.states import RunKind
from balancer.services.publish_draft import publish_draft
from balancer.services.publish_held import publish_held
from balancer.services.release_emergencies import release_emergencies
from balancer.services.restore_lists import DECIDED_SINCE
from balancer.services.run_allocation import run_allocation
from balancer.services.steer_read import pin_read
from balancer.services.undo_run import undo_run
from balancer.store import conservation, reads, runs
from balancer.store.database import Database
from tests.api.service import Service
from tests.networks import claimed, minutes, read_id, solving, standing
from tests.services.test_drafts import begun
from tests.services.test_held_runs import FIRST, MANAGER, arrived, held_run, holding, lists


def published(db: Database) -> int:
    """Publish a held plan that swaps both lists; return its run."""
    holding(db)
    run_id = held_run(db)
    publish_held(db, run_id, minutes(2), by=MANAGER, reason="looked through")
    assert {name: numbers for name, (_, numbers) in lists(db).items()} == {"R1": ["A3"], "R2": ["A1", "A2"]}
    return run_id


def undone(db: Database, run_id: int, *, at_minute: float = 5) -> list[str]:
    """Undo it; return why what is left is."""
    left = undo_run(db, run_id, minutes(at_minute), by=MANAGER, reason="the wrong one")
    with db.session() as reading:
        assert conservation.faults(reading) == []
    return [item.why for item in left]


def test_lists_are_as_they_were(db: Database) -> None:
    """In new versions, by a run of its own kind, and another run is asked for."""
    run_id = published(db)
    assert undone(db, run_id) == []
    assert lists(db) == {"R1": (3, ["A1", "A2"]), "R2": (3, ["A3"])}
    with db.session() as reading:
        current = runs.current_run(reading)
        assert current is not None
        assert current.kind is RunKind.RESTORING
        assert runs.requested(reading) is not None


def test_lists_that_came_and_went_at_one_instant_are_put_back_once(db: Database) -> None:
    """Two publications at the same reading of the clock: what stood between them, and each read on one list once."""
    holding(db)
    publish_held(db, held_run(db), minutes(2), by=MANAGER, reason="looked through")
    run_id = held_run(db, FIRST, at_minute=2)
    publish_held(db, run_id, minutes(2), by=MANAGER, reason="looked through")
    assert undone(db, run_id) == []
    assert lists(db) == {"R1": (4, ["A3"]), "R2": (4, ["A1", "A2"])}


def test_what_the_run_gave_a_place_first_has_none_again(db: Database) -> None:
    """Beside what is put back it would fill sessions twice; it says again why it had no place."""
    holding(db)
    short = held_run(db, solving({"S1": ["A1"], "S2": ["A3"]}, {"A2": "deferred"}))
    publish_held(db, short, minutes(2), by=MANAGER, reason="looked through")
    run_id = held_run(db, at_minute=3)
    publish_held(db, run_id, minutes(4), by=MANAGER, reason="looked through")
    assert standing(db, "A2") == (ReadState.ALLOCATED, "R2")
    assert undone(db, run_id) == []
    assert {name: numbers for name, (_, numbers) in lists(db).items()} == {"R1": ["A1"], "R2": ["A3"]}
    assert standing(db, "A2") == (ReadState.UNALLOCATED, None)
    with db.session() as reading:
        assert reads.read(reading, read_id(db, "A2")).reason == "deferred"


def test_what_came_since_keeps_its_place(db: Database) -> None:
    """It was not there to be put back: an emergency that was given to somebody meanwhile stays with them."""
    run_id = published(db)
    arrived(db, at_minute=3)
    held_run(db, solving({"S1": ["A3"], "S2": ["E1", "A1", "A2"]}), at_minute=4)
    assert release_emergencies(db, minutes(30)) == 1
    assert undone(db, run_id, at_minute=31) == []
    assert standing(db, "E1") == (ReadState.ALLOCATED, "R2")
    assert lists(db)["R1"][1] == ["A1", "A2"]


def test_whoever_has_nothing_to_read_has_a_list_that_says_so(db: Database) -> None:
    """An empty list is a list: whoever asks for it is not told that they never had one."""
    holding(db)
    run_id = held_run(db, solving({"S1": ["A1", "A2", "A3"]}))
    publish_held(db, run_id, minutes(2), by=MANAGER, reason="looked through")
    assert lists(db)["R2"] == (2, [])
    later = held_run(db, solving({"S1": ["A1", "A2"]}, {"A3": "deferred"}), at_minute=3)
    publish_held(db, later, minutes(4), by=MANAGER, reason="looked through")
    assert undone(db, later) == []
    assert lists(db) == {"R1": (4, ["A1", "A2", "A3"]), "R2": (4, [])}


def test_what_no_run_has_seen_says_so_itself_and_can_be_asked_for(db: Database) -> None:
    """It came since, and is not one of those that a run found no place for."""
    run_id = published(db)
    arrived(db, at_minute=3)
    assert undone(db, run_id) == []
    service = Service(db)
    (read,) = next(item for item in service.ask("/studies")["items"] if item["accession_number"] == "E1")["reads"]
    assert (read["state"], read["unallocated_reason"]) == ("unplanned", None)
    assert service.ask("/unallocated")["items"] == []


def test_what_was_opened_since_stays_with_who_opened_it(db: Database) -> None:
    """It is named."""
    run_id = published(db)
    claimed(db, "A1", "R2")
    assert undone(db, run_id) == ["somebody else has it open"]
    assert standing(db, "A1") == (ReadState.CLAIMED, "R2")


def test_what_was_decided_in_a_draft_that_was_published_since_stays(db: Database) -> None:
    """Though it was staged before the run was published."""
    holding(db)
    run_id = held_run(db)
    number, said = begun(db)
    pin_read(db, read_id(db, "A1"), "R2", minutes(1), by=MANAGER, said=said)
    publish_held(db, run_id, minutes(2), by=MANAGER, reason="looked through")
    publish_draft(db, number, minutes(3), by=MANAGER, why="agreed")
    assert undone(db, run_id) == [DECIDED_SINCE]
    assert standing(db, "A1") == (ReadState.ALLOCATED, "R2")


def test_it_is_undone_once(db: Database) -> None:
    """After that another run is in force."""
    run_id = published(db)
    undone(db, run_id)
    with pytest.raises(ConflictError, match="cannot be undone"):
        undone(db, run_id)


def test_what_nobody_published_by_hand_is_not_undone(sqlite_db: Database) -> None:
    """The next run would bring it back."""
    holding(sqlite_db)
    with sqlite_db.session() as reading:
        current = runs.current_run(reading)
    assert current is not None
    with pytest.raises(ConflictError, match="cannot be undone"):
        undone(sqlite_db, current.id or 0)


def test_a_later_plan_is_not_undone_with_it(sqlite_db: Database) -> None:
    """Only what is in force is."""
    run_id = published(sqlite_db)
    later = run_allocation(sqlite_db, minutes(3), solver=FIRST)
    publish_held(sqlite_db, later.run_id or 0, minutes(4), by=MANAGER, reason="looked through")
    with pytest.raises(ConflictError, match="cannot be undone"):
        undone(sqlite_db, run_id)
