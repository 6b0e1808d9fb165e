"""What is read again goes back to whoever read it before, if they can do it in time; else it is anybody's who may."""

from __future__ import annotations

from typing import Any

import pytest
from sqlmodel import select

from balancer.domain.life import ASKED_AGAIN, LATE_IMAGES, Again, ReadState
from balancer.domain.plan import UnallocatedReason
from balancer.domain.study import Study
from balancer.services.build_problem import build_problem
from balancer.services.claim_read import claim_read
from balancer.services.complete_read import complete_read
from balancer.services.ingest_studies import ingest_extract
from balancer.services.reopen_read import reopen_read
from balancer.store import claims, conservation, queue, reads
from balancer.store.database import Database, Session
from balancer.store.exceptions import exceptions
from balancer.store.pages import Cut
from balancer.store.tables import StudyRow
from tests.instructed import MANAGER
from tests.networks import PACS, Feed, claimed, extract, incoming, minutes, queued, read_id, rostered
from tests.worlds import session

OTHERS = [f"B{number}" for number in range(20)]


def reported(db: Database, **stated: Any) -> None:
    """Take in A1 beside others, and let R1 report it at 20 past."""
    queued(db, incoming("A1", **stated), *OTHERS)
    rostered(db, session("S1", "R1", start=4), session("S2", "R2", start=0, hours=8))
    claimed(db, "A1", "R1")
    complete_read(db, read_id(db, "A1"), "R1", minutes(20), by=PACS)


def asked_again(db: Database, **stated: Any) -> None:
    """Let its source confirm the report, and list the study once more."""
    ingest_extract(db, Feed(), extract(*OTHERS, at=60), minutes(60))
    ingest_extract(db, Feed(), extract(incoming("A1", **stated), *OTHERS, at=90), minutes(90))


def the_study(db: Database, at: float = 100) -> Study:
    """Return A1 as a run sees it; the books balance."""
    with db.session() as reading:
        assert conservation.faults(reading) == []
    return next(item for item in build_problem(db, minutes(at)).studies if item.accession_number == "A1")


def why(db: Database, number: int) -> tuple[str, str | None]:
    """Return why a read of A1 is read again, and who read it before."""
    with db.session() as reading:
        row = reads.read(reading, read_id(db, "A1", read=number))
    return row.again, row.read_before_by


def test_an_addendum_is_for_whoever_wrote_the_report(sqlite_db: Database) -> None:
    """The study has its first clock, and nobody else is given the read while its author can do it in time."""
    reported(sqlite_db)
    asked_again(sqlite_db)
    study = the_study(sqlite_db)
    assert (study.pinned_to, study.prior_reporter, study.acquired_at) == (("R1",), "R1", minutes(-60))
    assert why(sqlite_db, 2) == (ASKED_AGAIN, "R1")


def ids(reading: Session) -> set[int]:
    """Return the numbers of all studies."""
    return {study_id or 0 for study_id in reading.exec(select(StudyRow.id))}


def test_its_author_may_open_what_is_asked_for_again(db: Database) -> None:
    """That they did the study's first report makes it no second reading of the same person's."""
    reported(db)
    asked_again(db)
    with db.session() as reading:
        assert queue.barred(reading, ids(reading)) == {}
        assert not claims.has_another(reading, reads.read(reading, read_id(db, "A1", read=2)), "R1")
    claim_read(db, read_id(db, "A1", read=2), "R1", minutes(100), by=PACS)
    assert complete_read(db, read_id(db, "A1", read=2), "R1", minutes(110), by=PACS)
    with db.session() as reading:
        assert exceptions(reading, Cut()).items == ()
        assert conservation.faults(reading) == []


def test_two_readings_of_one_round_are_still_two_peoples(db: Database) -> None:
    """R1 has done the first of two: the second is somebody else's, before the study came back as after."""
    reported(db, reads=2)
    with db.session() as reading:
        assert list(queue.barred(reading, ids(reading)).values()) == [{"R1"}]
        assert claims.has_another(reading, reads.read(reading, read_id(db, "A1", read=2)), "R1")


def test_late_images_and_what_a_manager_reopens_go_back_too(sqlite_db: Database) -> None:
    """The same read, with why."""
    reported(sqlite_db)
    ingest_extract(sqlite_db, Feed(), extract(incoming("A1", acquired_at=minutes(50)), *OTHERS, at=60), minutes(60))
    assert why(sqlite_db, 1) == (LATE_IMAGES, "R1")
    assert the_study(sqlite_db).pinned_to == ("R1",)
    claim_read(sqlite_db, read_id(sqlite_db, "A1"), "R1", minutes(100), by=PACS)
    complete_read(sqlite_db, read_id(sqlite_db, "A1"), "R1", minutes(110), by=PACS)
    reopen_read(sqlite_db, read_id(sqlite_db, "A1"), minutes(120), by=MANAGER, reason="an addendum is asked for")
    assert why(sqlite_db, 1) == (Again.REOPENED, "R1")
    assert the_study(sqlite_db, 121).pinned_to == ("R1",)


@pytest.mark.parametrize(
    ("stated", "again"),
    [
        ({}, {"excluded": frozenset({"R1"})}),  # the source says: somebody else
        ({"priority": "emergency"}, {"priority": "emergency"}),  # due before their session begins
        ({"subspecialty": "thoracic"}, {"subspecialty": "thoracic"}),  # nothing of theirs
    ],
)
def test_who_may_not_or_cannot_in_time_is_not_waited_for(
    sqlite_db: Database, stated: dict[str, Any], again: dict[str, Any]
) -> None:
    """It is anybody's who may: an emergency above all."""
    reported(sqlite_db, **stated)
    asked_again(sqlite_db, **stated, **{name: value for name, value in again.items() if name not in stated})
    assert the_study(sqlite_db).pinned_to == ()


def test_a_study_that_is_late_already_waits_no_longer_than_a_new_one_might(sqlite_db: Database) -> None:
    """It is as late as its first clock says; its author has it if they come within the target."""
    reported(sqlite_db, due_at=minutes(30))
    asked_again(sqlite_db, due_at=minutes(30))
    study = the_study(sqlite_db)
    assert (study.pinned_to, study.due_at) == (("R1",), minutes(30))


def test_what_has_found_no_room_with_its_author_is_free(sqlite_db: Database) -> None:
    """A full session is no reason for a patient to wait: the next run gives it to anybody who may."""
    reported(sqlite_db)
    asked_again(sqlite_db)
    with sqlite_db.transaction() as writing:
        row, _ = reads.locked_read(writing, read_id(sqlite_db, "A1", read=2))
        row.reason = UnallocatedReason.PINNED_REPORTER_UNAVAILABLE.value
    study = the_study(sqlite_db)
    assert (study.pinned_to, study.prior_reporter) == ((), "R1")


def test_what_somebody_else_has_by_now_stays_theirs(sqlite_db: Database) -> None:
    """Nothing is taken off a list for the author's sake."""
    reported(sqlite_db)
    asked_again(sqlite_db)
    with sqlite_db.transaction() as writing:
        row, _ = reads.locked_read(writing, read_id(sqlite_db, "A1", read=2))
        row.state, row.reporter_id = ReadState.ALLOCATED, "R2"
    study = next(item for item in build_problem(sqlite_db, minutes(100)).studies if item.accession_number == "A1")
    assert (study.pinned_to, study.published_to) == ((), ("R2",))
