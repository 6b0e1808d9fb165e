"""What cannot wait for the next run is on the right list at once; whatever is not concerned stands."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import pytest
from sqlmodel import select

from balancer.domain.errors import ConflictError
from balancer.domain.feed import IncomingStudy
from balancer.domain.instruction import OF_READS, Instruction, InstructionKind
from balancer.domain.life import ReadState, ReturnReason
from balancer.domain.plan import Plan
from balancer.domain.problem import AllocationProblem
from balancer.domain.states import RunKind, RunState
from balancer.domain.study import Study, StudyKey
from balancer.services import mend_worklists, publish_mended
from balancer.services.claim_read import claim_read
from balancer.services.complete_read import complete_read
from balancer.services.ingest_studies import ingest_extract
from balancer.services.judge_lists import judge_lists
from balancer.services.load_network import load_network
from balancer.services.mend_worklists import Mending, MendOutcome
from balancer.services.release_read import release_read
from balancer.services.return_read import return_read
from balancer.services.run_allocation import run_allocation
from balancer.store import assignments, audit, conservation, instructions, reads, runs, worklists
from balancer.store.database import Database
from balancer.store.pages import Cut
from balancer.store.tables import RunRow, WorklistItemRow, WorklistRow
from balancer.store.tables_assignments import AssignmentRow
from balancer.store.tables_life import ReadRow
from tests.networks import (
    PACS,
    TWO_FEEDS,
    Feed,
    extract,
    incoming,
    minutes,
    queued,
    read_id,
    rostered,
    solving,
    standing,
)
from tests.services.test_claiming import MANAGER, R1
from tests.worlds import NOW, policy, priority, session

EVERYDAY = ["A1", "A2", "A3"]
THEIRS = ["B1", "B2"]


def morning(db: Database) -> Mending:
    """Publish three short reads for R1 and two for R2, four hours each; open the plan."""
    queued(db, *EVERYDAY, *THEIRS)
    return listed_and_open(db)


def listed_and_open(db: Database) -> Mending:
    """Publish what is queued in the morning, and open the plan."""
    rostered(db, session("S1", "R1"), session("S2", "R2"))
    published(db)
    mending = Mending(db)
    assert mending.look(NOW) is None
    assert mending.is_open
    return mending


def published(db: Database, at: float = 0, *, deferred: str | None = None) -> None:
    """Publish the lists of the morning by a whole run."""
    without = {deferred: "deferred"} if deferred else {}
    assert run_allocation(db, minutes(at), solver=solving({"S1": EVERYDAY, "S2": THEIRS}, without)).error == ""


def emergency(number: str = "E1", **stated: Any) -> IncomingStudy:
    """Return an emergency that has just been acquired."""
    return replace(incoming(number, priority="emergency", acquired_at=NOW), **stated)


def arrives(db: Database, *studies: str | IncomingStudy, at: float = 1) -> None:
    """Take in an extract that holds the morning's studies and these."""
    ingest_extract(db, Feed(), extract(*EVERYDAY, *THEIRS, *studies, at=at), minutes(at))


def lists(db: Database) -> dict[str, tuple[int, list[str]]]:
    """Return everybody's current list: its version, and its accession numbers in order."""
    with db.session() as reading:
        found = {}
        for summary in worklists.worklists(reading):
            current = worklists.worklist(reading, summary.reporter_id)
            found[summary.reporter_id] = (current.version.version, [e.study.accession_number for e in current.items])
        return found


def whose(db: Database, number: str) -> str:
    """Return on whose list a study is, which is also whose its read is."""
    (name,) = [name for name, (_, numbers) in lists(db).items() if number in numbers]
    assert standing(db, number) == (ReadState.ALLOCATED, name)
    return name


def mendings(db: Database) -> list[RunRow]:
    """Return the mendings on record, newest first."""
    with db.session() as reading:
        return [row for row in runs.runs(reading, Cut()).items if row.kind is RunKind.MENDING]


