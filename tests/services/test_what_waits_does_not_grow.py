"""What an emergency waits for does not grow with what has been reported: no statement goes through all of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event

from balancer.api.routes.worklists import shown
from balancer.domain.actor import EVERYWHERE
from balancer.services import take_emergencies as module
from balancer.services.claim_read import claim_read
from balancer.services.complete_read import complete_read
from balancer.services.create_workitem import create_workitem
from balancer.services.mend_worklists import Mending
from balancer.services.next_read import next_read
from balancer.services.release_read import release_read
from balancer.services.take_emergencies import take_emergencies
from balancer.store import changes, journal, worklists
from balancer.store.database import Database
from tests.benchmarks.history import add_history
from tests.creations import request_of
from tests.networks import PACS, Feed, extract, minutes
from tests.services.test_mend_worklists import EVERYDAY, THEIRS, arrives, emergency, morning

# Of these nothing is ever thrown away; old lists, changes and the journal are forgotten after a time.
KEPT = {"studies", "reads", "claims"}
_WHOLE = re.compile(r"^SCAN (\w+?)(?:_\d+)?(?: |$)")
_REPORTED = 3_000

Asked = list[tuple[str, Any]]


@contextmanager
def asking(db: Database) -> Iterator[Asked]:
    """Yield what is asked of a store meanwhile: statements with their parameters."""
    asked: Asked = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, many: Any) -> None:
        asked.append((statement, parameters[0] if many else parameters))

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(db.engine, "before_cursor_execute", note)


def gone_through(db: Database, asked: Asked) -> set[tuple[str, str]]:
    """Return which tables of ``KEPT`` SQLite goes through from end to end, each with the statement."""
    found = set()
    with db.engine.connect() as connection:
        for statement, parameters in asked:
            if not statement.lstrip().upper().startswith(("SELECT", "UPDATE", "DELETE", "INSERT", "WITH")):
                continue
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters):
                whole = _WHOLE.match(row.detail)
                if whole is not None and whole[1] in KEPT:
                    found.add((whole[1], statement))
    return found


@pytest.fixture
def mending(sqlite_db: Database, monkeypatch: pytest.MonkeyPatch) -> Mending:
    """Return a morning's open plan, of a store in which thousands of studies have been reported."""
    monkeypatch.setattr(module, "_LONG", 1)
    opened = morning(sqlite_db)
    add_history(sqlite_db, _REPORTED)
    return opened


def test_going_through_a_table_would_be_seen(sqlite_db: Database, mending: Mending) -> None:
    """By whatever index, if it is all of it."""
    assert mending.is_open
    with asking(sqlite_db) as asked, sqlite_db.session() as session:
        session.connection().exec_driver_sql("SELECT count(*) FROM reads AS reads_1 WHERE done_at IS NOT NULL")
        session.connection().exec_driver_sql("SELECT id FROM studies WHERE id = ?", (1,))
    assert {table for table, _ in gone_through(sqlite_db, asked)} == {"reads"}


def test_an_emergency_is_taken_in_and_put_on_a_list(sqlite_db: Database, mending: Mending) -> None:
    """By file, and by the whole file after it."""
    with asking(sqlite_db) as asked:
        outcome = take_emergencies(
            sqlite_db, Feed(), extract(*EVERYDAY, *THEIRS, emergency(), at=1), minutes(1), file_name="unreported.csv"
        )
        mended = mending.look(minutes(1))
        arrives(sqlite_db, emergency(), at=2)
    assert outcome is not None
    assert outcome.books.new == 1
    assert mended is not None
    assert gone_through(sqlite_db, asked) == set()


def test_an_emergency_is_created_by_message_and_put_on_a_list(sqlite_db: Database, mending: Mending) -> None:
    """As the PACS creates a workitem."""
    wanted = request_of("M1", WorklistLabel="emergency", ScheduledProcedureStepPriority="HIGH")
    with asking(sqlite_db) as asked:
        create_workitem(sqlite_db, "1.2.3.4", wanted, minutes(1), by=PACS, reach=EVERYWHERE, key=b"k" * 32)
        mended = mending.look(minutes(1))
    assert mended is not None
    assert gone_through(sqlite_db, asked) == set()


def test_a_list_is_told_of_shown_and_worked(sqlite_db: Database, mending: Mending) -> None:
    """Whoever waits for it is told by the marks; a read of it is claimed, given back, claimed again and done."""
    assert mending.is_open
    with asking(sqlite_db) as asked:
        with sqlite_db.session() as session:
            changes.marks(session)
            journal.mark(session)
            worklists.list_marks(session)
            listed, _ = shown(session, "R1", EVERYWHERE, minutes(1))
        claim = next_read(sqlite_db, "R1", minutes(1), by=PACS)
        assert claim is not None
        release_read(sqlite_db, claim.read_id, "R1", minutes(2), by=PACS)
        claim_read(sqlite_db, claim.read_id, "R1", minutes(3), by=PACS)
        complete_read(sqlite_db, claim.read_id, "R1", minutes(9), by=PACS)
    assert len(listed.items) == len(EVERYDAY)
    assert gone_through(sqlite_db, asked) == set()
