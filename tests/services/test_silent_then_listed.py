"""A source that is silent on a study somebody has open, and then lists it again unchanged: no read stays away."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from balancer.domain.life import ReadState
from balancer.services.build_problem import build_problem
from balancer.services.ingest_studies import ingest_extract
from balancer.services.lapse_claims import lapse_claims
from balancer.services.release_read import release_read
from balancer.store import conservation
from balancer.store.balance import balance
from balancer.store.conservation import Fault
from balancer.store.database import Database
from tests.networks import PACS, Feed, claimed, extract, incoming, minutes, queued, read_id, standing
from tests.services.test_claiming import NUMBERS, R1, five, take

EVERYTHING = [*NUMBERS, "B1"]
TWICE = incoming("A1", reads=2)


def found(db: Database) -> list[tuple[Fault, int]]:
    """Return what does not add up."""
    with db.session() as reading:
        return [(item.fault, item.number) for item in conservation.faults(reading)]


def balances(db: Database) -> bool:
    """Tell whether the trust's reads are all somewhere."""
    with db.session() as reading:
        return balance(reading)[0].balances


def silent_while_open(db: Database) -> None:
    """Let R1 open A1, and a snapshot come that does not hold it."""
    five(db)
    take(db, "A1")
    ingest_extract(db, Feed(), extract(*EVERYTHING[1:], at=5), minutes(5), most_closed=1)
    assert standing(db, "A1") == (ReadState.CLAIMED, "R1")


def listed_again(db: Database) -> None:
    """Let the next snapshot hold everything as it was."""
    ingest_extract(db, Feed(), extract(*EVERYTHING, at=30), minutes(30))


@pytest.mark.parametrize("lapses", [True, False])
def test_a_read_that_went_with_its_claim_comes_back_when_its_study_is_listed_unchanged(
    db: Database,
    lapses: bool,  # noqa: FBT001
) -> None:
    """The study never closed, so nothing about it changes; its read is back in every run, on the list it stood on."""
    silent_while_open(db)
    if lapses:
        assert lapse_claims(db, minutes(20)).lapsed == 1
    else:
        release_read(db, read_id(db, "A1"), "R1", minutes(20), by=R1)
    assert standing(db, "A1") == (ReadState.WITHDRAWN, None)
    assert (found(db), balances(db)) == ([], True)
    listed_again(db)
    assert standing(db, "A1") == (ReadState.ALLOCATED, "R1")
    assert "A1" in {item.accession_number for item in build_problem(db, minutes(31)).studies}
    assert (found(db), balances(db)) == ([], True)


def test_a_read_that_stays_away_is_found_missing(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Were it not looked for, the check of every minute would say so: it is withdrawn, and its source asks for it."""
    silent_while_open(db)
    release_read(db, read_id(db, "A1"), "R1", minutes(20), by=R1)
    monkeypatch.setattr(conservation, "miscounted", lambda *_: set[int]())
    listed_again(db)
    assert standing(db, "A1") == (ReadState.WITHDRAWN, None)
    assert (found(db), balances(db)) == ([(Fault.MISSING, 1)], False)


def test_the_other_read_of_an_open_study_comes_back_too(db: Database) -> None:
    """It was withdrawn by the silence, while R1 had the first one open."""
    queued(db, TWICE, "A2")
    claimed(db, "A1", "R1")
    ingest_extract(db, Feed(), extract("A2", at=5), minutes(5), most_closed=1)
    assert standing(db, "A1", read=2) == (ReadState.WITHDRAWN, None)
    assert (found(db), balances(db)) == ([], True)
    ingest_extract(db, Feed(), extract(TWICE, "A2", at=10), minutes(10))
    assert standing(db, "A1", read=1) == (ReadState.CLAIMED, "R1")
    assert standing(db, "A1", read=2) == (ReadState.UNALLOCATED, None)
    assert (found(db), balances(db)) == ([], True)


def test_a_read_too_many_that_was_open_goes_once_it_is_released(db: Database) -> None:
    """The source wants one reading by now; both were open when it said so, and no claimed read is taken away."""
    queued(db, TWICE)
    claimed(db, "A1", "R1", read=1)
    claimed(db, "A1", "R2", read=2)
    ingest_extract(db, Feed(), extract("A1", at=5), minutes(5))
    release_read(db, read_id(db, "A1", read=2), "R2", minutes(6), by=PACS)
    ingest_extract(db, Feed(), extract("A1", at=10), minutes(10))
    assert standing(db, "A1", read=1) == (ReadState.CLAIMED, "R1")
    assert standing(db, "A1", read=2) == (ReadState.WITHDRAWN, None)
    assert (found(db), balances(db)) == ([], True)


def test_what_one_study_has_too_many_does_not_make_up_for_another(db: Database) -> None:
    """A sum over the trust would balance."""
    queued(db, TWICE, "A2")
    claimed(db, "A1", "R1", read=1)
    claimed(db, "A1", "R2", read=2)
    ingest_extract(db, Feed(), extract("A1", "A2", at=5), minutes(5))
    assert balances(db)
    with db.connection() as connection:
        for statement in ("DELETE FROM journal WHERE read_id = :id", "DELETE FROM reads WHERE id = :id"):
            connection.execute(text(statement), {"id": read_id(db, "A2")})
    assert (found(db), balances(db)) == ([(Fault.MISSING, 1)], False)
