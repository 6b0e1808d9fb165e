from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from balancer.domain.errors import NotFoundError
from balancer.domain.states import RunState
from balancer.domain.study import ReadKey, Study
from balancer.services.build_problem import NO_PRIORITY_CLASS, build_problem, gather
from balancer.services.ingest_studies import ingest_extract
from balancer.services.run_allocation import run_allocation
from balancer.store import runs
from balancer.store.database import Database
from balancer.store.pages import Cut
from balancer.store.tables import ReporterRow
from tests.networks import (
    WEST,
    Feed,
    Network,
    claimed,
    extract,
    incoming,
    loaded,
    minutes,
    queued,
    rostered,
    solving,
)
from tests.worlds import EXAMPLE_POLICY, NOW, reporter, session


def the_study(db: Database, now: datetime = NOW) -> Study:
    """Return the only study of the problem."""
    (study,) = build_problem(db, now).studies
    return study


def test_a_study_is_what_its_source_states(db: Database) -> None:
    """Everything the optimiser prices comes through the store unchanged."""
    stated = incoming(
        "A1",
        priority="emergency",
        ready_at=minutes(5),
        due_at=minutes(90),
        excluded=frozenset({"R1", "R9"}),
        prior_reporter="R2",
        reads=2,
        minutes=7.5,
    )
    queued(db, stated)
    assert the_study(db) == Study(
        trust="RVV",
        accession_number="A1",
        patient_id="p-A1",
        exam_code="CTH",
        priority="emergency",
        acquired_at=minutes(-60),
        modality="CT",
        subspecialty="neuro",
        minutes=7.5,
        reads=2,
        ready_at=minutes(5),
        due_at=minutes(90),
        excluded=frozenset({"R1", "R9"}),
        prior_reporter="R2",
    )


def test_the_network_comes_back_as_it_was_loaded(db: Database) -> None:
    """Policy, trusts, examinations, and reporters in their order with entitlements, expiries, skills and scopes."""
    people = (
        reporter("R2", trusts={"RWF": None, "RVV": date(2026, 6, 30)}, skills={"msk/DX": 2, "msk": 3}, speed=1.2),
        reporter("R1", home_trust="RWF", modalities=["CT", "MR"]),
    )
    network = Network(reporters=people)
    loaded(db, network)
    problem = build_problem(db, NOW)
    assert problem.policy == EXAMPLE_POLICY
    assert (problem.trusts, problem.examinations) == (network.trusts, network.examinations)
    assert problem.reporters == people
    assert list(problem.reporters[0].trusts) == ["RWF", "RVV"]


def test_only_open_studies_take_part(db: Database) -> None:
    """What has been reported, or left out by a rule, is nobody's work."""
    queued(db, *(f"A{number}" for number in range(30)))
    ingest_extract(db, Feed(), extract(*(f"A{number}" for number in range(2, 30)), excluded=["A1"], at=15), minutes(15))
    numbers = {study.accession_number for study in build_problem(db, minutes(20)).studies}
    assert numbers == {f"A{number}" for number in range(2, 30)}


def test_due_times_are_the_policys_with_its_bank_holidays(db: Database) -> None:
    """Ten working days from Wednesday 25 March 2026 skip Good Friday and Easter Monday."""
    loaded(db)
    now = datetime(2026, 3, 25, 12, tzinfo=UTC)
    ingest_extract(db, Feed(), extract(incoming("A1", priority="routine", acquired_at=now), extracted_at=now), now)
    problem = build_problem(db, now)
    # in London it is still winter on the day of acquisition, and summer when it is due
    assert problem.due_at(problem.studies[0]) == datetime(2026, 4, 10, 11, tzinfo=UTC)


def test_a_study_that_came_back_counts_from_its_original_clock(db: Database) -> None:
    """The optimiser sees the wait of the patient, not of the paperwork."""
    numbers = [f"A{number}" for number in range(1, 30)]
    queued(db, "A0", *numbers)
    ingest_extract(db, Feed(), extract(*numbers, at=15), minutes(15))
    again = incoming("A0", acquired_at=minutes(20))
    ingest_extract(db, Feed(), extract(again, *numbers, at=30), minutes(30))
    found = {study.accession_number: study for study in build_problem(db, minutes(30)).studies}
    assert found["A0"].acquired_at == minutes(-60)


# --- what single rows may be like ------------------------------------------------------------------------------------


def test_a_study_acquired_after_now_takes_part_as_if_acquired_now(db: Database) -> None:
    """A hospital's clock that runs ahead must not cost a patient the place; people hear of it."""
    queued(db, incoming("A1", acquired_at=minutes(10)))
    gathered = gather(db, NOW)
    assert gathered.problem.studies[0].acquired_at == NOW
    assert gathered.warnings == ("1 studies are said to be acquired after now; they count as acquired now",)
    assert the_study(db, minutes(15)).acquired_at == minutes(10)


