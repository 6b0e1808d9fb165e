"""Why a read is where it is, asked for by a page and worked out on the plan in force beside the runs."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from balancer.domain.errors import ConflictError
from balancer.domain.explanation import Rule
from balancer.domain.feed import IncomingStudy
from balancer.domain.plan import UnallocatedReason
from balancer.domain.read_explained import ExplanationState, ReadExplained, ReasonKind
from balancer.scheduler.solving import DONE, NOT_PUBLISHED, preview_all
from balancer.services import explain_reads
from balancer.services.explain_reads import explain_waiting, explained
from balancer.services.ingest_studies import ingest_extract
from balancer.services.request_explanation import request_explanation
from balancer.services.run_allocation import run_allocation
from balancer.services.steer_read import Said, exclude_read
from balancer.store import explanations
from balancer.store.database import Database
from balancer.store.tables import StudyRow
from balancer.store.tables_explanations import ExplanationRow
from balancer.store.tables_life import ReadRow
from tests.api.service import StandingClock
from tests.networks import TWO_FEEDS, Feed, extract, incoming, loaded, minutes, queued, read_id, rostered, solving
from tests.services.test_drafts import MANAGER, WHY
from tests.worlds import NOW, policy, priority, session, weights

STUDIES = tuple(incoming(number, minutes=60.0) for number in ("A1", "A2", "A3", "B1"))


def priced(db: Database, *studies: IncomingStudy, **prices: float) -> None:
    """Take in studies under a policy with these prices; all others are 0."""
    classes = priority("urgent"), priority("emergency", target_hours=1)
    loaded(db, replace(TWO_FEEDS, policy=replace(policy(*classes), weights=weights(**prices))))
    ingest_extract(db, Feed(), extract(*studies), NOW)


@pytest.fixture
def morning(sqlite_db: Database) -> Database:
    """Put three hours on R1's list (a specialist), one on R2's (a general reader of another trust), of four each."""
    priced(sqlite_db, *STUDIES, general=0.5, remote=0.2, churn=1.0)
    rostered(sqlite_db, session("S1", "R1"), session("S2", "R2"))
    assert run_allocation(sqlite_db, NOW, solver=solving({"S1": ["A1", "A2", "A3"], "S2": ["B1"]})).error == ""
    return sqlite_db


def kept(db: Database, accession_number: str) -> ExplanationRow:
    """Return what is kept of a read."""
    with db.session() as reading:
        found = explanations.of_read(reading, read_id(db, accession_number))
    assert found is not None
    return found


def asked(db: Database, accession_number: str) -> ReadExplained:
    """Ask about a read and have it worked out."""
    request_explanation(db, read_id(db, accession_number), NOW)
    assert preview_all(db, StandingClock()) == DONE
    row = kept(db, accession_number)
    assert (row.state, row.error, row.now) == (ExplanationState.MADE, "", NOW)
    assert row.found is not None
    return explained(row.found)


def test_what_speaks_for_whoever_has_a_read_is_said_with_what_it_saves(morning: Database) -> None:
    """R1 is a specialist, at home, and has A1 on their list: 0.5, 0.2 and 1 points that R2 would cost."""
    found = asked(morning, "A1")
    assert found.placement is not None
    assert (found.placement.reporter_id, found.placement.session_id) == ("R1", "S1")
    prices = {ReasonKind.LISTED: 1.0, ReasonKind.LEVEL: 0.5, ReasonKind.HOME: 0.2}
    assert {one.kind: one.points for one in found.reasons if one.kind in prices} == pytest.approx(prices)
    elsewhere = [other.difference for other in found.others if other.placement.reporter_id == "R2"]
    assert elsewhere == [pytest.approx(1.7)]


def test_an_alternative_says_whose_it_would_be_and_what_each_term_changes(morning: Database) -> None:
    """The terms add up to the difference; R2 is a general reader and not at home."""
    (other,) = (one for one in asked(morning, "A1").others if one.placement.reporter_id == "R2")
    assert (other.level, other.at_home) == (2, False)
    assert sum(other.terms.values()) == pytest.approx(other.difference)


def test_who_may_not_is_said_by_rule(morning: Database) -> None:
    """Everybody of this network may; once R2 has been excluded they are named with H6."""
    assert asked(morning, "A1").refusals == ()
    with morning.transaction() as writing:
        row = writing.get_one(ReadRow, read_id(morning, "A1"))
        writing.get_one(StudyRow, row.study_id).excluded = ["R2"]
    (refusal,) = asked(morning, "A1").refusals
    assert (refusal.rule, refusal.reporters) == (Rule.EXCLUDED, ("R2",))


def test_a_read_without_a_place_says_why_and_what_would_give_it_one(sqlite_db: Database) -> None:
    """Nobody is rostered but for four hours that are full: one hour more would do."""
    priced(sqlite_db, *STUDIES, incoming("A4", minutes=60.0), wait_rate=0.1)
    rostered(sqlite_db, session("S1", "R1"))
    full = solving({"S1": ["A1", "A2", "A3", "B1"]}, {"A4": "no_capacity"})
    assert run_allocation(sqlite_db, NOW, solver=full).error == ""
    found = asked(sqlite_db, "A4")
    assert (found.placement, found.not_placed) == (None, UnallocatedReason.NO_CAPACITY)
    assert found.remedies
    assert found.remedies[0].difference < 0
    assert found.remedies[0].additions[0].minutes > 0


def test_a_read_that_is_out_of_the_queue_is_not_asked_about(morning: Database) -> None:
    """It takes part in no plan."""
    exclude_read(morning, read_id(morning, "A3"), NOW, by=MANAGER, said=Said(reason=WHY), approver="Dr A")
    with pytest.raises(ConflictError, match="takes part in no plan"):
        request_explanation(morning, read_id(morning, "A3"), NOW)


def test_what_leaves_the_queue_while_it_waits_fails_alone(morning: Database) -> None:
    """The other read is explained all the same."""
    request_explanation(morning, read_id(morning, "A3"), NOW)
    request_explanation(morning, read_id(morning, "A1"), NOW)
    exclude_read(morning, read_id(morning, "A3"), NOW, by=MANAGER, said=Said(reason=WHY), approver="Dr A")
    assert explain_waiting(morning, NOW) == 2
    assert (kept(morning, "A1").state, kept(morning, "A3").state) == (ExplanationState.MADE, ExplanationState.FAILED)
    assert "takes no part in the plan" in kept(morning, "A3").error
    assert explain_waiting(morning, NOW) == 0


def test_what_was_found_stays_while_it_is_asked_anew(morning: Database) -> None:
    """And asking twice is asking once."""
    before = asked(morning, "A1")
    request_explanation(morning, read_id(morning, "A1"), minutes(1))
    request_explanation(morning, read_id(morning, "A1"), minutes(2))
    row = kept(morning, "A1")
    assert (row.state, row.asked_at) == (ExplanationState.REQUESTED, NOW + timedelta(minutes=1))
    assert row.found is not None
    assert explained(row.found) == before


def test_what_was_being_worked_out_when_the_process_died_says_so(morning: Database) -> None:
    """It can be asked again."""
    request_explanation(morning, read_id(morning, "A1"), NOW)
    with morning.transaction() as writing:
        assert len(explanations.begin(writing)) == 1
    assert explain_waiting(morning, NOW) == 0
    assert kept(morning, "A1").error == "the process that worked it out stopped"
    asked(morning, "A1")


def test_before_anything_is_published_there_is_nothing_to_explain(sqlite_db: Database) -> None:
    """Whoever asked is told."""
    queued(sqlite_db, *STUDIES)
    request_explanation(sqlite_db, read_id(sqlite_db, "A1"), NOW)
    assert preview_all(sqlite_db, StandingClock()) == NOT_PUBLISHED
    assert "nothing to explain" in kept(sqlite_db, "A1").error


def test_what_fails_says_why_without_an_accession_number(morning: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is on record with the read."""

    def fails(*_: object) -> None:
        raise ValueError("RVV/A1 makes no sense")

    request_explanation(morning, read_id(morning, "A1"), NOW)
    monkeypatch.setattr(explain_reads, "_found", fails)
    assert preview_all(morning, StandingClock()) == DONE
    row = kept(morning, "A1")
    assert row.state is ExplanationState.FAILED
    assert row.error.startswith("ValueError")
    assert "A1" not in row.error
