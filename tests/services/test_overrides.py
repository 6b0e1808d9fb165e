"""What managers decide about people, rosters and studies: it holds until it ends, and the feeds' own words stay."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from sqlmodel import select

from balancer.domain.actor import Actor, Grant, person, system
from balancer.domain.errors import ConflictError, InvalidValueError, NotAllowedError, NotFoundError
from balancer.domain.instant import end_of_day
from balancer.domain.instruction import Instruction, InstructionKind, InstructionState
from balancer.domain.permission import Permission, Role
from balancer.domain.reporter import Reporter
from balancer.domain.states import BatchState
from balancer.domain.study import Study, StudyKey
from balancer.services.agree_instructions import agree_instructions
from balancer.services.begin_draft import begin_draft
from balancer.services.build_problem import build_problem, gather
from balancer.services.claim_read import claim_read
from balancer.services.correct_study import correct_study
from balancer.services.end_instructions import end_instructions
from balancer.services.ingest_studies import ingest_extract
from balancer.services.load_network import load_network
from balancer.services.override_roster import Extra, add_session, mark_absent, take_session_away
from balancer.services.override_scope import Decision, decide_entitlement, decide_skill
from balancer.services.put_in_force import put_in_force
from balancer.services.run_allocation import run_allocation
from balancer.services.steer_read import Said
from balancer.services.withdraw_instruction import withdraw_instruction
from balancer.services.withdraw_override import withdraw_override
from balancer.store import instructions, runs, studies, worklists
from balancer.store.database import Database
from balancer.store.rosters import add_roster_batch, replace_sessions
from balancer.store.tables import RosterBatchRow, RosterRow, StudyRow
from tests.instructed import instructed
from tests.networks import TWO_FEEDS, Feed, extract, incoming, minutes, queued, read_id, rostered, solving
from tests.networks import WEST as WEST_FEED
from tests.worlds import NOW, at, policy, priority, reporter, session

EAST = person("oidc:m1", "A. Manager", Grant(Role.MANAGER, "RVV"))
WEST = person("oidc:m2", "B. Manager", Grant(Role.MANAGER, "RWF"))
TODAY = NOW.date()
R1 = person("oidc:r1", "Reporter 1", Grant(Role.REPORTER, "RVV"), reporter_id="R1")
OF_EAST, OF_WEST = Decision(trust="RVV", reason="asked"), Decision(trust="RWF", reason="asked")


@pytest.fixture
def network(db: Database) -> Database:
    """Return a database in which R1, of RVV, is rostered for four hours, and so is R2, of RWF; A1 waits at RVV."""
    queued(db, "A1")
    rostered(db, session("S1", "R1"), session("S2", "R2"))
    return db


def within(db: Database, by: Actor) -> Database:
    """Return the database as far as a manager reaches."""
    return db.within(by.reach(Permission.REPORTERS_WRITE))


def held(db: Database, reporter_id: str = "R1", after: float = 0) -> list[tuple[float, float]]:
    """Return somebody's sessions in a run, in hours after ``NOW``."""
    return [
        ((item.start - NOW).total_seconds() / 3600, (item.end - NOW).total_seconds() / 3600)
        for item in build_problem(db, at(after)).sessions
        if item.reporter_id == reporter_id
    ]


def of(db: Database, reporter_id: str = "R1", after: float = 0) -> Reporter:
    """Return somebody as they take part in a run."""
    return next(item for item in build_problem(db, at(after)).reporters if item.reporter_id == reporter_id)


def the_study(db: Database, after: float = 0) -> Study:
    """Return A1 as it takes part in a run."""
    return next(item for item in build_problem(db, at(after)).studies if item.accession_number == "A1")


def state_of(db: Database, given: Instruction) -> InstructionState:
    """Return the state of a decision."""
    with db.session() as reading:
        return instructions.instruction(reading, given.id).state


def absent(db: Database, start: float, end: float, by: Actor = EAST, said: Decision = OF_EAST) -> Instruction:
    """Mark R1 absent."""
    return mark_absent(within(db, by), "R1", at(start), at(end), NOW, by=by, said=said)


