"""Whoever has something that cannot wait has the right of way; what gives way is undone as if it had never begun."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlmodel import Session, select

from balancer.store.database import Database, GaveWayError
from balancer.store.tables import FeedRow, SettingRow
from tests.patience import until
from tests.urgent import is_taken


@contextmanager
def another(db: Database) -> Iterator[Database]:
    """Yield the database as another process has it."""
    other = Database(db.engine.url.render_as_string(hide_password=False))
    try:
        yield other
    finally:
        other.close()


def put(session: Session, value: str) -> None:
    """Write something, once nobody else does."""
    row = session.get(SettingRow, "tried", with_for_update=True) or SettingRow(key="tried", value="")
    row.value = value
    session.add(row)
    session.flush()


def write(db: Database, **way: bool) -> None:
    """Write something in a transaction of its own."""
    with db.transaction(**way) as session:
        put(session, "yes")


def written(db: Database) -> str | None:
    """Return what has been written, if anything has."""
    with db.session() as session:
        row = session.get(SettingRow, "tried")
        return None if row is None else row.value


def test_it_is_seen_by_every_process_as_long_as_anybody_has_it(db: Database) -> None:
    """Any number may have it at once."""
    with another(db) as other, db.session() as reading:
        assert not is_taken(db)
        assert not db.right_of_way.is_taken_in(reading)
        with other.right_of_way.taken():
            assert db.right_of_way.is_taken_in(reading)
            with db.right_of_way.taken():
                assert is_taken(db)
                assert is_taken(other)
            assert is_taken(db)
        assert not is_taken(db)
        assert not is_taken(other)


def test_it_is_of_one_database(db: Database, tmp_path: Path) -> None:
    """What cannot wait elsewhere has nothing to do with it."""
    other = Database(f"sqlite:///{tmp_path / 'other.sqlite'}")
    with other.right_of_way.taken():
        assert is_taken(other)
        assert not is_taken(db)
    other.close()


def test_it_ends_with_whoever_had_it(db: Database) -> None:
    """Killed, they keep nobody waiting."""
    ready, tell = os.pipe()
    child = os.fork()
    if not child:
        try:
            with another(db) as own, own.right_of_way.taken():
                os.write(tell, b".")
                signal.pause()
        finally:
            os._exit(1)
    os.close(tell)
    assert os.read(ready, 1) == b"."
    os.close(ready)
    assert is_taken(db)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    until(lambda: not is_taken(db))


def test_those_who_look_take_each_other_for_nobody(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many look at once, and however long it takes them: else a plan would give way to who waits for lists."""
    seen: list[bool] = []
    flock = fcntl.flock

    def slowly(file: int, operation: int) -> None:
        flock(file, operation)
        time.sleep(0.0005)

    monkeypatch.setattr(fcntl, "flock", slowly)

    def look_often() -> None:
        with db.right_of_way.looking() as look:
            seen.extend(look() for _ in range(50))

    lookers = [threading.Thread(target=look_often) for _ in range(4)]
    for looker in lookers:
        looker.start()
    for looker in lookers:
        looker.join(60)
    assert seen == [False] * 200


def test_where_there_can_be_no_right_of_way_everything_is_written_all_the_same(
    sqlite_db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file system without locks, or no more files: what cannot wait takes its turn as it comes."""

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    for name in ("flock", None):
        with monkeypatch.context() as broken:
            broken.setattr(*((fcntl, name, refuse) if name else (os, "open", refuse)))
            with sqlite_db.right_of_way.taken():
                assert not is_taken(sqlite_db)
                write(sqlite_db, gives_way=True)
            write(sqlite_db, cannot_wait=True)
    assert written(sqlite_db) == "yes"


def test_what_gives_way_is_undone_once_anybody_has_it(db: Database) -> None:
    """At its next statement; nothing of it has happened."""

    def write_and_meet_somebody() -> None:
        with db.transaction(gives_way=True) as session:
            put(session, "yes")
            with db.right_of_way.taken():
                time.sleep(0.05)  # it is not looked at before every statement of many
                session.exec(select(FeedRow.name)).all()

    with pytest.raises(GaveWayError):
        write_and_meet_somebody()
    assert written(db) is None


def test_what_gives_way_does_not_begin_while_anybody_has_it(db: Database) -> None:
    """And holds nobody up."""
    with db.right_of_way.taken():
        with pytest.raises(GaveWayError):
            write(db, gives_way=True)
        write(db)


def test_what_gives_way_to_nobody_is_written(db: Database) -> None:
    """As anything else."""
    write(db, gives_way=True)
    assert written(db) == "yes"


def test_what_is_written_with_the_commit_is_written(db: Database) -> None:
    """It was too late to give way."""
    write(db)
    with db.transaction(gives_way=True) as session:
        row = session.get_one(SettingRow, "tried")
        time.sleep(0.05)  # else nobody looks again
        row.value = "with the commit"
    assert written(db) == "with the commit"


def test_what_cannot_wait_has_it_while_it_waits_for_another_writer(db: Database) -> None:
    """So that one that publishes lets it go first."""
    write(db)
    with db.transaction() as session:
        put(session, "before")
        urgent = threading.Thread(target=write, args=(db,), kwargs={"cannot_wait": True})
        urgent.start()
        until(lambda: is_taken(db))
        assert urgent.is_alive()
    urgent.join(20)
    assert written(db) == "yes"
    assert not is_taken(db)
