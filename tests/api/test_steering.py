"""Steering over the wire: what managers and referrers ask for, what they are told, and that it is done once."""

from __future__ import annotations

from typing import Any

import pytest

from balancer.domain.permission import Role
from balancer.store.database import Database
from tests.access.doors import MANAGER_EAST, MANAGER_WEST, REPORTER, Known, holding
from tests.api.service import Service, problem
from tests.api.small_network import allocate
from tests.networks import read_id

WHY = {"reason": "the clinic is today"}
SOON = "2026-03-02T08:20:00Z"


@pytest.fixture
def manager(db: Database) -> Service:
    """Return a service on the small network, asked by a manager of RVV: A1 and A2 are R1's."""
    allocate(db)
    return Service(db, door=Known(MANAGER_EAST))


def read_of(service: Service, number: str) -> Any:
    """Return the first read of a study as it is shown."""
    return service.ask(f"/studies/RVV/{number}")["reads"][0]


def test_a_pin_is_shown_with_why_and_taken_back(manager: Service, db: Database) -> None:
    """Made, listed, withdrawn; what is withdrawn is listed among the withdrawn."""
    read = read_id(db, "A1")
    made = manager.post(f"/reads/{read}/pin", {**WHY, "reporter_id": "R2"})
    assert made.status_code == 200, made.text
    found = made.json()
    assert {name: found[name] for name in ("kind", "state", "trust", "accession_number", "read_id", "reporter_id")} == {
        "kind": "pin",
        "state": "in_force",
        "trust": "RVV",
        "accession_number": "A1",
        "read_id": read,
        "reporter_id": "R2",
    }
    assert (found["reason"], found["author"]) == ("the clinic is today", MANAGER_EAST.subject)
    assert manager.ask("/instructions", kind="pin", read_id=read)["items"] == [found]
    ended = manager.post(f"/instructions/{found['instruction_id']}/withdraw", WHY).json()
    assert (ended["state"], ended["ended_by"], ended["ended_why"]) == (
        "withdrawn",
        MANAGER_EAST.subject,
        "the clinic is today",
    )
    assert manager.ask("/instructions")["items"] == []
    assert manager.ask("/instructions", state="withdrawn")["items"] == [ended]
    problem(manager.post(f"/instructions/{found['instruction_id']}/withdraw", WHY), 409, "conflict")


def test_who_has_it_open_is_named(manager: Service, db: Database) -> None:
    """409, with the name in words and the number in a field."""
    read = read_id(db, "A1")
    manager.post(f"/reads/{read}/claim", {"reporter_id": "R1"})
    found = problem(manager.post(f"/reads/{read}/pin", {**WHY, "reporter_id": "R2"}), 409, "claimed")
    assert found["claimed_by"] == "R1"


def test_a_repeated_request_decides_once(manager: Service, db: Database) -> None:
    """The same key, the same answer; the second pin would have taken the place of the first."""
    asked = f"/reads/{read_id(db, 'A1')}/pin", {**WHY, "reporter_id": "R2"}
    once, again = (manager.post(*asked, **{"Idempotency-Key": "k-1"}) for _ in range(2))
    assert once.json() == again.json()
    assert manager.ask("/instructions")["total"] == 1


def test_a_read_goes_out_and_comes_back(manager: Service, db: Database) -> None:
    """Each way of being out, with its owner, and the books balanced."""
    read, date = read_id(db, "A1"), "2026-03-03T08:00:00Z"
    for verb, body, state, owner, back in (
        ("exclude", {**WHY, "approver": "Dr A"}, "excluded", "Dr A", "readmit"),
        ("park", {**WHY, "until": date}, "parked", "RVV reporting office", "unpark"),
        ("send-out", {**WHY, "provider": "Farsight", "due_back_at": date}, "sent_out", "Farsight", "recall"),
    ):
        answer = manager.post(f"/reads/{read}/{verb}", body)
        assert answer.status_code == 200, answer.text
        found = read_of(manager, "A1")
        assert (found["state"], found["owner"], found["reason"]) == (state, owner, "the clinic is today")
        (east,) = manager.ask("/balance")["items"]
        assert (east[state], east["balanced"]) == (1, True)
        taken = manager.post(f"/reads/{read}/{back}", WHY)
        assert taken.json() == {"read_id": read, "state": "unallocated"}
        problem(manager.post(f"/reads/{read}/{back}", WHY), 409, "conflict")