# --- rosters ---------------------------------------------------------------------------------------------------------


def test_somebody_who_is_away_is_in_no_plan_until_they_are_back(network: Database) -> None:
    """A run is asked for at once, and the decision ends by itself when it is over."""
    given = absent(network, 1, 2)
    assert held(network) == [(0, 1), (2, 4)]
    with network.session() as reading:
        waiting = runs.requested(reading)
    assert waiting is not None
    end_instructions(network, at(2))
    assert state_of(network, given) is InstructionState.EXPIRED
    assert held(network) == [(0, 4)]


def test_a_decision_that_is_taken_back_leaves_what_the_roster_says(network: Database) -> None:
    """By whoever manages the trust that decided, and nobody else; not under another reporter's name."""
    given = absent(network, 0, 4)
    assert held(network) == []
    with pytest.raises(NotFoundError):
        withdraw_override(within(network, WEST), "R1", given.id, NOW, by=WEST, why="no")
    with pytest.raises(NotFoundError):
        withdraw_override(within(network, EAST), "R2", given.id, NOW, by=EAST, why="no")
    withdraw_override(within(network, EAST), "R1", given.id, NOW, by=EAST, why="was a mistake")
    assert held(network) == [(0, 4)]


def test_an_absence_outlives_every_roster_that_does_not_know_of_it(network: Database) -> None:
    """The trust's rota comes again, with the session still in it."""
    given = absent(network, 0, 4)
    delivered(network, session("S1", "R1", hours=5))
    assert agree_instructions(network, minutes(2)) == 0
    assert held(network) == [(4, 5)]
    assert state_of(network, given) is InstructionState.IN_FORCE


def test_an_absence_ends_when_a_new_roster_has_left_the_sessions_out(network: Database) -> None:
    """Stated as agreed; a roster that has not come since agrees with nothing, nor one of other days."""
    given = absent(network, 0, 4)
    rostered(network, session("S9", "R2", start=20), trust="RVV")
    with network.transaction() as writing:
        replace_sessions(writing, "RVV", [], start=NOW, end=at(8), batch_id=1)
    assert agree_instructions(network, minutes(2)) == 0
    delivered(network, first=date(2026, 3, 3))
    assert agree_instructions(network, minutes(3)) == 0
    delivered(network)
    assert agree_instructions(network, minutes(4)) == 1
    assert state_of(network, given) is InstructionState.AGREED


def delivered(db: Database, *stated: Any, first: date = TODAY, unreadable: int = 0, trust: str = "RVV") -> None:
    """Take in a roster that covers a week from a day, and says these sessions of its trust and no others."""
    with db.transaction() as writing:
        name = writing.merge(RosterRow(name=f"{trust} rota", trust=trust)).name
        writing.flush()
        batch = RosterBatchRow(
            roster=name,
            file_name="rota.csv",
            digest=f"{first}{stated}{unreadable}",
            received_at=minutes(1),
            last_received_at=minutes(1),
            state=BatchState.APPLIED,
            covers_from=first,
            covers_to=first + timedelta(days=6),
            faults=[{"line": number} for number in range(unreadable)],
        )
        batch_id = add_roster_batch(writing, batch)
        replace_sessions(writing, trust, stated, start=NOW, end=at(168), batch_id=batch_id)


def test_a_session_more_is_planned_with_and_ends_when_the_roster_has_it(network: Database) -> None:
    """At the policy's share of time unless another is said."""
    extra = Extra(start=at(5), end=at(7), modalities=("CT",))
    given = add_session(within(network, EAST), "R1", extra, NOW, by=EAST, said=OF_EAST)
    assert held(network) == [(0, 4), (5, 7)]
    made = build_problem(network, NOW).sessions[-1]
    assert (sorted(made.modalities), made.productivity) == (["CT"], 1.0)
    assert run_allocation(network, NOW, solver=solving({made.session_id: ["A1"]})).error == ""
    assert agree_instructions(network, minutes(2)) == 0
    delivered(network, session("S1", "R1"), session("S3", "R1", start=5, hours=2, modalities=["CT"]))
    assert agree_instructions(network, minutes(2)) == 1
    assert state_of(network, given) is InstructionState.AGREED
    assert held(network) == [(0, 4), (5, 7)]


