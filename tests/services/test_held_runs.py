"""A plan that waits for its manager: published as it still can be, discarded, or overtaken; emergencies do not wait."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from sqlmodel import select

from balancer.domain.actor import EVERY_TRUST, Grant, person
from balancer.domain.errors import ConflictError, GoneError, NotFoundError
from balancer.domain.feed import ParsedExtract
from balancer.domain.instruction import InstructionKind
from balancer.domain.life import ReadEvent, ReadState, ReturnReason
from balancer.domain.permission import Role
from balancer.domain.plan import Plan
from balancer.domain.policy import PublishingRules
from balancer.domain.problem import AllocationProblem
from balancer.domain.states import RunState
from balancer.services.decide_policy import approve_policy
from balancer.services.ingest_studies import ingest_extract, release_held_batch
from balancer.services.override_scope import Decision, decide_entitlement, decide_skill
from balancer.services.propose_policy import propose_policy
from balancer.services.publish_held import discard_run, publish_held
from balancer.services.release_emergencies import emergencies_due_out_at, plan_that_waits, release_emergencies
from balancer.services.return_read import return_read
from balancer.services.run_allocation import LEASE, run_allocation
from balancer.store import audit, leases, policies, reads, run_records, runs, worklists
from balancer.store.assignments import take_turn
from balancer.store.conservation import faults
from balancer.store.database import Database
from balancer.store.joined import Joined
from balancer.store.pages import Cut
from balancer.store.tables import WorklistItemRow
from balancer.store.tables_life import ReadRow
from balancer.store.tables_runs import RunRecordRow
from tests.api.service import Service
from tests.databases import SERVERS, wait_until_somebody_waits
from tests.instructed import instructed
from tests.networks import (
    PACS,
    Feed,
    Solving,
    claimed,
    extract,
    incoming,
    minutes,
    queued,
    read_id,
    rostered,
    solving,
    standing,
)
from tests.patience import PATIENCE_SECONDS
from tests.worlds import NOW, at, session

MANAGER = person("entra:7", "A. Manager", Grant(Role.MANAGER, EVERY_TRUST))
HOUR = 60.0
TEN = 10.0
STUDIES = tuple(incoming(number, minutes=HOUR) for number in ("A1", "A2", "A3"))
EMERGENCY = incoming("E1", priority="emergency", minutes=30)
FIRST = solving({"S1": ["A1", "A2"], "S2": ["A3"]})
SECOND = solving({"S1": ["A3"], "S2": ["A1", "A2"]})


def holding(db: Database, **rules: float) -> None:
    """Let three hours of reads wait, with lists on which R1 has two and R2 one, and hold every plan from now on."""
    queued(db, *STUDIES)
    rostered(db, session("S1", "R1", hours=4), session("S2", "R2", hours=4))
    run_allocation(db, NOW, solver=FIRST)
    hold_from_now_on(db, **rules)


def hold_from_now_on(db: Database, **rules: float) -> None:
    """Bring a policy into force that holds every plan."""
    with db.session() as reading:
        policy = policies.current_policy(reading)
    held = replace(policy, publishing=PublishingRules(hold=True, **rules))
    number = propose_policy(db, held, NOW, by=MANAGER, author=MANAGER.name, reason="the winter")
    approve_policy(db, number, NOW, by=MANAGER, approver="Dr B. Approver", reason="agreed")


def held_run(db: Database, solver: Solving = SECOND, *, at_minute: float = 1) -> int:
    """Make a run, which is held; return its number."""
    outcome = run_allocation(db, minutes(at_minute), solver=solver)
    assert (outcome.state, outcome.error) == (RunState.HELD, "")
    assert outcome.run_id is not None
    return outcome.run_id


def lists(db: Database) -> dict[str, tuple[int, list[str]]]:
    """Return everybody's current list: its version, and what is on it in order."""
    with db.session() as reading:
        found = {}
        for summary in worklists.worklists(reading):
            current = worklists.worklist(reading, summary.reporter_id)
            found[summary.reporter_id] = (
                current.version.version,
                [entry.study.accession_number for entry in current.items],
            )
        return found


def state_of(db: Database, run_id: int) -> RunState:
    """Return what became of a run."""
    with db.session() as reading:
        return runs.run(reading, run_id).state