def conserved(db: Database) -> bool:
    """Tell whether no read is lost."""
    with db.session() as reading:
        return conservation.faults(reading) == []


def test_an_emergency_is_on_a_list_at_the_next_look(db: Database) -> None:
    """Whose it is, is said by the read, the list, the trail and a run of its own kind; the others' lists stand."""
    mending = morning(db)
    before = lists(db)
    arrives(db, emergency())
    outcome = mending.look(minutes(1))
    assert outcome is not None
    assert (outcome.state, outcome.lists, outcome.urgent, outcome.unplaced) == (RunState.PUBLISHED, 1, 1, 0)
    name = whose(db, "E1")
    other = "R2" if name == "R1" else "R1"
    assert lists(db)[name][0] == 2
    assert lists(db)[other] == before[other]
    (run,) = mendings(db)
    assert (run.id, run.state, run.stage) == (outcome.run_id, RunState.PUBLISHED, "1 studies that cannot wait")
    assert (run.studies, run.allocated, run.now) == (6, 6, minutes(1))
    with db.session() as reading:
        (entry,) = audit.entries(reading, Cut(), subject_kind="read", subject_id=str(read_id(db, "E1"))).items
        current = runs.current_run(reading)
    assert (entry.actor, entry.action, entry.became) == ("job:events", "read.publish", "allocated")
    assert entry.why.startswith(f"run {run.id}")
    assert current is not None
    assert current.kind is RunKind.ALLOCATION
    assert conserved(db)


def test_the_change_feed_knows_where_every_read_stands_once_lists_are_mended(db: Database) -> None:
    """Those that have only been put off, too: there is nothing left to note, and what is planned first came first."""
    mending = morning(db)
    arrives(db, emergency(minutes=30.0))
    assert mending.look(minutes(1)) is not None
    with db.transaction() as writing:
        feed = writing.exec(select(AssignmentRow).order_by(AssignmentRow.sequence)).all()  # type: ignore[arg-type]
        times = [row.planned_start for row in feed if row.changed_at == minutes(1) and row.planned_start is not None]
        assert len(times) > 1
        assert times == sorted(times)
        assert assignments.note_all(writing, minutes(2)) == 0


def test_an_emergency_comes_first_of_what_is_not_next(db: Database) -> None:
    """It is read as soon as the next few, which the policy protects, are done; not at the end of the day."""
    mending = morning(db)
    arrives(db, emergency())
    mending.look(minutes(1))
    with db.session() as reading:
        items = worklists.worklist(reading, whose(db, "E1")).items
    (found,) = [entry.item for entry in items if entry.study.accession_number == "E1"]
    assert found.planned_end <= minutes(40)


def test_an_ordinary_arrival_waits_for_the_next_run(db: Database) -> None:
    """Nobody's list changes for it, and no run is kept."""
    mending = morning(db)
    before = lists(db)
    arrives(db, "N1")
    assert mending.look(minutes(1)) is None
    assert lists(db) == before
    assert mendings(db) == []


def test_what_people_have_done_since_is_known_when_an_emergency_comes(db: Database) -> None:
    """Claimed stays claimed, done is on no list, handed back goes to somebody else; all of it is one mending."""
    mending = morning(db)
    claim_read(db, read_id(db, "A1"), "R1", minutes(1), by=R1)
    complete_read(db, read_id(db, "A1"), "R1", minutes(5), by=R1)
    claim_read(db, read_id(db, "A2"), "R1", minutes(5), by=R1)
    return_read(db, read_id(db, "A3"), "R1", minutes(6), by=R1, reason=ReturnReason.OTHER_EXPERTISE)
    assert mending.look(minutes(6)) is None
    arrives(db, emergency(), at=7)
    assert mending.look(minutes(7)) is not None
    assert standing(db, "A1")[0] is ReadState.DONE
    assert standing(db, "A2") == (ReadState.CLAIMED, "R1")
    assert "A3" not in lists(db)["R1"][1]
    assert whose(db, "E1") in {"R1", "R2"}
    assert conserved(db)


