"""The verdict of a replay is worth something: every kind of fault, planted, is found, and a sound day has none."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from sqlmodel import col, select

from balancer.api.models.assignments import AssignmentOut
from balancer.domain.actor import system
from balancer.domain.life import ReadEvent, ReadState
from balancer.domain.permission import Permission
from balancer.services.claim_read import claim_read
from balancer.services.complete_read import complete_read
from balancer.services.ingest_studies import ingest_extract
from balancer.services.run_allocation import run_allocation
from balancer.services.what_holds import what_holds
from balancer.store import audit
from balancer.store.changes import changes
from balancer.store.database import Database, StoreBusyError
from balancer.store.pages import Cut
from balancer.store.tables import WorklistItemRow
from balancer.store.tables_life import ClaimRow, ReadRow
from tests.databases import SERVERS
from tests.networks import Feed, extract, minutes, queued, read_id, rostered, solving
from tests.patience import PATIENCE_SECONDS, until
from tests.replay.trusts import Delivered
from tests.replay.verify import faults, is_anybody_to_read
from tests.replay.witness import Reported, Witness
from tests.worlds import NOW, session

BY = system("pacs", "a PACS", [Permission.READS_WORK], ["RVV"])
NUMBERS = ["A1", "A2", "A3"]


@dataclass
class Trust:
    """What a trust asks for, as the replay's systems know it."""

    trust: str = "RVV"
    asked_for: set[str] = field(default_factory=lambda: set(NUMBERS))
    last: Delivered = field(default_factory=lambda: Delivered(taken_at=NOW, reads=dict.fromkeys(NUMBERS[1:], 1)))


@dataclass
class Follower:
    """A PACS as far as the verdict looks at it."""

    trust: str
    state: dict[tuple[str, int], dict[str, Any]]


@dataclass
class Day:
    """A day after which everything is as it should be: A1 was reported, A2 is open, A3 is on a list."""

    db: Database
    witness: Witness
    system: Trust
    pacs: Follower

    def faults(self) -> list[str]:
        """Return the verdict."""
        return faults(self.db, self.witness, [self.system], [self.pacs])  # type: ignore[list-item]  # all it looks at


def followed(db: Database) -> Follower:
    """Return a PACS that has followed the feed to its end."""
    with db.session() as reading:
        found = changes(reading, "RVV", None, limit=100).items
        held = what_holds(reading, [item.study for item in found], NOW)
        told = [AssignmentOut.of(item, held[item.study.id or 0]).model_dump(mode="json") for item in found]
    state = {(item["accession_number"], item["read"]): item for item in told if not item["removed"]}
    return Follower("RVV", state)


@pytest.fixture
def day(sqlite_db: Database) -> Day:
    """Return the day."""
    queued(sqlite_db, *NUMBERS)
    rostered(sqlite_db, session("S1"))
    assert run_allocation(sqlite_db, NOW, solver=solving({"S1": NUMBERS})).error == ""
    witness = Witness()
    with sqlite_db.session() as reading:
        end = audit.end(reading)
    witness.audit_ends.append((end.sequence, end.hash))
    for number in NUMBERS[:2]:
        number_of = read_id(sqlite_db, number)
        claim_read(sqlite_db, number_of, "R1", minutes(1), by=BY)
        witness.claimed.add((number_of, "R1"))
    done = read_id(sqlite_db, "A1")
    assert complete_read(sqlite_db, done, "R1", minutes(9), by=BY)
    witness.reported.append(Reported(done, "R1", "RVV", "A1", accepted=True))
    ingest_extract(sqlite_db, Feed(), extract(*NUMBERS[1:], at=15), minutes(16))
    return Day(sqlite_db, witness, Trust(), followed(sqlite_db))


def test_a_sound_day_has_no_fault(day: Day) -> None:
    """Or the verdict would mean nothing."""
    assert day.faults() == []


def test_a_study_that_is_not_known_is_lost(day: Day) -> None:
    """Its trust has delivered it."""
    day.system.asked_for.add("A9")
    day.system.last.reads["A9"] = 1
    assert "lost: a study of RVV that was delivered is not known at all" in day.faults()


def test_a_read_too_few_is_lost(day: Day) -> None:
    """Its trust asks for two."""
    day.system.last.reads["A3"] = 2
    assert [line for line in day.faults() if "2 reads are asked for, and there are 1" in line]


def test_a_study_closed_that_is_still_asked_for_is_lost(day: Day) -> None:
    """It waits at its trust for a report that nobody writes."""
    day.system.last.reads["A1"] = 1
    assert [line for line in day.faults() if "and its trust still asks for it" in line]


def test_a_study_open_that_nobody_asks_for_is_a_fault(day: Day) -> None:
    """Somebody would report it a second time."""
    del day.system.last.reads["A3"]
    assert [line for line in day.faults() if "its trust no longer asks for it" in line]