def arrived(db: Database, *more: object, at_minute: float = 2) -> None:
    """Take in a later extract with an emergency in it."""
    ingest_extract(db, Feed(), extract(*STUDIES, EMERGENCY, *more, at=at_minute), minutes(at_minute))  # type: ignore[arg-type]


def test_a_policy_that_holds_plans_holds_the_one_that_is_being_made(db: Database) -> None:
    """Somebody has seen enough of what is published by itself: the next plan waits for them, begun or not."""
    queued(db, *STUDIES)
    rostered(db, session("S1", "R1", hours=4), session("S2", "R2", hours=4))
    run_allocation(db, NOW, solver=FIRST)
    before = lists(db)

    def meanwhile(problem: AllocationProblem, **wanted: object) -> Plan:
        hold_from_now_on(db)
        return SECOND(problem, **wanted)

    number = held_run(db, meanwhile)
    assert lists(db) == before
    publish_held(db, number, minutes(2), by=MANAGER, reason="looked at it")
    assert {name: numbers for name, (_, numbers) in lists(db).items()} == {"R1": ["A3"], "R2": ["A1", "A2"]}


@pytest.mark.parametrize("kind", SERVERS)
def test_a_policy_that_holds_plans_holds_the_one_that_is_being_published(db: Database) -> None:
    """Whoever brings it in has the change feed's turn first, for which the publication waits: it looks once more."""
    queued(db, *STUDIES)
    rostered(db, session("S1", "R1", hours=4), session("S2", "R2", hours=4))
    run_allocation(db, NOW, solver=FIRST)
    before = lists(db)
    with ThreadPoolExecutor(1) as thread:
        with db.transaction() as deciding:
            take_turn(deciding)
            run = thread.submit(held_run, db)
            wait_until_somebody_waits(db)
            hold_from_now_on(Joined(deciding))
        run.result(PATIENCE_SECONDS)
    assert lists(db) == before


def listed_no_longer(db: Database, parsed: ParsedExtract) -> None:
    """Take in an extract that withdraws more than a batch may by itself, and release it."""
    outcome = ingest_extract(db, Feed(), parsed, minutes(5))
    release_held_batch(db, outcome.batch_id, minutes(5), by="A. Manager")


def test_a_plan_that_is_held_changes_nobodys_list(db: Database) -> None:
    """It has been judged, and has its figures; it is not the run in force."""
    holding(db)
    before = lists(db)
    run_id = held_run(db)
    assert lists(db) == before == {"R1": (1, ["A1", "A2"]), "R2": (1, ["A3"])}
    with db.session() as reading:
        row, current = runs.run(reading, run_id), runs.current_run(reading)
    assert (row.allocated, row.stage, row.held_at) == (3, "", row.finished_at)
    assert row.held_at is not None
    assert current is not None
    assert current.id != run_id


def test_a_manager_publishes_it(db: Database) -> None:
    """As if it had been published at once; who did, when and why is kept, and how old it was is in the trail."""
    holding(db)
    run_id = held_run(db)
    publish_held(db, run_id, minutes(9), by=MANAGER, reason="looked through")
    assert lists(db) == {"R1": (2, ["A3"]), "R2": (2, ["A1", "A2"])}
    with db.session() as reading:
        row, current = runs.run(reading, run_id), runs.current_run(reading)
        (entry,) = audit.entries(reading, Cut(), subject_kind="run").items
        assert faults(reading) == []
    assert current is not None
    assert current.id == run_id
    assert (row.decided_at, row.decided_by, row.decided_why) == (minutes(9), "entra:7", "looked through")
    assert (entry.action, entry.actor, entry.why, entry.detail["minutes_old"]) == (
        "run.publish", "entra:7", "looked through", 8.0,
    )  # fmt: skip


def test_what_people_did_while_it_waited_wins_over_it(db: Database) -> None:
    """Opened: it stays theirs. Handed back: not given to them. Withdrawn: on no list. Arrived: for the next run."""
    holding(db)
    run_id = held_run(db, solving({"S1": ["A2"], "S2": ["A1", "A3"]}))
    claimed(db, "A1", "R1")
    return_read(db, read_id(db, "A3"), "R2", NOW, by=PACS, reason=ReturnReason.OTHER_EXPERTISE)
    listed_no_longer(db, extract(STUDIES[0], STUDIES[2], "A4", at=2))
    publish_held(db, run_id, minutes(9), by=MANAGER, reason="looked through")
    assert lists(db) == {"R1": (2, ["A1"]), "R2": (2, [])}
    assert standing(db, "A1") == (ReadState.CLAIMED, "R1")
    assert standing(db, "A2")[0] is ReadState.WITHDRAWN
    assert standing(db, "A3") == (ReadState.UNALLOCATED, None)
    assert standing(db, "A4") == (ReadState.UNALLOCATED, None)
    with db.session() as reading:
        assert faults(reading) == []


