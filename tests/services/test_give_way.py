"""A plan that is being published lets go first whatever cannot wait, and is published after it, whole."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlmodel import Session, select

from balancer.domain.states import RunKind, RunState
from balancer.services import give_way as giving
from balancer.services.give_way import give_way
from balancer.services.run_allocation import run_allocation
from balancer.store import assignments, audit, right_of_way, runs
from balancer.store.database import Database
from balancer.store.pages import Cut
from balancer.store.tables import FeedRow, StudyRow, WorklistRow
from tests.api.service import StandingClock
from tests.networks import minutes, read_id, solving
from tests.patience import PATIENCE_SECONDS, until
from tests.services.test_create_workitem import create
from tests.services.test_mend_worklists import (
    EVERYDAY,
    THEIRS,
    arrives,
    conserved,
    emergency,
    lists,
    mendings,
    morning,
    whose,
)
from tests.urgent import is_taken


@pytest.fixture(autouse=True)
def _however_slow_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test but those that say so is of how long anybody gives way, nor of who is quicker by tenths of a second."""
    monkeypatch.setattr(giving, "LONGEST_SECONDS", PATIENCE_SECONDS)
    monkeypatch.setattr(giving, "_QUIET_SECONDS", 2.0)


def everybody_swapped(db: Database, at: float) -> None:
    """Publish a plan that gives everything to the other reporter."""
    swapped = solving({"S2": EVERYDAY, "S1": THEIRS})
    assert run_allocation(db, minutes(at), solver=swapped).error == ""


def as_it_is_published(monkeypatch: pytest.MonkeyPatch, urgent: Callable[[], object], db: Database) -> threading.Thread:
    """Let ``urgent`` begin, in a thread of its own, when a publication has written all but its last rows."""
    thread = threading.Thread(target=urgent)
    note = assignments.note_new_lists

    def last(session: Session, at: object) -> object:
        if not thread.ident:
            thread.start()
            until(lambda: is_taken(db) or not thread.is_alive())
            time.sleep(2 * right_of_way._LOOK_EVERY_SECONDS)  # noqa: SLF001 - whoever looked just now looks again by then
        return note(session, at)  # type: ignore[arg-type]

    monkeypatch.setattr(assignments, "note_new_lists", last)
    return thread


