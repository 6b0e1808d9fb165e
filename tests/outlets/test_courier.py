"""A courier: every step is told, in order, none twice, whatever fails in between."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from structlog.testing import capture_logs

from balancer.domain.errors import UndeliveredError, UnreachableError, UnsendableError
from balancer.domain.letter import Letter, LetterState, Patience
from balancer.outlets.courier import Courier, Ground, NoLongerOursError
from balancer.services.release_read import release_read
from balancer.store import leases, outbox
from balancer.store.assignments import void_cursors
from balancer.store.changes import Mark
from balancer.store.database import Database, Session
from balancer.store.pages import Cut
from tests.api.service import StandingClock
from tests.databases import SERVERS, wait_until_somebody_waits
from tests.networks import PACS, claimed, loaded, minutes, queued, read_id
from tests.outlets.told import Notebook, courier, written
from tests.patience import PATIENCE_SECONDS
from tests.worlds import NOW


class Remembering(Notebook):
    """A notebook that knows what it has told, of which nothing is ever uncertain."""

    def again(self, session: Session, now: datetime) -> Iterable[Letter]:  # noqa: ARG002
        """Say nothing once more."""
        return ()


def with_letters(db: Database, *letters: tuple[str, str]) -> None:
    """Let the notebook's outlet have begun, and these letters (key, words) wait."""
    loaded(db)
    courier(db, Notebook()).write()
    with db.transaction() as session:
        first = outbox.due(session, "notebook", NOW, limit=1)
        outbox.take(session, first[0].id or 0, NOW)
        outbox.write(session, "notebook", [written(key, says) for key, says in letters], NOW)


def states(db: Database) -> list[tuple[str, LetterState, int]]:
    """Return what every letter but the first says, its state and tries, the oldest first."""
    with db.session() as session:
        rows = [row for row, _ in outbox.letters(session, Cut()).items]
    return [(row.body["says"], row.state, row.tries) for row in reversed(rows)][1:]


def test_what_happens_is_told_in_order_even_what_was_undone_at_once(sqlite_db: Database) -> None:
    """A claim and its release between two looks are both told."""
    queued(sqlite_db, "A1")
    outlet = Notebook()
    mine = courier(sqlite_db, outlet)
    mine.step()
    claimed(sqlite_db, "A1")
    number = read_id(sqlite_db, "A1")
    release_read(sqlite_db, number, "R1", NOW, by=PACS)
    mine.step()
    mine.step()
    assert outlet.sent == ["anew", f"{number}: unallocated -> claimed", f"{number}: claimed -> unallocated"]


def test_another_courier_of_the_same_outlet_goes_on_where_the_first_was(sqlite_db: Database) -> None:
    """The cursor and the letters are in the database: a process that died is followed by one that knows."""
    queued(sqlite_db, "A1")
    first, second = Notebook(), Notebook()
    courier(sqlite_db, first).step()
    claimed(sqlite_db, "A1")
    courier(sqlite_db, first).write()  # and dies before it sends
    courier(sqlite_db, second).step()
    assert (len(first.sent), len(second.sent)) == (1, 1)


def test_a_letter_and_the_cursor_are_written_together_or_not_at_all(sqlite_db: Database) -> None:
    """What goes wrong while letters are written leaves the cursor where it was: they are written again."""
    queued(sqlite_db, "A1")
    outlet = Notebook()
    mine = courier(sqlite_db, outlet)
    mine.step()
    claimed(sqlite_db, "A1")
    whole = outlet.letters
    outlet.letters = None  # type: ignore[assignment,method-assign]
    with pytest.raises(TypeError):
        mine.step()
    outlet.letters = whole  # type: ignore[method-assign]
    mine.step()
    assert len(outlet.sent) == 2


def test_whoever_may_have_missed_something_tells_everything_anew(sqlite_db: Database) -> None:
    """A backup was restored, and numbers are given anew: the old cursor means nothing."""
    queued(sqlite_db, "A1")
    outlet = Notebook()
    mine = courier(sqlite_db, outlet)
    mine.step()
    with sqlite_db.transaction() as session:
        void_cursors(session)
    mine.step()
    with sqlite_db.transaction() as session:
        outbox.move_cursor(session, "notebook", Mark(incarnation="x", sequence=0), NOW)
    mine.step()
    mine.step()
    assert outlet.sent == ["anew"] * 3


def test_one_key_that_fails_holds_up_its_own_letters_only(sqlite_db: Database) -> None:
    """The second letter of its key waits behind it; those of others are sent."""
    with_letters(sqlite_db, ("a", "a1"), ("a", "a2"), ("b", "b1"))
    outlet, clock = Notebook(), StandingClock()
    outlet.fails["a"] = UndeliveredError("AE")
    mine = courier(sqlite_db, outlet, clock)
    mine.step()
    assert outlet.sent == ["b1"]
    assert states(sqlite_db) == [
        ("a1", LetterState.WAITING, 1),
        ("a2", LetterState.WAITING, 0),
        ("b1", LetterState.SENT, 0),
    ]
    outlet.fails.clear()
    mine.step()
    assert outlet.sent == ["b1"]  # not before its wait is over
    clock.at = NOW + timedelta(seconds=1)
    mine.step()
    assert outlet.sent == ["b1", "a1", "a2"]


