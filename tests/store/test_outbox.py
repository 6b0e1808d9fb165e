"""The outbox: letters wait in order, are put back where nothing newer was said, and are forgotten in time."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlmodel import select

from balancer.domain.errors import ConflictError, NotFoundError
from balancer.domain.letter import Letter, LetterState, Patience
from balancer.domain.states import StudyState
from balancer.services.forget_letters import forget_letters
from balancer.store import journal, outbox
from balancer.store.database import Database
from balancer.store.pages import Cut
from balancer.store.tables import StudyRow
from tests.networks import loaded, minutes, queued
from tests.worlds import NOW

RIS = "hl7 RVV RIS"


def about(subject: str, key: str = "") -> Letter:
    """Return a letter about something."""
    return Letter(key=key or subject, subject=subject, what="assigned", body={}, trust="RVV")


def write(db: Database, *letters: Letter) -> list[int]:
    """Write letters of an outlet; return the numbers of all it has, the oldest first."""
    with db.transaction() as session:
        if outbox.cursor_of(session, RIS) is None:
            outbox.move_cursor(session, RIS, journal.mark(session), NOW)
        outbox.write(session, RIS, letters, NOW)
    with db.session() as session:
        return [row.id or 0 for row, _ in reversed(outbox.letters(session, Cut()).items)]


def give_up(db: Database, *numbers: int) -> None:
    """Give letters up."""
    with db.transaction() as session:
        for number in numbers:
            outbox.give_up(session, number, "AR", NOW)


def test_of_each_key_the_first_is_due_and_what_is_put_off_holds_its_key_up(db: Database) -> None:
    """In the order in which they were written."""
    one, other, _ = write(loaded(db), about("a"), about("b"), about("a"))
    with db.transaction() as session:
        assert [row.id for row in outbox.due(session, RIS, NOW, limit=9)] == [one, other]
        outbox.put_off(session, one, "AE", next_at=minutes(1))
        assert [row.id for row in outbox.due(session, RIS, NOW, limit=9)] == [other]
        assert [row.id for row in outbox.due(session, RIS, minutes(1), limit=9)] == [one, other]
        assert outbox.due(session, "hl7 another", NOW, limit=9) == []


def test_a_dead_letter_is_put_back_unless_something_newer_was_said(db: Database) -> None:
    """It would say what no longer holds."""
    a, b, _ = write(loaded(db), about("a"), about("b"), about("a"))
    give_up(db, a, b)
    with db.transaction() as session:
        with pytest.raises(ConflictError, match="later letter"):
            outbox.put_back(session, a, NOW)
        back = outbox.put_back(session, b, minutes(90))
        assert (back.state, back.tries, back.next_at) == (LetterState.WAITING, 0, minutes(90))
        with pytest.raises(ConflictError, match="waiting"):
            outbox.put_back(session, b, NOW)
        with pytest.raises(NotFoundError):
            outbox.put_back(session, b + 9, NOW)


def test_what_a_dead_letter_said_is_kept_and_uncertain_until_something_is_written(db: Database) -> None:
    """It may be known or not; so may whatever came before."""
    (number,) = write(loaded(db), about("a"))
    with db.transaction() as session:
        outbox.tell(session, RIS, {"a": {"who": "R1"}, "b": {"who": "R2"}})
        outbox.tell(session, RIS, {"a": {"who": "R2"}})
        assert outbox.told(session, RIS, ["a", "c"]) == {"a": {"who": "R2"}}
    give_up(db, number)
    with db.session() as session:
        assert outbox.told(session, RIS) == {"a": {"who": "R2"}, "b": {"who": "R2"}}
        assert outbox.uncertain(session, RIS) == {"a"}
        assert outbox.uncertain(session, "hl7 another") == set()
    with db.transaction() as session:
        outbox.tell(session, RIS, {"a": {"who": "R1"}})
    with db.session() as session:
        assert outbox.uncertain(session, RIS) == set()


def test_what_has_ended_is_forgotten_after_seven_days_and_what_waits_is_not(db: Database) -> None:
    """However long it waits."""
    taken, dead, waiting = write(loaded(db), about("a"), about("b"), about("c"))
    give_up(db, dead)
    with db.transaction() as session:
        outbox.take(session, taken, NOW)
    forget_letters(db, NOW + timedelta(days=7))
    assert write(db) == [taken, dead, waiting]
    forget_letters(db, NOW + timedelta(days=7, seconds=1))
    assert write(db) == [waiting]


def test_what_was_told_of_a_study_is_forgotten_with_the_last_letter_once_the_study_is_over(db: Database) -> None:
    """Not of one that waits for its report, nor what is uncertain: each is held against what is news."""
    queued(db, "A1", "A2", "A3")
    with db.session() as session:
        found = {row.accession_number: row.id for row in session.exec(select(StudyRow))}
    over, doubted, waiting = ids = [str(found[number]) for number in ("A1", "A2", "A3")]
    numbers = dict(zip(ids, write(db, *map(about, ids)), strict=True))
    with db.transaction() as session:
        outbox.tell(session, RIS, {subject: {"who": "R1"} for subject in ids})
        for subject in (over, waiting):
            outbox.take(session, numbers[subject], NOW)
        outbox.give_up(session, numbers[doubted], "AR", NOW)
        for subject in (over, doubted):
            session.get_one(StudyRow, int(subject)).state = StudyState.WITHDRAWN
    for days, left in ((7, ids), (8, [doubted, waiting])):
        forget_letters(db, NOW + timedelta(days=days))
        with db.session() as session:
            assert sorted(outbox.told(session, RIS)) == sorted(left)


def test_letters_come_in_pages_by_outlet_and_state(db: Database) -> None:
    """Newest first, each once."""
    first, second, third = write(loaded(db), about("a"), about("b"), about("c"))
    give_up(db, first, third)
    with db.session() as session:
        page = outbox.letters(session, Cut(limit=1), outlet=RIS, state=LetterState.DEAD)
        rest = outbox.letters(session, Cut(limit=1, cursor=page.next_cursor), outlet=RIS, state=LetterState.DEAD)
        assert outbox.letters(session, Cut(), outlet="hl7 another").total == 0
        assert outbox.letter(session, second)[0].state is LetterState.WAITING
    assert [row.id for row, _ in (*page.items, *rest.items)] == [third, first]
    assert (page.total, rest.next_cursor) == (2, None)


def test_each_wait_is_twice_the_one_before_up_to_the_longest_and_half_of_it_is_chance() -> None:
    """Many that failed together do not come back together."""
    patience = Patience(first_seconds=1, longest_seconds=10)
    assert [patience.wait_after(tries, 1.0) for tries in (1, 2, 3, 4, 5, 500)] == [1, 2, 4, 8, 10, 10]
    assert patience.wait_after(3, 0.0) == 2
