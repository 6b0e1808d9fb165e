"""Feeds, batches and quarantine over the wire: what came, whether the books balance, and what a person decides."""

from __future__ import annotations

import pytest

from balancer.domain.actor import Grant, person
from balancer.domain.permission import Role
from balancer.services.ingest_studies import ingest_extract
from balancer.store.database import Database
from tests.access.doors import SYSTEM_EAST, Known
from tests.api.service import Service, problem
from tests.networks import FEED, Feed, bad_row, extract, loaded, minutes
from tests.worlds import NOW

HUNDRED = [f"A{number:03}" for number in range(100)]


@pytest.fixture
def held(db: Database) -> Service:
    """Return a service on a feed whose second file would withdraw half of what is open, and is held."""
    loaded(db)
    ingest_extract(db, Feed(), extract(*HUNDRED, quarantined=[bad_row("B1", NHS="999 123 4567")]), NOW)
    ingest_extract(db, Feed(), extract(*HUNDRED[:50], at=10), minutes(10), file_name="half.csv")
    return Service(db)


def test_a_feed_is_found_by_its_name_and_by_its_trust(held: Service) -> None:
    """People know the trust's code; programs know the name."""
    by_trust, by_name = held.ask("/feeds/RVV"), held.ask(f"/feeds/{FEED}")
    assert by_trust == by_name == held.ask("/feeds")["items"][0]
    assert (by_trust["state"], by_trust["open_studies"], by_trust["quarantined_rows"]) == ("held", 100, 1)
    problem(held.get("/feeds/RWF"), 404, "not-found")


def test_both_equations_of_every_batch_are_shown_and_hold(held: Service) -> None:
    """Newest first; the sums are the reader's to check."""
    second, first = held.ask("/feeds/RVV/batches")["items"]
    for batch in (first, second):
        rows, studies = batch["rows"], batch["studies"]
        heaps = ("new", "changed", "unchanged", "duplicate", "excluded", "quarantined")
        assert rows["rows_read"] == sum(rows[heap] for heap in heaps)
        gone = studies["withdrawn"] + studies["excluded_since"]
        assert studies["open_before"] + studies["new"] + studies["reopened"] - gone == studies["open_after"]
        assert rows["balanced"]
        assert studies["balanced"]
    assert (first["rows"]["new"], second["state"], second["waiting"], second["file_name"]) == (
        100, "held", 50, "half.csv",
    )  # fmt: skip


def test_a_stale_feed_is_seen_to_be_stale(held: Service) -> None:
    """Seventy minutes after an extract that may be an hour old."""
    assert held.ask("/feeds/RVV")["stale"] is False
    held.clock.at = minutes(80)
    assert held.ask("/feeds/RVV")["stale"] is True


def test_a_released_batch_closes_what_it_held_and_asks_for_a_run(held: Service) -> None:
    """The answer is the batch in whose books the withdrawals stand."""
    batch_id = held.ask("/feeds/RVV")["held_batch"]["batch_id"]
    answer = held.post(f"/batches/{batch_id}/release", {"decided_by": "A. Manager"})
    assert (answer.status_code, answer.json()["studies"]["withdrawn"], answer.json()["of_batch_id"]) == (
        200, 50, batch_id,
    )  # fmt: skip
    assert held.ask(f"/batches/{batch_id}")["resolved_by"] == "A. Manager"
    assert held.ask("/studies")["total"] == 50
    assert [run["state"] for run in held.ask("/runs")["items"]] == ["requested"]


def test_a_discarded_batch_closes_nothing(held: Service) -> None:
    """What it would have withdrawn stays open."""
    batch_id = held.ask("/feeds/RVV")["held_batch"]["batch_id"]
    assert held.post(f"/batches/{batch_id}/discard", {"decided_by": "A. Manager"}).json()["state"] == "discarded"
    assert held.ask("/studies")["total"] == 100
    assert held.ask("/runs")["items"] == []


def test_two_people_cannot_both_decide(held: Service) -> None:
    """The second is told, and nothing more is done."""
    batch_id = held.ask("/feeds/RVV")["held_batch"]["batch_id"]
    held.post(f"/batches/{batch_id}/discard", {"decided_by": "A. Manager"})
    problem(held.post(f"/batches/{batch_id}/release", {"decided_by": "B. Manager"}), 409, "conflict")
    assert held.ask("/studies")["total"] == 100