def test_whoever_takes_a_later_read_first_gets_no_new_list(db: Database) -> None:
    """What is open goes to the front in the plan; that is no reason to number their list anew."""
    mending = morning(db)
    claim_read(db, read_id(db, "B2"), "R2", minutes(1), by=PACS, heartbeats=False)
    arrives(db, emergency(excluded=frozenset({"R2"})))
    mending.look(minutes(2))
    assert whose(db, "E1") == "R1"
    assert lists(db)["R2"] == (1, ["B1", "B2"])


def test_an_emergency_that_is_handed_back_goes_to_somebody_else_at_once(db: Database) -> None:
    """The returner is not offered it again."""
    mending = morning(db)
    arrives(db, emergency())
    mending.look(minutes(1))
    first = whose(db, "E1")
    return_read(db, read_id(db, "E1"), first, minutes(2), by=PACS, reason=ReturnReason.NO_TIME)
    assert standing(db, "E1")[0] is ReadState.UNALLOCATED
    assert mending.look(minutes(2)) is not None
    assert whose(db, "E1") != first
    assert conserved(db)


def test_an_emergency_that_is_open_or_released_stays_where_it_is(db: Database) -> None:
    """Opening it publishes nothing, and closing it unread puts it back on the list it stands on."""
    mending = morning(db)
    arrives(db, emergency())
    mending.look(minutes(1))
    name = whose(db, "E1")
    claim_read(db, read_id(db, "E1"), name, minutes(2), by=PACS, heartbeats=False)
    assert mending.look(minutes(2)) is None
    release_read(db, read_id(db, "E1"), name, minutes(3), by=PACS)
    assert mending.look(minutes(3)) is None
    assert whose(db, "E1") == name


LONG = [incoming(number, minutes=30) for number in ("L1", "L2", "L3", "L4", "L5", "L6")]
FULL = {"S1": [*EVERYDAY, "L1", "L2", "L3", "Z1"], "S2": [*THEIRS, "L4", "L5", "L6"]}


def with_z1_last(db: Database) -> Mending:
    """Publish two long lists, Z1 last on R1's; open the plan."""
    queued(db, *EVERYDAY, *THEIRS, *LONG, "Z1")
    rostered(db, session("S1", "R1"), session("S2", "R2"))
    assert run_allocation(db, NOW, solver=solving(FULL)).error == ""
    mending = Mending(db)
    mending.look(NOW)
    return mending


def test_a_study_that_becomes_an_emergency_is_placed_anew(db: Database) -> None:
    """Its source says so; it does not wait behind what was more urgent before."""
    mending = with_z1_last(db)
    arrives(db, *LONG, emergency("Z1"))
    outcome = mending.look(minutes(1))
    assert outcome is not None
    assert outcome.urgent == 1
    name = whose(db, "Z1")
    assert lists(db)[name][1].index("Z1") < 6
    assert conserved(db)


def test_an_emergency_nobody_may_read_is_said_to_have_no_place(db: Database) -> None:
    """No list changes for it; nobody is told that it is looked after."""
    mending = morning(db)
    before = lists(db)
    arrives(db, emergency(subspecialty="cardiac"))
    assert mending.look(minutes(1)) is None
    assert lists(db) == before
    assert standing(db, "E1")[0] is ReadState.UNALLOCATED


def test_whose_time_is_taken_away_has_their_list_emptied_at_once(db: Database) -> None:
    """Their reads go to whoever can still do them, with nothing else having happened."""
    mending = morning(db)
    rostered_anew(db, session("S2", "R2"))
    outcome = mending.look(minutes(1))
    assert outcome is not None
    assert outcome.state is RunState.PUBLISHED
    assert lists(db)["R1"] == (2, [])
    assert sorted(lists(db)["R2"][1]) == sorted([*EVERYDAY, *THEIRS])
    assert conserved(db)
    assert mending.look(minutes(2)) is None