def test_of_plans_one_at_most_waits(db: Database) -> None:
    """The last one, which knows most: whoever decides has one to look at, and no older one can undo a later."""
    holding(db)
    first, second, third = held_run(db), held_run(db, FIRST), held_run(db)
    assert [state_of(db, number) for number in (first, second, third)] == [
        RunState.SUPERSEDED,
        RunState.SUPERSEDED,
        RunState.HELD,
    ]
    with db.session() as reading:
        assert runs.run(reading, first).error == f"run {second} waits in its place"
    for number in (first, second):
        with pytest.raises(ConflictError, match="it is superseded"):
            publish_held(db, number, minutes(9), by=MANAGER, reason="x")
    publish_held(db, third, minutes(9), by=MANAGER, reason="x")
    assert state_of(db, third) is RunState.PUBLISHED


def test_nothing_is_published_over_what_a_later_run_put_on_lists(db: Database) -> None:
    """Even one of which the emergencies are out only: the older plan has never seen them."""
    holding(db)
    older = held_run(db)
    arrived(db)
    later = held_run(db, solving({"S1": ["E1", "A3"], "S2": ["A1", "A2"]}), at_minute=3)
    assert release_emergencies(db, minutes(30)) == 1
    before = lists(db)
    with pytest.raises(ConflictError, match="it is superseded"):
        publish_held(db, older, minutes(31), by=MANAGER, reason="x")
    assert lists(db) == before
    publish_held(db, later, minutes(31), by=MANAGER, reason="x")
    assert lists(db)["R1"][1] == ["E1", "A3"]


def test_what_was_put_on_a_list_while_it_waited_stays_there(db: Database) -> None:
    """Mended because it could not wait: the plan has not seen why. Nothing else of it is lost by that."""
    holding(db)
    run_id = held_run(db, solving({"S1": ["A3"], "S2": ["A1", "A2"]}))
    with db.transaction() as writing:  # as mending does: A3 to R1 is undone, A1 goes to R2, and back to R1's list
        row, _ = reads.locked_read(writing, read_id(db, "A1"))
        for reporter_id in ("R2", "R1"):
            given = {"by": MANAGER, "now": minutes(5), "reporter_id": reporter_id}
            reads.move(writing, row, ReadEvent.PUBLISH, ReadState.ALLOCATED, **given)  # type: ignore[arg-type]
        runs.add_mending(writing, RunState.PUBLISHED, now=minutes(5), began_at=minutes(5), stage="x", policy_id=2)
    publish_held(db, run_id, minutes(9), by=MANAGER, reason="looked through")
    assert {name: sorted(numbers) for name, (_, numbers) in lists(db).items()} == {"R1": ["A1", "A3"], "R2": ["A2"]}
    assert standing(db, "A1") == (ReadState.ALLOCATED, "R1")
    with db.session() as reading:
        assert faults(reading) == []


OF_EAST = Decision(trust="RVV", reason="not on this rota any more")


def may_not_report(db: Database, reporter_id: str) -> None:
    """Withdraw somebody's entitlement at RVV, three minutes past eight."""
    decide_entitlement(db, reporter_id, minutes(3), by=MANAGER, said=OF_EAST, granted=False, until=None)


def test_nobody_is_given_by_a_plan_that_waited_what_they_may_not_report_any_more(db: Database) -> None:
    """R2's entitlement has gone since: it is nobody's, for the next run, which is asked for."""
    holding(db)
    run_id = held_run(db)
    may_not_report(db, "R2")
    publish_held(db, run_id, minutes(9), by=MANAGER, reason="looked through")
    assert lists(db) == {"R1": (2, ["A3"]), "R2": (2, [])}
    assert [standing(db, number) for number in ("A1", "A2")] == [(ReadState.UNALLOCATED, None)] * 2
    with db.session() as reading:
        assert faults(reading) == []
        assert runs.requested(reading) is not None


