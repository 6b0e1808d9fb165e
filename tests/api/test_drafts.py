"""Drafts over the wire: begun, filled, published or thrown away, each once."""

from __future__ import annotations

import pytest

from balancer.domain.permission import Role
from balancer.store.database import Database
from tests.access.doors import MANAGER_EAST, MANAGER_WEST, Known, holding
from tests.api.service import Service, problem
from tests.api.small_network import allocate
from tests.networks import read_id

WHY = {"reason": "the clinic is today"}


@pytest.fixture
def manager(db: Database) -> Service:
    """Return a service on the small network, asked by a manager of RVV: A1 and A2 are R1's."""
    allocate(db)
    return Service(db, door=Known(MANAGER_EAST))


def begun(service: Service) -> int:
    """Begin a draft; return its number."""
    answer = service.post("/drafts", {"name": "Tuesday", "trust": "RVV"})
    assert answer.status_code == 201, answer.text
    number = answer.json()["draft_id"]
    assert answer.headers["location"] == f"/api/v1/drafts/{number}"
    return int(number)


def test_a_draft_is_filled_and_published(manager: Service, db: Database) -> None:
    """What is staged is listed with the draft, and in force afterwards."""
    draft, later = begun(manager), "2026-03-03T08:00:00Z"
    first, second = read_id(db, "A1"), read_id(db, "A2")
    staged = [
        manager.post(f"/reads/{first}/pin", {**WHY, "reporter_id": "R2", "draft_id": draft}),
        manager.post(f"/reads/{second}/park", {**WHY, "until": later, "draft_id": draft}),
        manager.post(
            "/studies/expedite",
            {**WHY, "trust": "RVV", "accession_number": "A1", "due_at": "2026-03-02T08:20:00Z", "draft_id": draft},
        ),
    ]
    assert [answer.json().get("state") for answer in staged] == ["staged"] * 3
    assert manager.ask("/instructions")["items"] == []
    shown = manager.ask("/instructions", state="staged", draft_id=draft)["items"]
    assert [item["kind"] for item in shown] == ["expedite", "park", "pin"]
    assert manager.ask(f"/drafts/{draft}")["instructions"] == 3
    assert manager.ask("/studies/RVV/A2")["reads"][0]["state"] == "allocated"
    done = manager.post(f"/drafts/{draft}/publish", WHY).json()
    assert (done["state"], done["decided_by"], done["decided_why"]) == (
        "published",
        MANAGER_EAST.subject,
        WHY["reason"],
    )
    assert manager.ask("/instructions", draft_id=draft)["total"] == 3
    assert manager.ask("/studies/RVV/A2")["reads"][0]["state"] == "parked"
    problem(manager.post(f"/drafts/{draft}/publish", WHY), 409, "conflict")


def test_what_was_staged_since_somebody_looked_is_not_published_with_the_rest(manager: Service, db: Database) -> None:
    """Whoever says what they were shown publishes that or nothing."""
    draft = begun(manager)
    pin, park = f"/reads/{read_id(db, 'A1')}/pin", f"/reads/{read_id(db, 'A2')}/park"
    first = manager.post(pin, {**WHY, "reporter_id": "R2", "draft_id": draft}).json()["instruction_id"]
    second = manager.post(park, {**WHY, "until": "2026-03-03T08:00:00Z", "draft_id": draft}).json()["instruction_id"]
    problem(manager.post(f"/drafts/{draft}/publish", {**WHY, "instructions": [first]}), 409, "conflict")
    assert manager.ask(f"/drafts/{draft}")["state"] == "open"
    done = manager.post(f"/drafts/{draft}/publish", {**WHY, "instructions": [second, first]})
    assert (done.status_code, done.json()["state"]) == (200, "published")


def test_what_goes_out_can_be_staged_too(manager: Service, db: Database) -> None:
    """Excluded, sent out, barred: nothing happens before the draft is published."""
    draft, later = begun(manager), "2026-03-03T08:00:00Z"
    first, second = read_id(db, "A1"), read_id(db, "A2")
    sent = {**WHY, "provider": "Farsight", "due_back_at": later, "draft_id": draft}
    assert manager.post(f"/reads/{first}/send-out", sent).status_code == 200
    assert manager.post(f"/reads/{second}/exclude", {**WHY, "approver": "Dr A", "draft_id": draft}).status_code == 200
    assert manager.post(f"/reads/{second}/bar", {**WHY, "reporter_id": "R1", "draft_id": draft}).status_code == 200
    assert manager.ask("/studies/RVV/A1")["reads"][0]["state"] == "allocated"
    manager.post(f"/drafts/{draft}/publish", WHY)
    states = [manager.ask(f"/studies/RVV/{number}")["reads"][0]["state"] for number in ("A1", "A2")]
    assert states == ["sent_out", "excluded"]


def test_a_draft_is_thrown_away(manager: Service, db: Database) -> None:
    """Nothing can be staged in it any more."""
    draft = begun(manager)
    manager.post(f"/reads/{read_id(db, 'A1')}/pin", {**WHY, "reporter_id": "R2", "draft_id": draft})
    assert manager.post(f"/drafts/{draft}/discard", WHY).json()["state"] == "discarded"
    assert manager.ask("/drafts", state="open")["items"] == []
    thrown = manager.ask("/drafts", state="discarded")["items"]
    assert [(item["draft_id"], item["instructions"]) for item in thrown] == [(draft, 1)]
    late = manager.post(f"/reads/{read_id(db, 'A1')}/pin", {**WHY, "reporter_id": "R2", "draft_id": draft})
    problem(late, 409, "conflict")


def test_a_repeated_request_begins_one_draft(manager: Service) -> None:
    """The same key, the same draft."""
    asked = "/drafts", {"name": "Tuesday", "trust": "RVV"}
    once, again = (manager.post(*asked, **{"Idempotency-Key": "k-1"}) for _ in range(2))
    assert once.json() == again.json()
    assert manager.ask("/drafts")["total"] == 1


def test_drafts_are_for_the_managers_of_their_trust(manager: Service, db: Database) -> None:
    """Others neither see nor begin them; a referrer, who may expedite, stages nothing."""
    draft = begun(manager)
    west = Service(db, door=Known(MANAGER_WEST))
    assert west.ask("/drafts")["items"] == []
    problem(west.get(f"/drafts/{draft}"), 404, "not-found")
    problem(west.post(f"/drafts/{draft}/publish", WHY), 404, "not-found")
    problem(west.post("/drafts", {"name": "Tuesday", "trust": "RVV"}), 404, "not-found")
    problem(manager.post("/drafts", {"name": "Tuesday", "trust": "XXX"}), 404, "not-found")
    referrer = Service(db, door=Known(holding(Role.REFERRER, "RVV")))
    asked = {**WHY, "trust": "RVV", "accession_number": "A1", "due_at": "2026-03-02T08:20:00Z", "draft_id": draft}
    problem(referrer.post("/studies/expedite", asked), 403, "not-allowed")
