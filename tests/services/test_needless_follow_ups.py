"""A verification that nothing needs any more: it goes, and neither its source nor anybody's patience brings it back."""

from __future__ import annotations

from balancer.domain.life import ReadState
from balancer.services.check_completions import check_completions
from balancer.services.claim_read import claim_read
from balancer.services.complete_read import complete_read
from balancer.services.ingest_studies import ingest_extract
from balancer.services.release_read import release_read
from balancer.services.renew_claim import renew_claim
from balancer.store.database import Database
from tests.networks import PACS, Feed, extract, incoming, minutes, read_id
from tests.services.test_provisional_reports import R1, READING, V, brought_up, in_order, kinds, placed, reported


def no_longer_to_be_verified(db: Database) -> None:
    """Let R1 have the verification open while images come and R9 reads them all: it is final, and R1 is told."""
    reported(db, "B1")
    placed(db, minutes(31), reads_=["A1", "B1"])
    claim_read(db, read_id(db, "A1", read=2), "R1", minutes(35), by=R1)
    listed(db, 70)
    assert complete_read(db, read_id(db, "A1"), "R9", minutes(80), by=PACS)


def listed(db: Database, at_: float, *, acquired: float = 60) -> None:
    """Take in a snapshot that still has A1, with images made then."""
    later = incoming("A1", acquired_at=minutes(acquired))
    ingest_extract(db, Feed(), extract(later, "B1", at=at_), minutes(at_))


def test_that_a_study_is_still_listed_asks_for_no_verification_that_nothing_needs(db: Database) -> None:
    """Whoever has it open stays told, and once they close it it is gone: nothing would ever end it again."""
    no_longer_to_be_verified(db)
    listed(db, 90)
    assert renew_claim(db, read_id(db, "A1", read=2), "R1", minutes(95), by=R1).withdrawn
    assert release_read(db, read_id(db, "A1", read=2), "R1", minutes(96), by=R1) is ReadState.WITHDRAWN
    assert kinds(db) == [(READING, ReadState.DONE), (V, ReadState.WITHDRAWN)]
    assert brought_up(db) == []
    in_order(db)


def test_nor_is_one_done_again_that_was_completed_all_the_same(db: Database) -> None:
    """Neither for images that come later nor because its source does not confirm it: the report alone is read again."""
    no_longer_to_be_verified(db)
    assert complete_read(db, read_id(db, "A1", read=2), "R1", minutes(95), by=R1)
    listed(db, 140, acquired=120)
    assert kinds(db) == [(READING, ReadState.UNALLOCATED), (V, ReadState.DONE)]
    claim_read(db, read_id(db, "A1"), "R9", minutes(145), by=PACS)
    assert complete_read(db, read_id(db, "A1"), "R9", minutes(150), by=PACS)
    listed(db, 500, acquired=120)
    assert check_completions(db, minutes(501)) == 1
    assert kinds(db) == [(READING, ReadState.UNALLOCATED), (V, ReadState.DONE)]


def test_a_report_whose_needless_verification_is_open_is_doubted_all_the_same(db: Database) -> None:
    """Nothing waits for what R1 still looks at."""
    no_longer_to_be_verified(db)
    listed(db, 400)
    assert check_completions(db, minutes(401)) == 1
    assert kinds(db) == [(READING, ReadState.UNALLOCATED), (V, ReadState.CLAIMED)]
