from __future__ import annotations

import contextlib
import logging
import threading
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import Connection, event
from sqlalchemy.exc import DBAPIError, IntegrityError, StatementError
from sqlmodel import select

from balancer.domain.errors import InvalidValueError
from balancer.domain.feed import FeedKind
from balancer.domain.states import BatchState
from balancer.store import database
from balancer.store.database import Database, StoreBusyError
from balancer.store.tables import BatchRow, FeedRow, HeartbeatRow, SettingRow, SkillRow
from tests.databases import SERVERS
from tests.networks import FEED, loaded
from tests.worlds import NOW

# 09:00 in a London summer: an hour earlier in UTC
_SUMMER = datetime(2026, 7, 1, 9, tzinfo=timezone(timedelta(hours=1)))


def _beat(db: Database, at: datetime) -> None:
    with db.transaction() as session:
        session.merge(HeartbeatRow(name="test", beat_at=at))


def test_instants_come_back_as_the_same_instants_in_utc(db: Database) -> None:
    """SQLite keeps no offset; what went in as 09:00+01:00 must not come out as 09:00 UTC."""
    _beat(db, _SUMMER)
    with db.session() as session:
        found = session.exec(select(HeartbeatRow.beat_at)).one()
    assert found == _SUMMER
    assert found.utcoffset() == timedelta(0)
    assert found.isoformat() == "2026-07-01T08:00:00+00:00"


def test_microseconds_survive(db: Database) -> None:
    """Order is kept to the microsecond, or two versions of one thing could be taken for one."""
    exact = datetime(2026, 3, 2, 8, 0, 0, 123456, tzinfo=UTC)
    _beat(db, exact)
    with db.session() as session:
        assert session.exec(select(HeartbeatRow.beat_at)).one() == exact


def test_instants_without_a_zone_are_refused(db: Database) -> None:
    """Neither stored nor compared with: 09:00 without an offset is two instants a year."""
    naive = _SUMMER.replace(tzinfo=None)
    with pytest.raises(StatementError) as stored:
        _beat(db, naive)
    assert isinstance(stored.value.orig, InvalidValueError)
    with db.session() as session, pytest.raises(StatementError) as compared:
        session.exec(select(HeartbeatRow).where(HeartbeatRow.beat_at < naive)).all()
    assert isinstance(compared.value.orig, InvalidValueError)


def test_instants_are_compared_as_instants(db: Database) -> None:
    """08:30 UTC lies after 09:00 in a zone that is an hour ahead."""
    _beat(db, _SUMMER)
    with db.session() as session:
        later = select(HeartbeatRow).where(HeartbeatRow.beat_at > datetime(2026, 7, 1, 8, 30, tzinfo=UTC))
        earlier = select(HeartbeatRow).where(HeartbeatRow.beat_at < datetime(2026, 7, 1, 8, 30, tzinfo=UTC))
        assert session.exec(later).all() == []
        assert len(session.exec(earlier).all()) == 1


def test_a_state_that_does_not_exist_is_refused(db: Database) -> None:
    """A slip of the hand in a state is an error where it is made, not a row nobody ever finds."""
    loaded(db)
    batch = BatchRow(feed=FEED, file_name="", digest="", received_at=NOW, last_received_at=NOW, state="aplied")  # type: ignore[arg-type]
    with pytest.raises(StatementError), db.transaction() as session:
        session.add(batch)


def test_states_come_back_as_states(db: Database) -> None:
    """What is compared with ``is`` elsewhere is the member, not its text."""
    loaded(db)
    with db.transaction() as session:
        session.add(
            BatchRow(feed=FEED, file_name="", digest="", received_at=NOW, last_received_at=NOW, state=BatchState.HELD)
        )
    with db.session() as session:
        assert session.exec(select(BatchRow.state)).one() is BatchState.HELD


def test_text_no_database_can_keep_is_kept_as_near_as_can_be(db: Database) -> None:
    """Garbage holds NULs and halves of characters; entering that it came must not fail for them."""
    loaded(db)
    name = "caf\u00e9\0\ud800.csv"
    with db.transaction() as session:
        session.add(
            BatchRow(feed=FEED, file_name=name, digest="", received_at=NOW, last_received_at=NOW, state=BatchState.HELD)
        )
    with db.session() as session:
        assert session.exec(select(BatchRow.file_name)).one() in {"caf\u00e9\ufffd?.csv", "caf\u00e9\ufffd\ufffd.csv"}


