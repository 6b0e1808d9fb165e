"""A claim of a system that sends no heartbeats ends when its source has done with the study, and not before."""

from __future__ import annotations

from balancer.domain.life import ReadState
from balancer.services.ingest_studies import ingest_extract
from balancer.services.lapse_claims import lapse_claims
from balancer.store import conservation
from balancer.store.database import Database
from tests.networks import Feed, claimed, extract, minutes, standing
from tests.services.test_claiming import NUMBERS, five
from tests.services.test_looking_after_reads import EVERYTHING


def reported_elsewhere(db: Database, at: float = 20) -> None:
    """Let the PACS open A1 at R1's, and its source list it no longer: it was reported there, and nobody said so."""
    five(db)
    claimed(db, "A1")
    ingest_extract(db, Feed(), extract(*NUMBERS[1:], "B1", at=at), minutes(at), most_closed=1)
    assert standing(db, "A1") == (ReadState.CLAIMED, "R1")


def test_it_ends_when_its_study_has_been_reported(db: Database) -> None:
    """Ten minutes later, as a lease does; else it would be open for ever, and take its claimant's time in each run."""
    reported_elsewhere(db)
    assert lapse_claims(db, minutes(29)).lapsed == 0
    assert lapse_claims(db, minutes(30)).lapsed == 1
    assert standing(db, "A1") == (ReadState.WITHDRAWN, None)
    with db.session() as reading:
        assert conservation.faults(reading) == []


def test_it_goes_on_if_its_source_lists_the_study_again(db: Database) -> None:
    """One extract was silent by mistake."""
    reported_elsewhere(db)
    ingest_extract(db, Feed(), extract(*EVERYTHING, at=25), minutes(25))
    assert lapse_claims(db, minutes(60)).lapsed == 0
    assert standing(db, "A1") == (ReadState.CLAIMED, "R1")