def rostered_anew(db: Database, *sessions: object) -> None:
    """Replace the whole roster, as a rota file that covers the day does."""
    from balancer.store.assignments import touch_worklists  # noqa: PLC0415
    from balancer.store.rosters import replace_sessions  # noqa: PLC0415

    with db.transaction() as writing:
        replace_sessions(writing, "RVV", sessions, start=minutes(-60), end=minutes(600), batch_id=1)  # type: ignore[arg-type]
        touch_worklists(writing)


def decided(db: Database, number: str, kind: InstructionKind, at: float, **about: Any) -> None:
    """Enter an instruction about the first read of a study."""
    with db.transaction() as writing:
        row, study = reads.locked_read(writing, read_id(db, number))
        given = Instruction(
            kind=kind,
            trust=study.trust,
            study_id=study.id,
            reason="the ward rang",
            author="oidc:m1",
            made_at=minutes(at),
            read_id=row.id if kind in OF_READS else None,
            **about,
        )
        instructions.add(writing, given, by=MANAGER, now=minutes(at))


@pytest.mark.parametrize(("listed", "sessions_change"), [(True, False), (False, False), (True, True), (False, True)])
def test_a_study_that_is_asked_for_sooner_is_placed_at_once(
    db: Database, *, listed: bool, sessions_change: bool
) -> None:
    """Whether somebody has it already or it has only just come, ordinary as it is.

    And whatever else has changed: the plan is opened anew for another session, and knows by then what was asked.
    """
    long = [incoming(number, minutes=30, due_at=minutes(2000)) for number in ("L1", "L2", "L3", "L4", "L5", "L6")]
    queued(db, *long, "Z1")
    rostered(db, session("S1", "R1"), session("S2", "R2"))
    first = ["L1", "L2", "L3", "L4", *(["Z1"] if listed else [])]
    rest = {} if listed else {"Z1": "deferred"}
    assert run_allocation(db, NOW, solver=solving({"S1": first, "S2": ["L5", "L6"]}, rest)).error == ""
    mending = Mending(db)
    mending.look(NOW)
    if sessions_change:
        rostered_anew(db, session("S1", "R1"), session("S2", "R2"), session("S3", "R2", start=5, hours=1))
    decided(db, "Z1", InstructionKind.EXPEDITE, 1, value={"due_at": minutes(60).isoformat()})
    outcome = mending.look(minutes(1))
    assert outcome is not None
    assert outcome.urgent == 1
    with db.session() as reading:
        items = worklists.worklist(reading, whose(db, "Z1")).items
    (found,) = [entry.item for entry in items if entry.study.accession_number == "Z1"]
    assert found.planned_end <= minutes(75)
    assert conserved(db)


@pytest.mark.parametrize(
    ("what", "value"),
    [
        (InstructionKind.EXPEDITE, {"priority": "emergency", "due_at": minutes(60).isoformat()}),
        (InstructionKind.STUDY, {"priority": "emergency"}),
    ],
)
def test_an_emergency_that_only_people_say_is_one_is_placed_anew_when_it_is_handed_back(
    db: Database, what: InstructionKind, value: dict[str, Any]
) -> None:
    """Its source says that it is urgent: whoever asked for it sooner, or corrected that, is heard all the same."""
    classes = policy(priority("emergency", target_hours=1), priority("urgent"))  # what is most urgent comes first
    load_network(db, replace(TWO_FEEDS, policy=classes), NOW)
    ingest_extract(db, Feed(), extract(*EVERYDAY, *THEIRS), NOW)
    mending = listed_and_open(db)
    decided(db, "A1", what, 1, value=value)
    mending.look(minutes(1))
    first = whose(db, "A1")
    return_read(db, read_id(db, "A1"), first, minutes(2), by=PACS, reason=ReturnReason.NO_TIME)
    assert standing(db, "A1")[0] is ReadState.UNALLOCATED
    assert mending.look(minutes(2)) is not None
    assert whose(db, "A1") != first
    assert conserved(db)


