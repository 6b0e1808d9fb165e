"""What an emergency waits for does not grow with what has been reported, however far whoever asks may see.

The work is counted, not timed: in the steps of the machine that SQLite runs a statement on.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from balancer.api.routes.worklists import shown
from balancer.domain.actor import EVERYWHERE, Reach
from balancer.domain.instant import day_of
from balancer.scheduler import jobs
from balancer.services import take_emergencies as module
from balancer.services.claim_read import claim_read
from balancer.services.complete_read import complete_read
from balancer.services.create_workitem import create_workitem
from balancer.services.ingest_studies import ingest_extract
from balancer.services.mend_worklists import Mending
from balancer.services.next_read import next_read
from balancer.services.release_read import release_read
from balancer.services.take_emergencies import take_emergencies
from balancer.store import (
    changes,
    conservation,
    journal,
    meant,
    my_day,
    past_tasks,
    tasks,
    tasks_wanted,
    workitems,
    worklists,
)
from balancer.store.database import Database
from tests.benchmarks.history import add_history
from tests.creations import request_of
from tests.networks import PACS, Feed, extract, minutes
from tests.services.test_mend_worklists import EVERYDAY, THEIRS, arrives, emergency, morning

_REPORTED = 3_000
# To go through as many rows, whatever is asked of them, takes a few steps each.
_MOST_MORE = _REPORTED
_EVERY = 10
_WAITING = len(EVERYDAY) + len(THEIRS)
OF_A_TRUST = Reach(trusts=frozenset({"RVV"}))

Act = Callable[[Database, Mending], None]


@contextmanager
def counting(db: Database) -> Iterator[Counter[str]]:
    """Yield how many steps each statement takes meanwhile."""
    steps: Counter[str] = Counter()
    asked = [""]
    connections: list[Any] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        asked[0] = statement

    def step() -> None:
        steps[asked[0]] += _EVERY

    def watch(connection: Any, *_rest: Any) -> None:
        connections.append(connection)
        connection.set_progress_handler(step, _EVERY)

    listeners = (("before_cursor_execute", note), ("checkout", watch))
    for name, listener in listeners:
        event.listen(db.engine, name, listener)
    try:
        yield steps
    finally:
        for name, listener in listeners:
            event.remove(db.engine, name, listener)
        for connection in connections:
            connection.set_progress_handler(None, 0)


def by_file(db: Database, mending: Mending) -> None:
    """Take in an emergency before the rest of its file, put it on a list, and take in the rest and the next file."""
    parsed = extract(*EVERYDAY, *THEIRS, emergency(), at=1)
    assert take_emergencies(db, Feed(), parsed, minutes(1), file_name="unreported.csv") is not None
    assert mending.look(minutes(1)) is not None
    ingest_extract(db, Feed(), parsed, minutes(1))
    arrives(db, emergency(), at=2)


def by_message(db: Database, mending: Mending, reach: Reach = EVERYWHERE) -> None:
    """Take in an emergency as a PACS creates its workitem, and put it on a list."""
    wanted = request_of("M1", WorklistLabel="emergency", ScheduledProcedureStepPriority="HIGH")
    create_workitem(db.within(reach), "1.2.3.4", wanted, minutes(1), by=PACS, reach=reach, key=b"k" * 32)
    assert mending.look(minutes(1)) is not None


def by_message_of_a_trust(db: Database, mending: Mending) -> None:
    """The same of a PACS that sees its own trust's studies only."""
    by_message(db, mending, OF_A_TRUST)


def by_reporters(db: Database, _mending: Mending, reach: Reach = EVERYWHERE) -> None:
    """Tell of news, show a list, and claim a read of it, give it back, claim it again and do it."""
    seen = db.within(reach)
    with seen.session() as session:
        changes.marks(session)
        journal.mark(session)
        worklists.list_marks(session)
        listed, _ = shown(session, "R1", reach, minutes(1))
        my_day.done_since(session, "R1", minutes(0))
        my_day.done_reads(session, "R1", minutes(0), most=10)
        my_day.open_elsewhere(session, "R1", ())
        meant.studies_meant(session, uids=["1.2.3"], of_trusts=[("RVV", "A1")], of_patients=())
    assert len(listed.items) == len(EVERYDAY)
    claim = next_read(seen, "R1", minutes(1), by=PACS)
    assert claim is not None
    release_read(seen, claim.read_id, "R1", minutes(2), by=PACS)
    claim_read(seen, claim.read_id, "R1", minutes(3), by=PACS)
    complete_read(seen, claim.read_id, "R1", minutes(9), by=PACS)


