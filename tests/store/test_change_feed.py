"""The change feed: whoever follows it has what the database has, whatever committed late, came twice or went."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import timedelta

import pytest
from sqlmodel import col, select, update

from balancer.domain.actor import Reach
from balancer.domain.errors import GoneError, InvalidValueError, NotFoundError
from balancer.domain.states import AssignmentState
from balancer.domain.study import StudyKey
from balancer.services.ingest_studies import ingest_extract
from balancer.services.load_network import load_network
from balancer.services.run_allocation import run_allocation
from balancer.store.assignments import forget_gone, note_all, note_new_lists, note_studies, void_cursors
from balancer.store.changes import Changes, Position, changes, position_of
from balancer.store.database import Database
from balancer.store.queue import study_ids
from balancer.store.tables import WorklistRow
from balancer.store.tables_assignments import AssignmentRow
from balancer.store.where_reads_stand import Scope, where_reads_stand
from tests.databases import wait_until_somebody_waits
from tests.networks import TWO_FEEDS, WEST, Feed, claim_within, extract, incoming, minutes, queued, rostered, solving
from tests.worlds import NOW, session

THIRTY = [f"A{number:02}" for number in range(30)]
Read = tuple[str, int]


class Follower:
    """A PACS that follows a trust's changes, a few at a time, and keeps what it is told."""

    def __init__(self, db: Database, trust: str = "RVV", *, limit: int = 7) -> None:
        self.db = db
        self.trust = trust
        self.limit = limit
        self.position: Position | None = None
        self.has: dict[Read, tuple[AssignmentState, str | None]] = {}
        self.seen: list[int] = []
        self.gone: list[str] = []

    def look(self) -> None:
        """Take everything there is by now."""
        while self.look_once():
            pass

    def look_once(self) -> bool:
        """Take one page; tell whether there is more."""
        return self._take(self._ask())

    def _ask(self) -> Changes:
        with self.db.session() as reading:
            return changes(reading, self.trust, self.position, limit=self.limit)

    def _take(self, found: Changes) -> bool:
        for row, study, *_ in found.items:
            self.seen.append(row.sequence)
            if row.gone:
                self.has.pop((study.accession_number, row.read), None)
                self.gone.append(study.accession_number)
            else:
                self.has[study.accession_number, row.read] = (row.state, row.reporter_id)
        self.position = position_of(str(found.position), self.trust)
        return found.more


def truth(db: Database, trust: str = "RVV") -> Mapping[Read, tuple[AssignmentState, str | None]]:
    """Return where every read of a trust stands, by the tables that are the truth."""
    with db.session() as reading:
        found = where_reads_stand(reading, Scope(trusts=[trust]))
        numbers = {
            number: key for key, number in study_ids(reading, [StudyKey(trust, name) for name in THIRTY]).items()
        }
    return {
        (numbers[study_id].accession_number, read): (standing.state, standing.reporter_id)
        for (study_id, read), standing in found.items()
    }


@pytest.fixture
def planned(db: Database) -> Database:
    """Return a database of thirty studies, of which two have a place."""
    queued(db, *THIRTY)
    rostered(db, session("S1", "R1", hours=2.5), session("S2", "R2", hours=2.5))
    run_allocation(db, NOW, solver=solving({"S1": ["A00", "A01"]}, dict.fromkeys(THIRTY[2:], "deferred")))
    return db


def test_whoever_begins_gets_everything(planned: Database) -> None:
    """The first pages, read to their end, are a full snapshot: each read once, with who has it."""
    follower = Follower(planned)
    follower.look()
    assert follower.has == truth(planned)
    assert len(follower.seen) == 30
    assert follower.has["A00", 1] == (AssignmentState.ALLOCATED, "R1")
    assert follower.has["A02", 1] == (AssignmentState.UNALLOCATED, None)