def test_a_transaction_that_raises_leaves_nothing(db: Database) -> None:
    """Everything or nothing, whatever goes wrong in the block."""

    def fail_half_way() -> None:
        with db.transaction() as session:
            session.add(SettingRow(key="a", value="1"))
            session.flush()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_half_way()
    with db.session() as session:
        assert session.get(SettingRow, "a") is None


def test_a_reading_session_cannot_write(db: Database) -> None:
    """A slip in a query is an error, not a change that nobody meant."""
    with db.session() as session:
        session.add(SettingRow(key="a", value="1"))
        with pytest.raises(DBAPIError, match=r"readonly|read-only"):
            session.flush()
    with db.transaction() as session:  # the same pooled connection writes again
        session.add(SettingRow(key="a", value="1"))


def test_a_reading_session_sees_one_state(db: Database) -> None:
    """A list and its count are of the same moment, whatever is written between."""
    with db.session() as reading:
        before = reading.exec(select(SettingRow)).all()
        with db.transaction() as writing:
            writing.add(SettingRow(key="a", value="1"))
        assert reading.exec(select(SettingRow)).all() == before
    with db.session() as reading:
        assert len(reading.exec(select(SettingRow)).all()) == 1


def test_references_hold(db: Database) -> None:
    """SQLite checks them only if told to: a skill of nobody is refused."""
    with pytest.raises(IntegrityError), db.transaction() as session:
        session.add(SkillRow(reporter_id="nobody", subspecialty="neuro", modality="", level=3))


def test_writers_take_turns(db: Database) -> None:
    """Two that read and then write, at once: on SQLite the second waits instead of failing half-way."""
    with db.transaction() as session:
        session.add(SettingRow(key="count", value="0"))

    def count_up() -> None:
        for _ in range(10):
            with db.transaction() as session:
                row = session.get(SettingRow, "count", with_for_update=True)
                assert row is not None
                row.value = str(int(row.value) + 1)

    threads = [threading.Thread(target=count_up) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with db.session() as session:
        assert session.exec(select(SettingRow.value)).one() == "30"


def test_a_feed_belongs_to_a_known_trust(db: Database) -> None:
    """Foreign keys hold on bulk statements too."""
    with pytest.raises(IntegrityError), db.transaction() as session:
        session.add(FeedRow(name="x", trust="nowhere", kind=FeedKind.DELTA, refresh_minutes=1, stale_after_minutes=2))


def test_two_that_start_at_once_migrate_once(empty_db: Database) -> None:
    """The server and its scheduler start together on a fresh machine."""
    failures: list[Exception] = []

    def migrate() -> None:
        try:
            empty_db.migrate()
        except Exception as error:  # noqa: BLE001 - whatever it is, the test shows it
            failures.append(error)

    threads = [threading.Thread(target=migrate) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "mysql://localhost/x", "not a url"])
def test_other_databases_are_refused(url: str) -> None:
    """A database in memory would be another one in every process; other kinds have never been tried."""
    with pytest.raises(InvalidValueError):
        Database(url)


def test_the_folder_of_a_new_database_is_made(tmp_path: Path) -> None:
    """``sqlite:///var/balancer.sqlite`` works in a fresh checkout, where there is no ``var``."""
    database = Database(f"sqlite:///{tmp_path / 'var' / 'new.sqlite'}")
    database.migrate()
    database.close()
    assert (tmp_path / "var" / "new.sqlite").exists()


def test_a_database_error_never_repeats_what_was_being_written(db: Database) -> None:
    """Its message ends up in logs and in a run's error; what was written may name a patient's study."""
    _set(db, "twice", "first")
    with pytest.raises(DBAPIError) as refused:
        _set(db, "twice", "RVV12345")
    assert "RVV12345" not in str(refused.value)


def _set(db: Database, key: str, value: str) -> None:
    with db.transaction() as session:
        session.add(SettingRow(key=key, value=value))