def by_a_reporter(db: Database, mending: Mending) -> None:
    """The same of a reporter who signs in, and sees what is theirs or may be."""
    by_reporters(db, mending, Reach(own="R1", on=day_of(minutes(1))))


def by_reporters_of_a_pacs(db: Database, mending: Mending) -> None:
    """The same through a PACS of one trust."""
    by_reporters(db, mending, OF_A_TRUST)


def by_searches(db: Database, _mending: Mending) -> None:
    """Search as a PACS does that polls: for workitems and Tasks that wait or ended lately, and how many there are."""
    steps, tasks_of = workitems.Wanted(since=minutes(0)), tasks_wanted.Wanted(ended_since=minutes(0))
    for seen in (db, db.within(OF_A_TRUST)):
        with seen.session() as session:
            assert len(workitems.search(session, steps, limit=50)) == workitems.count(session, steps) == _WAITING
            assert len(tasks.search(session, tasks_of, limit=50)) == tasks.count(session, tasks_of) == _WAITING
            past_tasks.count(session, tasks_of)


def every_minute(db: Database, mending: Mending) -> None:
    """Look after the reads, while nobody waits for it but the machine."""
    by_reporters(db, mending)
    for look in jobs._PARTS.values():  # noqa: SLF001 - what the job does, one after the other
        look(db, minutes(10))
    for seen in (db, db.within(OF_A_TRUST)):
        with seen.session() as session:
            assert conservation.faults(session) == []


def through_all(db: Database, _mending: Mending) -> None:
    """Go through all reads."""
    with db.session() as session:
        session.connection().exec_driver_sql("SELECT count(*) FROM reads WHERE owner = 'nobody'").scalar()


def steps_of(act: Act, db: Database, reported: int) -> Counter[str]:
    """Return the steps of an act on a morning's lists, after so many studies have been reported."""
    mending = morning(db)
    if reported:
        add_history(db, reported)
    with counting(db) as steps:
        act(db, mending)
    return steps


def grown(act: Act, young: Database, old: Database) -> dict[str, int]:
    """Return the statements that take more steps in a store with a past, with how many more."""
    before, after = steps_of(act, young, 0), steps_of(act, old, _REPORTED)
    return {statement: number for statement, number in (after - before).items() if number > _MOST_MORE}


@pytest.fixture
def young(sqlite_db: Database, monkeypatch: pytest.MonkeyPatch) -> Database:
    """Return a store without a past, in which every file is long enough for its emergencies to come first."""
    monkeypatch.setattr(module, "_LONG", 1)
    return sqlite_db


@pytest.fixture
def old(migrated_sqlite: Path, tmp_path: Path) -> Iterator[Database]:
    """Yield a store that is to have a past."""
    found = Database(f"sqlite:///{shutil.copy(migrated_sqlite, tmp_path / 'old.sqlite')}")
    yield found
    found.close()


@pytest.mark.parametrize(
    "act",
    [
        *(by_file, by_message, by_message_of_a_trust, by_searches),
        *(by_reporters, by_a_reporter, by_reporters_of_a_pacs, every_minute),
    ],
)
def test_it_does_not_grow(act: Act, young: Database, old: Database) -> None:
    """Whichever way an emergency comes, and until it is done."""
    assert grown(act, young, old) == {}


def test_that_it_grew_would_be_seen(young: Database, old: Database) -> None:
    """If a statement goes through all that ever was."""
    assert list(grown(through_all, young, old)) == ["SELECT count(*) FROM reads WHERE owner = 'nobody'"]