def test_only_what_has_changed_comes_again(planned: Database) -> None:
    """A plan that moves one read makes two changes of no other: it leaves one list, and is on another."""
    follower = Follower(planned)
    follower.look()
    before = len(follower.seen)
    run_allocation(planned, NOW, solver=solving({"S1": ["A00"], "S2": ["A01"]}, dict.fromkeys(THIRTY[2:], "deferred")))
    follower.look()
    assert len(follower.seen) - before == 1
    assert follower.has["A01", 1] == (AssignmentState.ALLOCATED, "R2")


def test_a_plan_that_only_shifts_times_numbers_each_read_once_the_soonest_first(planned: Database) -> None:
    """What stays with whom it was is told again, for its time is another; what nobody has is not."""
    follower = Follower(planned)
    follower.look()
    before = len(follower.seen)
    run_allocation(planned, NOW, solver=solving({"S1": ["A01", "A00"]}, dict.fromkeys(THIRTY[2:], "deferred")))
    follower.look()
    told = follower.seen[before:]
    assert told == [max(follower.seen[:before]) + 1, max(follower.seen[:before]) + 2]
    with planned.session() as reading:
        stands = where_reads_stand(reading, Scope(trusts=["RVV"]))
        rows = {
            (row.study_id, row.read): row
            for row in reading.exec(select(AssignmentRow).where(col(AssignmentRow.sequence).in_(told)))
        }
    assert [rows[key].sequence for key in sorted(rows, key=lambda key: stands[key].planned_start or NOW)] == told
    for key, row in rows.items():
        said = (row.planned_start, row.planned_end, row.late)
        assert said == (stands[key].planned_start, stands[key].planned_end, stands[key].late)
    with planned.transaction() as writing:
        assert note_all(writing, NOW) == 0


def test_a_read_that_is_on_no_list_any_more_is_said_to_have_no_time(planned: Database) -> None:
    """It stays whose it is; the feed keeps no time from a list that is no more."""
    with planned.transaction() as writing:
        theirs = col(WorklistRow.reporter_id) == "R1"
        writing.exec(update(WorklistRow).where(theirs).values(superseded_at=minutes(2)))
        assert note_new_lists(writing, minutes(2)) == 2
    with planned.session() as reading:
        rows = reading.exec(select(AssignmentRow).where(AssignmentRow.reporter_id == "R1")).all()
    assert [(row.planned_start, row.planned_end, row.late) for row in rows] == [(None, None, False)] * 2
    with planned.transaction() as writing:
        assert note_all(writing, minutes(3)) == 0


def test_nothing_new_is_nothing_and_the_cursor_stands(planned: Database) -> None:
    """A run that changes nothing is no change."""
    follower = Follower(planned)
    follower.look()
    where = str(follower.position)
    run_allocation(planned, NOW, solver=solving({"S1": ["A00", "A01"]}, dict.fromkeys(THIRTY[2:], "deferred")))
    with planned.transaction() as writing:
        assert note_all(writing, NOW) == 0
    follower.look()
    assert str(follower.position) == where


def test_a_study_that_goes_leaves_a_tombstone_and_one_that_comes_back_lives(planned: Database) -> None:
    """Withdrawn by a snapshot, then in the next again."""
    follower = Follower(planned)
    follower.look()
    ingest_extract(planned, Feed(), extract(*THIRTY[1:], at=1), minutes(1))
    follower.look()
    assert follower.gone == ["A00"]
    assert follower.has == truth(planned)
    ingest_extract(planned, Feed(), extract(*THIRTY, at=2), minutes(2))
    follower.look()
    assert follower.has["A00", 1] == (AssignmentState.ALLOCATED, "R1")
    assert follower.has == truth(planned)


def test_whoever_begins_never_hears_of_what_had_gone_before(planned: Database) -> None:
    """Tombstones are for those who knew the living; what goes while somebody begins they do hear of."""
    ingest_extract(planned, Feed(), extract(*THIRTY[1:], at=1), minutes(1))
    follower = Follower(planned, limit=5)
    assert follower.look_once()
    ingest_extract(planned, Feed(), extract(*THIRTY[1:-1], at=2), minutes(2))
    follower.look()
    assert follower.gone == ["A29"]
    assert follower.has == truth(planned)