def test_no_trust_takes_a_reporter_from_another_by_adding_a_session(network: Database) -> None:
    """R1 may report for RWF, and is rostered by RVV until noon."""
    with pytest.raises(ConflictError, match="another trust has rostered"):
        add_session(within(network, WEST), "R1", Extra(start=at(3), end=at(5)), NOW, by=WEST, said=OF_WEST)
    add_session(within(network, WEST), "R1", Extra(start=at(4), end=at(5)), NOW, by=WEST, said=OF_WEST)
    assert held(network) == [(0, 4), (4, 5)]


def test_a_session_that_is_taken_away_stays_away_until_the_roster_agrees(network: Database) -> None:
    """Only by the trust whose roster it stands on."""
    for said, by in ((OF_WEST, WEST), (OF_WEST, EAST)):
        with pytest.raises(NotFoundError):
            take_session_away(within(network, by), "R1", "S1", NOW, by=by, said=said)
    given = take_session_away(within(network, EAST), "R1", "S1", NOW, by=EAST, said=OF_EAST)
    assert held(network) == []
    assert agree_instructions(network, minutes(1)) == 0
    delivered(network)
    assert agree_instructions(network, minutes(2)) == 1
    assert state_of(network, given) is InstructionState.AGREED


def test_a_session_that_comes_again_at_another_time_stays_away(network: Database) -> None:
    """It has another name then. What of it lies outside the time that was taken away is there, and can be seen."""
    given = take_session_away(within(network, EAST), "R1", "S1", NOW, by=EAST, said=OF_EAST)
    delivered(network, session("S1-later", "R1", start=0.25))
    assert agree_instructions(network, minutes(2)) == 0
    assert held(network) == [(4, 4.25)]
    delivered(network, session("S1-afternoon", "R1", start=5))
    assert held(network) == [(5, 9)]
    assert agree_instructions(network, minutes(3)) == 1
    assert state_of(network, given) is InstructionState.AGREED


def test_a_session_that_a_manager_has_added_is_not_taken_away_with_the_rosters(network: Database) -> None:
    """Whoever replaces a session by another of the same morning has the other."""
    add_session(within(network, EAST), "R1", Extra(start=at(1), end=at(2)), NOW, by=EAST, said=OF_EAST)
    take_session_away(within(network, EAST), "R1", "S1", NOW, by=EAST, said=OF_EAST)
    assert held(network) == [(1, 2)]


def _away(network: Database) -> Instruction:
    return take_session_away(within(network, EAST), "R1", "S1", NOW, by=EAST, said=OF_EAST)


def _ill(network: Database) -> Instruction:
    return absent(network, 0, 4)


@pytest.mark.parametrize("decide", [_away, _ill])
def test_a_roster_whose_rows_could_not_all_be_read_agrees_with_nothing(
    network: Database, decide: Callable[[Database], Instruction]
) -> None:
    """The row that is missing may be theirs, whatever an earlier file said: the next good file brings them back."""
    given = decide(network)
    delivered(network, session("S1", "R1"))
    delivered(network, unreadable=1)
    assert agree_instructions(network, minutes(2)) == 0
    delivered(network, session("S1", "R1"))
    assert held(network) == []
    assert state_of(network, given) is InstructionState.IN_FORCE
    delivered(network)
    assert agree_instructions(network, minutes(3)) == 1


def test_an_absence_outlives_an_unreadable_row_of_another_trusts_roster(network: Database) -> None:
    """Whoever is ill is ill everywhere, and of the other trust's roster nothing is left that could say so."""
    rostered(network, session("S3", "R1", start=5), trust="RWF")
    given = absent(network, 0, 9)
    delivered(network)
    delivered(network, unreadable=1, trust="RWF")
    assert agree_instructions(network, minutes(2)) == 0
    delivered(network, session("S3", "R1", start=5), trust="RWF")
    assert held(network) == []
    assert state_of(network, given) is InstructionState.IN_FORCE


