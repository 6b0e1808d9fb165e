"""The way of an emergency is gone once before one comes, and nothing is as if it had been."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest
from sqlalchemy import event, select
from sqlalchemy.engine import Engine

from balancer.domain.errors import ConflictError
from balancer.services import rehearse_mending as rehearsing
from balancer.services.judge_lists import judge_lists
from balancer.services.mend_worklists import Mending
from balancer.services.open_live import Live, open_live
from balancer.services.publish_mended import MendedLists, rehearse_publishing
from balancer.services.rehearse_mending import rehearse_mending
from balancer.store.database import Database
from balancer.store.right_of_way import GaveWayError
from balancer.store.tables import Row, WorklistRow
from tests.networks import TWO_FEEDS, claimed, loaded, minutes, queued
from tests.services.test_mend_worklists import (
    EVERYDAY,
    arrives,
    conserved,
    emergency,
    listed_and_open,
    lists,
    mendings,
    morning,
    whose,
)
from tests.worlds import NOW, policy, priority


def whole(db: Database) -> dict[str, list[str]]:
    """Return every row of every table."""
    with db.session() as reading:
        return {
            table.name: sorted(map(repr, reading.connection().execute(select(table))))
            for table in Row.metadata.sorted_tables
        }


def rehearsed(db: Database, monkeypatch: pytest.MonkeyPatch) -> list[MendedLists]:
    """Rehearse; return what was published and taken back."""
    found: list[MendedLists] = []

    def publish(db: Database, mended: MendedLists, now: object) -> None:
        rehearse_publishing(db, mended, now)  # type: ignore[arg-type]  # an instant
        found.append(mended)

    monkeypatch.setattr(rehearsing, "rehearse_publishing", publish)
    assert rehearse_mending(db, minutes(1))
    return found


def test_nothing_is_changed_by_it(db: Database) -> None:
    """No list, no run, no change for a PACS, no entry in the audit trail: no row of any table."""
    morning(db)
    before = whole(db)
    assert before[str(WorklistRow.__tablename__)]
    assert rehearse_mending(db, minutes(1))
    assert whole(db) == before


def test_it_goes_the_whole_way(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lists that name somebody's study first, as if it burned, are written and numbered; then they are taken back."""
    morning(db)
    done: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        done.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        (published,) = rehearsed(db, monkeypatch)
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    assert published.stage == "1 studies that cannot wait"
    assert {row.reporter_id for row in published.plan.allocations} == set(published.concerned) != set()
    for written in ("INSERT INTO runs", "INSERT INTO worklists", "INSERT INTO worklist_items", "UPDATE assignment"):
        assert any(statement.startswith(written) for statement in done), written


def test_what_the_referee_rejects_is_not_written_even_so(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is judged as every mending is."""
    morning(db)
    monkeypatch.setattr(rehearsing, "judge_lists", lambda *_: ["H1"])
    monkeypatch.setattr(rehearsing, "rehearse_publishing", None)
    assert not rehearse_mending(db, minutes(1))


def test_what_would_concern_everybody_is_not_written(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Claims and publications would wait for it."""
    morning(db)
    monkeypatch.setattr(rehearsing, "MOST_LISTS", 0)
    monkeypatch.setattr(rehearsing, "rehearse_publishing", None)
    assert not rehearse_mending(db, minutes(1))


def test_it_lets_go_first_what_cannot_wait(db: Database) -> None:
    """Before it writes anything."""
    morning(db)
    with db.right_of_way.taken(), pytest.raises(GaveWayError):
        rehearse_mending(db, minutes(1))


def test_it_leaves_off_while_it_writes_if_something_cannot_wait(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """What has the right of way is not kept waiting for the rest of it."""
    morning(db)
    before = whole(db)

    def publish(db: Database, mended: MendedLists, now: object) -> None:
        with db.right_of_way.taken():
            rehearse_publishing(db, mended, now)  # type: ignore[arg-type]  # an instant

    monkeypatch.setattr(rehearsing, "rehearse_publishing", publish)
    with pytest.raises(GaveWayError):
        rehearse_mending(db, minutes(1))
    assert whole(db) == before


def test_it_leaves_off_when_something_has_come(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever rehearses is who mends: they look first at what has come while the plan was opened."""
    morning(db)
    opened = open_live

    def open_as_one_comes(db: Database, now: datetime) -> Live | None:
        live = opened(db, now)
        arrives(db, emergency(), at=0.5)
        return live

    monkeypatch.setattr(rehearsing, "open_live", open_as_one_comes)
    with pytest.raises(GaveWayError):
        rehearse_mending(db, minutes(1))


def test_it_writes_nothing_when_something_comes_while_lists_are_judged(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It looks a second time before the part that takes longest."""
    morning(db)
    judged = judge_lists

    def judge_as_one_comes(*args: object) -> list[str]:
        arrives(db, emergency(), at=0.5)
        return judged(*args)  # type: ignore[arg-type]  # as they come

    monkeypatch.setattr(rehearsing, "judge_lists", judge_as_one_comes)
    monkeypatch.setattr(rehearsing, "rehearse_publishing", lambda *_: pytest.fail("it has begun to write"))
    with pytest.raises(GaveWayError):
        rehearse_mending(db, minutes(1))


def test_what_comes_after_it_is_mended_as_ever(db: Database) -> None:
    """Also by a plan that was opened before."""
    mending = morning(db)
    assert rehearse_mending(db, minutes(1))
    arrives(db, emergency(), at=2)
    outcome = mending.look(minutes(2))
    assert outcome is not None
    assert (outcome.urgent, outcome.unplaced) == (1, 0)
    whose(db, "E1")
    assert conserved(db)


def test_what_is_open_is_not_rehearsed_with(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody's read is moved, not even for a moment, while they are in it: another's is."""
    morning(db)
    for number in EVERYDAY:
        claimed(db, number)
    (published,) = rehearsed(db, monkeypatch)
    assert set(published.concerned) == {"R2"}


def test_before_the_first_plan_there_is_nothing_to_rehearse(db: Database) -> None:
    """It says so, and fails at nothing."""
    queued(db, "A1")
    assert not rehearse_mending(db, NOW)


def test_without_a_class_that_is_an_emergency_there_is_nothing_to_rehearse(db: Database) -> None:
    """Nothing could burn."""
    loaded(db, replace(TWO_FEEDS, policy=policy(priority("urgent"))))  # the first that is loaded holds
    morning(db)
    assert not rehearse_mending(db, NOW)


def test_with_nothing_that_waits_there_is_nothing_to_rehearse(db: Database) -> None:
    """Everything listed is an emergency already, or open."""
    queued(db, *map(emergency, [*EVERYDAY, "B1", "B2"]))
    listed_and_open(db)
    assert not rehearse_mending(db, NOW)


def test_one_that_is_overtaken_fails_and_leaves_the_new_lists(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other lists were published while it was worked out."""
    morning(db)
    other = Mending(db)
    other.look(NOW)

    def publish(db: Database, mended: MendedLists, now: object) -> None:
        arrives(db, emergency(), at=1)
        assert other.look(minutes(1)) is not None
        rehearse_publishing(db, mended, now)  # type: ignore[arg-type]  # an instant

    monkeypatch.setattr(rehearsing, "rehearse_publishing", publish)
    with pytest.raises(ConflictError):
        rehearse_mending(db, NOW)
    assert "E1" in {number for _, numbers in lists(db).values() for number in numbers}
    assert len(mendings(db)) == 1
