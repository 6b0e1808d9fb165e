"""Two reads of a study are two people's (H9), not in plans alone: whoever claims or completes is held to it."""

from __future__ import annotations

import threading

import pytest

from balancer.domain.errors import ConflictError
from balancer.domain.exceptional import ExceptionKind
from balancer.domain.life import ReadState
from balancer.services.claim_read import claim_read
from balancer.services.complete_read import complete_read
from balancer.services.next_read import next_read
from balancer.services.run_allocation import run_allocation
from balancer.store.database import Database
from tests.databases import wait_until_somebody_waits
from tests.networks import PACS, claim_within, incoming, minutes, queued, read_id, rostered, solving, standing
from tests.services.test_claiming import R1, opened
from tests.worlds import NOW, session

_TOLD = [(ExceptionKind.SAME_READER, "RVV reporting office")]


def twice(db: Database, *, first: str) -> None:
    """Let R1 have the first read open or done, by the word of the PACS, and the second stand on R1's list."""
    queued(db, incoming("A1", reads=2))
    rostered(db, session("S1", "R1"), session("S2", "R2"))
    run_allocation(db, NOW, solver=solving({"S1": ["A1#2"], "S2": ["A1"]}))
    claim_read(db, read_id(db, "A1"), "R1", NOW, by=PACS)
    if first == "done":
        complete_read(db, read_id(db, "A1"), "R1", NOW, by=PACS)
    assert opened(db) == []


@pytest.mark.parametrize("first", ["open", "done"])
def test_nobody_opens_the_second_read_of_a_study_for_themselves(db: Database, first: str) -> None:
    """It is theirs by an old list; it is not offered, and not given."""
    twice(db, first=first)
    assert next_read(db, "R1", minutes(1), by=R1) is None
    with pytest.raises(ConflictError, match="another read"):
        claim_read(db, read_id(db, "A1", read=2), "R1", minutes(1), by=R1)
    assert standing(db, "A1", read=2) == (ReadState.ALLOCATED, "R1")


@pytest.mark.parametrize("first", ["open", "done"])
def test_a_system_that_says_so_is_believed_and_the_office_is_told(db: Database, first: str) -> None:
    """Both are open at one person's: that is so, and somebody has to see to it before both are reported."""
    twice(db, first=first)
    claim_read(db, read_id(db, "A1", read=2), "R1", minutes(1), by=PACS)
    assert standing(db, "A1", read=2) == (ReadState.CLAIMED, "R1")
    assert opened(db) == _TOLD


def test_nobody_completes_both_for_themselves(db: Database) -> None:
    """The second was opened by the word of the PACS."""
    twice(db, first="done")
    claim_read(db, read_id(db, "A1", read=2), "R1", minutes(1), by=PACS)
    with pytest.raises(ConflictError, match="another read"):
        complete_read(db, read_id(db, "A1", read=2), "R1", minutes(2), by=R1)
    assert standing(db, "A1", read=2) == (ReadState.CLAIMED, "R1")


def test_a_completion_of_both_by_a_system_is_kept_and_the_office_is_told(db: Database) -> None:
    """It comes without a claim."""
    twice(db, first="done")
    assert complete_read(db, read_id(db, "A1", read=2), "R1", minutes(2), by=PACS)
    assert standing(db, "A1", read=2) == (ReadState.DONE, "R1")
    assert [what for what in opened(db) if what[0] is not ExceptionKind.OUTCOME_UNSAID] == _TOLD


@pytest.mark.parametrize("doing", ["claiming", "completing"])
def test_nobody_gets_both_by_asking_at_the_same_moment(db: Database, doing: str) -> None:
    """In two windows: the second waits for what becomes of the first, and sees it."""
    queued(db, incoming("A1", reads=2))
    rostered(db, session("S1", "R1"), session("S2", "R2"))
    run_allocation(db, NOW, solver=solving({"S1": ["A1#2"], "S2": ["A1"]}))
    second = read_id(db, "A1", read=2)
    if doing == "completing":
        claim_read(db, second, "R1", NOW, by=R1)
    verb = claim_read if doing == "claiming" else complete_read
    refused: list[Exception] = []

    def ask() -> None:
        try:
            verb(db, second, "R1", minutes(1), by=R1)
        except ConflictError as error:
            refused.append(error)

    thread = threading.Thread(target=ask)
    with db.transaction() as writing:
        claim_within(writing, "A1")
        thread.start()
        wait_until_somebody_waits(db)
    thread.join()
    assert [str(error)[:34] for error in refused] == ["the reporter has another read of t"]