def test_a_night_that_began_the_day_before_is_not_taken_for_agreed(network: Database) -> None:
    """Its row stood with the day before, in a file that could not be read whole."""
    delivered(network, session("night", "R1", start=12, hours=12))
    given = absent(network, 20, 24)  # 04:00 to 08:00 of the day after
    delivered(network, first=TODAY + timedelta(days=1))
    delivered(network, unreadable=1, first=TODAY - timedelta(days=6))
    assert agree_instructions(network, minutes(2)) == 0
    assert state_of(network, given) is InstructionState.IN_FORCE


def test_another_trusts_word_of_an_absence_is_for_its_own_roster(network: Database) -> None:
    """R1 works for both: RWF's manager changes nothing of RVV's, and RVV's changes both."""
    rostered(network, session("S3", "R1", start=5), trust="RWF")
    given = absent(network, 0, 9, by=WEST, said=OF_WEST)
    assert held(network) == [(0, 4)]
    withdraw_override(within(network, WEST), "R1", given.id, NOW, by=WEST, why="back")
    absent(network, 0, 9)
    assert held(network) == []


def test_nobody_decides_for_a_trust_that_is_not_theirs(network: Database) -> None:
    """It is not there for them."""
    for by, said in ((EAST, OF_WEST), (WEST, OF_EAST)):
        with pytest.raises(NotFoundError):
            absent(network, 0, 4, by=by, said=said)
    assert held(network) == [(0, 4)]


@pytest.mark.parametrize(("start", "end"), [(2, 1), (-5, -1)])
def test_a_time_that_is_over_or_none_is_refused(network: Database, start: float, end: float) -> None:
    """A slip of the hand must not look as if somebody were away."""
    with pytest.raises(InvalidValueError):
        absent(network, start, end)


# --- people ----------------------------------------------------------------------------------------------------------


def entitle(db: Database, reporter_id: str, *, granted: bool, by: Actor = WEST, **given: Any) -> Instruction:
    """Decide about an entitlement at RWF."""
    arguments = {"said": OF_WEST, "until": None, **given}
    return decide_entitlement(within(db, by), reporter_id, NOW, by=by, granted=granted, **arguments)


def alone(db: Database) -> None:
    """Take in a network in which R1 is entitled at RVV only."""
    people = (reporter("R1", trusts=("RVV",)), reporter("R2", home_trust="RWF", trusts=("RVV", "RWF")))
    load_network(db, replace(TWO_FEEDS, reporters=people, policy=policy(priority("urgent"))), NOW)


def test_a_trust_lets_somebody_report_its_studies_until_a_day(network: Database) -> None:
    """Whom it did not know before; only the trust itself; at the end of the day it is over."""
    alone(network)
    with pytest.raises(NotFoundError):
        entitle(network, "R1", granted=True, by=EAST)
    given = entitle(network, "R1", granted=True, until=date(2026, 3, 4))
    assert of(network).trusts == {"RVV": None, "RWF": date(2026, 3, 4)}
    assert given.expires_at == end_of_day(date(2026, 3, 4))
    end_instructions(network, end_of_day(date(2026, 3, 4)))
    assert of(network).trusts == {"RVV": None}


def test_an_entitlement_that_was_withdrawn_stays_so_whatever_the_list_says_again(network: Database) -> None:
    """Until the list agrees; then the decision is done with, and a list that grants anew counts."""
    given = entitle(network, "R1", granted=False)
    assert "RWF" not in of(network).trusts
    load_network(network, replace(TWO_FEEDS, policy=policy(priority("urgent"))), minutes(1))
    assert agree_instructions(network, minutes(1)) == 0
    assert "RWF" not in of(network).trusts
    alone(network)
    assert agree_instructions(network, minutes(2)) == 1
    assert state_of(network, given) is InstructionState.AGREED
    load_network(network, replace(TWO_FEEDS, policy=policy(priority("urgent"))), minutes(3))
    assert "RWF" in of(network).trusts


