"""What a feed of changes says while somebody has the study open is heard once nobody has: it is said once."""

from __future__ import annotations

import pytest
from sqlmodel import update

from balancer.domain.feed import FeedKind
from balancer.domain.life import ReadState
from balancer.domain.states import BatchKind, BatchState, StudyState
from balancer.services.check_completions import check_completions
from balancer.services.claim_read import claim_read
from balancer.services.close_left_out import close_left_out
from balancer.services.complete_read import complete_read
from balancer.services.ingest_studies import discard_held_batch, ingest_extract, release_held_batch
from balancer.services.lapse_claims import lapse_claims
from balancer.services.outcomes import BatchOutcome
from balancer.services.release_read import release_read
from balancer.store import claims, conservation, reads
from balancer.store.database import Database
from balancer.store.tables import BatchRow
from balancer.store.tables_life import ClaimRow
from tests.networks import PACS, Feed, extract, minutes, read_id, standing
from tests.services.test_claiming import R1, five, take
from tests.services.test_doubted import of_changes
from tests.services.test_ending_a_read import finish
from tests.services.test_ingest_extract import state_of
from tests.services.test_looking_after_reads import HOURS

CHANGES = Feed(kind=FeedKind.DELTA)


def says_reported(db: Database, *numbers: str, at: float, most_closed: float = 1.0) -> BatchOutcome:
    """Let the feed of changes say of studies that they are reported."""
    said = extract("C1", at=at, excluded=list(numbers))
    return ingest_extract(db, CHANGES, said, minutes(at), most_closed=most_closed)


def opened(db: Database) -> None:
    """Let R1 have A1 open while its source says that it is reported."""
    five(db)
    of_changes(db)
    take(db, "A1")
    assert says_reported(db, "A1", at=5).books.excluded_since == 0
    assert close_left_out(db, minutes(6)) == 0
    assert state_of(db, "A1") is StudyState.OPEN


def test_a_report_that_was_verified_before_it_was_said_to_be_done_is_not_doubted(db: Database) -> None:
    """It is confirmed, the study goes, and nobody reads it again."""
    opened(db)
    finish(db, "A1", at=7)
    assert close_left_out(db, minutes(8)) == 1
    with db.session() as reading:
        assert reads.read(reading, read_id(db, "A1")).confirmed_at == minutes(8)
        assert conservation.faults(reading) == []
    assert state_of(db, "A1") is StudyState.EXCLUDED
    says_reported(db, at=5 * HOURS)
    assert check_completions(db, minutes(5 * HOURS)) == 0
    assert standing(db, "A1") == (ReadState.DONE, "R1")


def test_what_is_given_back_goes_with_its_study(db: Database) -> None:
    """It does not stay open for ever with nothing left to read; the books of the feed balance, and it goes once."""
    opened(db)
    release_read(db, read_id(db, "A1"), "R1", minutes(7), by=R1)
    assert close_left_out(db, minutes(8)) == 1
    assert close_left_out(db, minutes(9)) == 0
    assert state_of(db, "A1") is StudyState.EXCLUDED
    assert standing(db, "A1")[0] is ReadState.WITHDRAWN
    with db.session() as reading:
        assert conservation.faults(reading) == []


def test_what_its_source_asks_for_again_stays(db: Database) -> None:
    """Its last word counts."""
    opened(db)
    ingest_extract(db, CHANGES, extract("A1", at=6), minutes(6))
    release_read(db, read_id(db, "A1"), "R1", minutes(7), by=R1)
    assert close_left_out(db, minutes(8)) == 0
    assert state_of(db, "A1") is StudyState.OPEN


@pytest.mark.parametrize("released", [True, False])
def test_what_a_person_has_to_believe_first_waits_for_them(db: Database, *, released: bool) -> None:
    """And goes if they do, whoever had it open when it was said."""
    five(db)
    of_changes(db)
    take(db, "A1")
    held = says_reported(db, "A1", "A2", "B1", at=5, most_closed=0)
    assert held.state is BatchState.HELD
    release_read(db, read_id(db, "A1"), "R1", minutes(6), by=R1)
    assert close_left_out(db, minutes(7)) == 0
    decide = release_held_batch if released else discard_held_batch
    decide(db, held.batch_id, minutes(8), by="oidc:m1")
    assert close_left_out(db, minutes(9)) == int(released)
    assert state_of(db, "A1") is (StudyState.EXCLUDED if released else StudyState.OPEN)


def test_what_was_opened_before_a_person_believed_it_goes_too(db: Database) -> None:
    """The batch waited, and somebody opened the study meanwhile."""
    five(db)
    of_changes(db)
    held = says_reported(db, "A1", "A2", "B1", at=5, most_closed=0)
    take(db, "A1", at=6)
    release_held_batch(db, held.batch_id, minutes(7), by="oidc:m1")
    assert state_of(db, "A1") is StudyState.OPEN
    finish(db, "A1", at=8)
    assert close_left_out(db, minutes(9)) == 1


@pytest.mark.parametrize("before", [True, False])
def test_whoever_has_it_open_is_told_when_a_person_has_believed_it(db: Database, before: bool) -> None:  # noqa: FBT001
    """A feed of changes says it once: a claim that no heartbeat keeps alive would never end, nor its study go."""
    five(db)
    of_changes(db)
    claimed_at = 4.0 if before else 6.0

    def claim() -> None:
        claim_read(db, read_id(db, "A1"), "R1", minutes(claimed_at), by=PACS, heartbeats=False)

    if before:
        claim()
    held = says_reported(db, "A1", "A2", "B1", at=5, most_closed=0)
    if not before:
        claim()
    release_held_batch(db, held.batch_id, minutes(7), by="oidc:m1")
    assert standing(db, "A1") == (ReadState.CLAIMED, "R1")
    with db.session() as reading:
        assert [row.withdrawn_at for row in claims.live(reading)] == [minutes(7)]
    assert lapse_claims(db, minutes(30)).lapsed == 1
    assert close_left_out(db, minutes(31)) == 1
    with db.session() as reading:
        assert conservation.faults(reading) == []


def test_a_report_that_has_to_be_verified_is_verified_first(db: Database) -> None:
    """It was written here after its source had spoken: that nobody looks at it again would be nobody's decision."""
    opened(db)
    complete_read(db, read_id(db, "A1"), "R1", minutes(7), by=PACS, provisional=True)
    assert close_left_out(db, minutes(8)) == 0
    assert standing(db, "A1", read=2) == (ReadState.UNALLOCATED, None)
    complete_read(db, read_id(db, "A1", read=2), "R2", minutes(9), by=PACS)
    assert close_left_out(db, minutes(10)) == 1
    with db.session() as reading:
        assert conservation.faults(reading) == []


@pytest.mark.parametrize("spoiled", ["rows read again from quarantine", "nobody had it open"])
def test_nothing_is_closed_on_another_word(db: Database, spoiled: str) -> None:
    """Rows that were read again may be older than the study, and too many; what nobody had open was closed at once."""
    opened(db)
    release_read(db, read_id(db, "A1"), "R1", minutes(7), by=R1)
    with db.transaction() as writing:
        if spoiled == "nobody had it open":
            writing.exec(update(ClaimRow).values(ended_at=minutes(4)))
        else:
            writing.exec(update(BatchRow).values(kind=BatchKind.REPLAY))
    assert close_left_out(db, minutes(8)) == 0
    assert state_of(db, "A1") is StudyState.OPEN
