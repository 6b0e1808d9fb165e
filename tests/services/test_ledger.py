"""The ledger between trusts: booked with every completion, taken back with every dispute, and kept to by every run."""

from __future__ import annotations

from datetime import date, timedelta
from importlib import import_module

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import MetaData, Table
from sqlmodel import col, delete, select

from balancer.domain.actor import EVERYWHERE, Reach
from balancer.domain.ledger import LEDGER_CAP, week_of
from balancer.domain.policy import LedgerCap
from balancer.domain.states import RunState
from balancer.domain.study import StudyKey
from balancer.services.build_problem import build_problem, gather
from balancer.services.check_completions import check_completions
from balancer.services.complete_read import complete_read
from balancer.services.ingest_studies import ingest_extract
from balancer.services.run_allocation import run_allocation
from balancer.store import ledger, policies, queue, runs
from balancer.store.database import Database
from balancer.store.pages import Cut
from balancer.store.tables import ReporterRow
from balancer.store.tables_ledger import LedgerRow
from tests.capped import cap_in_force
from tests.networks import PACS, WEST, Feed, claimed, extract, incoming, minutes, queued, read_id, rostered, solving
from tests.worlds import NOW, session

# R1 is of RVV, R2 of RWF; a CT head is 7 minutes.
WEEK = date(2026, 3, 2)


def finish(db: Database, number: str, reporter_id: str, at: float = 5, trust: str = "RVV") -> bool:
    """Complete a read by the word of a PACS."""
    return complete_read(db, read_id(db, number, trust=trust), reporter_id, minutes(at), by=PACS)


def booked(db: Database, reach: Reach = EVERYWHERE) -> dict[tuple[str, str], tuple[float, int]]:
    """Return the week's minutes and reads by pair of trusts."""
    with db.within(reach).session() as reading:
        found = ledger.weeks(reading, WEEK, WEEK)
    return {(pair.by_trust, pair.for_trust): (pair.minutes, pair.reads) for week in found for pair in week.pairs}


def capped(db: Database, minutes_a_week: float) -> None:
    """Let RVV take so many minutes a week."""
    cap_in_force(db, LedgerCap(trust="RVV", minutes=minutes_a_week))


def three(db: Database) -> None:
    """Take in three studies of RVV and one of RWF, all with a place in R2's session, who is of RWF."""
    queued(db, "A1", "A2", "A3")
    ingest_extract(db, WEST, extract(incoming("B1", trust="RWF"), feed=WEST.name), NOW)
    rostered(db, session("S1", "R1"), session("S2", "R2"))


def kept(db: Database, at: float = 10) -> list[str]:
    """Return the studies that are not offered to R2."""
    return [item.accession_number for item in build_problem(db, minutes(at)).studies if "R2" in item.excluded]


# --- booked ----------------------------------------------------------------------------------------------------------


def test_a_completion_is_booked_for_the_reporters_trust_and_the_studys(db: Database) -> None:
    """Whoever says so; saying it twice is saying it once."""
    three(db)
    for _ in range(2):
        assert finish(db, "A1", "R2")
    assert finish(db, "A2", "R2")
    assert finish(db, "A3", "R1")
    assert finish(db, "B1", "R1", trust="RWF")
    assert booked(db) == {("RWF", "RVV"): (14, 2), ("RVV", "RVV"): (7, 1), ("RVV", "RWF"): (7, 1)}


def test_a_completion_beside_anothers_is_not_booked(db: Database) -> None:
    """Both are kept, one counts: the trust has one report."""
    three(db)
    assert finish(db, "A1", "R1")
    assert not finish(db, "A1", "R2", at=6)
    assert booked(db) == {("RVV", "RVV"): (7, 1)}


def test_what_is_booked_stays_as_it_was(db: Database) -> None:
    """The source states other minutes later, and the reporter moves: the week is what was done in it."""
    three(db)
    finish(db, "A1", "R2")
    ingest_extract(db, Feed(), extract(incoming("A1", minutes=40), "A2", "A3", at=15), minutes(15))
    with db.transaction() as writing:
        writing.get_one(ReporterRow, "R2").home_trust = "RVV"
    assert booked(db) == {("RWF", "RVV"): (7, 1)}


@pytest.mark.parametrize("later", [timedelta(hours=5), timedelta(days=7)])
def test_what_did_not_hold_is_taken_back_in_its_own_week(db: Database, later: timedelta) -> None:
    """Its source still lists it: somebody will read it, and that is booked then."""
    three(db)
    finish(db, "A1", "R2")
    finish(db, "A2", "R2")
    at = later.total_seconds() / 60
    ingest_extract(db, Feed(), extract("A1", "A3", at=at), minutes(at), most_closed=1)
    assert check_completions(db, minutes(at)) == 1
    assert booked(db) == {("RWF", "RVV"): (7, 1)}
    assert finish(db, "A1", "R1", at=at + 1)
    with db.session() as reading:
        rows = [
            (row.week, row.by_trust, row.minutes) for row in reading.exec(select(LedgerRow).order_by(col(LedgerRow.id)))
        ]
    now = week_of(minutes(at + 1))
    assert rows == [(WEEK, "RWF", 7), (WEEK, "RWF", 7), (WEEK, "RWF", -7), (now, "RVV", 7)]


def test_what_the_source_says_was_read_is_nobodys_minutes(db: Database) -> None:
    """It does not say by whom; guessing from a list would be an entry that nobody made."""
    three(db)
    run_allocation(db, NOW, solver=solving({"S2": ["A1", "A2", "A3", "RWF/B1"]}))
    ingest_extract(db, Feed(), extract("A2", "A3", at=15), minutes(15), most_closed=1)
    assert booked(db) == {}