def test_what_was_acknowledged_and_is_not_there_is_a_fault(day: Day) -> None:
    """A completion, and a claim."""
    day.witness.reported.append(Reported(read_id(day.db, "A3"), "R2", "RVV", "A3", accepted=True))
    day.witness.claimed.add((read_id(day.db, "A3"), "R2"))
    found = day.faults()
    assert [line for line in found if line.startswith("a completion of read")]
    assert [line for line in found if line.startswith("a claim of read")]


@pytest.mark.parametrize(
    "change",
    [{"state": "unallocated"}, {"reporter_id": "R2"}, {"planned_start": None}, {"due_at": "2026-01-01T00:00:00Z"}],
)
def test_a_pacs_that_has_anything_otherwise_is_a_fault(day: Day, change: dict[str, Any]) -> None:
    """Whose it is, how it stands, when it is planned and when it is due."""
    key = ("A3", 1)
    day.pacs.state[key] = {**day.pacs.state[key], **change}
    assert len(day.faults()) == 1


def test_a_pacs_that_has_too_much_or_too_little_is_a_fault(day: Day) -> None:
    """What it was never told, and what it was never told to take off."""
    day.pacs.state["A1", 1] = day.pacs.state.pop(("A3", 1))
    assert len(day.faults()) == 2


def test_a_read_done_twice_is_a_fault(day: Day) -> None:
    """The trail has it done, and done again without a word of its source."""
    done = str(read_id(day.db, "A1"))
    with day.db.transaction() as writing:
        before = audit.entries(writing, Cut(), subject_kind="read", subject_id=done).items
        entry = next(row for row in before if row.action == "read.complete")
        audit.append(writing, audit._entry(entry))  # noqa: SLF001 - the very same again
    assert f"read {done} was done twice" in day.faults()


def test_a_read_open_at_two_people_is_a_fault(day: Day) -> None:
    """The second claim began before the first had ended."""
    with day.db.transaction() as writing:
        row = writing.exec(select(ClaimRow).where(ClaimRow.read_id == read_id(day.db, "A1"))).one()
        row.ended_at = minutes(12)
        again = ClaimRow(read_id=row.read_id, reporter_id="R2", claimed_at=minutes(10))
        again.ended_at, again.ended_by = minutes(13), ReadEvent.RELEASE
        writing.add(again)
    assert [line for line in day.faults() if "was open at two people" in line]


def test_a_state_that_the_trail_does_not_tell_is_a_fault(day: Day) -> None:
    """A row was changed behind its back."""
    with day.db.transaction() as writing:
        writing.get_one(ReadRow, read_id(day.db, "A3")).state = ReadState.PARKED
    assert [line for line in day.faults() if line.startswith("the audit trail: read")]


def test_a_trail_that_has_lost_what_was_witnessed_is_a_fault(day: Day) -> None:
    """Before a kill it ended with an entry that is another now."""
    sequence, _ = day.witness.audit_ends[0]
    day.witness.audit_ends[0] = (sequence, "0" * 64)
    assert [line for line in day.faults() if "witnessed before a kill" in line]


def test_what_was_seen_out_of_balance_while_it_ran_is_a_fault(day: Day) -> None:
    """That it balances in the end does not make it good."""
    day.witness.out_of_balance.append("09:10 RVV: on_no_list 3")
    assert day.faults() == ["while it ran: 09:10 RVV: on_no_list 3"]


@pytest.mark.parametrize("kind", SERVERS)
def test_writers_that_waited_for_each_other_are_a_fault(db: Database) -> None:
    """Nobody lost anything, and one of them was told to ask again: the server alone has counted it."""
    queued(db, "A1", "A2")
    numbers = [read_id(db, number) for number in ("A1", "A2")]
    met = Barrier(2, timeout=PATIENCE_SECONDS)

    def both(first: int, second: int) -> bool:
        try:
            with db.transaction() as writing:
                writing.get_one(ReadRow, first, with_for_update=True)
                met.wait()
                writing.get_one(ReadRow, second, with_for_update=True)
        except StoreBusyError:
            return False
        return True

    with ThreadPoolExecutor(2) as threads:
        assert sorted(threads.map(both, numbers, reversed(numbers))) == [False, True]
    db.engine.dispose()  # a connection tells the server's statistics at the latest as it ends
    assert until(lambda: [line for line in faults(db, Witness(), [], []) if "in a circle" in line])


def test_somebody_is_to_read_while_a_list_says_so_and_at_no_other_time(day: Day) -> None:
    """At night a replay waits for nobody: then no list has anybody reading."""
    with day.db.session() as reading:
        item = reading.exec(select(WorklistItemRow).order_by(col(WorklistItemRow.planned_start).desc())).first()
        assert item is not None
        assert is_anybody_to_read(reading, item.planned_start)
        assert not is_anybody_to_read(reading, item.planned_end)
        assert not is_anybody_to_read(reading, NOW - timedelta(hours=1))