def test_a_claim_is_taken_over_for_somebody(manager: Service, db: Database) -> None:
    """And for nobody."""
    read = read_id(db, "A1")
    manager.post(f"/reads/{read}/claim", {"reporter_id": "R1", "heartbeats": False})
    assert manager.post(f"/reads/{read}/take-over", {**WHY, "reporter_id": "R2"}).json()["state"] == "claimed"
    assert read_of(manager, "A1")["claimed_by"] == "R2"
    assert manager.post(f"/reads/{read}/take-over", WHY).json()["state"] == "unallocated"
    told = problem(manager.post(f"/reads/{read}/heartbeat", {"reporter_id": "R2"}), 409, "conflict")
    assert "a manager has taken the read over" in told["detail"]


def test_what_was_done_is_reopened_once(manager: Service, db: Database) -> None:
    """With a reason; what is not done is refused."""
    read = read_id(db, "A1")
    problem(manager.post(f"/reads/{read}/reopen", WHY), 409, "conflict")
    manager.post(f"/reads/{read}/claim", {"reporter_id": "R1"})
    manager.post(f"/reads/{read}/complete", {"reporter_id": "R1"})
    assert manager.post(f"/reads/{read}/reopen", WHY).json()["state"] == "unallocated"
    problem(manager.post(f"/reads/{read}/reopen", {}), 422, "invalid-value")


def test_a_referrer_expedites_and_steers_nothing_else(manager: Service, db: Database) -> None:
    """With the study named in the body; not at another trust."""
    assert manager
    referrer = Service(db, door=Known(holding(Role.REFERRER, "RVV")))
    asked = {**WHY, "trust": "RVV", "accession_number": "A1", "due_at": SOON}
    made = referrer.post("/studies/expedite", asked)
    assert made.status_code == 200, made.text
    assert (made.json()["kind"], made.json()["accession_number"]) == ("expedite", "A1")
    assert made.json()["value"]["due_at"].startswith("2026-03-02T08:20:00")
    assert referrer.post(f"/reads/{read_id(db, 'A1')}/pin", {**WHY, "reporter_id": "R2"}).status_code == 403
    elsewhere = Service(db, door=Known(holding(Role.REFERRER, "RWF")))
    problem(elsewhere.post("/studies/expedite", asked), 404, "not-found")


@pytest.mark.parametrize(
    "wrong",
    [
        {"due_at": 1772439600},
        {"due_at": "2026-03-02T08:20:00"},
        {"due_at": SOON, "priority": "someday"},
        {"due_at": SOON, "reason": "  "},
    ],
)
def test_what_cannot_be_meant_is_refused(manager: Service, wrong: dict[str, Any]) -> None:
    """A number is no instant, blanks are no reason."""
    asked = {**WHY, "trust": "RVV", "accession_number": "A1", **wrong}
    problem(manager.post("/studies/expedite", asked), 422, "invalid-value")


def test_what_is_too_late_is_a_conflict(manager: Service, db: Database) -> None:
    """The request is right in itself; the field is named."""
    asked = {**WHY, "trust": "RVV", "accession_number": "A1", "due_at": "2020-03-02T08:20:00Z"}
    found = problem(manager.post("/studies/expedite", asked), 409, "conflict")
    assert found["errors"] == [{"detail": "must lie in the future", "parameter": "due_at"}]
    pinned = {**WHY, "reporter_id": "R2", "expires_at": "2020-03-02T08:20:00Z"}
    problem(manager.post(f"/reads/{read_id(db, 'A1')}/pin", pinned), 409, "conflict")


def test_nobody_steers_another_trusts_reads(manager: Service, db: Database) -> None:
    """Nor does a reporter; and what was decided is not there for them."""
    read = read_id(db, "A1")
    made = manager.post(f"/reads/{read}/bar", {**WHY, "reporter_id": "R1"}).json()["instruction_id"]
    west = Service(db, door=Known(MANAGER_WEST))
    problem(west.post(f"/reads/{read}/pin", {**WHY, "reporter_id": "R2"}), 404, "not-found")
    problem(west.post(f"/instructions/{made}/withdraw", WHY), 404, "not-found")
    assert west.ask("/instructions")["items"] == []
    assert Service(db, door=Known(REPORTER)).get("/instructions").status_code == 403
