"""The audit trail: whole, in order, and nobody changes it unnoticed."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from balancer.domain.audit import BEGINNING, AuditEntry, chained_hash
from balancer.store import audit
from balancer.store.audit import AuditEnd
from balancer.store.database import Database
from balancer.store.pages import Cut
from tests.worlds import NOW

ENTRY = AuditEntry(at=NOW, actor="oidc:1", action="read.claim", subject_kind="read", subject_id="1")

FORGED = (
    "INSERT INTO audit (sequence, at, actor, action, subject_kind, subject_id, was, became, why, detail, previous_hash,"
    " hash) VALUES (:number, :at, 'oidc:1', 'read.claim', 'read', '1', '', '', '', '{}', :hash, :hash)"
)


def write(db: Database, *whys: str) -> None:
    """Append entries in one transaction."""
    with db.transaction() as writing:
        for why in whys:
            audit.append(writing, replace(ENTRY, why=why, detail={"of": why, "n": 0.1}))


def fault(db: Database, **options: Any) -> str:
    """Return what is wrong with the trail."""
    with db.session() as reading:
        return audit.verify(reading, **options).fault


def tamper(db: Database, statement: str) -> None:
    """Change the trail as somebody would who owns the database."""
    with db.connection() as connection:
        if db.dialect == "sqlite":
            for verb in ("update", "delete"):
                connection.execute(text(f"DROP TRIGGER audit_no_{verb}"))
        else:
            connection.execute(text("ALTER TABLE audit DISABLE TRIGGER audit_append_only"))
        connection.execute(text(statement))


def test_an_empty_trail_holds(db: Database) -> None:
    """It ends at its beginning."""
    with db.session() as reading:
        assert audit.verify(reading).end == AuditEnd(sequence=0, hash=BEGINNING)


def test_what_was_written_holds_and_is_found(db: Database) -> None:
    """In order, whatever characters were in it."""
    write(db, "one", "two")
    write(db, "x\0y \ud800 Ł😀")
    with db.session() as reading:
        verdict = audit.verify(reading)
        found = audit.entries(reading, Cut(limit=2))
    assert (verdict.fault, verdict.end.sequence) == ("", 3)
    assert ([row.why for row in found.items], found.total) == (["x\ufffdy ? Ł😀", "two"], 3)


def test_what_does_not_commit_is_not_in_the_trail(db: Database) -> None:
    """Old or new, never a trail of what did not happen."""
    write(db, "one")

    def fail() -> None:
        with db.transaction() as writing:
            audit.append(writing, ENTRY)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with db.session() as reading:
        assert audit.end(reading).sequence == 1
    assert fault(db) == ""


def test_many_writers_make_one_chain(db: Database) -> None:
    """They take turns on its end."""
    threads = [threading.Thread(target=write, args=(db, f"{number}a", f"{number}b")) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with db.session() as reading:
        verdict = audit.verify(reading)
        whys = [row.why for row in reversed(audit.entries(reading, Cut()).items)]
    assert (verdict.fault, verdict.end.sequence) == ("", 16)
    assert all(first[0] == second[0] for first, second in zip(whys[::2], whys[1::2], strict=True))


@pytest.mark.parametrize("statement", ["UPDATE audit SET why = 'x'", "DELETE FROM audit"])
def test_the_database_itself_refuses_to_change_it(db: Database, statement: str) -> None:
    """Whoever is connected as the service."""
    write(db, "one")
    with pytest.raises(DBAPIError, match="append-only"), db.connection() as connection:
        connection.execute(text(statement))


def test_nor_does_it_change_in_a_roundabout_way(db: Database) -> None:
    """Emptied as a whole, or an entry written over; neither counts as a DELETE by itself."""
    write(db, "one")
    over = "INSERT OR REPLACE INTO audit SELECT * FROM audit"
    with pytest.raises(DBAPIError, match="append-only"), db.connection() as connection:
        connection.execute(text(over if db.dialect == "sqlite" else "TRUNCATE audit"))


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("UPDATE audit SET why = 'x' WHERE sequence = 2", "entry 2 is not what was written"),
        ("UPDATE audit SET at = '2020-01-01 00:00:00+00:00' WHERE sequence = 2", "entry 2 is not what was written"),
        ("DELETE FROM audit WHERE sequence = 2", "after entry 1 comes entry 3"),
        ("DELETE FROM audit WHERE sequence = 3", "the trail ends at entry 2, and should at 3"),
        ("DELETE FROM audit", "the trail ends at entry 0, and should at 3"),
        ("UPDATE audit SET previous_hash = hash WHERE sequence = 2", "entry 2 does not follow from the one before"),
    ],
)
def test_whatever_is_changed_is_found(db: Database, statement: str, expected: str) -> None:
    """Even by somebody who may switch the triggers off."""
    write(db, "one", "two", "three")
    tamper(db, statement)
    assert fault(db) == expected


@pytest.mark.parametrize("number", [-2_147_483_648, -5, 0, 4])
def test_an_entry_that_was_put_in_by_hand_is_found_whatever_its_number(db: Database, number: int) -> None:
    """Neither database refuses an INSERT, and whoever looks at the trail is shown the row."""
    write(db, "one", "two", "three")
    with db.connection() as connection:
        connection.execute(text(FORGED), {"number": number, "at": NOW.isoformat(sep=" "), "hash": BEGINNING})
    with db.session() as reading:
        shown = [row.sequence for row in audit.entries(reading, Cut(limit=10)).items]
    assert number in shown
    expected = "entry 4 does not follow from the one before" if number > 0 else f"entry {number} stands before entry 1"
    assert fault(db).startswith(expected)


def test_an_entry_before_the_first_is_found_though_nothing_else_is_there(db: Database) -> None:
    """An empty trail begins nowhere else."""
    with db.connection() as connection:
        connection.execute(text(FORGED), {"number": -1, "at": NOW.isoformat(sep=" "), "hash": BEGINNING})
    assert fault(db).startswith("entry -1 stands before entry 1")


@pytest.mark.parametrize("at_a_time", [1, 2, 3])
def test_a_trail_is_followed_to_its_end_however_many_are_looked_at_at_a_time(
    db: Database, monkeypatch: pytest.MonkeyPatch, at_a_time: int
) -> None:
    """Also when the last of them is the last there is."""
    monkeypatch.setattr(audit, "_AT_A_TIME", at_a_time)
    write(db, "one", "two", "three", "four")
    with db.session() as reading:
        assert audit.verify(reading) == audit.Verdict(end=audit.end(reading))
    tamper(db, "UPDATE audit SET why = 'x' WHERE sequence = 4")
    assert fault(db) == "entry 4 is not what was written"


def test_a_trail_that_was_rewritten_as_a_whole_is_found_by_an_end_noted_elsewhere(db: Database) -> None:
    """That is why the end is to be kept where the database's owner cannot write."""
    write(db, "one")
    with db.session() as reading:
        noted = audit.end(reading)
    forged = replace(ENTRY, why="forged")
    hash_of = chained_hash(forged, 1, BEGINNING)
    tamper(db, f"UPDATE audit SET why = 'forged', detail = '{{}}', hash = '{hash_of}'")  # noqa: S608
    with db.connection() as connection:
        connection.execute(text(f"UPDATE audit_head SET hash = '{hash_of}'"))  # noqa: S608
    assert fault(db) == ""
    assert fault(db, witnessed=noted) == "entry 1 is not the one that was witnessed"
    assert fault(db, witnessed=AuditEnd(sequence=9, hash=BEGINNING)) == "entry 9 was witnessed and is not there"


@given(st.sampled_from(["actor", "action", "subject_kind", "subject_id", "was", "became", "why"]), st.text(min_size=1))
def test_every_part_of_an_entry_is_in_its_hash(name: str, value: str) -> None:
    """And where one ends and the next begins."""
    plain = replace(ENTRY, **{name: ""})  # type: ignore[arg-type]
    other = replace(ENTRY, **{name: value})  # type: ignore[arg-type]
    assert chained_hash(plain, 1, BEGINNING) != chained_hash(other, 1, BEGINNING)
    later = replace(ENTRY, at=NOW + timedelta(microseconds=1))
    assert len({chained_hash(item, 1, BEGINNING) for item in (ENTRY, later, replace(ENTRY, detail={"a": 1}))}) == 3
    assert chained_hash(ENTRY, 1, BEGINNING) != chained_hash(ENTRY, 2, BEGINNING)