def test_a_level_that_has_gone_while_it_waited_counts_too_and_what_is_open_is_theirs(db: Database) -> None:
    """R1 opened A3 before: they have it, and nothing new."""
    holding(db)
    run_id = held_run(db, solving({"S1": ["A3", "A1"], "S2": ["A2"]}))
    claimed(db, "A3", "R1")
    decide_skill(db, "R1", "neuro", None, 0, minutes(3), said=OF_EAST, by=MANAGER)
    publish_held(db, run_id, minutes(9), by=MANAGER, reason="looked through")
    assert lists(db) == {"R1": (2, ["A3"]), "R2": (2, ["A2"])}
    assert standing(db, "A3") == (ReadState.CLAIMED, "R1")


def test_nobody_is_given_what_they_may_not_report_since_the_run_began(db: Database) -> None:
    """A solver takes its minutes, and a manager does not wait for it."""
    queued(db, *STUDIES)
    rostered(db, session("S1", "R1", hours=4), session("S2", "R2", hours=4))

    def slow(*arguments: object, **options: object) -> object:
        may_not_report(db, "R2")
        return SECOND(*arguments, **options)

    run_allocation(db, NOW, solver=slow)  # type: ignore[arg-type]
    assert lists(db) == {"R1": (1, ["A3"]), "R2": (1, [])}


def test_a_plan_is_decided_about_once(db: Database) -> None:
    """Whatever was decided; what is not there, or never waited, is refused."""
    holding(db)
    run_id = held_run(db)
    discard_run(db, run_id, minutes(9), by=MANAGER, reason="the scanner is back")
    for number, error in ((run_id, ConflictError), (1, ConflictError), (77, NotFoundError)):
        with pytest.raises(error):
            publish_held(db, number, minutes(9), by=MANAGER, reason="x")
        with pytest.raises(error):
            discard_run(db, number, minutes(9), by=MANAGER, reason="x")


def test_a_plan_that_is_discarded_changes_nothing_and_another_run_is_asked_for(db: Database) -> None:
    """The lists stand; who decided is kept."""
    holding(db)
    before, run_id = lists(db), held_run(db)
    discard_run(db, run_id, minutes(9), by=MANAGER, reason="the scanner is back")
    assert (lists(db), state_of(db, run_id)) == (before, RunState.DISCARDED)
    with db.session() as reading:
        asked, row = runs.requested(reading), runs.run(reading, run_id)
    assert asked is not None
    assert (row.decided_by, row.decided_why) == ("entra:7", "the scanner is back")


def test_a_plan_that_is_no_longer_kept_is_not_published(db: Database) -> None:
    """Nothing is guessed."""
    holding(db)
    run_id, before = held_run(db), lists(db)
    with db.transaction() as writing:
        writing.delete(writing.get_one(RunRecordRow, run_id))
    with pytest.raises(GoneError):
        publish_held(db, run_id, minutes(9), by=MANAGER, reason="x")
    assert (lists(db), state_of(db, run_id)) == (before, RunState.HELD)