@pytest.mark.parametrize("kind", SERVERS)
def test_writers_see_what_the_writer_before_them_left_whatever_the_server_is_set_to(db: Database) -> None:
    """They wait for its locks, and then must not look at the state of before: PostgreSQL's READ COMMITTED.

    SQLite has one writer, and nothing to set.
    """
    url = db.engine.url.update_query_dict({"options": "-c default_transaction_isolation=serializable"})
    strict = Database(url.render_as_string(hide_password=False))
    with strict.transaction() as session:
        assert session.connection().exec_driver_sql("SHOW transaction_isolation").scalar_one() == "read committed"
    strict.close()


def test_whoever_waits_for_too_long_for_a_lock_hears_that_the_store_is_busy(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A writer that hangs must not take everybody else along, whichever the server; they may try again."""
    monkeypatch.setattr(database, "_BUSY_SECONDS", 0.2)
    _beat(db, NOW)
    other = Database(db.engine.url.render_as_string(hide_password=False))
    # the second time after a rollback: the limit is the connection's, not one transaction's
    for _ in range(2):
        with db.transaction() as session:
            session.exec(select(HeartbeatRow).with_for_update()).one()
            with pytest.raises(StoreBusyError):
                _beat(other, _SUMMER)
    _beat(other, _SUMMER)
    other.close()


def test_whoever_gets_no_connection_in_time_hears_that_the_store_is_busy(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many sessions as there are connections; one more waits, and is told in the words for any busy store."""
    monkeypatch.setattr(database, "_BUSY_SECONDS", 0.2)
    monkeypatch.setattr(database, "_CONNECTIONS", 1)
    small = Database(db.engine.url.render_as_string(hide_password=False))
    with small.session() as session:
        assert session.exec(select(SettingRow)).all() == []
        with pytest.raises(StoreBusyError), small.session() as another:
            another.exec(select(SettingRow)).all()
    with small.session() as session:
        assert session.exec(select(SettingRow)).all() == []
    small.close()


@pytest.mark.parametrize("kind", SERVERS)
def test_whoever_writes_to_a_server_that_takes_no_writes_hears_that_the_store_is_busy(db: Database) -> None:
    """It is a standby for a while; whoever reads is served. SQLite says so of a file by itself."""
    _beat(db, NOW)
    url = db.engine.url.update_query_dict({"options": "-c default_transaction_read_only=on"})
    standby = Database(url.render_as_string(hide_password=False))
    with pytest.raises(StoreBusyError):
        _beat(standby, _SUMMER)
    with standby.session() as session:
        assert session.exec(select(HeartbeatRow.beat_at)).all() == [NOW]
    standby.close()


def test_what_may_have_been_committed_counts_as_written_and_what_was_rolled_back_does_not(
    db: Database,
) -> None:
    """Whoever keeps what was read must not keep it beyond a commit whose answer was lost."""
    before = db.writes
    _beat(db, NOW)
    assert db.writes == before + 1
    with contextlib.suppress(LookupError), db.transaction() as session:
        session.add(SettingRow(key="never", value="kept"))
        raise LookupError
    assert db.writes == before + 1

    def lost(_: Connection) -> None:
        raise ConnectionError

    event.listen(db.engine, "commit", lost)
    with pytest.raises(ConnectionError):
        _beat(db, _SUMMER)
    assert db.writes == before + 2


def test_that_a_database_is_closed_is_in_nobodys_log(db: Database, caplog: pytest.LogCaptureFixture) -> None:
    """A command's output is what it was asked for."""
    with caplog.at_level(logging.INFO):
        db.close()
    assert [record for record in caplog.records if record.name.startswith("balancer")] == []


def test_what_is_in_use_as_a_database_is_closed_is_closed_when_it_comes_back(db: Database) -> None:
    """A thread may outlive whoever asked for what it does; a connection that nobody closes is one that leaks."""
    with db.session() as session:
        held = session.connection().connection.driver_connection
        db.close()
        assert session.exec(select(HeartbeatRow)).all() == []
    assert held is not None
    with pytest.raises(db.engine.dialect.loaded_dbapi.Error):
        held.execute("SELECT 1")


def test_what_is_opened_after_a_database_was_closed_is_closed_again(db: Database) -> None:
    """Of a thread that was about to begin."""
    db.close()
    with db.session() as session:
        opened = session.connection().connection.driver_connection
    assert opened is not None
    with pytest.raises(db.engine.dialect.loaded_dbapi.Error):
        opened.execute("SELECT 1")