def test_a_study_of_an_unknown_class_is_left_out_by_name(db: Database) -> None:
    """It cannot be priced; every read of it is on the run's list of reads without a place."""
    queued(db, "A1", incoming("A2", priority="2ww", reads=2))
    rostered(db, session("S1"))
    gathered = gather(db, NOW)
    assert [study.accession_number for study in gathered.problem.studies] == ["A1"]
    assert gathered.left_out == {ReadKey("RVV", "A2", read): NO_PRIORITY_CLASS for read in (1, 2)}
    assert run_allocation(db, NOW, solver=solving({"S1": ["A1"]})).state is RunState.PUBLISHED
    with db.session() as reading:
        found = runs.unallocated(reading, Cut()).items
    assert [(entry.study.accession_number, entry.read, entry.reason) for entry in found] == [
        ("A2", 1, NO_PRIORITY_CLASS),
        ("A2", 2, NO_PRIORITY_CLASS),
    ]


def test_without_a_policy_there_is_no_problem(db: Database) -> None:
    """Nothing can be priced, and a default would be a clinical decision."""
    with pytest.raises(NotFoundError):
        build_problem(db, NOW)


# --- rosters ---------------------------------------------------------------------------------------------------------


def test_sessions_that_reach_into_the_horizon_take_part(db: Database) -> None:
    """One that is under way does; one that has ended, or begins after a week, does not."""
    queued(db, "A1")
    under_way, last = session("S1", start=-1), session("S2", start=167)
    over, beyond = session("S3", start=-5), session("S4", start=168)
    rostered(db, under_way, last, over, beyond)
    assert build_problem(db, NOW).sessions == (under_way, last)


def test_of_two_sessions_that_overlap_the_home_trusts_counts(db: Database) -> None:
    """Two trusts rostered R1 at the same hours: one of the two is wrong, and a run must not fail for it."""
    queued(db, "A1")
    away, home = session("S1", "R1"), session("S2", "R1", start=3)
    later = session("S3", "R1", start=4)
    rostered(db, away, later, trust="RWF")
    rostered(db, home)
    gathered = gather(db, NOW)
    assert gathered.problem.sessions == (home,)
    assert gathered.warnings == (
        "session S1 overlaps S2 and was not counted",
        "session S3 overlaps S2 and was not counted",
    )


def test_sessions_of_people_who_left_do_not_take_part(db: Database) -> None:
    """The roster may still name them."""
    queued(db, "A1")
    rostered(db, session("S1"), session("S2", "R2"))
    _unlist(db, "R1")
    problem = build_problem(db, NOW)
    assert [person.reporter_id for person in problem.reporters] == ["R2"]
    assert [item.session_id for item in problem.sessions] == ["S2"]


def _unlist(db: Database, reporter_id: str) -> None:
    with db.transaction() as writing:
        writing.get_one(ReporterRow, reporter_id).listed = False


# --- what people have and hold ---------------------------------------------------------------------------------------


def test_published_to_is_whose_current_list_holds_it(db: Database) -> None:
    """The last published lists, so that the next plan can keep to them."""
    queued(db, incoming("A1", minutes=60), incoming("A2", minutes=60))
    rostered(db, session("S1", "R1"), session("S2", "R2"))
    run_allocation(db, NOW, solver=solving({"S2": ["A1", "A2"]}))
    run_allocation(db, NOW, solver=solving({"S2": ["A1"], "S1": ["A2"]}))
    found = {study.accession_number: study.published_to for study in build_problem(db, NOW).studies}
    assert found == {"A1": ("R2",), "A2": ("R1",)}


def test_claims_take_part(db: Database) -> None:
    """Whoever has opened a read has it in every plan."""
    queued(db, incoming("A1", reads=2))
    claimed(db, "A1", "R2", read=2)
    assert the_study(db).claimed_by == (None, "R2")


def test_a_claimant_who_left_still_holds_the_read(db: Database) -> None:
    """Without sessions: the read is theirs or nobody's, and the plan says so."""
    queued(db, "A1")
    rostered(db, session("S1"))
    claimed(db, "A1", "R1")
    _unlist(db, "R1")
    problem = build_problem(db, NOW)
    assert "R1" in {person.reporter_id for person in problem.reporters}
    assert problem.sessions == ()
    outcome = run_allocation(db, NOW, solver=solving({}, {"A1": "claimed_reporter_unavailable"}))
    assert outcome.state is RunState.PUBLISHED


def test_numbers_that_repeat_between_trusts_are_two_studies(db: Database) -> None:
    """A1 here and A1 there, each with its own place."""
    queued(db, "A1")
    other = extract(incoming("A1", trust="RWF"), feed=WEST.name)
    ingest_extract(db, WEST, other, NOW)
    rostered(db, session("S1", hours=1))
    run_allocation(db, NOW, solver=solving({"S1": ["RWF/A1", "A1"]}))
    found = {study.trust: study.published_to for study in build_problem(db, NOW).studies}
    assert found == {"RVV": ("R1",), "RWF": ("R1",)}