def test_each_trust_sees_what_it_gave_and_took(db: Database) -> None:
    """What two others do for each other is theirs."""
    three(db)
    finish(db, "A1", "R2")
    finish(db, "A2", "R1")
    finish(db, "B1", "R2", trust="RWF")
    assert set(booked(db, Reach(trusts=frozenset({"RVV"})))) == {("RWF", "RVV"), ("RVV", "RVV")}
    assert set(booked(db, Reach(trusts=frozenset({"RWF"})))) == {("RWF", "RVV"), ("RWF", "RWF")}
    assert booked(db, Reach(trusts=frozenset({"RPA"}))) == {}


def test_the_ledger_begins_with_what_was_done_before_there_was_one(db: Database) -> None:
    """The migration books what stands, and not what was disputed or stood beside."""
    three(db)
    finish(db, "A1", "R2")
    finish(db, "A2", "R1")
    assert not finish(db, "A2", "R2", at=6)
    before = booked(db)
    migration = import_module("balancer.store.migrations.versions.0009_the_ledger_between_trusts")
    with db.transaction() as writing:
        writing.exec(delete(LedgerRow))
        # its own part alone: later migrations rebuild tables that SQLite lets nobody rebuild while they are referred to
        connection = writing.connection()
        with Operations.context(MigrationContext.configure(connection)):
            migration._book_what_has_been_done(Table("ledger", MetaData(), autoload_with=connection))  # noqa: SLF001 - what is tested
    assert booked(db) == before == {("RWF", "RVV"): (7, 1), ("RVV", "RVV"): (7, 1)}


# --- kept to ---------------------------------------------------------------------------------------------------------


def test_a_trust_that_has_taken_what_it_may_keeps_the_rest(db: Database) -> None:
    """Fourteen minutes a week: seven are taken, one study more goes out, the last stays; on Monday all may."""
    three(db)
    capped(db, 14)
    assert kept(db) == ["A3"]
    finish(db, "A1", "R2")
    assert kept(db) == ["A3"]
    assert kept(db, at=7 * 24 * 60) == []


def test_what_its_own_read_leaves_room_for_others(db: Database) -> None:
    """The cap is on what is taken, not on what is read."""
    three(db)
    capped(db, 14)
    finish(db, "A1", "R1")
    assert kept(db) == []


def test_between_runs_what_others_have_on_their_lists_counts_as_taken(db: Database) -> None:
    """Mending looks at a few studies alone: what R2 is to read anyway leaves no room for another of them."""
    three(db)
    capped(db, 14)
    plan = solving({"S2": ["A1", "A2", "RWF/B1"]}, {"A3": "deferred"})
    assert run_allocation(db, NOW, solver=plan).state is RunState.PUBLISHED
    with db.session() as reading:
        (number,) = queue.study_ids(reading, {StudyKey("RVV", "A3")}).values()
    (study,) = gather(db, minutes(10), only=[number]).problem.studies
    assert (study.accession_number, "R2" in study.excluded) == ("A3", True)


def test_a_read_that_a_cap_keeps_says_so(db: Database) -> None:
    """Not that nobody may read it; and the run says how much is kept, in a line."""
    three(db)
    capped(db, 0)
    outcome = run_allocation(
        db, NOW, solver=solving({"S1": ["A1"], "S2": ["RWF/B1"]}, {"A2": "deferred", "A3": "deferred"})
    )
    assert outcome.state is RunState.PUBLISHED
    assert outcome.warnings == (
        "3 studies of RVV are kept for its own reporters: others have read 0 of at most 0 minutes for it this week",
    )
    with db.session() as reading:
        found = runs.unallocated(reading, Cut()).items
    assert {(entry.study.accession_number, entry.reason) for entry in found} == {("A2", LEDGER_CAP), ("A3", LEDGER_CAP)}


def test_a_plan_that_goes_beyond_a_cap_is_not_published(db: Database) -> None:
    """The referee knows nothing of caps: it finds a study with somebody to whom it was not offered."""
    three(db)
    capped(db, 0)
    outcome = run_allocation(db, NOW, solver=solving({"S2": ["A1", "RWF/B1"]}, {"A2": "deferred", "A3": "deferred"}))
    assert outcome.state is RunState.REJECTED


def test_a_claim_elsewhere_says_why_it_has_no_place(db: Database) -> None:
    """Whoever has it open has no session left: that is the reason, cap or no cap."""
    queued(db, "A1")
    rostered(db, session("S1", "R1"))
    claimed(db, "A1", "R2")
    capped(db, 0)
    gathered = gather(db, minutes(1))
    assert gathered.held == ()
    outcome = run_allocation(db, minutes(1), solver=solving({}, {"A1": "claimed_reporter_unavailable"}))
    assert outcome.state is RunState.PUBLISHED
    with db.session() as reading:
        (entry,) = runs.unallocated(reading, Cut()).items
    assert entry.reason == "claimed_reporter_unavailable"


def test_a_policy_keeps_its_caps(db: Database) -> None:
    """As a version that is compared by its content; one without caps has the digest it had before there were any."""
    three(db)
    with db.session() as reading:
        assert "ledger" not in policies.current_policy_row(reading).document
    capped(db, 14)
    with db.session() as reading:
        assert policies.current_policy(reading).ledger == (LedgerCap(trust="RVV", minutes=14),)
        assert policies.current_caps(reading) == {"RVV": 14}
