"""A read moves by a conditional update: whoever saw it as it is no longer moves nothing, lock or no lock."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from balancer.domain.errors import ConflictError
from balancer.domain.life import ReadEvent, ReadState
from balancer.store import audit, reads
from balancer.store.database import Database
from balancer.store.reads import Move
from tests.networks import PACS, queued, read_id, standing
from tests.worlds import NOW

NUMBERS = ["A1", "A2"]


def seen(db: Database, accession_number: str) -> reads.Standing:
    """Return where a read stands, without keeping it."""
    with db.session() as reading:
        return reads.standing_of(reads.read(reading, read_id(db, accession_number)))


def claim(db: Database, reporter_id: str, *of: reads.Standing) -> None:
    """Claim what was seen, having locked nothing."""
    whose: Mapping[str, str] = {"reporter_id": reporter_id}
    moves = [Move(read=read, event=ReadEvent.CLAIM, to=ReadState.CLAIMED, columns=whose) for read in of]
    with db.transaction() as writing:
        reads.move_all(writing, moves, by=PACS, now=NOW)


def test_of_two_who_saw_the_same_one_moves_it(db: Database) -> None:
    """The other hears so, and neither the read nor the trail knows of them."""
    queued(db, *NUMBERS)
    both = seen(db, "A1")
    claim(db, "R1", both)
    with db.session() as reading:
        end = audit.end(reading)
    with pytest.raises(ConflictError, match="has changed since it was looked at"):
        claim(db, "R2", both)
    assert standing(db, "A1") == (ReadState.CLAIMED, "R1")
    with db.session() as reading:
        assert audit.end(reading) == end


def test_that_it_is_in_the_same_state_again_is_not_enough(db: Database) -> None:
    """Somebody else had it in the meantime: what was decided about it before was decided about something else."""
    queued(db, *NUMBERS)
    before = seen(db, "A1")
    claim(db, "R1", before)
    with db.transaction() as writing:
        row, _ = reads.locked_read(writing, before.id)
        reads.move(writing, row, ReadEvent.RELEASE, before.state, by=PACS, now=NOW, reason=before.reason)
    assert seen(db, "A1").state is before.state
    with pytest.raises(ConflictError):
        claim(db, "R2", before)


def test_of_many_moves_all_happen_or_none(db: Database) -> None:
    """One that comes too late takes the others with it."""
    queued(db, *NUMBERS)
    one, other = seen(db, "A1"), seen(db, "A2")
    claim(db, "R1", other)
    with pytest.raises(ConflictError):
        claim(db, "R2", one, other)
    assert [standing(db, number)[1] for number in NUMBERS] == [None, "R1"]