def test_an_emergency_that_arrives_as_a_plan_is_published_is_on_a_list_before_it(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is placed on the lists that are in force, and stays where it is when the plan is published right after it."""
    mending = morning(db)

    def comes() -> None:
        with db.right_of_way.taken():
            arrives(db, emergency())
            assert mending.look(minutes(1)) is not None

    thread = as_it_is_published(monkeypatch, comes, db)
    everybody_swapped(db, 1)
    thread.join(PATIENCE_SECONDS)
    name = whose(db, "E1")
    mine, theirs = (THEIRS, EVERYDAY) if name == "R1" else (EVERYDAY, THEIRS)
    other = "R2" if name == "R1" else "R1"
    assert sorted(lists(db)[name][1]) == sorted(["E1", *mine])
    assert lists(db)[other][1] == theirs
    with db.session() as reading:
        in_force = runs.current_run(reading)
        (placed,) = audit.entries(reading, Cut(), subject_kind="read", subject_id=str(read_id(db, "E1"))).items
    (mended,) = mendings(db)
    assert placed.why.startswith(f"run {mended.id}: ")
    assert in_force is not None
    assert (in_force.kind, in_force.state, in_force.stage) == (RunKind.ALLOCATION, RunState.PUBLISHED, "")
    assert in_force.finished_at is not None
    assert mended.finished_at is not None
    assert conserved(db)


def test_lists_that_take_the_place_of_what_went_first_are_of_a_later_instant(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No list ends before it began, though the plan was made before: undoing goes by that, and the record."""
    mending = morning(db)
    mended_at = minutes(1) + timedelta(milliseconds=50)

    def comes() -> None:
        with db.right_of_way.taken():
            arrives(db, emergency())
            assert mending.look(mended_at) is not None

    thread = as_it_is_published(monkeypatch, comes, db)
    swapped = solving({"S2": EVERYDAY, "S1": THEIRS})
    assert run_allocation(db, minutes(1), solver=swapped, clock=StandingClock(minutes(1))).error == ""
    thread.join(PATIENCE_SECONDS)
    with db.session() as reading:
        ended = [row for row in reading.exec(select(WorklistRow)) if row.superseded_at is not None]
    assert mended_at in {row.published_at for row in ended}
    assert all(row.superseded_at >= row.published_at for row in ended if row.superseded_at is not None)


def test_a_plan_gives_way_for_so_long_and_no_longer(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is under way, or has got stuck: lists that nobody may publish go stale."""
    monkeypatch.setattr(giving, "LONGEST_SECONDS", 0.5)
    morning(db)
    with db.right_of_way.taken():
        everybody_swapped(db, 1)
    assert lists(db)["R1"][1] == THEIRS


def test_whatever_is_done_is_told_how_long_it_has_waited(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing at all if it did not have to: then it is of the very instant that it was asked for."""
    waits: list[timedelta] = []

    def publish(session: Session, waited: timedelta) -> None:
        session.exec(select(FeedRow.name)).all()
        waits.append(waited)

    give_way(db, publish)
    monkeypatch.setattr(giving, "LONGEST_SECONDS", 0.2)
    with db.right_of_way.taken():
        give_way(db, publish)
    assert waits[0] == timedelta()
    assert waits[1] >= timedelta(seconds=0.2)


def test_a_study_that_a_system_makes_known_goes_first(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is there when the plan is published during which it was created."""
    morning(db)
    there: list[int] = []
    thread = as_it_is_published(monkeypatch, lambda: create(db), db)
    let_go_first = giving._let_go_first  # noqa: SLF001 - what each attempt begins with

    def then(db: Database, deadline: float, *, is_on: bool) -> bool:
        waited = let_go_first(db, deadline, is_on=is_on)
        with db.session() as reading:
            there.append(len(reading.exec(select(StudyRow.id).where(StudyRow.accession_number == "N1")).all()))
        return waited

    monkeypatch.setattr(giving, "_let_go_first", then)
    everybody_swapped(db, 1)
    thread.join(PATIENCE_SECONDS)
    assert there == [0, 1]
    assert conserved(db)


def looks_of(db: Database, monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Return what whoever gives way has seen so far, look by look; it goes on."""
    looks: list[bool] = []
    looking = db.right_of_way.looking

    @contextmanager
    def noted() -> Iterator[Callable[[], bool]]:
        with looking() as is_taken:

            def look() -> bool:
                looks.append(is_taken())
                return looks[-1]

            yield look

    monkeypatch.setattr(db.right_of_way, "looking", noted)
    return looks


def test_it_waits_until_whoever_mends_has_had_time_to_see_what_was_taken_in(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between taking in and mending nobody has the right of way for a moment: that is not the time to publish."""
    order: list[str] = []
    looks, taking = looks_of(db, monkeypatch), threading.Event()

    def urgent() -> None:
        with db.right_of_way.taken():
            taking.set()
        time.sleep(giving._QUIET_SECONDS / 40)  # noqa: SLF001 - much shorter than that
        with db.right_of_way.taken():
            order.append("mended")

    with db.right_of_way.taken():
        thread = threading.Thread(target=urgent)
        publishing = threading.Thread(target=give_way, args=(db, lambda *_: order.append("published")))
        publishing.start()
        until(lambda: looks)
        thread.start()
        taking.wait(PATIENCE_SECONDS)
    thread.join(PATIENCE_SECONDS)
    publishing.join(PATIENCE_SECONDS)
    assert order == ["mended", "published"]


def test_after_giving_way_it_waits_too_though_it_is_over_by_then(db: Database) -> None:
    """What was taken in has still to be mended."""
    order: list[str] = []

    def publish(session: Session, _: timedelta) -> None:
        if "tried" not in order:
            order.append("tried")
            with db.right_of_way.taken():
                time.sleep(0.05)  # else nobody looks again
                session.exec(select(FeedRow.name)).all()
        order.append("published")

    def mend() -> None:
        until(lambda: order)
        until(lambda: not is_taken(db))
        time.sleep(giving._QUIET_SECONDS / 40)  # noqa: SLF001 - much shorter than that
        with db.right_of_way.taken():
            order.append("mended")

    thread = threading.Thread(target=mend)
    thread.start()
    give_way(db, publish)
    thread.join(PATIENCE_SECONDS)
    assert order == ["tried", "mended", "published"]


def test_nothing_is_left_of_a_publication_that_gave_way(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each attempt begins anew: nobody has two new versions of their list, and the trail tells of one."""
    morning(db)
    before = lists(db)
    attempts: list[float] = []
    let_go_first = giving._let_go_first  # noqa: SLF001 - what each attempt begins with

    def counted(db: Database, deadline: float, *, is_on: bool) -> bool:
        attempts.append(deadline)
        return let_go_first(db, deadline, is_on=is_on)

    def passes() -> None:
        with db.right_of_way.taken():
            until(lambda: len(attempts) > 1)

    monkeypatch.setattr(giving, "_let_go_first", counted)

    thread = as_it_is_published(monkeypatch, passes, db)
    everybody_swapped(db, 1)
    assert len(attempts) > 1
    thread.join(PATIENCE_SECONDS)
    assert {name: version for name, (version, _) in lists(db).items()} == {
        name: version + 1 for name, (version, _) in before.items()
    }
    with db.session() as reading:
        moved = audit.entries(reading, Cut(), subject_kind="read", subject_id=str(read_id(db, EVERYDAY[0]))).items
    assert [entry.action for entry in moved].count("read.publish") == 2
    assert conserved(db)
