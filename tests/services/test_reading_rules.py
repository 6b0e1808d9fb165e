"""How reads are worked is the policy's to say: each rule of reading with another figure than it has unless said."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from balancer.domain.errors import ConflictError
from balancer.domain.exceptional import ExceptionKind
from balancer.domain.life import ReadState, ReturnReason
from balancer.domain.policy import FollowUpRules, ReadingRules
from balancer.services.build_problem import build_problem
from balancer.services.check_completions import check_completions
from balancer.services.claim_read import claim_read
from balancer.services.complete_read import complete_read
from balancer.services.ingest_studies import ingest_extract
from balancer.services.lapse_claims import lapse_claims
from balancer.services.open_in_viewer import open_in_viewer
from balancer.services.release_read import release_read
from balancer.services.renew_claim import renew_claim
from balancer.services.run_allocation import run_allocation
from balancer.services.take_over_read import take_over_read
from balancer.store import claims
from balancer.store.database import Database
from tests.databases import wait_until_somebody_waits
from tests.networks import (
    PACS,
    TWO_FEEDS,
    Feed,
    claim_within,
    extract,
    loaded,
    minutes,
    read_id,
    rostered,
    solving,
    standing,
)
from tests.services.test_claiming import MANAGER, NUMBERS, R1, opened, take
from tests.services.test_ending_a_read import finish, give_back, row_of
from tests.services.test_open_in_viewer import named
from tests.worlds import NOW, policy, priority, session

RULES = ReadingRules(
    choice=2,
    skips_noticed=2,
    lease_minutes=3,
    claim_hours=1,
    most_claims=1,
    confirm_hours=2,
    parked_hours=5,
)
FOLLOW_UP = FollowUpRules(verification_share=0.6)


@pytest.fixture
def ruled(db: Database) -> Database:
    """Return a database in which five reads are on R1's list, and the policy says how they are worked."""
    said = replace(policy(priority("urgent")), reading=RULES, follow_up=FOLLOW_UP)
    loaded(db, replace(TWO_FEEDS, policy=said))
    ingest_extract(db, Feed(), extract(*NUMBERS), NOW)
    rostered(db, session("S1", "R1"), session("S2", "R2"))
    assert run_allocation(db, NOW, solver=solving({"S1": NUMBERS})).error == ""
    return db


def test_how_far_somebody_may_choose(ruled: Database) -> None:
    """Two: the second of the list and not the third."""
    with pytest.raises(ConflictError, match="not among the next 2"):
        take(ruled, "A3")
    assert take(ruled, "A2").reporter_id == "R1"


def test_how_often_a_read_is_passed_over_before_somebody_hears(ruled: Database) -> None:
    """Twice."""
    for count in range(2):
        assert opened(ruled) == []
        take(ruled, "A2", at=count)
        release_read(ruled, read_id(ruled, "A2"), "R1", minutes(count), by=R1)
    assert opened(ruled) == [(ExceptionKind.SKIPPED_OFTEN, "RVV reporting office")]


def test_how_many_reads_somebody_has_open(ruled: Database) -> None:
    """One."""
    take(ruled, "A1")
    with pytest.raises(ConflictError, match="1 reads are open already"):
        take(ruled, "A2")


@pytest.mark.parametrize(
    "opening",
    [lambda db: take(db, "A2"), lambda db: open_in_viewer(db, "R1", named("A2"), NOW)],
    ids=["window", "viewer"],
)
def test_nobody_has_more_open_by_asking_in_two_windows_at_once(
    ruled: Database, opening: Callable[[Database], object]
) -> None:
    """The second, which may be a viewer, waits for what becomes of the first, and counts it."""
    refused: list[str] = []

    def ask() -> None:
        try:
            opening(ruled)
        except ConflictError as error:
            refused.append(str(error))

    thread = threading.Thread(target=ask)
    with ruled.transaction() as writing:
        claims.take_turn(writing, "R1")
        claim_within(writing, "A1")
        thread.start()
        wait_until_somebody_waits(ruled)
    thread.join()
    assert refused == ["1 reads are open already: complete or release one first"]


def test_how_long_a_claim_lasts_without_a_sign_of_life(ruled: Database) -> None:
    """Three minutes: of a claim, of a heartbeat and of what a manager has given."""
    assert take(ruled, "A1").lease_until == minutes(3)
    assert renew_claim(ruled, read_id(ruled, "A1"), "R1", minutes(2), by=R1).lease_until == minutes(5)
    take_over_read(ruled, read_id(ruled, "A1"), minutes(4), by=MANAGER, reason="asked", reporter_id="R2")
    assert lapse_claims(ruled, minutes(6.9)).lapsed == 0
    assert lapse_claims(ruled, minutes(7)).lapsed == 1


def test_how_old_a_claim_grows_that_cannot_beat(ruled: Database) -> None:
    """An hour."""
    claim_read(ruled, read_id(ruled, "A1"), "R1", NOW, by=PACS, heartbeats=False)
    assert [lapse_claims(ruled, minutes(at)).noticed for at in (60, 61)] == [0, 1]


def test_how_long_a_completion_is_believed(ruled: Database) -> None:
    """Two hours."""
    finish(ruled, "A1", at=0)
    for asked, returned in ((119, 0), (120, 1)):
        ingest_extract(ruled, Feed(), extract(*NUMBERS, at=asked), minutes(asked))
        assert check_completions(ruled, minutes(asked)) == returned


def test_how_long_what_misses_images_is_parked(ruled: Database) -> None:
    """Five hours; it is due only tomorrow."""
    assert give_back(ruled, "A1", ReturnReason.IMAGES_MISSING, at=0) is ReadState.PARKED
    assert row_of(ruled, "A1").until == NOW + timedelta(hours=5)


def test_how_long_a_verification_takes(ruled: Database) -> None:
    """Six tenths of the reading."""
    whole = next(item for item in build_problem(ruled, NOW).studies if item.accession_number == "A1").minutes
    complete_read(ruled, read_id(ruled, "A1"), "R1", NOW, by=PACS, provisional=True)
    assert standing(ruled, "A1", read=2) == (ReadState.UNALLOCATED, None)
    verified = next(item for item in build_problem(ruled, NOW).studies if item.accession_number == "A1").minutes
    assert verified == pytest.approx(0.6 * whole)
