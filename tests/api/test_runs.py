"""Runs over the wire: asked for, followed, and shown with what they proved."""

from __future__ import annotations

import json
import threading
import time

import pytest

from balancer.domain.states import RunState
from balancer.services.run_allocation import run_allocation
from balancer.store import runs
from balancer.store.database import Database
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


def test_a_run_is_followed_to_its_end(allocated: Service, db: Database) -> None:
    """From waiting over under way to its end: each state once, in order."""
    waiting = allocated.post("/runs", {"reason": "because"}).json()["run_id"]

    def go_through() -> None:
        time.sleep(0.7)
        with db.transaction() as writing:
            runs.begin_run(writing, token=9, now=NOW, started_at=NOW, seed=0)
        time.sleep(0.7)
        with db.transaction() as writing:
            runs.own_run(writing, waiting, 9).state = RunState.REJECTED

    thread = threading.Thread(target=go_through)
    thread.start()
    found = events(allocated.get(f"/runs/{waiting}/events").text)
    thread.join()
    assert found == [("progress", "requested"), ("progress", "running"), ("ended", "rejected")]


def events(text: str) -> list[tuple[str, str]]:
    """Return the name and the state of each event of a stream."""
    fields = [dict(line.split(": ", 1) for line in event.splitlines()) for event in text.split("\n\n") if event]
    return [(field["event"], json.loads(field["data"])["state"]) for field in fields]
