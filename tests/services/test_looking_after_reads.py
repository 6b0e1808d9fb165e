"""What the clock does to reads: claims lapse, completions are doubted, parked reads are remembered, none is lost."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlmodel import select
from structlog.testing import capture_logs

from balancer.domain.errors import ClaimedError, ConflictError, InvalidValueError
from balancer.domain.exceptional import ExceptionKind
from balancer.domain.life import ReadState, ReturnReason
from balancer.services.build_problem import build_problem
from balancer.services.check_completions import check_completions
from balancer.services.claim_read import claim_read
from balancer.services.ingest_studies import ingest_extract
from balancer.services.lapse_claims import lapse_claims
from balancer.services.park_read import check_parked, park_read, unpark_read
from balancer.services.release_read import release_read
from balancer.services.renew_claim import renew_claim
from balancer.services.resolve_exception import resolve_exception
from balancer.services.run_allocation import run_allocation
from balancer.store import audit, conservation, runs
from balancer.store.conservation import Fault
from balancer.store.database import Database
from balancer.store.exceptions import exceptions
from balancer.store.pages import Cut
from balancer.store.tables import StudyRow
from tests.networks import PACS, Feed, extract, incoming, minutes, queued, read_id, rostered, solving, standing
from tests.services.test_claiming import MANAGER, NUMBERS, R1, five, listed, opened, take
from tests.services.test_ending_a_read import finish, give_back, row_of
from tests.worlds import NOW, session

HOURS = 60
EVERYTHING = [*NUMBERS, "B1"]


def lapsed(db: Database, at: float) -> int:
    """Look after claims; return how many lapsed."""
    return lapse_claims(db, minutes(at)).lapsed


# --- claims ----------------------------------------------------------------------------------------------------------


def test_a_claim_ends_on_silence(db: Database) -> None:
    """Ten minutes after the last heartbeat; the read is where it stood, for whoever is there."""
    five(db)
    take(db, "A1")
    renew_claim(db, read_id(db, "A1"), "R1", minutes(9), by=R1)
    assert lapsed(db, 18.9) == 0
    assert lapsed(db, 19) == 1
    assert standing(db, "A1") == (ReadState.ALLOCATED, "R1")
    assert listed(db, "R1") == NUMBERS
    assert lapsed(db, 20) == 0
    with pytest.raises(ConflictError, match="nobody has claimed"):
        renew_claim(db, read_id(db, "A1"), "R1", minutes(20), by=R1)


def test_a_heartbeat_that_comes_late_and_before_the_job_still_counts(db: Database) -> None:
    """Nobody else has had it; there is no reason to take it away."""
    five(db)
    take(db, "A1")
    renew_claim(db, read_id(db, "A1"), "R1", minutes(12), by=R1)
    assert lapsed(db, 13) == 0


def test_a_claim_whose_lease_ran_out_gives_way_to_whoever_opens_the_read_next(db: Database) -> None:
    """Whether the job has come round or not; the trail has both."""
    five(db)
    take(db, "A1")
    with pytest.raises(ClaimedError):
        take(db, "A1", "R2", by=PACS, at=9.9)
    assert take(db, "A1", "R2", by=PACS, at=10).reporter_id == "R2"
    assert standing(db, "A1") == (ReadState.CLAIMED, "R2")
    with db.session() as reading:
        found = audit.entries(reading, Cut(), subject_kind="read", subject_id=str(read_id(db, "A1"))).items
    assert [row.action for row in found[:3]] == ["read.claim", "read.lapse", "read.claim"]
    assert lapsed(db, 19.9) == 0


def test_one_read_that_cannot_be_looked_after_does_not_keep_the_others(db: Database) -> None:
    """Somebody changed A1 at the database's own prompt; A2's claim lapses all the same, and the log names A1."""
    five(db)
    take(db, "A1")
    take(db, "A2")
    with db.connection() as connection:
        connection.execute(text("UPDATE reads SET state = 'done' WHERE id = :id"), {"id": read_id(db, "A1")})
    with capture_logs() as lines:
        assert lapsed(db, 10) == 1
    assert standing(db, "A2") == (ReadState.ALLOCATED, "R1")
    assert [(line["event"], line["log_level"], line["read"]) for line in lines] == [
        ("read.not_looked_after", "error", read_id(db, "A1"))
    ]


def test_a_completion_after_a_lapse_is_accepted(db: Database) -> None:
    """The reporter's network was down while they wrote."""
    five(db)
    take(db, "A1")
    lapsed(db, 10)
    assert finish(db, "A1", at=15)
    assert standing(db, "A1") == (ReadState.DONE, "R1")