def test_a_later_decision_takes_the_place_of_the_one_before(network: Database) -> None:
    """Taking the later back does not bring the earlier one to life."""
    first = entitle(network, "R1", granted=False)
    second = entitle(network, "R1", granted=True, until=date(2026, 3, 9))
    assert state_of(network, first) is InstructionState.WITHDRAWN
    withdraw_override(within(network, WEST), "R1", second.id, NOW, by=WEST, why="no need")
    assert of(network).trusts["RWF"] is None


def test_what_a_reporter_sees_of_a_trust_follows_what_its_manager_decides(network: Database) -> None:
    """From when it is decided until it is over, a patient's earlier studies beside their list are a trust's or none."""
    ingest_extract(network, WEST_FEED, extract(incoming("W1", trust="RWF"), feed=WEST_FEED.name), NOW)

    def seen(after: float) -> set[str]:
        with network.within(R1.reach(Permission.WORKLISTS_READ).at(at(after))).session() as reading:
            return set(reading.exec(select(StudyRow.trust)))

    entitle(network, "R1", granted=False, said=replace(OF_WEST, expires_at=at(2)))
    assert seen(0) == {"RVV"}
    end_instructions(network, at(2))
    assert seen(2) == {"RVV", "RWF"}
    given = entitle(network, "R1", granted=False)
    assert seen(0) == {"RVV"}
    withdraw_override(within(network, WEST), "R1", given.id, NOW, by=WEST, why="was a mistake")
    assert seen(0) == {"RVV", "RWF"}
    alone(network)
    assert seen(0) == {"RVV"}
    entitle(network, "R1", granted=True, until=TODAY)
    assert [seen(after) for after in (0, 24)] == [{"RVV", "RWF"}, {"RVV"}]


@pytest.mark.parametrize("how", ["ended", "taken back", "taken back as any instruction"])
def test_lists_are_new_when_a_decision_about_somebody_is_made_and_when_it_is_over(network: Database, how: str) -> None:
    """What is shown beside reads follows it: whoever asks for news is told, also when it ends by itself."""
    run_allocation(network, NOW, solver=solving({"S1": ["A1"]}))

    def mark() -> object:
        with network.session() as reading:
            return worklists.list_marks(reading)["R1"]

    before = mark()
    given = entitle(network, "R1", granted=False, said=replace(OF_WEST, expires_at=at(1)))
    decided = mark()
    if how == "ended":
        end_instructions(network, at(1))
    elif how == "taken back":
        withdraw_override(within(network, WEST), "R1", given.id, NOW, by=WEST, why="was a mistake")
    else:
        withdraw_instruction(within(network, WEST), given.id, NOW, by=WEST, why="was a mistake")
    assert len({before, decided, mark()}) == 3


def test_whoever_may_steer_reads_alone_takes_back_no_decision_about_people(network: Database) -> None:
    """A system's key may be that narrow: rotas and entitlements are for whoever may change them."""
    given = entitle(network, "R1", granted=False, said=OF_WEST)
    narrow = system("pacs", "a PACS", [Permission.READS_STEER], ["RVV", "RWF"])
    reaching = network.within(narrow.reach(Permission.READS_STEER))
    with pytest.raises(NotAllowedError, match="rota or scope"):
        withdraw_instruction(reaching, given.id, NOW, by=narrow, why="was a mistake")
    with network.session() as reading:
        assert instructions.instruction(reading, given.id).state is InstructionState.IN_FORCE


def test_what_the_list_says_already_is_no_decision(network: Database) -> None:
    """It would end as soon as it was made."""
    with pytest.raises(ConflictError, match="says so already"):
        entitle(network, "R1", granted=True)