def no_longer_entitled(db: Database) -> None:
    """Take R1's entitlement away, a minute after ``NOW``."""
    with db.transaction() as writing:
        given = Instruction(
            kind=InstructionKind.ENTITLEMENT,
            trust="RVV",
            reporter_id="R1",
            reason="their contract has ended",
            author="oidc:m1",
            made_at=minutes(1),
            value={"trust": "RVV", "granted": False},
        )
        instructions.add(writing, given, by=MANAGER, now=minutes(1))


def test_what_somebody_may_no_longer_read_leaves_their_list_at_once(db: Database) -> None:
    """Their entitlement has been taken away; the referee has nothing to say against the lists that follow."""
    mending = morning(db)
    no_longer_entitled(db)
    outcome = mending.look(minutes(1))
    assert outcome is not None
    assert (outcome.state, outcome.error) == (RunState.PUBLISHED, "")
    assert lists(db)["R1"][1] == []
    assert sorted(lists(db)["R2"][1]) == sorted([*EVERYDAY, *THEIRS])
    assert conserved(db)


def test_what_is_open_with_somebody_who_may_no_longer_read_it_keeps_nobody_waiting(db: Database) -> None:
    """It stays theirs until they give it back (H8 has no place for it); what else they had goes, emergencies come."""
    mending = morning(db)
    claim_read(db, read_id(db, "A2"), "R1", minutes(1), by=R1)
    no_longer_entitled(db)
    outcome = mending.look(minutes(1))
    assert outcome is not None
    assert (outcome.state, outcome.error) == (RunState.PUBLISHED, "")
    assert standing(db, "A2") == (ReadState.CLAIMED, "R1")
    assert lists(db)["R1"][1] == ["A2"]
    arrives(db, emergency(), at=2)
    outcome = mending.look(minutes(2))
    assert outcome is not None
    assert (outcome.state, outcome.error) == (RunState.PUBLISHED, "")
    assert whose(db, "E1") == "R2"
    assert lists(db)["R1"][1] == ["A2"]
    assert conserved(db)


def test_two_reads_on_one_list_keep_no_emergency_waiting(db: Database) -> None:
    """However they came there: the study is placed anew, or waits for a run, and nobody has both (H9)."""
    queued(db, incoming("D1", reads=2), *EVERYDAY)
    rostered(db, session("S1", "R1", hours=4), session("S2", "R2", hours=4))
    run_allocation(db, NOW, solver=solving({"S1": ["D1#1", *EVERYDAY], "S2": ["D1#2"]}))
    with db.transaction() as writing:
        theirs = {row.reporter_id: row.id for row in writing.exec(select(WorklistRow))}
        item = writing.exec(select(WorklistItemRow).where(WorklistItemRow.worklist_id == theirs["R2"])).one()
        moved = {**item.model_dump(), "worklist_id": theirs["R1"], "place": 5, "session_id": "S1", "position": 5}
        writing.delete(item)
        writing.add(WorklistItemRow(**moved))
        writing.get_one(ReadRow, read_id(db, "D1", read=2)).reporter_id = "R1"
    mending = Mending(db)
    arrives(db, incoming("D1", reads=2), emergency(), at=1)
    outcome = mending.look(minutes(1))
    assert outcome is not None
    assert (outcome.state, outcome.error) == (RunState.PUBLISHED, "")
    assert whose(db, "E1") in {"R1", "R2"}
    readers = [standing(db, "D1", read=number)[1] for number in (1, 2)]
    assert readers == [None, None] or readers[0] != readers[1]
    assert conserved(db)


def test_a_pin_is_followed_at_once(db: Database) -> None:
    """To whoever has been named, and off the list it was on."""
    mending = morning(db)
    decided(db, "A1", InstructionKind.PIN, 1, reporter_id="R2")
    assert mending.look(minutes(1)) is not None
    assert whose(db, "A1") == "R2"
    assert conserved(db)


