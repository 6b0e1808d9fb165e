"""A study that is reported is to be read again: images came later, or its source asks for it once more."""

from __future__ import annotations

import pytest

from balancer.domain.life import ASKED_AGAIN, LATE_IMAGES, ReadState
from balancer.services.complete_read import complete_read
from balancer.services.ingest_studies import ingest_extract
from balancer.store import audit, conservation, reads
from balancer.store.database import Database
from balancer.store.pages import Cut
from tests.networks import PACS, Feed, claimed, extract, incoming, minutes, queued, read_id

OTHERS = [f"B{number}" for number in range(20)]


def reported(db: Database, at: float = 20) -> None:
    """Take in A1 beside others, and let R1 report it."""
    queued(db, "A1", *OTHERS)
    claimed(db, "A1", "R1")
    complete_read(db, read_id(db, "A1"), "R1", minutes(at), by=PACS)


def listed(db: Database, at: float, *, acquired: float | None = -60) -> None:
    """Take in an extract that lists A1, acquired then; ``None``: that does not list it."""
    ours = [] if acquired is None else [incoming("A1", acquired_at=minutes(acquired))]
    ingest_extract(db, Feed(), extract(*ours, *OTHERS, at=at), minutes(at))


def stands(db: Database, read: int = 1) -> tuple[ReadState, str]:
    """Return where a read of A1 stands, and why."""
    with db.session() as reading:
        row = reads.read(reading, read_id(db, "A1", read=read))
        assert conservation.faults(reading) == []
    return row.state, row.reason


def test_images_made_after_the_report_bring_it_back_at_once(db: Database) -> None:
    """Nobody waits four hours for what the source has said already; the trail says why."""
    reported(db)
    listed(db, 60, acquired=50)
    assert stands(db) == (ReadState.UNALLOCATED, LATE_IMAGES)
    with db.session() as reading:
        trail = audit.entries(reading, Cut(), subject_kind="read", subject_id=str(read_id(db, "A1"))).items
    assert (trail[0].action, trail[0].was, trail[0].why) == ("read.dispute", "done", "late images")


@pytest.mark.parametrize("acquired", [-60, 10, 30])
def test_what_was_there_when_it_was_reported_does_not(db: Database, acquired: float) -> None:
    """Nor a clock that runs a few minutes ahead."""
    reported(db)
    listed(db, 60, acquired=acquired)
    assert stands(db)[0] is ReadState.DONE


@pytest.mark.parametrize(("acquired", "why"), [(80, LATE_IMAGES), (-60, ASKED_AGAIN)])
def test_a_study_that_comes_back_after_it_was_confirmed_says_why(db: Database, acquired: float, why: str) -> None:
    """What was done stays on record; the new read is not one that no plan has happened to see."""
    reported(db)
    listed(db, 60, acquired=None)
    listed(db, 90, acquired=acquired)
    assert stands(db)[0] is ReadState.DONE
    assert stands(db, 2) == (ReadState.UNALLOCATED, why)
