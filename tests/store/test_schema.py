from __future__ import annotations

from sqlalchemy import inspect

from balancer.store.database import Database
from balancer.store.schema import differences, downgrade, is_current
from balancer.store.tables import Row


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
