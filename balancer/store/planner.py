"""What SQLite is told of its tables, so that it looks up what waits and never goes through all that was ever reported.

SQLite chooses how to run a statement by what ``sqlite_stat1`` says of each index: how many rows the table has, and how
many are found by the first column, by the first two, and so on (https://sqlite.org/fileformat2.html#stat1tab). Without
a word there it takes a state to find as few reads as a study does, and goes through all that are done. What ``ANALYZE``
would count is no better: a young store's few rows let it go through all of them ever after, and of two states, of which
one holds a million studies, it knows the mean. So it is told what holds after a year of reporting, of what is asked
for: the studies and reads that wait. The table is meant to be written to (https://sqlite.org/lang_analyze.html).

PostgreSQL counts by itself, and knows how often each state is.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection

# Of tables that grow with what is reported, where its guess would be wrong; a year of three trusts.
SAID: Final = {
    ("studies", "sqlite_autoindex_studies_1"): "1000000 300000 1",
    ("studies", "ix_studies_feed_state"): "1000000 300000 2000",
    ("studies", "ix_studies_patient_id"): "1000000 4",
    ("studies", "ix_studies_state_due_at_id"): "1000000 6000 1 1",
    ("studies", "ix_studies_state_trust"): "1000000 6000 2000",
    ("studies", "ix_studies_study_instance_uid"): "1000000 1",
    ("reads", "sqlite_autoindex_reads_1"): "1000000 1 1",
    ("reads", "ix_reads_state_since"): "1000000 20000 1",
    ("reads", "ix_reads_reporter_id_state_done_at"): "1000000 17000 100 1",
    ("claims", "ix_claims_ended_at_lease_until"): "1000000 60 1",
    ("claims", "ix_claims_read_id"): "1000000 1",
    ("claims", "ix_claims_reporter_id_ended_at"): "1000000 17000 5",
    ("claims", "uq_claims_live"): "60 1",
    ("follow_ups", "ix_follow_ups_of_read_id"): "60000 1",
}
# It makes the table of statistics if there is none, counts nothing, and reads it anew.
_READ_ANEW = "ANALYZE sqlite_master"


def tell_sqlite(connection: Connection) -> None:
    """Write what is said here in place of whatever the database knows; nothing, if it knows just that.

    Other connections know it from when they connect anew. Samples (``sqlite_stat4``), which few builds take, stay.
    """
    if known(connection) == SAID:
        return
    connection.exec_driver_sql(_READ_ANEW)
    connection.exec_driver_sql("DELETE FROM sqlite_stat1")
    rows = [(table, index, numbers) for (table, index), numbers in SAID.items()]
    connection.exec_driver_sql("INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES (?, ?, ?)", rows)
    connection.exec_driver_sql(_READ_ANEW)


def known(connection: Connection) -> dict[tuple[str, str | None], str]:
    """Return what the database knows of each index, by table and index."""
    if not connection.exec_driver_sql("SELECT 1 FROM sqlite_master WHERE name = 'sqlite_stat1'").all():
        return {}
    rows = connection.exec_driver_sql("SELECT tbl, idx, stat FROM sqlite_stat1")
    return {(table, index): numbers for table, index, numbers in rows}
