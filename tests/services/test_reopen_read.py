"""A person has a read done again that was done here: as long as nothing rests on it and its source still asks."""

from __future__ import annotations

import pytest

from balancer.domain.errors import ConflictError
from balancer.domain.life import ReadState
from balancer.services.claim_read import claim_read
from balancer.services.complete_read import complete_read
from balancer.services.ingest_studies import ingest_extract
from balancer.services.reopen_read import reopen_read
from balancer.store import audit, conservation, reads, runs
from balancer.store.database import Database
from balancer.store.pages import Cut
from tests.instructed import MANAGER
from tests.networks import PACS, Feed, claimed, extract, minutes, queued, read_id, standing
from tests.services.test_provisional_reports import reported as reported_by_a_registrar

WHY = "the report is of another patient"


def done(db: Database) -> int:
    """Let R1 report A1 at 20 past; return the read."""
    queued(db, "A1", "A2")
    claimed(db, "A1", "R1")
    complete_read(db, read_id(db, "A1"), "R1", minutes(20), by=PACS)
    return read_id(db, "A1")


def test_a_read_that_is_reopened_is_in_the_queue_with_its_clock_as_it_was(db: Database) -> None:
    """On record with why, in every next run, and readable by whoever did it before too."""
    read = done(db)
    assert reopen_read(db, read, minutes(30), by=MANAGER, reason=WHY) is ReadState.UNALLOCATED
    with db.session() as reading:
        row = reads.read(reading, read)
        assert (row.reason, row.done_at, conservation.faults(reading)) == ("reopened", None, [])
        assert runs.requested(reading) is not None
        trail = audit.entries(reading, Cut(), subject_kind="read", subject_id=str(read)).items
    assert (trail[0].actor, trail[0].was, trail[0].why) == (MANAGER.subject, "done", WHY)
    claim_read(db, read, "R1", minutes(31), by=PACS)
    assert complete_read(db, read, "R1", minutes(40), by=PACS)


def test_only_what_is_done_is_done_again(db: Database) -> None:
    """What is open is its reader's, and what waits needs no reopening."""
    queued(db, "A1")
    for state in (ReadState.UNALLOCATED, ReadState.CLAIMED):
        assert standing(db, "A1")[0] is state
        with pytest.raises(ConflictError, match="only one that is done"):
            reopen_read(db, read_id(db, "A1"), minutes(5), by=MANAGER, reason=WHY)
        if state is ReadState.UNALLOCATED:
            claimed(db, "A1", "R1")


def test_what_its_source_has_confirmed_is_the_sources(db: Database) -> None:
    """Nobody takes a verified report back from here."""
    read = done(db)
    ingest_extract(db, Feed(), extract("A2", at=60), minutes(60), most_closed=1)
    with pytest.raises(ConflictError, match="have the report corrected there"):
        reopen_read(db, read, minutes(61), by=MANAGER, reason=WHY)
    assert standing(db, "A1") == (ReadState.DONE, "R1")


def test_a_report_that_waits_to_be_verified_is_its_verifiers_to_judge(db: Database) -> None:
    """Else a verification would have nothing to verify."""
    reported_by_a_registrar(db)
    with pytest.raises(ConflictError, match="another read rests on it"):
        reopen_read(db, read_id(db, "A1"), minutes(40), by=MANAGER, reason=WHY)
