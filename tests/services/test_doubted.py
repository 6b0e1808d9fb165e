"""Which completions are doubted: those that the source has had the chance to confirm and did not, and no other."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from balancer.domain.feed import FeedKind
from balancer.domain.life import ReadState
from balancer.domain.outcome import Outcome
from balancer.services.check_completions import check_completions
from balancer.services.complete_read import complete_read
from balancer.services.ingest_studies import ingest_extract
from balancer.services.park_read import park_read
from balancer.services.run_allocation import run_allocation
from balancer.services.steer_read import Said, exclude_read
from balancer.store import conservation
from balancer.store import unconfirmed as doubting
from balancer.store.database import Database, Session
from balancer.store.sources import locked_feed
from tests.networks import FEED, PACS, Feed, extract, incoming, minutes, queued, read_id, rostered, solving, standing
from tests.services.test_claiming import MANAGER, NUMBERS, five
from tests.services.test_ending_a_read import finish
from tests.services.test_looking_after_reads import EVERYTHING, HOURS
from tests.worlds import NOW, session


def of_changes(db: Database) -> None:
    """Make RVV's feed one of changes."""
    with db.transaction() as writing:
        locked_feed(writing, FEED).kind = FeedKind.DELTA


@pytest.mark.parametrize(("at", "doubted"), [(4 * HOURS, 0), (4 * HOURS + 5, 1)])
def test_a_feed_of_changes_that_goes_on_without_a_word_of_the_report_contradicts(
    db: Database, at: float, doubted: int
) -> None:
    """It tells of another study four hours later, and had this one been reported it would have said so."""
    five(db)
    of_changes(db)
    finish(db, "A1", at=5)
    ingest_extract(db, Feed(kind=FeedKind.DELTA), extract("C1", at=at), minutes(at))
    assert check_completions(db, minutes(at)) == doubted
    assert standing(db, "A1")[0] is (ReadState.UNALLOCATED if doubted else ReadState.DONE)


def test_a_feed_of_changes_that_is_silent_contradicts_nothing(db: Database) -> None:
    """Its line may be down."""
    five(db)
    of_changes(db)
    finish(db, "A1", at=5)
    assert check_completions(db, minutes(100 * HOURS)) == 0


def test_a_report_that_waits_in_a_held_batch_of_changes_is_not_doubted(db: Database) -> None:
    """The source has said it; that so many are said at once is for a person."""
    five(db)
    of_changes(db)
    finish(db, "A1", at=5)
    at = 5 * HOURS
    gone = extract("C1", at=at, excluded=EVERYTHING)
    assert ingest_extract(db, Feed(kind=FeedKind.DELTA), gone, minutes(at), most_closed=0).waiting == len(EVERYTHING)
    assert check_completions(db, minutes(at)) == 0


def test_nothing_is_expected_of_a_study_whose_other_read_waits_for_something(db: Database) -> None:
    """One of two is done, the other is parked: its source lists it, as it must."""
    queued(db, incoming("A1", reads=2))
    finish(db, "A1", at=5)
    later = 30 * HOURS
    park_read(db, read_id(db, "A1", read=2), NOW, by=MANAGER, reason="films", until=minutes(later))
    at = 5 * HOURS
    ingest_extract(db, Feed(), extract(incoming("A1", reads=2), at=at), minutes(at))
    assert check_completions(db, minutes(at)) == 0
    assert standing(db, "A1") == (ReadState.DONE, "R1")


def test_a_read_that_is_not_to_be_read_here_shields_no_other(db: Database) -> None:
    """One of two is done, the other is excluded: nothing more is coming, and its source has not taken the report."""
    queued(db, incoming("A1", reads=2))
    finish(db, "A1", at=5)
    said = Said(reason="one reader is enough")
    exclude_read(db, read_id(db, "A1", read=2), minutes(6), by=MANAGER, said=said, approver="Dr A")
    at = 5 * HOURS
    ingest_extract(db, Feed(), extract(incoming("A1", reads=2), at=at), minutes(at))
    assert check_completions(db, minutes(at)) == 1
    assert standing(db, "A1")[0] is ReadState.UNALLOCATED
    assert standing(db, "A1", read=2)[0] is ReadState.EXCLUDED


def test_a_source_that_names_the_other_reader_confirms_no_report_that_it_never_had(db: Database) -> None:
    """R1's reading was lost on its way; R2, on whose list the other was, has reported it in the PACS."""
    queued(db, incoming("A1", reads=2))
    rostered(db, session("S1", reporter_id="R1"), session("S2", reporter_id="R2"))
    run_allocation(db, minutes(1), solver=solving({"S1": ["A1"], "S2": ["A1#2"]}))
    finish(db, "A1", at=5)
    assert standing(db, "A1", read=2) == (ReadState.ALLOCATED, "R2")
    one_left = incoming("A1", reads=1, excluded=frozenset({"R2"}))
    ingest_extract(db, Feed(), extract(one_left, at=10), minutes(10))
    assert standing(db, "A1", read=2) == (ReadState.DONE, "R2")
    assert (standing(db, "A1")[0], check_completions(db, minutes(10))) == (ReadState.DONE, 0)
    at = 5 * HOURS
    ingest_extract(db, Feed(), extract(one_left, at=at), minutes(at))
    assert check_completions(db, minutes(at)) == 1
    assert standing(db, "A1")[0] is ReadState.UNALLOCATED
    assert standing(db, "A1", read=2) == (ReadState.DONE, "R2")


def test_a_first_reading_is_not_doubted_by_what_was_said_before_the_second_was_done(db: Database) -> None:
    """Two agree, five hours apart: until then its source had to list the study, and has four hours from then."""
    twice = incoming("A1", reads=2)
    queued(db, twice)
    assert complete_read(db, read_id(db, "A1"), "R1", NOW, by=PACS, outcome=Outcome.NORMAL)
    before, last = 5 * HOURS - 5, 5 * HOURS
    ingest_extract(db, Feed(), extract(twice, at=before), minutes(before))
    assert complete_read(db, read_id(db, "A1", read=2), "R2", minutes(last), by=PACS, outcome=Outcome.NORMAL)
    assert check_completions(db, minutes(last + 1)) == 0
    for at, doubted in ((last + 4 * HOURS - 1, 0), (last + 4 * HOURS, 2)):
        ingest_extract(db, Feed(), extract(twice, at=at), minutes(at))
        assert check_completions(db, minutes(at)) == doubted


def test_what_its_source_confirms_while_it_is_doubted_does_not_come_back(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look and the deed a snapshot without the study is taken, which says nothing of when it was made."""
    five(db)
    finish(db, "A1", at=5)
    at = 5 * HOURS
    ingest_extract(db, Feed(), extract(*EVERYTHING, at=at), minutes(at))
    looked = doubting.contradicted

    def look_then_close(session: Session, patience: timedelta) -> list[int]:
        found = looked(session, patience)
        close(db, minutes(at + 1))
        return found

    monkeypatch.setattr(doubting, "contradicted", look_then_close)
    assert check_completions(db, minutes(at + 1)) == 0
    assert standing(db, "A1") == (ReadState.DONE, "R1")
    with db.session() as reading:
        assert conservation.faults(reading) == []


def close(db: Database, now: datetime) -> None:
    """Close A1 by a snapshot made before it was completed and taken only now."""
    with db.transaction() as writing:
        locked_feed(writing, FEED).last_extracted_at = None
    assert ingest_extract(db, Feed(), extract(*NUMBERS[1:], "B1", at=4), now, most_closed=1).books.withdrawn == 1
