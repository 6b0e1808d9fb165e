"""Nobody who reads blind finds out who else does by what is meant, planned, counted or kept in the trail."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from balancer.domain.policy import PublishingRules
from balancer.services.decide_policy import approve_policy
from balancer.services.ingest_studies import ingest_extract
from balancer.services.propose_policy import propose_policy
from balancer.services.run_allocation import run_allocation
from balancer.services.steer_read import Said, bar_reporter, pin_read
from balancer.store import policies, reads
from balancer.store.database import Database
from tests.access.test_blind_readings import COLLEAGUE, FIRST, MANAGER, OTHER, TWICE
from tests.access.test_every_route import served
from tests.networks import Feed, extract, incoming, loaded, minutes, read_id, rostered, solving
from tests.worlds import NOW, session

WHY, ENDED = f"{FIRST} knows her", f"{FIRST} has gone home"


@pytest.fixture
def meant(sqlite_db: Database) -> Database:
    """Return a database in which one of two readings is pinned to R2, and no plan has given either to anybody."""
    loaded(sqlite_db)
    ingest_extract(sqlite_db, Feed(), extract(incoming(TWICE, reads=2), "SINGLE-1"), NOW)
    rostered(sqlite_db, session("S1", OTHER), session("S2", FIRST))
    pin_read(sqlite_db, read_id(sqlite_db, TWICE), FIRST, NOW, by=MANAGER, said=Said(reason=WHY))
    return sqlite_db


def planned(db: Database) -> int:
    """Let a plan that gives R2 the one reading and R1 the other be held; return its run."""
    with db.session() as reading:
        policy = replace(policies.current_policy(reading), publishing=PublishingRules(hold=True))
    number = propose_policy(db, policy, NOW, by=MANAGER, author=MANAGER.name, reason="the winter")
    approve_policy(db, number, NOW, by=MANAGER, approver="Dr B. Approver", reason="agreed")
    plan = solving({"S1": [f"{TWICE}#2"], "S2": [TWICE, "SINGLE-1"]})
    return run_allocation(db, minutes(1), solver=plan).run_id or 0


def _get(db: Database, who: Any, path: str, **query: Any) -> Any:
    return served(db, who).ask(path, **query)


def test_a_plan_that_is_held_does_not_tell_who_is_to_read(meant: Database) -> None:
    """What is nobody's yet is there to be seen; whose it becomes is not."""
    run_id = planned(meant)
    told = {
        (item["accession_number"], item["read"]): item["becomes"]
        for item in _get(meant, COLLEAGUE, f"/runs/{run_id}/moves")["items"]
    }
    assert told == {(TWICE, 1): None, (TWICE, 2): OTHER, ("SINGLE-1", 1): FIRST}
    all_of_it = _get(meant, MANAGER, f"/runs/{run_id}/moves")["items"]
    assert FIRST in {item["becomes"] for item in all_of_it if item["accession_number"] == TWICE}


def test_a_pin_is_not_found_by_asking_for_whom(meant: Database) -> None:
    """Neither among the items nor in their number."""
    asked = {"kind": "pin", "read_id": read_id(meant, TWICE), "reporter_id": FIRST}
    assert _get(meant, MANAGER, "/instructions", **asked)["total"] == 1
    found = _get(meant, COLLEAGUE, "/instructions", **asked)
    assert (found["items"], found["total"]) == ([], 0)


def test_a_bar_does_not_tell_of_whom_nor_why(meant: Database) -> None:
    """It is about every reading of its study, and names none; neither does asking for somebody find it."""
    bar_reporter(meant, read_id(meant, TWICE), FIRST, NOW, by=MANAGER, said=Said(reason=WHY))
    asked = [_get(meant, who, "/instructions", kind="bar")["items"][0] for who in (COLLEAGUE, MANAGER)]
    assert [(item["reporter_id"], item["reason"]) for item in asked] == [(None, ""), (FIRST, WHY)]
    found = [_get(meant, who, "/instructions", kind="bar", reporter_id=FIRST)["total"] for who in (COLLEAGUE, MANAGER)]
    assert found == [0, 1]


def test_why_a_decision_has_ended_is_told_to_nobody_who_may_not_know_why_it_was_made(meant: Database) -> None:
    """Over the API and on the study's page."""
    pin = _get(meant, MANAGER, "/instructions", kind="pin")["items"][0]["instruction_id"]
    served(meant, MANAGER).post(f"/instructions/{pin}/withdraw", {"reason": ENDED})
    with meant.session() as session:
        address = f"/studies/{reads.read(session, read_id(meant, TWICE)).study_id}?whole=1"
    for who, is_told in ((COLLEAGUE, False), (MANAGER, True)):
        ended = _get(meant, who, "/instructions", kind="pin", state="withdrawn")["items"][0]["ended_why"]
        page = served(meant, who).client.get(address, headers={"Accept": "text/html"}).text
        assert (ended == ENDED, ENDED in page) == (is_told, is_told)


def test_whoever_takes_a_pin_back_is_not_told_whose_it_was(meant: Database) -> None:
    """They may undo it all the same."""
    pin = _get(meant, MANAGER, "/instructions", kind="pin")["items"][0]["instruction_id"]
    answer = served(meant, COLLEAGUE).post(f"/instructions/{pin}/withdraw", {"reason": "mistaken"})
    assert answer.status_code == 200, answer.text
    assert FIRST not in answer.text


def test_a_pin_that_is_refused_because_of_another_does_not_say_so(meant: Database) -> None:
    """It is told to a manager who does not report."""
    body = {"reporter_id": FIRST, "reason": "asked"}
    path = f"/reads/{read_id(meant, TWICE, read=2)}/pin"
    refused = [served(meant, who).post(path, body).json()["detail"] for who in (COLLEAGUE, MANAGER)]
    assert refused[0] == "the reporter may not report it"
    assert "pinned to them" in refused[1]


def test_the_trail_does_not_tell_for_whom_a_reading_is_meant(meant: Database) -> None:
    """Nor why."""
    entries = _get(meant, COLLEAGUE, "/audit", subject_kind="instruction")
    assert entries["total"] == 1
    assert [(item["detail"], item["why"]) for item in entries["items"]] == [({}, "")]
    assert _get(meant, MANAGER, "/audit", subject_kind="instruction")["items"][0]["why"] == WHY


def test_what_a_list_withholds_does_not_tell_who_has_a_reading(meant: Database) -> None:
    """Neither the list itself nor the next read on it."""
    run_id = planned(meant)
    published = served(meant, MANAGER).post(f"/runs/{run_id}/publish", {"reason": "looked through"})
    assert published.status_code == 200, published.text
    found = _get(meant, COLLEAGUE, f"/worklists/{FIRST}")
    assert ([item["accession_number"] for item in found["items"]], found["withheld"]) == (["SINGLE-1"], 0)
    answer = served(meant, COLLEAGUE).post(f"/worklists/{FIRST}/next", {})
    assert (answer.status_code, answer.json()["withheld"]) == (200, 0), answer.text
