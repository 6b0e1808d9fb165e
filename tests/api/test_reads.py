"""Working a list over the wire; every test in two clients' shoes: the one who gets it and the one who does not."""

from __future__ import annotations

from typing import Any

import pytest

from balancer.store.database import Database
from tests.access.doors import MANAGER_EAST, REPORTER, SYSTEM_EAST, Known
from tests.api.service import Service, problem
from tests.api.small_network import allocate
from tests.networks import read_id

R1, R2 = {"reporter_id": "R1"}, {"reporter_id": "R2"}


@pytest.fixture
def reporter(db: Database) -> Service:
    """Return a service on the small network, asked by R1: A1 and A2 are theirs."""
    allocate(db)
    return Service(db, door=Known(REPORTER))


@pytest.fixture
def pacs(reporter: Service, db: Database) -> Service:
    """Return a service on the same, asked by the trust's PACS."""
    assert reporter
    return Service(db, door=Known(SYSTEM_EAST))


def of_list(service: Service) -> list[Any]:
    """Return R1's list."""
    found = service.ask("/worklists/R1")["items"]
    assert isinstance(found, list)
    return found


def test_the_next_read_is_opened_kept_and_completed(reporter: Service) -> None:
    """A reporter's day in four calls."""
    first, second = of_list(reporter)
    claim = reporter.post("/worklists/R1/next").json()["claim"]
    assert (claim["read_id"], claim["reporter_id"]) == (first["read_id"], "R1")
    assert (claim["claimed_at"], claim["lease_until"]) == ("2026-03-02T08:00:00Z", "2026-03-02T08:10:00Z")
    assert [item["state"] for item in of_list(reporter)] == ["claimed", "allocated"]
    kept = reporter.post(f"/reads/{first['read_id']}/heartbeat", R1).json()
    assert (kept["withdrawn"], kept["lease_until"]) == (False, claim["lease_until"])
    done = reporter.post(f"/reads/{first['read_id']}/complete", R1)
    assert (done.status_code, done.json()) == (200, {"read_id": first["read_id"], "accepted": True})
    assert [item["read_id"] for item in of_list(reporter)] == [second["read_id"]]
    reporter.post("/worklists/R1/next")
    assert reporter.post("/worklists/R1/next").json() == {"claim": None, "withheld": 0}


def test_a_manager_takes_up_what_is_parked_and_nobody_else_does(reporter: Service, db: Database) -> None:
    """Its images have come before the date."""
    manager = Service(db, door=Known(MANAGER_EAST))
    read, found = of_list(reporter)[0]["read_id"], {"reason": "the images have come"}
    reporter.post(f"/reads/{read}/return", {**R1, "reason": "images_missing"})
    assert reporter.post(f"/reads/{read}/unpark", found).status_code == 403
    taken = manager.post(f"/reads/{read}/unpark", found)
    assert (taken.status_code, taken.json()) == (200, {"read_id": read, "state": "unallocated"})
    problem(manager.post(f"/reads/{read}/unpark", found), 409, "conflict")


def test_whoever_is_too_late_hears_who_has_it(reporter: Service, pacs: Service) -> None:
    """409, with the name in words and the number in a field."""
    read = of_list(reporter)[0]["read_id"]
    reporter.post(f"/reads/{read}/claim", R1)
    for verb in ("claim", "heartbeat", "release"):
        found = problem(pacs.post(f"/reads/{read}/{verb}", R2), 409, "claimed")
        assert found["claimed_by"] == "R1"
        assert "has claimed the read" in found["detail"]


def test_a_release_puts_it_back(reporter: Service) -> None:
    """On the list where it stood."""
    read = of_list(reporter)[0]["read_id"]
    reporter.post(f"/reads/{read}/claim", R1)
    answer = reporter.post(f"/reads/{read}/release", R1)
    assert answer.json() == {"read_id": read, "state": "allocated"}
    problem(reporter.post(f"/reads/{read}/release", R1), 409, "conflict")


def test_a_return_needs_a_reason_that_there_is(reporter: Service) -> None:
    """Missing images are parked; what is returned is on the list no more."""
    first, second = (item["read_id"] for item in of_list(reporter))
    problem(reporter.post(f"/reads/{first}/return", R1), 422, "invalid-value")
    problem(reporter.post(f"/reads/{first}/return", {**R1, "reason": "boring"}), 422, "invalid-value")
    assert reporter.post(f"/reads/{first}/return", {**R1, "reason": "outside_scope"}).json()["state"] == "unallocated"
    assert reporter.post(f"/reads/{second}/return", {**R1, "reason": "images_missing"}).json()["state"] == "parked"
    assert of_list(reporter) == []


