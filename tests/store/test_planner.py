"""What SQLite is told of its tables holds for the tables there are."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection

from balancer.store.database import Database
from balancer.store.planner import SAID, known

TOLD_OF = sorted({table for table, _ in SAID})


@pytest.fixture
def connection(sqlite_db: Database) -> Iterator[Connection]:
    """Yield a connection to a migrated database."""
    with sqlite_db.connection() as found:
        yield found


@pytest.mark.parametrize("table", TOLD_OF)
def test_every_index_of_a_table_is_spoken_of(connection: Connection, table: str) -> None:
    """A new one that is not would be taken or left by guess; one that is gone is not told of."""
    there = {row[1] for row in connection.exec_driver_sql(f"PRAGMA index_list({table})")}
    assert there == {index for of, index in SAID if of == table}


@pytest.mark.parametrize("index", sorted(SAID))
def test_a_number_is_said_for_the_rows_and_for_each_column(connection: Connection, index: tuple[str, str]) -> None:
    """And more columns never find more rows."""
    numbers = [int(number) for number in SAID[index].split()]
    columns = connection.exec_driver_sql(f"PRAGMA index_info({index[1]})").all()
    assert len(numbers) == 1 + len(columns)
    assert numbers == sorted(numbers, reverse=True)


def test_what_finds_one_row_says_so(connection: Connection) -> None:
    """Of what is unique the last column finds one."""
    for table in TOLD_OF:
        for unique in (row[1] for row in connection.exec_driver_sql(f"PRAGMA index_list({table})") if row[2]):
            assert SAID[table, unique].endswith(" 1"), unique


def test_what_was_counted_in_a_young_store_does_not_stay(sqlite_db: Database) -> None:
    """Whoever had it count meant well; the next start says again what holds in the end."""
    with sqlite_db.connection() as connection:
        connection.exec_driver_sql("INSERT INTO settings VALUES ('a', '1')")
        connection.exec_driver_sql("ANALYZE")
        assert known(connection) != SAID
    sqlite_db.migrate()
    with sqlite_db.connection() as connection:
        assert known(connection) == SAID


def test_a_start_that_finds_it_said_writes_nothing(sqlite_db: Database) -> None:
    """The file is as it was."""
    with sqlite_db.connection() as connection:
        connection.exec_driver_sql("UPDATE sqlite_stat1 SET rowid = rowid + 100")
    sqlite_db.migrate()
    with sqlite_db.connection() as connection:
        assert connection.exec_driver_sql("SELECT min(rowid) > 100 FROM sqlite_stat1").scalar() == 1
