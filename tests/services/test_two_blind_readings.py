"""Two read one study; if they differ a third decides, whoever is asked, and whatever the source says meanwhile."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from balancer.domain.actor import Grant, person
from balancer.domain.errors import ConflictError
from balancer.domain.exceptional import ExceptionKind
from balancer.domain.life import ReadEvent, ReadKind, ReadState
from balancer.domain.outcome import Outcome
from balancer.domain.permission import Role
from balancer.domain.policy import FollowUpRules
from balancer.domain.study import StudyKey
from balancer.services import follow_reads, keep_reads
from balancer.services.build_problem import build_problem
from balancer.services.check_completions import check_completions
from balancer.services.claim_read import claim_read
from balancer.services.complete_read import complete_read
from balancer.services.ingest_studies import ingest_extract
from balancer.services.run_allocation import run_allocation
from balancer.store import audit, claims, conservation, reads, studies
from balancer.store.database import Database
from balancer.store.pages import Cut
from tests.networks import (
    PACS,
    TWO_FEEDS,
    Feed,
    extract,
    incoming,
    loaded,
    minutes,
    read_id,
    rostered,
    solving,
    standing,
)
from tests.services.test_provisional_reports import brought_up, in_order
from tests.worlds import NOW, policy, priority, reporter, session

NORMAL, ABNORMAL = Outcome.NORMAL, Outcome.ABNORMAL
READING, ARBITRATION = ReadKind.INTERPRETATION, ReadKind.ARBITRATION
PEOPLE = tuple(
    replace(reporter(f"R{number}", trusts=("RVV", "RWF")), grade=grade)
    for number, grade in enumerate(("consultant", "consultant", "consultant", "reporting radiographer"), start=1)
)
TWICE = incoming("A1", reads=2)


def read_by_two(db: Database, first: Outcome | None, second: Outcome | None) -> None:
    """Let R1 and R2 have done the two readings of A1, a minute apart."""
    loaded(db, replace(TWO_FEEDS, reporters=PEOPLE, policy=policy(priority("urgent"))))
    ingest_extract(db, Feed(), extract(TWICE, "B1"), NOW)
    rostered(db, *(session(f"S{number}", f"R{number}") for number in (1, 2, 3, 4)))
    assert run_allocation(db, NOW, solver=solving({"S1": ["A1"], "S2": ["A1#2"], "S3": ["B1"]})).error == ""
    for read, outcome in ((1, first), (2, second)):
        claim_read(db, read_id(db, "A1", read=read), f"R{read}", minutes(read), by=PACS)
        assert complete_read(db, read_id(db, "A1", read=read), f"R{read}", minutes(read), by=PACS, outcome=outcome)


def kinds(db: Database) -> list[tuple[ReadKind, ReadState]]:
    """Return the reads of A1."""
    with db.session() as reading:
        found = studies.study(reading, StudyKey("RVV", "A1"))
    return [(read.row.kind, read.row.state) for read in found.reads]


BOTH = [(READING, ReadState.DONE), (READING, ReadState.DONE)]


def test_two_who_agree_are_done(db: Database) -> None:
    """Nobody is asked anything further."""
    read_by_two(db, NORMAL, NORMAL)
    assert kinds(db) == BOTH
    assert brought_up(db) == []


def test_of_two_who_differ_a_third_decides(db: Database) -> None:
    """Somebody who has read it neither time and may decide: the plan offers it to nobody else."""
    read_by_two(db, NORMAL, ABNORMAL)
    assert kinds(db) == [*BOTH, (ARBITRATION, ReadState.UNALLOCATED)]
    (study, _) = build_problem(db, minutes(3)).studies
    assert study.excluded == {"R1", "R2", "R4"}
    assert study.minutes == pytest.approx(7 * FollowUpRules().arbitration_share)
    assert run_allocation(db, minutes(3), work=0).error == ""
    assert standing(db, "A1", read=3) == (ReadState.ALLOCATED, "R3")
    in_order(db)


@pytest.mark.parametrize(
    ("who", "why"),
    [
        ("R1", "has another read of the study"),
        ("R2", "has another read of the study"),
        ("R4", "arbitration is not for a reporting radiographer"),
    ],
)
def test_nobody_else_decides(db: Database, who: str, why: str) -> None:
    """Neither of the two who differ, nor whoever may not by grade; not because it is on no list yet."""
    read_by_two(db, NORMAL, ABNORMAL)
    actor = person("oidc:x", "X", Grant(Role.REPORTER, "RVV"), reporter_id=who)
    with pytest.raises(ConflictError, match=why):
        claim_read(db, read_id(db, "A1", read=3), who, minutes(4), by=actor)
    assert standing(db, "A1", read=3)[0] is ReadState.UNALLOCATED


def test_what_the_third_decides_is_the_end(db: Database) -> None:
    """Also if they agree with neither."""
    read_by_two(db, NORMAL, ABNORMAL)
    assert complete_read(db, read_id(db, "A1", read=3), "R3", minutes(9), by=PACS, outcome=Outcome.TECHNICAL_RECALL)
    assert kinds(db) == [*BOTH, (ARBITRATION, ReadState.DONE)]
    in_order(db)


def test_two_who_complete_at_once_are_compared(db: Database) -> None:
    """Each waits for the other's word: it cannot be that neither sees that they differ."""
    read_by_two(db, None, None)
    with db.transaction() as writing:  # both are open again
        for number in (1, 2):
            row, _ = reads.locked_read(writing, read_id(db, "A1", read=number))
            reads.move(writing, row, ReadEvent.DISPUTE, ReadState.UNALLOCATED, by=PACS, now=minutes(3), reason="test")
    for number in (1, 2):
        claim_read(db, read_id(db, "A1", read=number), f"R{number}", minutes(4), by=PACS)
    ids = {number: read_id(db, "A1", read=number) for number in (1, 2)}
    both = threading.Barrier(2)

    def complete(number: int, outcome: Outcome) -> None:
        both.wait()
        complete_read(db, ids[number], f"R{number}", minutes(5), by=PACS, outcome=outcome)

    threads = [threading.Thread(target=complete, args=item) for item in ((1, NORMAL), (2, ABNORMAL))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert kinds(db) == [*BOTH, (ARBITRATION, ReadState.UNALLOCATED)]


def test_an_outcome_that_nobody_has_said_is_asked_for_and_may_be_said_later(db: Database) -> None:
    """Whether two agree cannot be told; once it is said, a third decides if they do not."""
    read_by_two(db, NORMAL, None)
    assert kinds(db) == BOTH
    assert brought_up(db) == [ExceptionKind.OUTCOME_UNSAID]
    assert complete_read(db, read_id(db, "A1", read=2), "R2", minutes(9), by=PACS, outcome=ABNORMAL)
    assert kinds(db) == [*BOTH, (ARBITRATION, ReadState.UNALLOCATED)]


def test_what_has_been_said_is_not_unsaid(db: Database) -> None:
    """A reader who hears what the other found does not change their own reading by saying it again."""
    read_by_two(db, NORMAL, ABNORMAL)
    assert complete_read(db, read_id(db, "A1", read=2), "R2", minutes(9), by=PACS, outcome=NORMAL)
    with db.session() as reading:
        assert reads.read(reading, read_id(db, "A1", read=2)).outcome is ABNORMAL
    assert kinds(db) == [*BOTH, (ARBITRATION, ReadState.UNALLOCATED)]


def test_every_completion_keeps_its_outcome_and_so_does_the_trail(db: Database) -> None:
    """Who found what, for whoever has to explain it afterwards."""
    read_by_two(db, NORMAL, None)
    complete_read(db, read_id(db, "A1", read=2), "R2", minutes(9), by=PACS, outcome=ABNORMAL)
    with db.session() as reading:
        said = [claims.completions(reading, read_id(db, "A1", read=number))[-1].outcome for number in (1, 2)]
        trail = audit.entries(reading, Cut(limit=100), subject_kind="read").items
    assert said == [NORMAL, ABNORMAL]
    found = [row.detail["outcome"] for row in trail if "outcome" in row.detail]
    assert found == ["abnormal", "normal"]  # newest first
    assert [row.action for row in trail if row.detail.get("kind") == "arbitration"] == ["read.follow"]


# --- what the source says -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("counted", [1, 2])
def test_an_arbitration_survives_a_source_that_counts_reads(db: Database, counted: int) -> None:
    """Whether the source counts the arbitration as the one that is left, or has not heard of either reading."""
    read_by_two(db, NORMAL, ABNORMAL)
    for minute in (30, 40):
        ingest_extract(db, Feed(), extract(replace(TWICE, reads=counted), "B1", at=minute), minutes(minute))
    assert kinds(db) == [*BOTH, (ARBITRATION, ReadState.UNALLOCATED)]
    in_order(db)


@pytest.mark.parametrize("counted", [1, 2])
def test_an_arbitration_goes_and_comes_with_its_study(db: Database, counted: int) -> None:
    """And nothing is read a third time in the meantime."""
    read_by_two(db, NORMAL, ABNORMAL)
    ingest_extract(db, Feed(), extract("B1", at=30), minutes(30), most_closed=1)
    assert kinds(db) == [*BOTH, (ARBITRATION, ReadState.WITHDRAWN)]
    assert brought_up(db) == [ExceptionKind.NOT_FOLLOWED_UP]
    ingest_extract(db, Feed(), extract(replace(TWICE, reads=counted), "B1", at=40), minutes(40))
    assert kinds(db) == [*BOTH, (ARBITRATION, ReadState.UNALLOCATED)]
    in_order(db)


def test_a_difference_that_is_found_after_the_study_has_closed_is_brought_up(db: Database) -> None:
    """No plan has an arbitration of a closed study: the office is told."""
    read_by_two(db, NORMAL, None)
    ingest_extract(db, Feed(), extract("B1", at=30), minutes(30), most_closed=1)
    assert complete_read(db, read_id(db, "A1", read=2), "R2", minutes(40), by=PACS, outcome=ABNORMAL)
    assert kinds(db) == [*BOTH, (ARBITRATION, ReadState.UNALLOCATED)]
    assert ExceptionKind.NOT_FOLLOWED_UP in brought_up(db)
    in_order(db)


@pytest.mark.parametrize("counted", [1, 2])
def test_of_a_study_listed_again_after_that_only_the_decision_is_left(db: Database, counted: int) -> None:
    """Its two readings were counted out with it; they are not asked for once more beside the arbitration."""
    read_by_two(db, NORMAL, None)
    ingest_extract(db, Feed(), extract("B1", at=30), minutes(30), most_closed=1)
    assert complete_read(db, read_id(db, "A1", read=2), "R2", minutes(40), by=PACS, outcome=ABNORMAL)
    ingest_extract(db, Feed(), extract(replace(TWICE, reads=counted), "B1", at=50), minutes(50))
    assert kinds(db) == [*BOTH, (ARBITRATION, ReadState.UNALLOCATED)]
    in_order(db)
    ingest_extract(db, Feed(), extract(replace(TWICE, reads=counted), "B1", at=360), minutes(360))
    assert check_completions(db, minutes(361)) == 0


@pytest.mark.parametrize("study_closes_first", [True, False])
def test_an_arbitration_that_goes_untold_with_its_study_would_be_noticed(
    db: Database, monkeypatch: pytest.MonkeyPatch, *, study_closes_first: bool
) -> None:
    """Were nobody told that two differ and nobody decides, the check of every minute would say so."""
    monkeypatch.setattr(follow_reads, "_note_closed", lambda *_: None)
    monkeypatch.setattr(keep_reads, "note_not_followed_up", lambda *_: None)
    read_by_two(db, NORMAL, None if study_closes_first else ABNORMAL)
    ingest_extract(db, Feed(), extract("B1", at=30), minutes(30), most_closed=1)
    if study_closes_first:
        assert complete_read(db, read_id(db, "A1", read=2), "R2", minutes(40), by=PACS, outcome=ABNORMAL)
    with db.session() as reading:
        (found,) = conservation.faults(reading)
    assert (found.trust, found.fault, found.number) == ("RVV", conservation.Fault.NOT_FOLLOWED_UP, 1)


def test_a_decision_that_its_source_does_not_confirm_comes_back_alone(db: Database) -> None:
    """The readings it was made of stand."""
    read_by_two(db, NORMAL, ABNORMAL)
    complete_read(db, read_id(db, "A1", read=3), "R3", minutes(9), by=PACS, outcome=ABNORMAL)
    ingest_extract(db, Feed(), extract(TWICE, "B1", at=360), minutes(360))
    assert check_completions(db, minutes(361)) == 1
    assert kinds(db) == [*BOTH, (ARBITRATION, ReadState.UNALLOCATED)]


def test_what_was_verified_before_a_late_decision_is_not_doubted(db: Database) -> None:
    """Two verified reports, a decision five hours on: what its source said before is no word against any of them."""
    people = (
        *(replace(person, grade="registrar") for person in PEOPLE[:2]),
        PEOPLE[2],
        replace(PEOPLE[2], reporter_id="R5"),
    )
    loaded(db, replace(TWO_FEEDS, reporters=people, policy=policy(priority("urgent"))))
    ingest_extract(db, Feed(), extract(TWICE), NOW)
    for read, who, outcome in ((1, "R1", NORMAL), (2, "R2", ABNORMAL), (3, "R3", None), (4, "R3", None)):
        complete_read(db, read_id(db, "A1", read=read), who, minutes(read), by=PACS, outcome=outcome)
    ingest_extract(db, Feed(), extract(TWICE, at=290), minutes(290))
    assert check_completions(db, minutes(291)) == 0
    complete_read(db, read_id(db, "A1", read=5), "R5", minutes(300), by=PACS, outcome=ABNORMAL)
    assert check_completions(db, minutes(301)) == 0
    ingest_extract(db, Feed(), extract(TWICE, at=600), minutes(600))
    assert check_completions(db, minutes(601)) == 1
    verified = (ReadKind.VERIFICATION, ReadState.DONE)
    assert kinds(db) == [*BOTH, verified, verified, (ARBITRATION, ReadState.UNALLOCATED)]


def test_the_reading_of_a_study_that_came_back_is_not_compared_with_one_long_confirmed(db: Database) -> None:
    """A report with an addendum is no disagreement: the first was done before its study went and came back."""
    loaded(db, replace(TWO_FEEDS, reporters=PEOPLE, policy=policy(priority("urgent"))))
    ingest_extract(db, Feed(), extract("A1", "B1"), NOW)
    complete_read(db, read_id(db, "A1"), "R1", minutes(1), by=PACS, outcome=NORMAL)
    ingest_extract(db, Feed(), extract("B1", at=30), minutes(30), most_closed=1)
    ingest_extract(db, Feed(), extract("A1", "B1", at=60), minutes(60))
    complete_read(db, read_id(db, "A1", read=2), "R2", minutes(61), by=PACS, outcome=ABNORMAL)
    assert kinds(db) == BOTH
    assert brought_up(db) == []


def test_one_reader_who_is_a_registrar_is_verified_before_the_two_are_compared(db: Database) -> None:
    """And the verifier's word is what is compared."""
    people = (replace(PEOPLE[0], grade="registrar"), *PEOPLE[1:])
    loaded(db, replace(TWO_FEEDS, reporters=people, policy=policy(priority("urgent"))))
    ingest_extract(db, Feed(), extract(TWICE), NOW)
    for number, outcome in ((1, NORMAL), (2, ABNORMAL)):
        complete_read(db, read_id(db, "A1", read=number), f"R{number}", minutes(number), by=PACS, outcome=outcome)
    assert kinds(db)[2:] == [(ReadKind.VERIFICATION, ReadState.UNALLOCATED)]
    complete_read(db, read_id(db, "A1", read=3), "R3", minutes(9), by=PACS, outcome=ABNORMAL)
    assert kinds(db)[2:] == [(ReadKind.VERIFICATION, ReadState.DONE)]


def test_a_reading_that_is_done_again_and_agrees_ends_the_arbitration(db: Database) -> None:
    """What it followed no longer asks for it."""
    read_by_two(db, NORMAL, ABNORMAL)
    with db.transaction() as writing:
        row, _ = reads.locked_read(writing, read_id(db, "A1", read=2))
        reads.move(writing, row, ReadEvent.DISPUTE, ReadState.UNALLOCATED, by=PACS, now=minutes(3), reason="test")
    complete_read(db, read_id(db, "A1", read=2), "R4", minutes(9), by=PACS, outcome=NORMAL)
    assert kinds(db) == [*BOTH, (ARBITRATION, ReadState.WITHDRAWN)]
    ingest_extract(db, Feed(), extract(TWICE, "B1", at=30), minutes(30))
    assert kinds(db) == [*BOTH, (ARBITRATION, ReadState.WITHDRAWN)]
    in_order(db)