def test_whoever_has_signed_in_decides_in_their_own_name(held: Service) -> None:
    """Whatever the request says; the local operator, whom nobody knows, says who they are."""
    held.app.state.door = Known(person("test:1", "B. Manager", Grant(Role.MANAGER, "RVV")))
    decided = held.post("/batches/2/discard", {"decided_by": "A. Manager"})
    assert decided.json()["resolved_by"] == "B. Manager (test:1)"


def test_a_system_decides_in_its_own_name_for_whom_it_says(held: Service) -> None:
    """A connector's key must not sign as anybody it likes."""
    held.app.state.door = Known(SYSTEM_EAST)
    decided = held.post("/batches/2/discard", {"decided_by": "A. Manager"})
    assert decided.json()["resolved_by"] == "test:pacs for A. Manager"


def test_nobody_decides_without_a_name(held: Service) -> None:
    """It is kept with the batch; line breaks and the like are no name."""
    for body in ({}, {"decided_by": ""}, {"decided_by": "A\nB"}):
        problem(held.post("/batches/2/release", body), 422, "invalid-value")


@pytest.mark.parametrize("batch_id", [0, 2**31, 10**30])
def test_a_number_that_no_batch_can_have_is_refused(held: Service, batch_id: int) -> None:
    """Before the database is asked; what is no number at all leads nowhere."""
    problem(held.get(f"/batches/{batch_id}"), 422, "invalid-value")
    problem(held.get(f"/batches/x{batch_id}"), 404, "not-found")


def test_what_waits_for_a_person_is_listed_over_all_feeds(held: Service) -> None:
    """Until somebody has decided."""
    (batch,) = held.ask("/batches/held")["items"]
    assert (batch["feed"], batch["state"], batch["waiting"]) == (FEED, "held", 50)
    held.post(f"/batches/{batch['batch_id']}/discard", {"decided_by": "A. Manager"})
    assert held.ask("/batches/held")["items"] == []


def test_a_quarantined_row_is_shown_whole_with_its_reason(held: Service) -> None:
    """Whoever mends the map needs the row as it came."""
    row = held.ask("/quarantine", feed=FEED)["items"][0]
    assert (row["reason"], row["column"], row["accession_number"]) == ("unknown priority", "Priority", "B1")
    assert row["raw"]["NHS"] == "999 123 4567"
    assert held.ask(f"/quarantine/{row['row_id']}") == row
    assert held.ask("/quarantine/reasons")["items"] == [{"feed": FEED, "reason": "unknown priority", "rows": 1}]
    assert held.ask("/quarantine", reason="another")["items"] == []
    problem(held.get("/quarantine/77"), 404, "not-found")


def test_a_row_is_refused_with_a_reason_and_taken_up_again(held: Service) -> None:
    """It is listed as refused with who and why, no longer as waiting, and the books say so."""
    row_id = held.ask("/quarantine")["items"][0]["row_id"]
    assert held.post(f"/quarantine/{row_id}/refuse", {}).status_code == 422
    row = held.post(f"/quarantine/{row_id}/refuse", {"reason": "a test patient"}).json()
    assert (row["state"], row["refused_why"], row["resolved_at"]) == ("refused", "a test patient", None)
    assert row["refused_by"]
    assert held.ask("/quarantine")["items"] == []
    assert held.ask("/quarantine", state="refused")["items"] == [row]
    (feed,) = (item for item in held.ask("/feeds")["items"] if item["feed"] == FEED)
    assert (feed["quarantined_rows"], feed["refused_rows"]) == (0, 1)
    problem(held.post(f"/quarantine/{row_id}/refuse", {"reason": "again"}), 409, "conflict")
    row = held.post(f"/quarantine/{row_id}/reopen", {"reason": "it is a study"}).json()
    assert (row["state"], row["refused_by"], row["refused_at"]) == ("open", None, None)
    problem(held.post(f"/quarantine/{row_id}/reopen", {"reason": "again"}), 409, "conflict")