def test_a_change_of_what_is_shown_of_a_study_is_a_change(planned: Database) -> None:
    """Its source calls it more urgent now: the PACS must show that, though the same reporter has it."""
    follower = Follower(planned)
    follower.look()
    before = len(follower.seen)
    ingest_extract(planned, Feed(), extract(incoming("A00", priority="emergency"), *THIRTY[1:], at=1), minutes(1))
    follower.look()
    assert len(follower.seen) - before == 1


def test_a_trust_hears_of_its_own_studies_only(planned: Database) -> None:
    """Accession numbers repeat between trusts; so do readers of their feeds."""
    ingest_extract(planned, WEST, extract(incoming("A00", trust="RWF"), feed=WEST.name), NOW)
    west = Follower(planned, "RWF")
    west.look()
    assert list(west.has) == [("A00", 1)]
    with pytest.raises(InvalidValueError, match="another trust"):
        position_of(str(west.position), "RVV")
    with planned.session() as reading, pytest.raises(NotFoundError):
        changes(reading, "R0A", None, limit=1)


def test_a_change_that_commits_late_is_not_skipped(planned: Database) -> None:
    """The first to ask for a number commits last if it may: so whoever asks second waits for it.

    A sequence of the database, whose numbers are given when asked for, fails here: the follower would be past the
    first number before it can be seen.
    """
    follower = Follower(planned)
    follower.look()

    def second() -> None:
        with planned.transaction() as writing:
            note_studies(writing, [claim_within(writing, "A03")], minutes(2))

    thread = threading.Thread(target=second)
    with planned.transaction() as writing:
        note_studies(writing, [claim_within(writing, "A02")], minutes(1))
        thread.start()
        wait_until_somebody_waits(planned)
        follower.look()  # in the middle of it
        assert follower.has["A02", 1][0] is AssignmentState.UNALLOCATED
    thread.join()
    follower.look()
    assert follower.has == truth(planned)
    assert {follower.has[name, 1][0] for name in ("A02", "A03")} == {AssignmentState.CLAIMED}


def test_whoever_waited_for_the_turn_sees_what_was_done_meanwhile(planned: Database) -> None:
    """A publish that looked before a claim and writes after it must not undo the claim in the feed."""
    follower = Follower(planned)
    run = threading.Thread(
        target=lambda: run_allocation(
            planned, NOW, solver=solving({"S2": ["A02"]}, dict.fromkeys([*THIRTY[:2], *THIRTY[3:]], "deferred"))
        )
    )
    with planned.transaction() as writing:
        note_studies(writing, [claim_within(writing, "A02", "R1")], minutes(1))
        run.start()
        wait_until_somebody_waits(planned)
    run.join()
    follower.look()
    assert follower.has["A02", 1] == (AssignmentState.CLAIMED, "R1")
    assert follower.has == truth(planned)


def test_followers_of_many_writers_have_what_the_database_has(planned: Database) -> None:
    """Six writers who dawdle, roll back or commit, four followers who look all the time: each ends with the truth."""
    chance = random.Random(4)  # noqa: S311 - the same every time
    plans = [[(name, chance.random() * 0.01, chance.random() < 0.2) for name in THIRTY[place::6]] for place in range(6)]
    over = threading.Event()

    def write(plan: list[tuple[str, float, bool]]) -> None:
        for name, pause, fails in plan:
            with suppress(ZeroDivisionError), planned.transaction() as writing:
                note_studies(writing, [claim_within(writing, name)], NOW)
                time.sleep(pause)
                _fail_if(fails)

    followers = [Follower(planned, limit=limit) for limit in (1, 3, 50, 1_000)]
    reading = [threading.Thread(target=_until(over, follower.look)) for follower in followers]
    writing = [threading.Thread(target=write, args=(plan,)) for plan in plans]
    for thread in (*reading, *writing):
        thread.start()
    for thread in writing:
        thread.join()
    over.set()
    for thread in reading:
        thread.join()
    claimed = sum(not fails for plan in plans for _, _, fails in plan)
    for follower in followers:
        follower.look()
        assert follower.has == truth(planned)
        assert sum(state is AssignmentState.CLAIMED for state, _ in follower.has.values()) == claimed
        assert follower.seen == sorted(follower.seen)


