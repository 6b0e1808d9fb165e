"""Instructions in the store: which hold, who may see them, and that nothing of them is lost."""

from __future__ import annotations

import pytest

from balancer.domain.actor import Reach
from balancer.domain.errors import ConflictError, InvalidValueError, NotFoundError
from balancer.domain.instruction import InstructionKind, InstructionState
from balancer.store import audit, instructions
from balancer.store.database import Database
from balancer.store.instructions import InstructionFilter
from balancer.store.pages import Cut
from tests.domain.test_instruction import WHOLE
from tests.instructed import MANAGER, holding, instructed
from tests.networks import minutes, queued
from tests.worlds import NOW

BAR, PIN, EXCLUDE = InstructionKind.BAR, InstructionKind.PIN, InstructionKind.EXCLUDE


@pytest.mark.parametrize("given", InstructionKind)
def test_every_kind_is_kept_as_it_was_given(db: Database, given: InstructionKind) -> None:
    """Whoever builds on a kind finds it whole, on every kind of database."""
    queued(db, "A1")
    stated = {**WHOLE[given]}
    number = "A1" if stated.pop("study_id", None) else None
    stated.pop("read_id", None)
    made = instructed(db, given, number, **stated, expires_at=minutes(60))
    with db.session() as session:
        (found,) = instructions.in_force(session, NOW)
    assert (found.id, found.kind, found.value) == (made, given, WHOLE[given].get("value", {}))
    assert (found.author, found.made_at, found.expires_at) == ("oidc:m1", NOW, minutes(60))


def test_what_is_staged_holds_in_its_own_draft_only(db: Database) -> None:
    """A preview sees its draft and what is in force, nothing of another draft; plans see what is in force."""
    queued(db, "A1", "A2", "A3")
    now = instructed(db, BAR, "A1", reporter_id="R1")
    mine = instructed(db, BAR, "A2", reporter_id="R1", draft_id=1)
    instructed(db, BAR, "A3", reporter_id="R1", draft_id=2)
    assert holding(db, NOW) == [now]
    assert holding(db, NOW, with_draft=1) == [now, mine]


def test_a_draft_comes_into_force(db: Database) -> None:
    """Publishing a draft puts what is staged in force, once."""
    queued(db, "A1")
    made = instructed(db, BAR, "A1", reporter_id="R1", draft_id=1)
    with db.transaction() as session:
        instructions.enforce(session, instructions.locked(session, made), by=MANAGER, now=minutes(1))
    assert holding(db, minutes(1)) == [made]
    with db.transaction() as session, pytest.raises(InvalidValueError):
        instructions.enforce(session, instructions.locked(session, made), by=MANAGER, now=minutes(2))


def test_what_is_over_holds_no_longer_whether_or_not_a_job_has_come_by(db: Database) -> None:
    """A plan of the instant after does not count it."""
    queued(db, "A1")
    made = instructed(db, BAR, "A1", reporter_id="R1", expires_at=minutes(10))
    assert holding(db, minutes(9)) == [made]
    assert holding(db, minutes(10)) == []
    with db.session() as session:
        assert instructions.over(session, minutes(9)) == []
        assert instructions.over(session, minutes(10)) == [made]


def test_of_one_kind_one_holds_for_a_read(db: Database) -> None:
    """Two pins of a read would be two readers; the second is refused, and a third after the first has ended is not."""
    queued(db, "A1")
    first = instructed(db, PIN, "A1", reporter_id="R1")
    with pytest.raises(ConflictError, match="pin"):
        instructed(db, PIN, "A1", reporter_id="R2")
    instructed(db, EXCLUDE, "A1", value={"approver": "Dr A"})
    staged = instructed(db, PIN, "A1", reporter_id="R2", draft_id=1)
    with db.transaction() as session, pytest.raises(ConflictError, match="pin"):
        instructions.enforce(session, instructions.locked(session, staged), by=MANAGER, now=NOW)
    with db.transaction() as session:
        instructions.withdraw(session, instructions.locked(session, first), by=MANAGER, now=NOW, why="mistaken")
    with db.transaction() as session:
        instructions.enforce(session, instructions.locked(session, staged), by=MANAGER, now=NOW)


def test_taking_back_keeps_who_and_why_and_happens_once(db: Database) -> None:
    """The trail has both ends of it."""
    queued(db, "A1")
    made = instructed(db, BAR, "A1", reporter_id="R1")
    with db.transaction() as session:
        instructions.withdraw(session, instructions.locked(session, made), by=MANAGER, now=minutes(5), why="mistaken")
    with db.transaction() as session, pytest.raises(ConflictError, match="withdrawn already"):
        instructions.withdraw(session, instructions.locked(session, made), by=MANAGER, now=minutes(6), why="again")
    with db.session() as session:
        found = instructions.instruction(session, made)
        trail = audit.entries(session, Cut(), subject_kind="instruction", subject_id=str(made)).items
    assert (found.state, found.ended_at, found.ended_by, found.ended_why) == (
        InstructionState.WITHDRAWN,
        minutes(5),
        "oidc:m1",
        "mistaken",
    )
    assert [(entry.action, entry.was, entry.became, entry.why) for entry in trail] == [
        ("instruction.withdrawn", "in_force", "withdrawn", "mistaken"),
        ("instruction.made", "", "in_force", "asked"),
    ]


def test_a_trusts_managers_see_its_own(db: Database) -> None:
    """What another trust decided is not there, whoever asks how."""
    queued(db, "A1")
    made = instructed(db, BAR, "A1", reporter_id="R1")
    with db.within(Reach(trusts=frozenset({"RVV"}))).session() as session:
        assert [item.id for item in instructions.instructions(session, InstructionFilter(), Cut()).items] == [made]
    with db.within(Reach(trusts=frozenset({"RWF"}))).session() as session:
        assert instructions.instructions(session, InstructionFilter(), Cut()).items == ()
        assert instructions.in_force(session, NOW) == []
        with pytest.raises(NotFoundError):
            instructions.instruction(session, made)


def test_lists_are_filtered_and_paged(db: Database) -> None:
    """Newest first; every one once over all pages."""
    queued(db, "A1", "A2", "A3")
    made = [instructed(db, BAR, number, reporter_id="R1") for number in ("A1", "A2", "A3")]
    pin = instructed(db, PIN, "A1", reporter_id="R2")
    with db.session() as session:
        first = instructions.instructions(session, InstructionFilter(reporter_id="R1"), Cut(limit=2))
        second = instructions.instructions(
            session, InstructionFilter(reporter_id="R1"), Cut(limit=2, cursor=first.next_cursor)
        )
        pins = instructions.instructions(session, InstructionFilter(kind=PIN), Cut()).items
    assert [item.id for item in (*first.items, *second.items)] == made[::-1]
    assert (first.total, second.next_cursor) == (3, None)
    assert [item.id for item in pins] == [pin]
