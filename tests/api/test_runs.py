"""Runs over the wire: asked for, followed, and shown with what they proved."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest

from balancer import __version__
from balancer.api.models.runs import RunProgressOut
from balancer.api.routes import runs as routes
from balancer.domain.actor import EVERY_TRUST, Grant, person, system
from balancer.domain.permission import Permission, Role
from balancer.domain.policy import PublishingRules
from balancer.domain.states import RunState
from balancer.services.decide_policy import approve_policy
from balancer.services.propose_policy import propose_policy
from balancer.services.run_allocation import run_allocation
from balancer.store import policies, runs
from balancer.store.database import Database
from tests.access.doors import Known, KnownOnce
from tests.access.doors import holding as access_holding
from tests.api.service import Service, problem
from tests.worlds import NOW


def test_a_run_is_asked_for_and_waits(allocated: Service) -> None:
    """202 with the run and where to follow it; it runs elsewhere."""
    answer = allocated.post("/runs", {"reason": "a scanner was repaired"})
    assert (answer.status_code, answer.json()["state"], answer.json()["stage"]) == (
        202, "requested", "a scanner was repaired",
    )  # fmt: skip
    assert allocated.client.get(answer.headers["location"]).json() == answer.json()


def test_whoever_asks_while_a_run_waits_gets_that_one(allocated: Service) -> None:
    """Impatience makes no queue."""
    assert allocated.post("/runs").json()["run_id"] == allocated.post("/runs").json()["run_id"]


def test_a_published_run_says_what_it_cost_and_proved(allocated: Service) -> None:
    """Figures of the run are those of its plan."""
    run = allocated.ask("/runs", state="published")["items"][0]
    assert (run["studies"], run["allocated_reads"], run["planned_for"]) == (3, 2, "2026-03-02T08:00:00Z")
    assert run["total_points"] == pytest.approx(sum(run["terms_points"].values()))
    assert run["bound_points"] <= run["total_points"]
    assert allocated.ask(f"/runs/{run['run_id']}") == run
    problem(allocated.get("/runs/77"), 404, "not-found")


def test_a_failed_run_says_so_and_the_lists_stand(allocated: Service, db: Database) -> None:
    """A solver that raises changes nobody's list."""

    def fail(*_: object, **__: object) -> None:
        raise ArithmeticError

    before = allocated.get("/worklists/R1").headers["etag"]
    with pytest.raises(ArithmeticError):
        run_allocation(db, NOW, solver=fail)  # type: ignore[arg-type]  # it never returns
    assert [run["state"] for run in allocated.ask("/runs")["items"]] == ["failed", "published"]
    assert allocated.get("/worklists/R1").headers["etag"] == before


def test_the_progress_of_a_run_can_be_followed(allocated: Service) -> None:
    """Of one that waits, why; of one that has ended, nothing more."""
    waiting = allocated.post("/runs", {"reason": "because"}).json()["run_id"]
    assert allocated.ask(f"/runs/{waiting}/progress")["stage"] == "because"
    done = allocated.ask("/runs", state="published")["items"][0]["run_id"]
    assert allocated.ask(f"/runs/{done}/progress")["state"] == "published"


def test_a_run_that_has_ended_is_one_event(allocated: Service) -> None:
    """And the stream closes; what there is not is said before it begins."""
    done = allocated.ask("/runs", state="published")["items"][0]["run_id"]
    answer = allocated.get(f"/runs/{done}/events")
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert events(answer.text) == [("ended", "published")]
    problem(allocated.get("/runs/77/events"), 404, "not-found")