@pytest.mark.parametrize("error", [UndeliveredError("AE"), ValueError("secret words")])
def test_after_its_last_try_a_letter_is_dead_and_those_behind_it_are_sent(
    sqlite_db: Database, error: Exception
) -> None:
    """Whatever it is that fails; what an error says that is none of ours is neither kept nor logged."""
    with_letters(sqlite_db, ("a", "a1"), ("a", "a2"))
    outlet, clock = Notebook(), StandingClock()
    outlet.fails["a"] = error
    mine = courier(sqlite_db, outlet, clock)
    for second in (0, 1, 3):
        clock.at = NOW + timedelta(seconds=second)
        mine.step()
    assert states(sqlite_db)[0] == ("a1", LetterState.DEAD, 3)
    outlet.fails.clear()
    clock.at = NOW + timedelta(seconds=4)
    mine.step()
    assert outlet.sent == ["a2"]
    with sqlite_db.session() as session:
        errors = [row.error for row, _ in outbox.letters(session, Cut()).items]
    assert "secret" not in "".join(errors)


def test_what_will_never_be_taken_is_dead_at_once(sqlite_db: Database) -> None:
    """Sending it again would fare no better: a person is to look at it now."""
    with_letters(sqlite_db, ("a", "a1"))
    outlet = Notebook()
    outlet.fails["a"] = UnsendableError("AR")
    with capture_logs() as lines:
        courier(sqlite_db, outlet).step()
    assert states(sqlite_db) == [("a1", LetterState.DEAD, 1)]
    assert [line["event"] for line in lines] == ["letter.dead"]


def test_while_nobody_is_there_no_letter_uses_up_its_tries(sqlite_db: Database) -> None:
    """One is tried, the rest are not; the outlet waits, says so, and says when it is over."""
    with_letters(sqlite_db, ("a", "a1"), ("b", "b1"))
    outlet = Notebook(patience=Patience(tries=1, first_seconds=0.0))
    outlet.fails["a"] = UnreachableError("the connection was refused")
    mine = courier(sqlite_db, outlet)
    for _ in range(3):
        mine.step()
    assert [tries for _, _, tries in states(sqlite_db)] == [0, 0]
    with sqlite_db.session() as session:
        (status,) = outbox.outlets(session)
    assert (status.waiting, status.row.error, status.row.failing_since) == (2, "the connection was refused", NOW)
    outlet.fails.clear()
    mine.step()
    with sqlite_db.session() as session:
        (status,) = outbox.outlets(session)
    assert (outlet.sent, status.waiting, status.row.failing_since) == (["a1", "b1"], 0, None)


def test_what_has_grown_too_old_is_given_up(sqlite_db: Database) -> None:
    """Though nobody was ever there to take it."""
    with_letters(sqlite_db, ("a", "a1"))
    outlet, clock = Notebook(patience=Patience(hours=1)), StandingClock()
    outlet.fails["a"] = UnreachableError("nobody")
    mine = courier(sqlite_db, outlet, clock)
    mine.step()
    clock.at = minutes(61)
    mine.step()
    assert states(sqlite_db) == [("a1", LetterState.DEAD, 0)]


@pytest.mark.parametrize("kind", SERVERS)
def test_what_is_too_old_is_given_up_while_somebody_else_takes_the_lead(db: Database) -> None:
    """Whoever leads has the lease first and then letters: so does whoever gives them up. SQLite has one writer."""
    with_letters(db, ("a", "a1"))
    with db.transaction() as session:
        lease = leases.acquire(session, "scheduler", "one", now=NOW, lasting=timedelta(seconds=10))
    assert lease is not None
    outlet = Remembering(patience=Patience(hours=1))
    mine = Courier(outlet, Ground(database=db, clock=StandingClock(minutes(61)), lease=lease))
    with ThreadPoolExecutor(1) as thread:
        with db.transaction() as leading:
            leases.require(leading, lease)
            giving_up = thread.submit(mine.give_up_old)
            wait_until_somebody_waits(db)
            (letter,) = outbox.due(leading, "notebook", NOW, limit=1)
            outbox.take(leading, letter.id or 0, NOW)
        giving_up.result(PATIENCE_SECONDS)
    assert states(db) == [("a1", LetterState.SENT, 0)]


def test_whoever_no_longer_leads_says_nothing(sqlite_db: Database) -> None:
    """Another scheduler has taken the lead: its outlets speak now."""
    with_letters(sqlite_db, ("a", "a1"))
    with sqlite_db.transaction() as session:
        old = leases.acquire(session, "scheduler", "one", now=NOW, lasting=timedelta(seconds=10))
        leases.acquire(session, "scheduler", "two", now=minutes(1), lasting=timedelta(seconds=10))
    outlet = Notebook()
    mine = Courier(outlet, Ground(database=sqlite_db, clock=StandingClock(), lease=old))
    with pytest.raises(NoLongerOursError):
        mine.step()
    assert outlet.sent == []
