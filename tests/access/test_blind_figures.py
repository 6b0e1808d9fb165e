"""No sum tells who has a reading that is hidden: not how long a list is, how full somebody's time, or what moves."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from balancer.domain.life import ReadState
from balancer.domain.permission import Permission
from balancer.domain.run_changes import MoveReason
from balancer.domain.states import RunState
from balancer.services.override_scope import Decision
from balancer.services.release_read import release_read
from balancer.services.stage_absence import stage_absence
from balancer.store import plan_figures, planned_time, previews, reads, worklists
from balancer.store.database import Database
from balancer.store.preview_moves import move_counts, takers, without_place
from balancer.store.tables_drafts import PreviewLoadRow
from balancer.store.tables_runs import RunMoveRow
from tests.access.test_blind_readings import COLLEAGUE, FIRST, MANAGER, OTHER, TWICE, let_go, read_once
from tests.access.test_every_route import served
from tests.access.two_trusts import EAST
from tests.networks import PACS, read_id
from tests.worlds import NOW


@pytest.fixture
def once(sqlite_db: Database) -> Database:
    """Return a database in which R2 has one of two readings open, and a single one on their list."""
    read_once(sqlite_db)
    return sqlite_db


def within(db: Database, who: Any) -> Any:
    """Return a session as somebody has it."""
    return db.within(who.reach(*Permission)).session()


def seconds(db: Database, who: Any) -> float:
    """Return how long the plan in force has R2 read, as somebody is told."""
    with within(db, who) as reading:
        return plan_figures.planned_seconds(reading, None, NOW)[FIRST][0]


def filled(db: Database, who: Any) -> float:
    """Return how much of R2's time the plan fills, as somebody is told."""
    with within(db, who) as reading:
        (found,) = planned_time.planned_hours(reading, [(NOW, NOW + timedelta(days=1))])
    return found.get(FIRST, 0.0)


def listed(db: Database, who: Any) -> int:
    """Return how long R2's list is, as somebody is told."""
    with within(db, who) as reading:
        return next(item.items for item in worklists.worklists(reading) if item.reporter_id == FIRST)


def test_a_load_does_not_tell_who_has_a_reading(once: Database) -> None:
    """Whoever may read the other hears of R2's single reading alone; whoever does not report hears of both."""
    for load in (seconds, filled):
        assert 0 < load(once, COLLEAGUE) < load(once, MANAGER)


def test_the_length_of_a_list_does_not_tell_who_has_a_reading(once: Database) -> None:
    """It agrees with the list behind it."""
    assert (listed(once, COLLEAGUE), listed(once, MANAGER)) == (1, 2)


def test_nor_does_it_once_the_reading_has_been_handed_back(once: Database) -> None:
    """Nobody has it then, and a list that grew by it would say whose it was; so would its end."""

    def figures() -> Any:
        with within(once, COLLEAGUE) as reading:
            return next(item for item in worklists.worklists(reading) if item.reporter_id == FIRST)

    before = figures()
    let_go(once, "returned")
    assert figures() == before


def ill(db: Database) -> tuple[int, int]:
    """Let R2 be away in a draft, with both their reads to move; return the draft and its preview's run."""
    release_read(db, read_id(db, TWICE), FIRST, NOW, by=PACS)
    said = Decision(trust=EAST, reason="away")
    draft = stage_absence(db, FIRST, NOW, NOW + timedelta(hours=12), NOW, by=MANAGER, said=said, name="R2 away")
    with db.transaction() as writing:
        found = previews.newest(writing, draft)
        assert found is not None
        run, number = found[0], found[0].id or 0
        run.state = RunState.PREVIEWED
        for accession_number, to in ((TWICE, None), ("SINGLE-1", OTHER)):
            read, _ = reads.locked_read(writing, read_id(db, accession_number))
            writing.add(
                RunMoveRow(
                    run_id=number,
                    study_id=read.study_id,
                    read=read.number,
                    was=FIRST,
                    becomes=to,
                    reason=MoveReason.NOT_ROSTERED,
                )
            )
        full = {"available_before": 240, "available_after": 240, "planned_before": 20, "planned_after": 0}
        writing.add_all(PreviewLoadRow(run_id=number, reporter_id=name, **full) for name in (OTHER, FIRST))
    return draft, number


def moving(db: Database, who: Any, run_id: int) -> tuple[int, int, dict[str, int], int]:
    """Return how many of R2's reads move, how many find nobody, who takes them and how many are named as lost."""
    with within(db, who) as reading:
        counted = move_counts(reading, run_id, FIRST)
        lost = without_place(reading, run_id, FIRST, 10)
        return counted.theirs, counted.theirs_lost, takers(reading, run_id, FIRST), len(lost)


def test_what_moves_when_somebody_is_away_does_not_tell_what_they_have(once: Database) -> None:
    """Of R2's two readings R1 takes the single one; the other nobody may read, and R1 is not told that it was R2's."""
    _, run_id = ill(once)
    assert moving(once, MANAGER, run_id) == (2, 1, {OTHER: 1}, 1)
    assert moving(once, COLLEAGUE, run_id) == (1, 0, {OTHER: 1}, 0)
    with once.transaction() as writing:  # nobody has it any more, and it was R2's all the same
        row, _ = reads.locked_read(writing, read_id(once, TWICE))
        row.state, row.reporter_id = ReadState.UNALLOCATED, None
    assert moving(once, COLLEAGUE, run_id) == (1, 0, {OTHER: 1}, 0)


def test_a_preview_tells_whoever_reports_their_own_load_alone(once: Database) -> None:
    """The others' is of everything they read: held against what may be seen of it, it would tell the rest."""
    draft, run_id = ill(once)
    for who, names in ((COLLEAGUE, [OTHER]), (MANAGER, [OTHER, FIRST])):
        with within(once, who) as reading:
            assert [row.reporter_id for row in previews.loads(reading, run_id)] == names
        shown = served(once, who).client.get(f"/drafts/{draft}/load", headers={"Accept": "text/html"})
        assert ("You see your own load alone" in shown.text) == (who is COLLEAGUE)