def test_a_level_is_the_home_trusts_to_decide(network: Database) -> None:
    """R1 may report for RWF; what they are skilled in RWF does not decide. It is planned with, and claimed with."""
    arguments: dict[str, Any] = {"subspecialty": "neuro", "modality": None, "level": 0}
    with pytest.raises(NotAllowedError):
        decide_skill(within(network, WEST), "R1", now=NOW, by=WEST, said=OF_WEST, **arguments)
    assert run_allocation(network, NOW, solver=solving({"S1": ["A1"]})).error == ""
    given = decide_skill(within(network, EAST), "R1", now=NOW, by=EAST, said=OF_EAST, **arguments)
    assert of(network).level("neuro", "CT") == 0
    own = network.within(R1.reach(Permission.READS_WORK))
    with pytest.raises(ConflictError, match="outside the scope"):
        claim_read(own, read_id(network, "A1"), "R1", NOW, by=R1)
    withdraw_override(within(network, EAST), "R1", given.id, NOW, by=EAST, why="passed again")
    assert claim_read(own, read_id(network, "A1"), "R1", NOW, by=R1).reporter_id == "R1"


def test_a_level_that_was_granted_can_be_worked_with(network: Database) -> None:
    """The list does not know it, the plan and the claim do."""
    people = (reporter("R1", skills={"msk": 3}), reporter("R2", home_trust="RWF", trusts=("RVV", "RWF")))
    load_network(network, replace(TWO_FEEDS, reporters=people, policy=policy(priority("urgent"))), NOW)
    decide_skill(within(network, EAST), "R1", "neuro", "CT", 2, NOW, by=EAST, said=OF_EAST)
    assert run_allocation(network, NOW, solver=solving({"S1": ["A1"]})).error == ""
    own = network.within(R1.reach(Permission.READS_WORK))
    assert claim_read(own, read_id(network, "A1"), "R1", NOW, by=R1).reporter_id == "R1"


@pytest.mark.parametrize(
    ("subspecialty", "modality", "level"), [("neuro", None, 4), ("nerves", None, 3), ("neuro", "US", 3)]
)
def test_a_level_is_of_something_that_is_examined(
    network: Database, subspecialty: str, modality: str | None, level: int
) -> None:
    """A slip of the hand would be a level that counts for nothing."""
    with pytest.raises(InvalidValueError):
        decide_skill(within(network, EAST), "R1", subspecialty, modality, level, NOW, by=EAST, said=OF_EAST)


def test_a_draft_holds_nowhere_but_in_its_preview(network: Database) -> None:
    """And asks for no run."""
    draft = begin_draft(network, "Tuesday", "RVV", NOW, by=EAST)
    absent(network, 0, 4, said=replace(OF_EAST, draft_id=draft))
    assert held(network) == [(0, 4)]
    assert [item.session_id for item in gather(network, NOW, draft).problem.sessions] == ["S2"]


# --- studies ---------------------------------------------------------------------------------------------------------


def corrected(db: Database, by: Actor = EAST, **value: Any) -> Instruction:
    """Correct A1."""
    reached = db.within(by.reach(Permission.READS_STEER))
    ends = {name: value.pop(name) for name in ("expires_at", "draft_id") if name in value}
    said = Said(reason="looked at the request", **ends)
    return correct_study(reached, StudyKey("RVV", "A1"), value, NOW, by=by, said=said)


def test_a_correction_counts_until_the_feed_agrees(network: Database) -> None:
    """The feed repeats its word: it is kept, and does not count. Then it says the same."""
    given = corrected(network, minutes=30, priority="emergency")
    ingest_extract(network, Feed(), extract(incoming("A1", minutes=9), at=5), minutes(5))
    assert agree_instructions(network, minutes(6)) == 0
    assert (the_study(network).minutes, the_study(network).priority) == (30, "emergency")
    with network.session() as reading:
        said = studies.study(reading, StudyKey("RVV", "A1")).study
    assert (said.minutes, said.priority) == (9, "urgent")
    ingest_extract(network, Feed(), extract(incoming("A1", minutes=30, priority="emergency"), at=9), minutes(9))
    assert agree_instructions(network, minutes(10)) == 1
    assert state_of(network, given) is InstructionState.AGREED


def test_an_examination_that_is_corrected_brings_what_it_takes(network: Database) -> None:
    """And whoever may report it may open it."""
    corrected(network, exam_code="XCH")
    found = the_study(network)
    assert (found.exam_code, found.modality, found.subspecialty, found.minutes) == ("XCH", "DX", "thoracic", 2)