def test_a_claim_that_cannot_beat_does_not_lapse_and_a_manager_hears_of_it(db: Database) -> None:
    """Four hours are the policy's; once is enough."""
    five(db)
    claim_read(db, read_id(db, "A1"), "R1", NOW, by=PACS, heartbeats=False)
    assert lapse_claims(db, minutes(4 * HOURS)).noticed == 0
    assert opened(db) == []
    assert lapse_claims(db, minutes(4 * HOURS + 1)).noticed == 1
    assert lapse_claims(db, minutes(4 * HOURS + 2)).noticed == 0
    assert opened(db) == [(ExceptionKind.CLAIMED_TOO_LONG, "RVV reporting office")]
    assert standing(db, "A1") == (ReadState.CLAIMED, "R1")


def seen_to(db: Database, at: float) -> None:
    """Let a manager enter what became of the one exception that is open."""
    with db.session() as reading:
        (found,) = exceptions(reading, Cut()).items
    resolve_exception(db, found.id or 0, minutes(at), by=MANAGER, resolution="they are at it")


def test_what_a_manager_has_seen_to_is_brought_to_them_again_when_it_is_as_old_again(db: Database) -> None:
    """And not with the next minute; another claim of the read has a time of its own."""
    five(db)
    claim_read(db, read_id(db, "A1"), "R1", NOW, by=PACS, heartbeats=False)
    lapse_claims(db, minutes(4 * HOURS + 1))
    seen_to(db, 4 * HOURS + 2)
    assert lapse_claims(db, minutes(4 * HOURS + 3)).noticed == 0
    assert lapse_claims(db, minutes(8 * HOURS + 2)).noticed == 1
    seen_to(db, 8 * HOURS + 3)
    release_read(db, read_id(db, "A1"), "R1", minutes(8 * HOURS + 4), by=PACS)
    claim_read(db, read_id(db, "A1"), "R1", minutes(8 * HOURS + 5), by=PACS, heartbeats=False)
    assert lapse_claims(db, minutes(12 * HOURS + 4)).noticed == 0
    assert lapse_claims(db, minutes(12 * HOURS + 6)).noticed == 1


def test_a_parking_that_a_manager_has_seen_to_is_brought_to_them_again_a_day_later(db: Database) -> None:
    """As long after as the policy parks what has no images."""
    five(db)
    give_back(db, "A1", ReturnReason.IMAGES_MISSING)
    assert check_parked(db, minutes(23 * HOURS)) == 1
    seen_to(db, 23 * HOURS + 1)
    assert check_parked(db, minutes(23 * HOURS + 2)) == 0
    assert check_parked(db, minutes(47 * HOURS + 1)) == 1


# --- completions -----------------------------------------------------------------------------------------------------


def test_what_is_still_listed_after_four_hours_comes_back_with_its_clock(db: Database) -> None:
    """A named exception with an owner, and anybody may read it."""
    five(db)
    before = next(item for item in build_problem(db, NOW).studies if item.accession_number == "A1")
    finish(db, "A1", at=5)
    ingest_extract(db, Feed(), extract(*EVERYTHING, at=5 + 4 * HOURS), minutes(5 + 4 * HOURS))
    assert check_completions(db, minutes(6 + 4 * HOURS)) == 1
    assert standing(db, "A1") == (ReadState.UNALLOCATED, None)
    assert row_of(db, "A1").reason == "unconfirmed"
    assert opened(db) == [(ExceptionKind.UNCONFIRMED, "RVV reporting office")]
    after = next(item for item in build_problem(db, minutes(6 + 4 * HOURS)).studies if item.accession_number == "A1")
    assert (after.acquired_at, after.due_at, after.excluded) == (before.acquired_at, before.due_at, before.excluded)
    assert check_completions(db, minutes(7 + 4 * HOURS)) == 0


