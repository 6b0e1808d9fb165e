"""A study that was reported and is to be read again, as each standard tells it: what is completed stays completed.

A source has images made after the report, a manager takes a report back, or a source asks for an addendum once it has
confirmed the report. To a PACS that is new work, however it listens.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from balancer.domain.actor import Grant, person
from balancer.domain.life import TRANSITIONS, ReadState
from balancer.domain.permission import Role
from balancer.domain.receiver import News
from balancer.domain.steps import REVIVING, STEP_STATES, StepState, needs_another
from balancer.services.complete_read import complete_read
from balancer.services.ingest_studies import ingest_extract
from balancer.services.reopen_read import reopen_read
from balancer.store.database import Database
from tests.access.doors import Known
from tests.api import test_tasks, test_workitems
from tests.api.service import Service
from tests.api.test_tasks import ok, outcome
from tests.instructed import MANAGER
from tests.networks import PACS, Feed, claimed, extract, incoming, minutes, queued, read_id, standing
from tests.outlets.ris import Ris, ris
from tests.outlets.test_hl7 import Told, receiver
from tests.publish.fhir.bindings import check

S, P, D, C = StepState.SCHEDULED, StepState.IN_PROGRESS, StepState.COMPLETED, StepState.CANCELED
OTHERS = [f"B{number}" for number in range(20)]


def late_images(db: Database) -> int:
    """Let its source say that images were made after the report; return which read is to be done."""
    ingest_extract(db, Feed(), extract(incoming("A1", acquired_at=minutes(50)), *OTHERS, at=60), minutes(60))
    return 1


def reopened(db: Database) -> int:
    """Let a manager take the report back."""
    reopen_read(db, read_id(db, "A1"), minutes(60), by=MANAGER, reason="another patient's")
    return 1


def addendum(db: Database) -> int:
    """Let its source confirm the report, and ask for the study once more."""
    ingest_extract(db, Feed(), extract(*OTHERS, at=30), minutes(30))
    ingest_extract(db, Feed(), extract("A1", *OTHERS, at=60), minutes(60))
    return 2


AGAIN = pytest.mark.parametrize("comes_back", [late_images, reopened, addendum])
ComesBack = Callable[[Database], int]


@pytest.fixture
def reported(db: Database) -> Database:
    """Return each kind of database, in which R1 has reported A1."""
    queued(db, "A1", *OTHERS)
    claimed(db, "A1")
    complete_read(db, read_id(db, "A1"), "R1", minutes(20), by=PACS)
    return db


@pytest.fixture
def peer() -> Iterator[Ris]:
    """Yield a RIS."""
    with ris() as served:
        yield served


@AGAIN
def test_it_is_another_workitem(reported: Database, comes_back: ComesBack) -> None:
    """Of the same study; the old one is COMPLETED for good, and another can be begun and completed."""
    pacs = test_workitems.Pacs(reported)
    pacs.service.clock.at = minutes(70)
    old = pacs.uid("A1", D)
    read = comes_back(reported)
    new = pacs.uid("A1")
    assert new != old
    assert (pacs.state_of(old), pacs.state_of(new)) == (D, S)
    assert pacs.uid("A1", D) == old
    assert '"R1"' in json.dumps(pacs.item(old))
    assert '"R1"' not in json.dumps(pacs.item(new))
    assert pacs.change(old, P, "2.25.5", who="R2").status_code == 409
    assert pacs.change(new, P, "2.25.5", who="R2").status_code == 200
    pacs.say(new, test_workitems.PERFORMED, "2.25.5")
    assert pacs.change(new, D, "2.25.5").status_code == 200
    assert standing(reported, "A1", read=read) == (ReadState.DONE, "R2")
    assert pacs.state_of(old) is D


@AGAIN
def test_it_is_another_task(reported: Database, comes_back: ComesBack) -> None:
    """Of the same order; the old one is completed for good, by whoever did it, and is found as such for a week."""
    pacs = test_tasks.Pacs(reported)
    pacs.service.clock.at = minutes(70)
    before = pacs.task("A1")
    read = comes_back(reported)
    both = tasks_of(pacs, before)
    old = both[before["id"]]
    new = next(task for number, task in both.items() if number != before["id"])
    assert (old["status"], old["owner"], old["identifier"], old["executionPeriod"]) == (
        "completed",
        before["owner"],
        before["identifier"],
        before["executionPeriod"],
    )
    assert (new["status"], new["focus"], "owner" in new) == ("requested", before["focus"], False)
    assert new["identifier"] != before["identifier"]
    if read == 1:  # an addendum is a read of its own
        assert replaced(new) == f"Task/{before['id']}"
    for task in (old, new):
        check(task)
        assert ok(pacs.client.get(f"/fhir/Task/{task['id']}")) == task
    owned = {"owner": {"reference": "Practitioner/R2"}}
    for status in ("in-progress", "ready", "completed"):
        if read == 1 or status != "completed":
            outcome(pacs.put({**old, "status": status, **owned}), 409, "conflict")
    assert standing(reported, "A1", read=read)[0] is ReadState.UNALLOCATED
    for status in ("in-progress", "completed"):
        new = ok(pacs.put({**new, "status": status, **owned}))
        assert (new["status"], new["owner"]["reference"]) == (status, "Practitioner/R2")
    assert {task["owner"]["reference"] for task in tasks_of(pacs, before).values()} == {
        "Practitioner/R1",
        "Practitioner/R2",
    }
    pacs.service.clock.at = minutes(8 * 24 * 60)
    assert pacs.search(status="completed")["total"] == 0
    assert len(tasks_of(pacs, before)) == 2


def test_a_task_has_one_id_for_whoever_reads_blind_too(sqlite_db: Database) -> None:
    """Who wrote the first report is not told while the other reading waits; which Task stands for it now is."""
    queued(sqlite_db, incoming("A1", reads=2))
    claimed(sqlite_db, "A1")
    complete_read(sqlite_db, read_id(sqlite_db, "A1"), "R1", minutes(20), by=PACS)
    reopened(sqlite_db)
    told = []
    roles = Grant(Role.REPORTER, "RVV"), Grant(Role.MANAGER, "RVV")
    for who in (test_tasks.PACS, person("test:r2", "B. Reader", *roles, reporter_id="R2")):
        pacs = test_tasks.Pacs(sqlite_db)
        pacs.client = Service(sqlite_db, door=Known(who)).client
        bundle = pacs.search(**{"group-identifier": "A1"})
        assert len(bundle["entry"]) == bundle["total"]
        told.append({entry["resource"]["id"]: entry["resource"]["status"] for entry in bundle["entry"]})
    assert sorted(told[0].values()) == ["completed", "requested", "requested"]
    assert told[1] == {number: status for number, status in told[0].items() if status == "requested"}


def tasks_of(pacs: test_tasks.Pacs, task: Any) -> dict[str, Any]:
    """Return every Task of an order, by id."""
    bundle = pacs.search(focus=task["focus"]["reference"])
    found = {entry["resource"]["id"]: entry["resource"] for entry in bundle["entry"]}
    assert len(found) == bundle["total"]
    return found


def replaced(task: Any) -> str:
    """Return which Task another replaces."""
    inputs = {item["type"]["coding"][0]["code"]: item for item in task["input"]}
    return str(inputs["replaces"]["valueReference"]["reference"])


@AGAIN
def test_a_ris_is_told_that_nobody_has_it_and_then_who_does(
    sqlite_db: Database, peer: Ris, comes_back: ComesBack
) -> None:
    """ORC-5 goes back to SC, and OBR-32 no longer names who wrote the first report."""
    queued(sqlite_db, "A1", *OTHERS)
    told = Told(sqlite_db, receiver(peer, tells=frozenset(News))).after(0)
    claimed(sqlite_db, "A1")
    told.after(1)
    complete_read(sqlite_db, read_id(sqlite_db, "A1"), "R1", minutes(20), by=PACS)
    told.after(1200)
    read = comes_back(sqlite_db)
    told.after(3600)
    claimed(sqlite_db, "A1", "R2", read=read)
    told.after(3601)
    complete_read(sqlite_db, read_id(sqlite_db, "A1", read=read), "R2", minutes(61), by=PACS)
    told.after(3602)
    told.outlet.close()
    mine = [owner for owner, one in zip(peer.owners, peer.messages, strict=True) if str(one.segment("OBR")(3)) == "A1"]
    assert mine == [("IP", "R1", ""), ("CM", "R1", ""), ("SC", '""', ""), ("IP", "R2", ""), ("CM", "R2", "")]


def test_whatever_brings_a_read_back_from_its_end_comes_from_nowhere_else() -> None:
    """So what ended a workitem tells whether a Task ended with it."""
    moves = [(state, event, to) for state, event, to in TRANSITIONS if event in REVIVING]
    going_on = [move for move in moves if STEP_STATES[move[0]] in {S, P} and needs_another(*move)]
    assert going_on == []


@pytest.mark.parametrize("order", ["_id", "-_lastUpdated", "due", "-period", "planned-start", "priority"])
def test_both_come_in_any_order_and_on_any_page_once(reported: Database, order: str) -> None:
    """What has ended and what stands for its read now."""
    late_images(reported)
    pacs = test_tasks.Pacs(reported)
    pacs.service.clock.at = minutes(70)
    everything = pacs.search(_sort=order)
    found, page = [], pacs.search(_sort=order, _count="1")
    while True:
        found += [entry["resource"]["id"] for entry in page["entry"]]
        following = [link["url"] for link in page["link"] if link["relation"] == "next"]
        if not following:
            break
        page = ok(pacs.client.get(following[0].removeprefix("http://testserver")))
    assert found == [entry["resource"]["id"] for entry in everything["entry"]]
    assert len(set(found)) == everything["total"] == len(OTHERS) + 2
