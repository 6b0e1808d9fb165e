"""The schema and its versions: Alembic's migrations, which travel in the wheel, run on an open connection.

To add one: change ``tables.py``, then ``python -c "from balancer.store.schema import revise; revise('what changes')"``
in a checkout, and read what it wrote.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine

from balancer.store import (
    tables_access,
    tables_assignments,
    tables_drafts,
    tables_explanations,
    tables_feed_words,
    tables_hooks,
    tables_instructions,
    tables_journal,
    tables_keys,
    tables_kinds,
    tables_ledger,
    tables_life,
    tables_outbox,
    tables_policies,
    tables_runs,
    tables_scarcity,
    tables_silences,
    tables_subscriptions,
    tables_workitems,
)
from balancer.store.tables import Row

# Every module of tables is imported here, so that the schema is compared with all of them.
TABLES = (
    tables_access,
    tables_assignments,
    tables_drafts,
    tables_explanations,
    tables_feed_words,
    tables_instructions,
    tables_journal,
    tables_keys,
    tables_kinds,
    tables_hooks,
    tables_ledger,
    tables_life,
    tables_outbox,
    tables_policies,
    tables_runs,
    tables_scarcity,
    tables_silences,
    tables_subscriptions,
    tables_workitems,
)
_FOLDER = Path(__file__).parent / "migrations"


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Bring the schema up to ``revision``; the caller commits."""
    command.upgrade(_config(connection), revision)


def downgrade(connection: Connection, revision: str = "base") -> None:
    """Take the schema back to ``revision``; the caller commits."""
    command.downgrade(_config(connection), revision)


def is_current(connection: Connection) -> bool:
    """Tell whether the schema is at the version of this code."""
    heads = ScriptDirectory.from_config(_config(connection)).get_heads()
    return set(MigrationContext.configure(connection).get_current_heads()) == set(heads)


def differences(connection: Connection) -> list[Any]:
    """Return how the database's schema differs from ``tables.py``, as Alembic's autogenerate sees it."""
    return list(compare_metadata(MigrationContext.configure(connection), Row.metadata))


def revise(message: str) -> None:
    """Write the migration that leads from the last one to ``tables.py``."""
    with create_engine("sqlite://").begin() as connection:
        upgrade(connection)
        config = _config(connection)
        number = len(list(ScriptDirectory.from_config(config).walk_revisions())) + 1
        command.revision(config, message, autogenerate=True, rev_id=f"{number:04d}")


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