def _fail_if(fails: object) -> None:
    if fails:
        raise ZeroDivisionError


def _until(over: threading.Event, look: Callable[[], None]) -> Callable[[], None]:
    def go() -> None:
        while not over.is_set():
            look()

    return go


def test_a_change_that_is_rolled_back_never_was(planned: Database) -> None:
    """A verb that fails after it has told the feed has told it nothing."""
    follower = Follower(planned)
    follower.look()
    with suppress(ZeroDivisionError), planned.transaction() as writing:
        note_studies(writing, [claim_within(writing, "A02")], NOW)
        _fail_if("something else cannot be written")
    before = len(follower.seen)
    follower.look()
    assert len(follower.seen) == before


def test_a_cursor_holds_when_the_service_starts_again(planned: Database) -> None:
    """Another process on the same database, and the network loaded anew, go on where the last one stopped."""
    follower = Follower(planned)
    follower.look()
    before = list(follower.seen)
    again = Database(planned.engine.url.render_as_string(hide_password=False))
    load_network(again, TWO_FEEDS, minutes(5))
    follower.db = again
    follower.look()
    again.close()
    assert min(follower.seen[len(before) :], default=before[-1]) >= before[-1]
    assert follower.has == truth(planned)


def test_a_cursor_that_may_have_missed_a_tombstone_is_refused(planned: Database) -> None:
    """Once they are forgotten, whoever was away for that long begins again; whoever began later need not."""
    away = Follower(planned)
    away.look()
    ingest_extract(planned, Feed(), extract(*THIRTY[1:], at=1), minutes(1))
    later = Follower(planned, limit=2)
    later.look_once()
    with planned.transaction() as writing:
        forget_gone(writing, minutes(1) + timedelta(seconds=1))
    later.look()
    assert later.has == truth(planned)
    with pytest.raises(GoneError):
        away.look()


def test_young_tombstones_are_kept(planned: Database) -> None:
    """Whoever was away for a shorter time hears of everything."""
    away = Follower(planned)
    away.look()
    ingest_extract(planned, Feed(), extract(*THIRTY[1:], at=1), minutes(1))
    with planned.transaction() as writing:
        forget_gone(writing, minutes(1))
    away.look()
    assert away.gone == ["A00"]


def test_once_a_backup_is_restored_no_cursor_holds(planned: Database) -> None:
    """Numbers are given a second time: a cursor of before would skip what they stand for now."""
    follower = Follower(planned)
    follower.look()
    with planned.transaction() as writing:
        void_cursors(writing)
    with pytest.raises(GoneError):
        follower.look()


def test_a_cursor_from_beyond_the_last_change_is_refused(planned: Database) -> None:
    """It can only be of a database that has since been put back."""
    follower = Follower(planned)
    follower.look()
    assert follower.position is not None
    follower.position = Position(
        trust="RVV", incarnation=follower.position.incarnation, sequence=10_000, began_at=10_000
    )
    with pytest.raises(GoneError):
        follower.look()


def test_a_caller_who_sees_little_tells_the_feed_everything(planned: Database) -> None:
    """A reporter's session does not see who has the other read of a study; the feed is told of it all the same."""
    follower = Follower(planned)
    follower.look()
    before = len(follower.seen)
    limited = planned.within(Reach(own="R2"))
    with limited.transaction() as writing:
        assert note_studies(writing, [claim_within(writing, "A02", "R2")], NOW) == 1
    with planned.transaction() as writing:
        assert note_all(writing, NOW) == 0
    follower.look()
    assert len(follower.seen) - before == 1
    assert follower.has == truth(planned)