def test_the_balance_knows_what_is_parked_and_done(reporter: Service, db: Database) -> None:
    """Every read is somewhere, with an owner."""
    first, second = (item["read_id"] for item in of_list(reporter))
    reporter.post(f"/reads/{first}/return", {**R1, "reason": "images_missing"})
    reporter.post(f"/reads/{second}/claim", R1)
    manager = Service(db, door=Known(MANAGER_EAST))
    (east,) = manager.ask("/balance")["items"]
    assert (east["parked"], east["claimed"], east["allocated"], east["unallocated"]) == (1, 1, 0, 1)
    reporter.post(f"/reads/{second}/complete", R1)
    (east,) = manager.ask("/balance")["items"]
    assert (east["done"], east["open_reads"], east["required_reads"], east["balanced"]) == (1, 3, 3, True)
    parked = manager.ask("/studies/RVV/A1")["reads"][0]
    assert (parked["state"], parked["owner"], parked["until"]) == (
        "parked",
        "RVV reporting office",
        "2026-03-03T07:00:00Z",
    )


def test_a_completion_beside_anothers_claim_is_kept_and_managers_are_told(
    reporter: Service, pacs: Service, db: Database
) -> None:
    """They look, and say what became of it, once."""
    read = of_list(reporter)[0]["read_id"]
    pacs.post(f"/reads/{read}/claim", {**R2, "heartbeats": False})
    assert pacs.post(f"/reads/{read}/complete", R1).json()["accepted"] is False
    manager = Service(db, door=Known(MANAGER_EAST))
    (waiting,) = manager.ask("/exceptions")["items"]
    assert (waiting["kind"], waiting["read_id"], waiting["owner"]) == (
        "completed_beside",
        read,
        "RVV reporting office",
    )
    taken = manager.post(f"/exceptions/{waiting['exception_id']}/take").json()
    assert (taken["owner"], taken["resolved_at"]) == (MANAGER_EAST.name, None)
    address = f"/exceptions/{waiting['exception_id']}/resolve"
    assert manager.post(address, {"resolution": "R1's report stands"}).json()["resolved_by"] == MANAGER_EAST.subject
    problem(manager.post(address, {"resolution": "again"}), 409, "conflict")
    problem(manager.post(address.replace("resolve", "take")), 409, "conflict")
    assert manager.ask("/exceptions")["items"] == []
    assert manager.ask("/exceptions", resolved=True)["total"] == 1


def test_a_reporter_works_their_own_list_only(reporter: Service, db: Database) -> None:
    """Neither for somebody else, nor on what is not theirs to open."""
    problem(reporter.post("/worklists/R2/next"), 403, "not-allowed")
    problem(reporter.post(f"/reads/{read_id(db, 'A1')}/claim", R2), 403, "not-allowed")
    problem(reporter.post(f"/reads/{read_id(db, 'A3')}/claim", R1), 409, "conflict")
    problem(reporter.post("/reads/4711/claim", R1), 404, "not-found")


def test_skips_are_shown_to_managers_in_aggregate(reporter: Service, db: Database) -> None:
    """To nobody else, and without a name."""
    reporter.post(f"/reads/{of_list(reporter)[1]['read_id']}/claim", R1)
    problem(reporter.get("/skips"), 403, "not-allowed")
    manager = Service(db, door=Known(MANAGER_EAST))
    assert manager.ask("/skips")["items"] == [
        {"trust": "RVV", "subspecialty": "neuro", "modality": "CT", "skips": 1, "reads": 1}
    ]
    assert manager.ask("/skips", since="2026-03-02T08:00:01Z")["items"] == []


def test_the_trail_of_a_read_can_be_read_by_auditors_of_everything(reporter: Service, db: Database) -> None:
    """It is one chain for all trusts."""
    read = of_list(reporter)[0]["read_id"]
    reporter.post(f"/reads/{read}/claim", R1)
    found = Service(db).ask("/audit", subject_kind="read", subject_id=str(read))["items"]
    assert [(item["action"], item["actor"]) for item in found] == [
        ("read.claim", REPORTER.subject),
        ("read.publish", "job:allocation"),
    ]
    problem(reporter.get("/audit"), 403, "not-allowed")
