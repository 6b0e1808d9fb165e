"""One of two readings is signed at its source while it is open here: it is that one which is over, never the other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from balancer.domain.life import ReadState, ReturnReason
from balancer.domain.study import StudyKey
from balancer.services.claim_read import claim_read
from balancer.services.complete_read import complete_read
from balancer.services.ingest_studies import ingest_extract
from balancer.services.lapse_claims import lapse_claims
from balancer.services.release_read import release_read
from balancer.services.return_read import return_read
from balancer.services.run_allocation import run_allocation
from balancer.services.take_over_read import take_over_read
from balancer.store import studies
from balancer.store.database import Database
from tests.instructed import MANAGER
from tests.networks import PACS, TWO_FEEDS, Feed, extract, loaded, minutes, read_id, rostered, solving, standing
from tests.services.test_provisional_reports import in_order
from tests.services.test_two_blind_readings import ABNORMAL, ARBITRATION, BOTH, NORMAL, PEOPLE, TWICE, kinds
from tests.worlds import NOW, policy, priority, session


def opened_by_two(db: Database) -> None:
    """Let R1 have opened the first reading of A1, and the second stand on R2's list."""
    loaded(db, replace(TWO_FEEDS, reporters=PEOPLE, policy=policy(priority("urgent"))))
    ingest_extract(db, Feed(), extract(TWICE, "B1"), NOW)
    rostered(db, *(session(f"S{number}", f"R{number}") for number in (1, 2, 3, 4)))
    assert run_allocation(db, NOW, solver=solving({"S1": ["A1"], "S2": ["A1#2"], "S3": ["B1"]})).error == ""
    claim_read(db, read_id(db, "A1"), "R1", minutes(1), by=PACS)


def one_left_after(db: Database, who: str, *, at: float) -> None:
    """Take in an extract that says of A1 that this reporter has read it, and one is still to."""
    left = replace(TWICE, reads=1, excluded=frozenset({who}))
    ingest_extract(db, Feed(), extract(left, "B1", at=at), minutes(at))


def confirmed(db: Database) -> list[bool]:
    """Tell of each read of A1 whether its source has counted it out."""
    with db.session() as reading:
        found = studies.study(reading, StudyKey("RVV", "A1"))
    return [read.row.confirmed_at is not None for read in found.reads]


def test_a_reading_that_is_signed_at_its_source_and_still_open_here_costs_the_other_nothing(db: Database) -> None:
    """R1 signs there, is named, and says so here a minute later: R2 still reads, and the two are compared."""
    opened_by_two(db)
    one_left_after(db, "R1", at=2)
    assert standing(db, "A1", read=1) == (ReadState.CLAIMED, "R1")
    assert standing(db, "A1", read=2) == (ReadState.ALLOCATED, "R2")
    assert complete_read(db, read_id(db, "A1", read=1), "R1", minutes(3), by=PACS, outcome=NORMAL)
    one_left_after(db, "R1", at=17)
    assert confirmed(db) == [True, False]
    claim_read(db, read_id(db, "A1", read=2), "R2", minutes(20), by=PACS)
    assert complete_read(db, read_id(db, "A1", read=2), "R2", minutes(25), by=PACS, outcome=ABNORMAL)
    assert kinds(db) == [*BOTH, (ARBITRATION, ReadState.UNALLOCATED)]
    in_order(db)


END_UNREAD: dict[str, tuple[Callable[[Database, int], object], tuple[ReadState, str | None]]] = {
    "released": (lambda db, number: release_read(db, number, "R1", minutes(3), by=PACS), (ReadState.DONE, "R1")),
    "lapsed": (lambda db, _: lapse_claims(db, minutes(16)), (ReadState.DONE, "R1")),
    "returned": (
        lambda db, number: return_read(db, number, "R1", minutes(3), by=PACS, reason=ReturnReason.NO_TIME),
        (ReadState.WITHDRAWN, None),
    ),
    "taken over": (
        lambda db, number: take_over_read(db, number, minutes(3), by=MANAGER, reason="gone home"),
        (ReadState.WITHDRAWN, None),
    ),
}


@pytest.mark.parametrize("how", END_UNREAD)
def test_however_such_a_claim_ends_it_is_that_reading_which_is_over(db: Database, how: str) -> None:
    """Back on R1's list it is the one that its source has; with nobody it is the one too many."""
    end, expected = END_UNREAD[how]
    opened_by_two(db)
    one_left_after(db, "R1", at=2)
    end(db, read_id(db, "A1"))
    one_left_after(db, "R1", at=17)
    assert standing(db, "A1", read=1) == expected
    assert standing(db, "A1", read=2) == (ReadState.ALLOCATED, "R2")
    in_order(db)


def test_a_source_that_names_whoever_still_reads_confirms_no_others_report(db: Database) -> None:
    """It may never have heard of R1's; R2's is counted out once it is done here as well."""
    opened_by_two(db)
    assert complete_read(db, read_id(db, "A1", read=1), "R1", minutes(2), by=PACS, outcome=NORMAL)
    claim_read(db, read_id(db, "A1", read=2), "R2", minutes(3), by=PACS)
    one_left_after(db, "R2", at=5)
    assert confirmed(db) == [False, False]
    assert complete_read(db, read_id(db, "A1", read=2), "R2", minutes(6), by=PACS, outcome=NORMAL)
    one_left_after(db, "R2", at=17)
    assert confirmed(db) == [False, True]


@pytest.mark.parametrize("said_first", [True, False])
def test_what_a_source_has_reported_is_compared_once_its_reader_says_here_what_it_came_to(
    db: Database, *, said_first: bool
) -> None:
    """R1's claim is over when the extract comes, so that its source's word is taken; R1's own word comes after it."""
    opened_by_two(db)
    release_read(db, read_id(db, "A1"), "R1", minutes(2), by=PACS)
    one_left_after(db, "R1", at=3)
    assert standing(db, "A1", read=1) == (ReadState.DONE, "R1")
    words = [(1, "R1", NORMAL), (2, "R2", ABNORMAL)]
    for minute, (read, who, outcome) in enumerate(words if said_first else reversed(words), start=4):
        assert complete_read(db, read_id(db, "A1", read=read), who, minutes(minute), by=PACS, outcome=outcome)
    assert kinds(db) == [*BOTH, (ARBITRATION, ReadState.UNALLOCATED)]
    in_order(db)