def test_of_two_managers_who_decide_at_once_one_does(db: Database) -> None:
    """The other hears that it has been decided."""
    holding(db)
    run_id, said = held_run(db), []

    def decide(verb: object) -> None:
        try:
            verb(db, run_id, minutes(9), by=MANAGER, reason="x")  # type: ignore[operator]
            said.append("done")
        except ConflictError:
            said.append("refused")

    threads = [threading.Thread(target=decide, args=(verb,)) for verb in (publish_held, discard_run, publish_held)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(said) == ["done", "refused", "refused"]


def test_a_run_that_is_being_published_is_waited_for(db: Database) -> None:
    """A plan that was held is not published over one that commits a moment later."""
    holding(db)
    run_id, said = held_run(db), []

    def publish() -> None:
        try:
            publish_held(db, run_id, minutes(9), by=MANAGER, reason="x")
        except ConflictError as error:
            said.append(str(error))

    thread = threading.Thread(target=publish)
    with db.transaction() as writing:
        leases.turn(writing, LEASE)
        writing.flush()
        thread.start()
        wait_until_somebody_waits(db)
        later = runs.request_run(writing, now=NOW, reason="x")
        later.state = RunState.PUBLISHED
    thread.join()
    assert said == [f"run {later.id}, which is later, is on people's lists: look at a later plan instead"]


# --- emergencies -----------------------------------------------------------------------------------------------------


def emergencies_held(db: Database, solver: Solving, *more: object) -> int:
    """Hold a plan, made three minutes past eight, in which an emergency has its place."""
    holding(db)
    arrived(db, *more)
    return held_run(db, solver, at_minute=3)


def due_out(db: Database) -> datetime | None:
    """Return when the emergencies of the plan that waits go out, as managers are told."""
    with db.session() as reading:
        told = emergencies_due_out_at(reading)
    answer = Service(db).ask("/runs", state="held")["items"]
    assert [item["emergencies_due_out_at"] for item in answer] == [
        None if told is None else told.isoformat().replace("+00:00", "Z") for _ in answer
    ]
    return told


def test_nothing_is_said_to_go_out_where_no_plan_waits(sqlite_db: Database) -> None:
    """Nor of a plan that has been published."""
    holding(sqlite_db)
    assert due_out(sqlite_db) is None
    publish_held(sqlite_db, held_run(sqlite_db), minutes(9), by=MANAGER, reason="looked through")
    assert due_out(sqlite_db) is None


def test_an_emergency_does_not_wait_longer_than_the_policy_says(db: Database) -> None:
    """Not a minute before; then it is the first on the list it is planned on, and nothing else has moved."""
    run_id = emergencies_held(db, solving({"S1": ["A3", "E1"], "S2": ["A1", "A2"]}))
    with db.session() as reading:
        held_at = runs.run(reading, run_id).held_at
    assert held_at is not None
    assert due_out(db) == held_at + timedelta(minutes=TEN)
    assert release_emergencies(db, minutes(3 + TEN - 0.5)) == 0
    assert release_emergencies(db, minutes(3 + TEN + 0.5)) == 1
    assert lists(db) == {"R1": (2, ["E1", "A1", "A2"]), "R2": (1, ["A3"])}
    assert standing(db, "E1") == (ReadState.ALLOCATED, "R1")
    assert state_of(db, run_id) is RunState.HELD
    assert due_out(db) is None
    with db.session() as reading:
        assert runs.run(reading, run_id).emergencies_out_at == minutes(3 + TEN + 0.5)
        assert faults(reading) == []
        items = worklists.worklist(reading, "R1").items
    planned = [(entry.item.planned_start, entry.item.planned_end) for entry in items]
    assert all(start <= end for start, end in planned)
    assert all(end <= start for (_, end), (start, _) in pairwise(planned))
    assert release_emergencies(db, minutes(3 + TEN + 5)) == 0


def test_what_is_open_already_is_read_to_its_end_first(db: Database) -> None:
    """The emergency is the next one."""
    emergencies_held(db, solving({"S1": ["A3", "E1"], "S2": ["A1", "A2"]}))
    claimed(db, "A1", "R1")
    release_emergencies(db, minutes(30))
    assert lists(db)["R1"][1] == ["A1", "E1", "A2"]


def test_an_emergency_that_has_gone_meanwhile_is_put_on_no_list(db: Database) -> None:
    """Withdrawn, or handed back by whom the plan has for it: read by read, as in every publication."""
    emergencies_held(db, solving({"S1": ["E1", "A3"], "S2": ["A1", "A2"]}))
    listed_no_longer(db, extract(*STUDIES, at=5))
    assert release_emergencies(db, minutes(30)) == 0
    assert lists(db)["R1"] == (1, ["A1", "A2"])


def test_an_emergency_is_let_out_to_nobody_who_may_not_report_it_any_more(db: Database) -> None:
    """It waits for the next plan, which is asked for, and for mending."""
    emergencies_held(db, solving({"S1": ["A3"], "S2": ["E1", "A1", "A2"]}))
    may_not_report(db, "R2")
    assert release_emergencies(db, minutes(30)) == 0
    assert standing(db, "E1")[0] is ReadState.UNALLOCATED


def test_an_emergency_is_let_out_to_nobody_who_has_fallen_ill_since(db: Database) -> None:
    """It waits for the next plan and for mending, which has just taken it off the list of whoever is away."""
    emergencies_held(db, solving({"S1": ["A3"], "S2": ["E1", "A1", "A2"]}))
    away = {"start": minutes(5).isoformat(), "end": minutes(600).isoformat()}
    instructed(db, InstructionKind.ABSENCE, now=minutes(5), reporter_id="R2", value=away)
    assert release_emergencies(db, minutes(30)) == 0
    assert standing(db, "E1")[0] is ReadState.UNALLOCATED


def test_an_emergency_that_was_to_be_nobodys_yet_is_let_out_as_soon_as_it_can_be(db: Database) -> None:
    """Whoever has a place for it is away for an hour: its time does not begin anew with the next plan."""
    emergencies_held(db, solving({"S1": ["A3"], "S2": ["E1", "A1", "A2"]}))
    away = {"start": minutes(5).isoformat(), "end": minutes(60).isoformat()}
    instructed(db, InstructionKind.ABSENCE, now=minutes(5), reporter_id="R2", value=away)
    assert release_emergencies(db, minutes(30)) == 0
    assert release_emergencies(db, minutes(61)) == 1
    assert standing(db, "E1") == (ReadState.ALLOCATED, "R2")
    assert release_emergencies(db, minutes(62)) == 0


def test_an_emergency_that_is_on_a_list_stays_there(db: Database) -> None:
    """It is seen to; whose it is changes with the plan as a whole, which waits."""
    holding(db)
    arrived(db)
    first = held_run(db, solving({"S1": ["E1", "A1", "A2"], "S2": ["A3"]}), at_minute=3)
    publish_held(db, first, minutes(4), by=MANAGER, reason="x")
    held_run(db, solving({"S1": ["A1", "A2"], "S2": ["E1", "A3"]}), at_minute=5)
    assert release_emergencies(db, minutes(30)) == 0
    assert standing(db, "E1") == (ReadState.ALLOCATED, "R1")


def test_the_time_runs_from_the_first_plan_that_had_the_emergency(db: Database) -> None:
    """A new plan every quarter of an hour must not make it wait for ever; it goes where the last one has it."""
    emergencies_held(db, solving({"S1": ["E1", "A3"], "S2": ["A1", "A2"]}))
    arrived(db, incoming("E2", priority="emergency", minutes=30), at_minute=8)
    held_run(db, solving({"S1": ["A3"], "S2": ["E1", "E2", "A1", "A2"]}), at_minute=9)
    assert release_emergencies(db, minutes(14)) == 1
    assert lists(db)["R2"] == (2, ["E1", "A3"])
    assert standing(db, "E2")[0] is ReadState.UNALLOCATED
    assert release_emergencies(db, minutes(20)) == 1
    assert lists(db)["R2"][1][0] in {"E1", "E2"}
    assert sorted(lists(db)["R2"][1]) == ["A3", "E1", "E2"]


def test_a_plan_that_is_discarded_does_not_make_its_emergencies_wait_anew(db: Database) -> None:
    """It waited since three minutes past: ten minutes later it is out, as the next plan has it."""
    run_id = emergencies_held(db, solving({"S1": ["E1", "A3"], "S2": ["A1", "A2"]}))
    discard_run(db, run_id, minutes(12), by=MANAGER, reason="the scanner is back")
    assert release_emergencies(db, minutes(14)) == 0  # there is no plan that says where
    held_run(db, solving({"S1": ["A3"], "S2": ["E1", "A1", "A2"]}), at_minute=15)
    assert release_emergencies(db, minutes(15.5)) == 1
    assert lists(db)["R2"] == (2, ["E1", "A3"])


def test_once_a_plan_is_published_the_time_of_those_before_is_over(db: Database) -> None:
    """What has no place in it waits for the next plan, and its time runs from there."""
    discarded = emergencies_held(db, solving({"S1": ["E1", "A3"], "S2": ["A1", "A2"]}))
    discard_run(db, discarded, minutes(4), by=MANAGER, reason="x")
    without = held_run(db, solving({"S1": ["A3"], "S2": ["A1", "A2"]}, {"E1": "deferred"}), at_minute=5)
    publish_held(db, without, minutes(6), by=MANAGER, reason="looked through")
    held_run(db, solving({"S1": ["E1", "A3"], "S2": ["A1", "A2"]}), at_minute=7)
    assert release_emergencies(db, minutes(16)) == 0
    assert release_emergencies(db, minutes(17.5)) == 1


def test_a_plan_that_nobody_decides_about_is_told_of(db: Database) -> None:
    """As soon as it has waited longer than emergencies may, for as long as it waits."""
    holding(db)
    assert plan_that_waits(db, at(100)) is None
    run_id = held_run(db)
    assert plan_that_waits(db, minutes(10.5)) is None
    assert plan_that_waits(db, minutes(31)) == (run_id, 30.0)
    discard_run(db, run_id, minutes(32), by=MANAGER, reason="x")
    assert plan_that_waits(db, minutes(33)) is None


def test_emergencies_may_be_let_out_at_once(db: Database) -> None:
    """With no time to wait a plan's emergencies are out with the next look."""
    holding(db, emergencies_after_minutes=0)
    arrived(db)
    held_run(db, solving({"S1": ["E1", "A3"], "S2": ["A1", "A2"]}), at_minute=3)
    assert release_emergencies(db, minutes(4)) == 1


def test_what_is_no_emergency_waits_however_long(db: Database) -> None:
    """A manager has said that every plan is looked at."""
    holding(db)
    held_run(db)
    before = lists(db)
    assert release_emergencies(db, at(100)) == 0
    assert lists(db) == before


def test_without_a_policy_or_a_plan_there_is_nothing_to_let_out(db: Database) -> None:
    """The job goes round every minute from the first."""
    assert release_emergencies(db, NOW) == 0
    holding(db)
    assert release_emergencies(db, at(100)) == 0


# --- what is kept ----------------------------------------------------------------------------------------------------


def test_every_move_is_kept_with_its_reason(db: Database) -> None:
    """Whose it was, whose it becomes, and why; within reach only."""
    holding(db)
    arrived(db, "A4")
    run_id = held_run(
        db, solving({"S1": ["E1", "A3"], "S2": ["A1"]}, {"A2": "deferred", "A4": "deferred"}), at_minute=3
    )
    with db.session() as reading:
        found = {
            shown.study.accession_number: (shown.move.was, shown.move.becomes, shown.move.reason, shown.move.detail)
            for shown in run_records.moves(reading, run_id, Cut()).items
        }
    assert found == {
        "A1": ("R1", "R2", "better", ""),
        "A2": ("R1", None, "no_place", "deferred"),
        "A3": ("R2", "R1", "better", ""),
        "E1": (None, "R1", "new", ""),
    }


def test_what_a_held_run_needs_is_kept_as_long_as_it_waits(db: Database) -> None:
    """What others were made from is forgotten after two days, whom they moved after a week; so is what was replaced."""
    holding(db)
    run_id = held_run(db)
    with db.transaction() as writing:
        run_records.forget(writing, records_before=at(24 * 9), moves_before=at(24 * 9))
    with db.session() as reading:
        assert set(reading.exec(select(RunRecordRow.run_id))) == {run_id}
        assert [run_records.moves(reading, number, Cut()).total for number in (1, run_id)] == [0, 3]
    rostered(db, session("S9", "R1", start=24 * 9, hours=4), session("S8", "R2", start=24 * 9, hours=4))
    later = run_allocation(db, at(24 * 9), solver=solving({"S9": ["A1", "A2", "A3"]})).run_id
    with db.session() as reading:
        assert set(reading.exec(select(RunRecordRow.run_id))) == {later}
        assert len(reading.exec(select(WorklistItemRow)).all()) == 3


def test_two_reads_of_a_study_never_go_to_one_reader(db: Database) -> None:
    """One was put on a list since the plan was made, and stays; the plan has the other for the same reader (H9)."""
    queued(db, incoming("D1", reads=2, minutes=30))
    rostered(db, session("S1", "R1", hours=4), session("S2", "R2", hours=4))
    run_allocation(db, NOW, solver=solving({"S1": ["D1#1"], "S2": ["D1#2"]}))
    with db.session() as reading:
        policy = policies.current_policy(reading)
    number = propose_policy(
        db,
        replace(policy, publishing=PublishingRules(hold=True)),
        NOW,
        by=MANAGER,
        author=MANAGER.name,
        reason="winter",
    )
    approve_policy(db, number, NOW, by=MANAGER, approver="Dr B. Approver", reason="agreed")
    run_id = held_run(db, solving({"S1": ["D1#2"], "S2": ["D1#1"]}))
    with db.transaction() as writing:
        second = writing.get_one(ReadRow, read_id(db, "D1", read=2))
        second.since = minutes(2)
    publish_held(db, run_id, minutes(3), by=MANAGER, reason="looked through")
    assert standing(db, "D1", read=2) == (ReadState.ALLOCATED, "R2")
    assert standing(db, "D1", read=1) == (ReadState.UNALLOCATED, None)
    with db.session() as reading:
        assert faults(reading) == []
