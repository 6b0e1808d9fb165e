"""Column types give back what was put in; instants of SQLite, which keeps them as text without an offset."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import create_engine, literal, select, text
from sqlalchemy.dialects import sqlite

from balancer.domain.life import ReadState
from balancer.store.database import Database
from balancer.store.types import StateText, UtcDateTime

INSTANTS = st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=1)), timezone(-timedelta(hours=9.5))]))


def read_instant(stored: object) -> datetime | None:
    """What a column of instants makes of what SQLite has stored."""
    with create_engine("sqlite://").connect() as connection:
        found: datetime | None = connection.scalar(text("SELECT :it AS it").columns(it=UtcDateTime), {"it": stored})
    return found


def read_state(stored: object) -> ReadState | None:
    """What a column of states makes of what is stored."""
    process = StateText(ReadState).result_processor(sqlite.dialect(), None)
    assert process is not None
    return process(stored)


@given(INSTANTS)
def test_an_instant_comes_back_as_the_same_in_utc(instant: datetime) -> None:
    """Whatever its offset was."""
    with create_engine("sqlite://").connect() as connection:
        found = connection.execute(select(literal(instant, UtcDateTime))).scalar_one()
    assert found == instant
    assert found.tzinfo is UTC


@pytest.mark.parametrize(
    "stored",
    [
        *("2026-03-02 08:00:00.000000", "2026-03-02 08:00:00", "2026-03-02T08:00:00Z"),
        *("2026-03-02 09:00:00+01:00", "2026-03-02 09:00:00.0+0100"),
    ],
)
def test_an_instant_that_was_written_past_the_program_is_read_all_the_same(stored: str) -> None:
    """With or without fractions or an offset: the audit has to read what it then finds fault with."""
    assert read_instant(stored) == datetime(2026, 3, 2, 8, tzinfo=UTC)


@pytest.mark.parametrize("stored", ["2026-03-02", "20260302", "2026-W10-1"])
def test_a_day_alone_is_its_midnight_in_utc(stored: str) -> None:
    """And never an instant without an offset, which could be compared with no other."""
    found = read_instant(stored)
    assert found == datetime(2026, 3, 2, tzinfo=UTC)


def test_what_is_no_instant_is_refused_and_nothing_is_nothing() -> None:
    """An error, and not some other instant."""
    with pytest.raises(ValueError, match="isoformat"):
        read_instant("yesterday")
    assert read_instant(None) is None


@pytest.mark.parametrize("state", list(ReadState))
def test_a_state_comes_back_as_itself(state: ReadState) -> None:
    """The very member, which is compared with ``is``."""
    assert read_state(state.value) is state


def test_a_state_that_there_is_not_is_refused_and_nothing_is_nothing() -> None:
    """As the enumeration itself refuses it."""
    with pytest.raises(ValueError, match="lost"):
        read_state("lost")
    assert read_state(None) is None


def test_an_instant_comes_in_utc_whatever_zone_the_server_lives_in(empty_db: Database) -> None:
    """PostgreSQL sends instants in the zone of the connection, which need not be that of the server."""
    instant = datetime(2026, 7, 1, 8, tzinfo=timezone(timedelta(hours=1)))
    if empty_db.dialect == "postgresql":
        with empty_db.connection() as connection:
            name = connection.scalar(text("SELECT current_database()"))
            connection.execute(text(f"ALTER DATABASE {name} SET timezone TO 'Europe/London'"))
    anew = Database(empty_db.engine.url.render_as_string(hide_password=False))
    with anew.session() as session:
        found = session.connection().scalar(select(literal(instant, UtcDateTime)))
        zone = session.connection().scalar(text("SHOW timezone")) if anew.dialect == "postgresql" else "UTC"
    anew.close()
    assert found is not None
    assert (found, found.tzinfo, zone) == (instant, UTC, "UTC")