@pytest.mark.parametrize("value", [{"priority": "soon"}, {"exam_code": "XYZ"}, {}])
def test_a_correction_is_of_something_that_there_is(network: Database, value: dict[str, Any]) -> None:
    """A class of the policy, an examination of the catalogue."""
    with pytest.raises(InvalidValueError):
        corrected(network, **value)


def test_a_correction_is_for_the_studys_own_trust(network: Database) -> None:
    """To others it is not there; what the feed says already is no correction."""
    with pytest.raises(NotFoundError):
        corrected(network, by=WEST, minutes=30)
    with pytest.raises(ConflictError, match="says so already"):
        corrected(network, minutes=7)


def in_force(db: Database) -> list[dict[str, Any]]:
    """Return what the corrections in force state, oldest first."""
    with db.session() as reading:
        return [dict(row.value) for row in instructions.rows_of(reading, InstructionKind.STUDY)]


def _agreed(db: Database, _given: Instruction | None) -> None:
    ingest_extract(db, Feed(), extract(incoming("A1", minutes=30), at=5), minutes(5))
    assert agree_instructions(db, minutes(5)) == 1


def _taken_back(db: Database, given: Instruction) -> None:
    withdraw_instruction(db, given.id, minutes(6), by=EAST, why="no need")


def _over(db: Database, _given: Instruction) -> None:
    assert end_instructions(db, minutes(6)) == 1


@pytest.mark.parametrize(("ends", "left"), [(_agreed, 30), (_taken_back, 7), (_over, 7)])
def test_a_correction_that_was_corrected_never_comes_back(
    network: Database, ends: Callable[[Database, Instruction], None], left: float
) -> None:
    """Nine was a slip of the hand: when the right word ends, however it does, what the feed says holds."""
    first = corrected(network, minutes=9)
    second = corrected(network, minutes=30, expires_at=minutes(6))
    assert the_study(network).minutes == 30
    assert state_of(network, first) is InstructionState.WITHDRAWN
    ends(network, second)
    assert the_study(network, 1).minutes == left
    assert in_force(network) == []


def test_what_a_later_correction_does_not_state_goes_on_holding(network: Database) -> None:
    """With its own author, reason and end; and ends with the feed's agreement as any."""
    first = corrected(network, priority="emergency", minutes=30, expires_at=minutes(60))
    second = corrected(network, minutes=20)
    assert in_force(network) == [{"priority": "emergency"}, {"minutes": 20}]
    with network.session() as reading:
        (kept, _) = instructions.rows_of(reading, InstructionKind.STUDY)
    assert (kept.author, kept.reason, kept.expires_at) == (first.author, first.reason, minutes(60))
    withdraw_instruction(network, second.id, minutes(1), by=EAST, why="no need")
    assert (the_study(network).minutes, the_study(network).priority) == (7, "emergency")
    end_instructions(network, minutes(60))
    assert the_study(network, 1).priority == "urgent"


def test_a_correction_in_a_draft_takes_the_place_of_others_once_it_is_in_force(network: Database) -> None:
    """Not before; and of one whose time was over nothing is left."""
    corrected(network, priority="emergency", minutes=30, expires_at=minutes(5))
    staged = corrected(network, minutes=20, draft_id=begin_draft(network, "Tuesday", "RVV", NOW, by=EAST))
    assert in_force(network) == [{"priority": "emergency", "minutes": 30}]
    with network.transaction() as writing:
        put_in_force(writing, staged.id, by=EAST, now=minutes(5))
    assert in_force(network) == [{"minutes": 20}]


def test_of_two_corrections_of_before_agreement_with_the_later_ends_both(network: Database) -> None:
    """Both in force about the same, as they could be once."""
    for stated in (9, 30):
        instructed(network, InstructionKind.STUDY, "A1", value={"minutes": stated})
    _agreed(network, None)
    assert the_study(network).minutes == 30
    assert in_force(network) == []