def test_what_comes_back_is_on_the_list_of_whoever_else_has_a_place_for_it(db: Database) -> None:
    """R2 said that it is done, and it stands on R1's list; of an emergency a run is asked for too."""
    stays = incoming("A1", priority="emergency")
    queued(db, stays)
    rostered(db, session("S1", "R1"))
    run_allocation(db, NOW, solver=solving({"S1": ["A1"]}))
    finish(db, "A1", "R2", at=5)
    ingest_extract(db, Feed(), extract(stays, at=5 + 4 * HOURS), minutes(5 + 4 * HOURS))
    assert check_completions(db, minutes(6 + 4 * HOURS)) == 1
    assert standing(db, "A1") == (ReadState.ALLOCATED, "R1")
    with db.session() as reading:
        waiting = runs.requested(reading)
    assert waiting is not None
    assert waiting.stage == "an emergency is still unreported"


def test_the_clock_alone_contradicts_nothing(db: Database) -> None:
    """A feed that is silent, or whose last word was too soon, does not say that it is unreported."""
    five(db)
    finish(db, "A1", at=5)
    assert check_completions(db, minutes(100 * HOURS)) == 0
    ingest_extract(db, Feed(), extract(*EVERYTHING, at=4 * HOURS), minutes(4 * HOURS))
    assert check_completions(db, minutes(100 * HOURS)) == 0
    assert standing(db, "A1") == (ReadState.DONE, "R1")


def test_a_held_snapshot_without_the_study_does_not_say_that_it_is_unreported(db: Database) -> None:
    """It is not believed that the study is gone; that it is still there was not said either."""
    five(db)
    finish(db, "A1", at=5)
    ingest_extract(db, Feed(), extract(*EVERYTHING[1:], at=5 * HOURS), minutes(5 * HOURS), most_closed=0)
    assert check_completions(db, minutes(6 * HOURS)) == 0


def test_the_very_same_file_again_says_it_again(db: Database) -> None:
    """It makes no batch of its own."""
    five(db)
    finish(db, "A1", at=5)
    content = extract(*EVERYTHING, at=10)
    ingest_extract(db, Feed(), content, minutes(10))
    assert check_completions(db, minutes(5 * HOURS)) == 0
    later = extract(*EVERYTHING, at=10, extracted_at=minutes(5 * HOURS))
    ingest_extract(db, Feed(), later, minutes(5 * HOURS))
    assert check_completions(db, minutes(5 * HOURS)) == 1


# --- parked ----------------------------------------------------------------------------------------------------------


def test_a_parked_read_is_nobodys_until_somebody_takes_it_up(db: Database) -> None:
    """With an owner, a reason and a date."""
    five(db)
    park_read(db, read_id(db, "A1"), NOW, by=MANAGER, reason="awaiting old films", until=minutes(60), owner="films")
    row = row_of(db, "A1")
    assert (row.state, row.owner, row.reason, row.until) == (
        ReadState.PARKED,
        "films",
        "awaiting old films",
        minutes(60),
    )
    assert listed(db, "R1") == NUMBERS[1:]
    with pytest.raises(ConflictError, match="parked"):
        take(db, "A1", by=PACS)
    unpark_read(db, read_id(db, "A1"), minutes(5), by=MANAGER, reason="they came")
    assert standing(db, "A1") == (ReadState.UNALLOCATED, None)
    with pytest.raises(ConflictError):
        unpark_read(db, read_id(db, "A1"), minutes(6), by=MANAGER, reason="again")