# --- beside whole runs -----------------------------------------------------------------------------------------------


def test_an_emergency_placed_while_a_run_solves_keeps_its_place(db: Database) -> None:
    """The run has never seen it; its lists have it all the same, where it was placed."""
    mending = morning(db)

    def solve(problem: AllocationProblem, **arguments: object) -> Plan:
        arrives(db, emergency())
        assert mending.look(minutes(1)) is not None
        return solving({"S1": EVERYDAY, "S2": THEIRS})(problem, **arguments)

    assert run_allocation(db, minutes(0.5), solver=solve).error == ""
    whose(db, "E1")
    assert conserved(db)
    assert mending.look(minutes(2)) is None
    whose(db, "E1")


def test_a_study_that_becomes_an_emergency_while_a_run_solves_keeps_its_place(db: Database) -> None:
    """The run has seen it as it was, and would put it back behind everything that was more urgent then."""
    mending = with_z1_last(db)
    places: list[tuple[str, int]] = []

    def placed() -> tuple[str, int]:
        name = whose(db, "Z1")
        return name, lists(db)[name][1].index("Z1")

    def solve(problem: AllocationProblem, **arguments: object) -> Plan:
        arrives(db, *LONG, emergency("Z1"))
        assert mending.look(minutes(1)) is not None
        places.append(placed())
        return solving(FULL)(problem, **arguments)

    assert run_allocation(db, minutes(0.5), solver=solve).error == ""
    assert places[0][1] < 6
    assert placed() == places[0]
    assert conserved(db)


def test_of_mended_lists_that_with_what_cannot_wait_is_the_newest(db: Database) -> None:
    """By its number, which says whose is told of first: whoever gains a read before whoever has lost it."""
    mending = morning(db)
    decided(db, "B1", InstructionKind.PIN, 1, reporter_id="R1")
    outcome = mending.look(minutes(1))
    assert outcome is not None
    assert whose(db, "B1") == "R1"
    with db.session() as reading:
        made = reading.exec(select(WorklistRow).where(WorklistRow.run_id == outcome.run_id)).all()
    assert [row.reporter_id for row in sorted(made, key=lambda row: row.id or 0)] == ["R2", "R1"]


def test_after_a_run_its_lists_are_the_ones_that_are_mended(db: Database) -> None:
    """The plan that was open before is void."""
    mending = morning(db)
    assert run_allocation(db, minutes(1), solver=solving({"S2": [*THEIRS, *EVERYDAY]})).error == ""
    arrives(db, emergency(), at=2)
    assert mending.look(minutes(2)) is not None
    whose(db, "E1")
    assert not set(EVERYDAY) & set(lists(db)["R1"][1])
    assert conserved(db)