def test_a_run_is_followed_to_its_end(allocated: Service, db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """From waiting over under way to its end: each state once, in order, however often it was looked at."""
    waiting = allocated.post("/runs", {"reason": "because"}).json()["run_id"]
    look, looked = routes._progress, Counter[RunState]()  # noqa: SLF001 - the run goes on between two looks

    def begin() -> None:
        with db.transaction() as writing:
            runs.begin_run(writing, token=9, now=NOW, started_at=NOW, seed=0)

    def end() -> None:
        with db.transaction() as writing:
            runs.own_run(writing, waiting, 9).state = RunState.REJECTED

    goes_on = {RunState.REQUESTED: begin, RunState.RUNNING: end}

    def looks(database: Database, run_id: int) -> RunProgressOut:
        progress = look(database, run_id)
        looked[progress.state] += 1
        if looked[progress.state] == 3:
            goes_on[progress.state]()
        return progress

    monkeypatch.setattr(routes, "_progress", looks)
    monkeypatch.setattr(routes, "_LOOK_SECONDS", 0.0)
    found = events(allocated.get(f"/runs/{waiting}/events").text)
    assert found == [("progress", "requested"), ("progress", "running"), ("ended", "rejected")]


def test_whoever_may_no_longer_see_runs_follows_none(allocated: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked again once a minute: who signs out, or is disabled, is told nothing more."""
    monkeypatch.setattr(routes, "_ASKED_EVERY_SECONDS", 0.0)
    waiting = allocated.post("/runs").json()["run_id"]
    allocated.app.state.door = KnownOnce(access_holding(Role.MANAGER, EVERY_TRUST))
    assert events(allocated.get(f"/runs/{waiting}/events").text) == [("progress", "requested")]


def events(text: str) -> list[tuple[str, str]]:
    """Return the name and the state of each event of a stream."""
    fields = [dict(line.split(": ", 1) for line in event.splitlines()) for event in text.split("\n\n") if event]
    return [(field["event"], json.loads(field["data"])["state"]) for field in fields]


def holding(db: Database) -> int:
    """Hold every plan from now on; return the number of one that waits."""
    with db.session() as reading:
        policy = policies.current_policy(reading)
    held = replace(policy, publishing=PublishingRules(hold=True))
    by = person("entra:7", "A. Manager")
    approve_policy(
        db, propose_policy(db, held, NOW, by=by, author="x", reason="x"), NOW, by=by, approver="Dr B.", reason="x"
    )
    outcome = run_allocation(db, NOW, work=500)
    assert outcome.state is RunState.HELD
    return outcome.run_id or 0


def test_a_plan_that_waits_says_how_old_it_is_and_whom_it_moves(allocated: Service, db: Database) -> None:
    """Before anybody decides about it."""
    run_id = holding(db)
    allocated.clock.at = NOW + timedelta(minutes=12)
    run = allocated.ask(f"/runs/{run_id}")
    assert (run["state"], run["minutes_old"], run["decided_by"]) == ("held", 12.0, "")
    assert (len(run["input_digest"]), run["policy_id"], run["code_version"]) == (64, 2, __version__)
    moves = allocated.ask(f"/runs/{run_id}/moves")
    assert {item["reason"] for item in moves["items"]} <= {"new", "not_offered", "not_rostered", "no_place", "better"}
    first = allocated.ask("/runs", state="published")["items"][0]["run_id"]
    given = [item for item in allocated.ask(f"/runs/{first}/moves")["items"] if item["becomes"]]
    assert {(item["was"], item["reason"]) for item in given} == {(None, "new")}
    problem(allocated.get("/runs/77/moves"), 404, "not-found")


def test_a_plan_that_waits_is_published_with_a_reason(allocated: Service, db: Database) -> None:
    """Once; and what never waited is not published."""
    run_id = holding(db)
    problem(allocated.post(f"/runs/{run_id}/publish", {}), 422, "invalid-value")
    answer = allocated.post(f"/runs/{run_id}/publish", {"reason": "looked through"})
    assert (answer.status_code, answer.json()["state"], answer.json()["decided_why"]) == (
        200, "published", "looked through",
    )  # fmt: skip
    assert allocated.ask("/worklists/R1")["run_id"] == run_id
    problem(allocated.post(f"/runs/{run_id}/publish", {"reason": "again"}), 409, "conflict")
    problem(allocated.post("/runs/77/publish", {"reason": "x"}), 404, "not-found")


@pytest.mark.parametrize("decision", ["publish", "discard", "undo"])
def test_a_plan_that_waits_is_decided_about_by_a_person_who_manages(
    allocated: Service, db: Database, decision: str
) -> None:
    """Not by a system, whatever its scopes; not by whoever only runs the service, though they may ask for runs."""
    run_id = holding(db)
    machine = system("s", "S", [Permission.RUNS_DECIDE, Permission.RUNS_START, Permission.RUNS_READ], [EVERY_TRUST])
    for caller in (machine, person("p", "P", Grant(Role.ADMINISTRATOR, EVERY_TRUST))):
        answer = Service(db, door=Known(caller)).post(f"/runs/{run_id}/{decision}", {"reason": "x"})
        problem(answer, 403, "not-allowed")
    assert allocated.ask(f"/runs/{run_id}")["state"] == "held"


def test_a_plan_that_waits_is_discarded_with_a_reason(allocated: Service, db: Database) -> None:
    """The lists stand."""
    run_id = holding(db)
    before = allocated.get("/worklists/R1").headers["etag"]
    assert allocated.post(f"/runs/{run_id}/discard", {"reason": "no"}).json()["state"] == "discarded"
    assert allocated.get("/worklists/R1").headers["etag"] == before


def test_a_published_plan_is_taken_back_once(allocated: Service, db: Database) -> None:
    """And says what stays; one that nobody published by hand is not."""
    first = allocated.ask("/runs", state="published")["items"][0]["run_id"]
    problem(allocated.post(f"/runs/{first}/undo", {"reason": "x"}), 409, "conflict")
    run_id = holding(db)
    allocated.post(f"/runs/{run_id}/publish", {"reason": "looked through"})
    answer = allocated.post(f"/runs/{run_id}/undo", {"reason": "the wrong one"})
    assert (answer.status_code, answer.json()) == (200, {"run_id": run_id, "left": []})
    assert allocated.ask("/runs")["items"][0]["state"] == "requested"
    problem(allocated.post(f"/runs/{run_id}/undo", {"reason": "again"}), 409, "conflict")
    problem(allocated.post("/runs/77/undo", {"reason": "x"}), 404, "not-found")


@pytest.mark.parametrize("verb", ["publish", "discard", "undo"])
def test_the_plan_of_all_trusts_is_not_one_trusts_to_decide_about(verb: str, allocated: Service, db: Database) -> None:
    """A manager of one trust may ask for a run, and not put everybody's list in force."""
    run_id = holding(db)
    one = Service(db, door=Known(access_holding(Role.MANAGER, "RVV")))
    problem(one.post(f"/runs/{run_id}/{verb}", {"reason": "mine"}), 403, "not-allowed")
    assert allocated.ask(f"/runs/{run_id}")["state"] == "held"
