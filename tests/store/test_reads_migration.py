"""Studies that were known before reads had rows of their own have every read they need afterwards, where it stood."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, MetaData, insert, text

from balancer.domain.life import UNPLANNED
from balancer.store import audit
from balancer.store.database import Database
from balancer.store.schema import upgrade
from tests.networks import minutes
from tests.store.test_schema import value_of, with_a_row_in_every_table
from tests.worlds import NOW

# study: how many reads it needs, how it stands, and when it was last seen
STUDIES = {
    11: (1, "open", 1),  # on the current list
    12: (2, "open", 2),  # of two reads the second is on it
    13: (1, "open", 3),  # on one that has been superseded
    14: (1, "open", 4),  # on none
    15: (2, "withdrawn", 5),  # on it, and gone since
    16: (1, "excluded", 6),
}
CURRENT, BEFORE = 21, 22
ON_LISTS = [(CURRENT, 11, 1), (CURRENT, 12, 2), (CURRENT, 15, 1), (BEFORE, 13, 1), (BEFORE, 14, 2)]


def put(connection: Connection, name: str, **stated: object) -> None:
    """Enter a row of a table as it was then, with any value where it matters to nobody."""
    found = MetaData()
    found.reflect(connection, only=[name])
    table = found.tables[name]
    filled: dict[str, Any] = {column.name: value_of(column) for column in table.columns if not column.nullable}
    connection.execute(insert(table).values({**filled, **stated}))


def test_every_read_of_every_study_stands_where_it_stood(empty_db: Database) -> None:
    """Open ones on their current list or unplanned, all others withdrawn; none is left out, none is there twice."""
    with empty_db.rebuilding() as connection:
        upgrade(connection, "0005")
        with_a_row_in_every_table(connection)
        for statement in ("DELETE FROM worklist_items", "DELETE FROM worklists", "DELETE FROM claims"):
            connection.execute(text(statement))
        connection.execute(text("UPDATE studies SET reads = 0"))
        for study_id, (reads, state, seen) in STUDIES.items():
            named = {"id": study_id, "accession_number": f"A{study_id}", "state": state}
            put(connection, "studies", **named, reads=reads, last_seen_at=minutes(seen))
        put(connection, "worklists", id=BEFORE, version=1, superseded_at=NOW)
        put(connection, "worklists", id=CURRENT, version=2)
        for place, (list_id, study_id, read) in enumerate(ON_LISTS, start=1):
            put(connection, "worklist_items", worklist_id=list_id, place=place, study_id=study_id, read=read)
        upgrade(connection, "0006")
        rows = connection.execute(
            text("SELECT study_id, number, kind, state, reporter_id, reason, version FROM reads ORDER BY 1, 2")
        ).all()
        seen_at = connection.execute(
            text("SELECT count(*) FROM reads r JOIN studies s ON s.id = r.study_id WHERE r.since = s.last_seen_at")
        ).scalar_one()
    stands = [(study_id, number, state, whose, reason) for study_id, number, _, state, whose, reason, _ in rows]
    assert stands == [
        (11, 1, "allocated", "1", ""),
        (12, 1, "unallocated", None, UNPLANNED),
        (12, 2, "allocated", "1", ""),
        (13, 1, "unallocated", None, UNPLANNED),
        (14, 1, "unallocated", None, UNPLANNED),
        (15, 1, "withdrawn", None, ""),
        (15, 2, "withdrawn", None, ""),
        (16, 1, "withdrawn", None, ""),
    ]
    assert {(kind, version) for _, _, kind, _, _, _, version in rows} == {("interpretation", 1)}
    assert seen_at == len(rows)


def test_the_trail_begins_at_nothing_and_nobody_changes_it(empty_db: Database) -> None:
    """A database that was in use before has a chain like any other from then on."""
    with empty_db.rebuilding() as connection:
        upgrade(connection, "0005")
        with_a_row_in_every_table(connection)
    empty_db.migrate()
    with empty_db.session() as reading:
        assert audit.verify(reading) == audit.Verdict(end=audit.AuditEnd(sequence=0, hash="0" * 64))