def test_lists_published_between_mending_and_publishing_are_not_overwritten(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is published on what is no longer there; the next look mends the new ones."""
    mending = morning(db)
    publish = publish_mended.publish_mended

    def late(*given: object) -> object:
        published(db, at=1, deferred="E1")
        return publish(*given)  # type: ignore[arg-type]

    arrives(db, emergency())
    monkeypatch.setattr(mend_worklists, "publish_mended", late)
    with pytest.raises(ConflictError, match="other lists"):
        mending.look(minutes(1))
    assert not mending.is_open
    assert standing(db, "E1")[0] is ReadState.UNALLOCATED
    monkeypatch.setattr(mend_worklists, "publish_mended", publish)
    assert mending.look(minutes(2)) is not None
    whose(db, "E1")


def test_a_read_claimed_between_mending_and_publishing_stays_with_its_claimant(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who works wins over the plan, and the plan hears of it."""
    mending = morning(db)
    publish = publish_mended.publish_mended

    def late(*given: object) -> object:
        claim_read(db, read_id(db, "E1"), "R2", minutes(1), by=PACS, heartbeats=False)
        return publish(*given)  # type: ignore[arg-type]

    arrives(db, emergency())
    monkeypatch.setattr(mend_worklists, "publish_mended", late)
    mending.look(minutes(1))
    assert standing(db, "E1") == (ReadState.CLAIMED, "R2")
    monkeypatch.setattr(mend_worklists, "publish_mended", publish)
    arrives(db, emergency(), emergency("E2"), at=2)
    assert mending.look(minutes(2)) is not None
    whose(db, "E2")
    assert standing(db, "E1") == (ReadState.CLAIMED, "R2")
    assert conserved(db)


def test_an_emergency_that_comes_between_mending_and_publishing_is_placed_at_the_next_look(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The number it was given is not taken for one of the mending's own."""
    mending = morning(db)
    publish = publish_mended.publish_mended

    def late(*given: object) -> object:
        arrives(db, emergency(), emergency("E2"), at=2)
        return publish(*given)  # type: ignore[arg-type]

    arrives(db, emergency())
    monkeypatch.setattr(mend_worklists, "publish_mended", late)
    assert mending.look(minutes(1)) is not None
    assert standing(db, "E2")[0] is ReadState.UNALLOCATED
    monkeypatch.setattr(mend_worklists, "publish_mended", publish)
    assert mending.look(minutes(2)) is not None
    whose(db, "E2")
    assert mending.look(minutes(3)) is None
    assert conserved(db)


def test_what_the_referee_rejects_is_not_published_and_a_run_is_asked_for(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The findings are on record; the last lists stand."""
    mending = morning(db)
    before = lists(db)
    arrives(db, emergency())
    monkeypatch.setattr(mend_worklists, "judge_lists", lambda *_: ["H5: somewhere: twice"])
    outcome = mending.look(minutes(1))
    assert outcome is not None
    assert outcome.state is RunState.REJECTED
    assert lists(db) == before
    (run,) = mendings(db)
    assert (run.state, "H5: somewhere: twice" in run.error) == (RunState.REJECTED, True)
    with db.session() as reading:
        assert runs.requested(reading) is not None


def test_the_referee_is_asked_about_the_lists_themselves(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plan that gives a read to somebody who may not read it does not pass."""
    mending = morning(db)
    arrives(db, emergency())

    def tampered(frame: AllocationProblem, studies: dict[StudyKey, Study], plan: Plan, names: set[str]) -> list[str]:
        key = StudyKey("RVV", "E1")
        return judge_lists(frame, {**studies, key: replace(studies[key], subspecialty="cardiac")}, plan, names)

    monkeypatch.setattr(mend_worklists, "judge_lists", tampered)
    outcome = mending.look(minutes(1))
    assert outcome is not None
    assert (outcome.state, outcome.error.count("H2")) == (RunState.REJECTED, 1)


def test_two_who_mend_at_once_publish_one_after_the_other(db: Database) -> None:
    """Two leaders for a moment: no list is current twice, and the emergency is on one."""
    first, second = morning(db), Mending(db)
    second.look(NOW)
    arrives(db, emergency())
    results: list[MendOutcome | Exception | None] = []

    def look(mending: Mending) -> None:
        try:
            results.append(mending.look(minutes(1)))
        except ConflictError as error:
            results.append(error)

    threads = [threading.Thread(target=look, args=(mending,)) for mending in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 2
    whose(db, "E1")
    with db.session() as reading:
        current = reading.exec(select(WorklistRow).where(WorklistRow.superseded_at.is_(None))).all()  # type: ignore[union-attr]
    assert sorted(row.reporter_id for row in current) == ["R1", "R2"]
    assert conserved(db)


def test_before_the_first_run_there_is_nothing_to_mend(db: Database) -> None:
    """Nor does it fail."""
    queued(db, *EVERYDAY)
    mending = Mending(db)
    assert mending.look(NOW) is None
    assert not mending.is_open
