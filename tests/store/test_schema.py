from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Connection,
    Date,
    DateTime,
    MetaData,
    func,
    insert,
    inspect,
    select,
    table,
    text,
)
from sqlalchemy.exc import IntegrityError

from balancer.store.database import BrokenReferencesError, Database
from balancer.store.schema import differences, downgrade, is_current, upgrade
from balancer.store.tables import Row
from tests.worlds import NOW

# What the fill of later migrations looks at; elsewhere any value will do.
STATED = {
    ("reads", "state"): "done",
    ("reads", "kind"): "interpretation",
    ("studies", "state"): "open",
    ("unallocated", "reason"): "deferred",
}


def with_a_row_in_every_table(connection: Connection) -> list[str]:
    """Put a row into every table there is, each referring to those before it; return the tables' names."""
    found = MetaData()
    found.reflect(connection)
    tables = [each for each in found.sorted_tables if each.name != "alembic_version"]
    for each in tables:
        if connection.execute(select(func.count()).select_from(each)).scalar_one() == 0:
            connection.execute(insert(each).values({c.name: value_of(c) for c in each.columns if not c.nullable}))
    return [each.name for each in tables]


def value_of(column: Column[Any]) -> object:
    """Return a value that fits: a key is 1 or "1", and so is what refers to it."""
    if (column.table.name, column.name) in STATED:
        return STATED[column.table.name, column.name]
    if isinstance(column.type, DateTime):
        return NOW
    if isinstance(column.type, Date):
        return NOW.date()
    if isinstance(column.type, JSON):
        return {}
    return True if isinstance(column.type, Boolean) else column.type.python_type(1)


def test_the_migrations_lead_to_the_tables(empty_db: Database) -> None:
    """Autogenerate finds nothing to add: whoever changes a table without a migration hears of it here."""
    empty_db.migrate()
    with empty_db.connection() as connection:
        assert differences(connection) == []
        assert set(inspect(connection).get_table_names()) == {*Row.metadata.tables, "alembic_version"}


def test_migrating_twice_is_migrating_once(empty_db: Database) -> None:
    """A service that starts again finds its schema and changes nothing."""
    empty_db.migrate()
    empty_db.migrate()
    with empty_db.connection() as connection:
        assert is_current(connection)


def test_a_database_that_is_in_use_keeps_what_it_holds_through_every_migration(empty_db: Database) -> None:
    """From the first release that had lives of reads to this one, back, and up again; references are watched after."""
    with empty_db.rebuilding() as connection:
        upgrade(connection, "0006")
        tables = with_a_row_in_every_table(connection)
    empty_db.migrate()
    with empty_db.rebuilding() as connection:
        downgrade(connection, "0006")
    empty_db.migrate()
    with empty_db.connection() as connection:
        assert differences(connection) == []
        for name in tables:
            assert connection.execute(select(func.count()).select_from(table(name))).scalar_one() == 1, name
    with pytest.raises(IntegrityError), empty_db.connection() as connection:
        connection.execute(text("DELETE FROM policies"))


def test_a_migration_that_breaks_references_does_not_happen(empty_db: Database) -> None:
    """Whichever database: what refers to nothing is not committed."""
    empty_db.migrate()
    with pytest.raises((BrokenReferencesError, IntegrityError)), empty_db.rebuilding() as connection:
        connection.execute(text("INSERT INTO skills VALUES ('nobody', 'neuro', '', 3)"))
    with empty_db.connection() as connection:
        assert connection.execute(text("SELECT count(*) FROM skills")).scalar_one() == 0


def test_every_migration_can_be_taken_back(empty_db: Database) -> None:
    """Down to nothing and up again: what a release brought can be undone."""
    empty_db.migrate()
    with empty_db.connection() as connection:
        downgrade(connection)
        assert inspect(connection).get_table_names() == ["alembic_version"]
        assert not is_current(connection)
    empty_db.migrate()
    with empty_db.connection() as connection:
        assert differences(connection) == []