def test_nobody_parks_into_the_past_or_what_somebody_has_open(db: Database) -> None:
    """A date that has gone is none."""
    five(db)
    with pytest.raises(InvalidValueError, match="future"):
        park_read(db, read_id(db, "A1"), NOW, by=MANAGER, reason="x", until=NOW)
    take(db, "A1")
    with pytest.raises(ConflictError, match="claimed"):
        park_read(db, read_id(db, "A1"), NOW, by=MANAGER, reason="x", until=minutes(1))


def test_what_is_parked_beyond_its_date_is_brought_to_its_office(db: Database) -> None:
    """Once; it is parked until it is due."""
    five(db)
    give_back(db, "A1", ReturnReason.IMAGES_MISSING)
    assert check_parked(db, minutes(23 * HOURS - 1)) == 0
    assert check_parked(db, minutes(23 * HOURS)) == 1
    assert check_parked(db, minutes(23 * HOURS + 1)) == 0
    assert opened(db) == [(ExceptionKind.PARKED_TOO_LONG, "RVV reporting office")]


# --- conservation ----------------------------------------------------------------------------------------------------


def found(db: Database) -> list[tuple[Fault, int]]:
    """Return what does not add up."""
    with db.session() as reading:
        return [(item.fault, item.number) for item in conservation.faults(reading)]


def test_whatever_people_do_the_books_balance(db: Database) -> None:
    """Claimed, done, parked, handed back, withdrawn, lapsed."""
    five(db)
    assert found(db) == []
    take(db, "A1")
    take(db, "A2")
    give_back(db, "A3", ReturnReason.IMAGES_MISSING)
    give_back(db, "A4", ReturnReason.OTHER)
    finish(db, "A2")
    assert found(db) == []
    ingest_extract(db, Feed(), extract(*NUMBERS[1:], "C1", at=6), minutes(6), most_closed=1)
    lapsed(db, 30)
    assert found(db) == []
    assert standing(db, "A1") == (ReadState.WITHDRAWN, None)


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("DELETE FROM reads WHERE id = (SELECT max(id) FROM reads)", (Fault.MISSING, 1)),
        ("UPDATE reads SET reporter_id = NULL WHERE state = 'claimed'", (Fault.NO_OWNER, 1)),
        ("UPDATE reads SET state = 'unallocated', reason = '' WHERE state = 'claimed'", (Fault.NO_OWNER, 1)),
        ("UPDATE reads SET state = 'parked' WHERE state = 'claimed'", (Fault.NO_OWNER, 1)),
        ("UPDATE reads SET state = 'excluded' WHERE state = 'claimed'", (Fault.NO_OWNER, 1)),
        ("UPDATE reads SET reporter_id = 'R2' WHERE state = 'allocated' AND reporter_id = 'R1'", (Fault.ON_NO_LIST, 4)),
        ("UPDATE reads SET state = 'allocated' WHERE state = 'claimed'", (Fault.CLAIM_WITHOUT_READ, 1)),
        ("DELETE FROM claims", (Fault.READ_WITHOUT_CLAIM, 1)),
        ("UPDATE reads SET reporter_id = 'R2' WHERE state = 'claimed'", (Fault.READ_WITHOUT_CLAIM, 1)),
    ],
)
def test_whatever_breaks_the_books_is_found(db: Database, statement: str, expected: tuple[Fault, int]) -> None:
    """No use case can; somebody at the database's own prompt could."""
    five(db)
    take(db, "A1")
    with db.connection() as connection:
        if statement.startswith("DELETE FROM reads"):
            connection.execute(text("DELETE FROM worklist_items"))
            connection.execute(text("DELETE FROM journal"))
        connection.execute(text(statement))
    assert expected in found(db)


def test_a_closed_study_owes_nothing(db: Database) -> None:
    """Its reads are history."""
    five(db)
    with db.transaction() as writing:
        assert len(writing.exec(select(StudyRow)).all()) == 6
    ingest_extract(db, Feed(), extract("C1", at=6), minutes(6), most_closed=1)
    assert found(db) == []
