"""What an undo entered by mistake among what runs found no place for is there no more after an upgrade."""

from __future__ import annotations

from sqlalchemy import text

from balancer.store.database import Database
from balancer.store.schema import upgrade
from tests.store.test_reads_migration import put
from tests.store.test_schema import with_a_row_in_every_table

REASONS = {11: "deferred", 12: "unplanned", 13: "returned: outside_scope", 14: "ledger_cap"}


def test_only_reasons_that_runs_give_are_left(empty_db: Database) -> None:
    """The reads themselves stay as they are: they say what nobody's list says of them."""
    with empty_db.rebuilding() as connection:
        upgrade(connection, "0032")
        with_a_row_in_every_table(connection)
        connection.execute(text("DELETE FROM unallocated"))
        reads = connection.execute(text("SELECT count(*) FROM reads")).scalar_one()
        for study_id, reason in REASONS.items():
            put(connection, "studies", id=study_id, accession_number=f"A{study_id}")
            put(connection, "unallocated", study_id=study_id, reason=reason)
        upgrade(connection, "0033")
        left = connection.execute(text("SELECT study_id FROM unallocated ORDER BY 1")).scalars().all()
        assert connection.execute(text("SELECT count(*) FROM reads")).scalar_one() == reads
    assert left == [11, 14]
