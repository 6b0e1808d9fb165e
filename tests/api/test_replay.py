"""A map is mended, and the rows that it could not make sense of are read again on demand."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from balancer.ingest.network_folder import read_network
from balancer.services.load_network import load_network
from balancer.services.refresh_feeds import refresh_feed
from balancer.store.database import Database
from tests.api.service import Service, problem
from tests.kent import KEY, content, east_kent, kent, mend, row
from tests.worlds import NOW

GOOD = [row(f"G{number}") for number in range(30)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a network folder to which an extract with an unknown priority has been delivered."""
    found = kent(tmp_path)
    extract = found / "extracts" / "RVV" / "unreported-20260302T0800.csv"
    extract.write_bytes(content([*GOOD, row("B1", priority="soonish")]))
    return found


@pytest.fixture
def service(db: Database, folder: Path) -> Service:
    """Return a service that has taken it in."""
    network = read_network(folder)
    load_network(db, network, NOW)
    refresh_feed(db, network, east_kent(network), NOW, KEY)
    return Service(db, read_network=partial(read_network, folder))


def test_rows_become_studies_once_their_map_is_mended(service: Service, folder: Path) -> None:
    """Their books are a batch of their own, and a run is asked for."""
    assert service.ask("/quarantine")["total"] == 1
    mend(folder, "[priority]", '[priority]\nsoonish = "urgent"')
    answer = service.post("/quarantine/replay", {"feed": "RVV"})
    assert answer.status_code == 200, answer.text
    (batch,) = answer.json()["items"]
    assert (batch["kind"], batch["rows"]["new"], batch["rows"]["balanced"]) == ("replay", 1, True)
    assert service.ask("/studies/RVV/B1")["priority"] == "urgent"
    assert service.ask("/quarantine")["total"] == 0
    assert service.ask("/runs")["items"][0]["state"] == "requested"


def test_rows_that_still_make_no_sense_stay(service: Service) -> None:
    """And no run is asked for."""
    (batch,) = service.post("/quarantine/replay").json()["items"]
    assert batch["rows"]["quarantined"] == 1
    assert service.ask("/quarantine")["total"] == 1
    assert service.ask("/runs")["items"] == []


def test_only_the_feed_that_is_named_is_read_again(service: Service) -> None:
    """Another has nothing in quarantine, and one that is not described is not there."""
    assert service.post("/quarantine/replay", {"feed": "RWF"}).json()["items"] == []
    problem(service.post("/quarantine/replay", {"feed": "RXX"}), 404, "not-found")


def test_a_network_folder_with_faults_is_told_with_all_of_them(service: Service, folder: Path) -> None:
    """Nothing is read again by half a map."""
    (folder / "exams.csv").write_text("exam_code,name\nA,B\n", encoding="utf-8")
    found = problem(service.post("/quarantine/replay"), 409, "network-refused")
    assert "exams.csv" in found["errors"][0]["detail"]
    assert service.ask("/quarantine")["total"] == 1


def test_a_word_is_given_its_meaning_tried_first_and_taken_back(service: Service) -> None:
    """Of the row that waits: its own word, not one of the request's; later rows with it wait again afterwards."""
    row_id = service.ask("/quarantine")["items"][0]["row_id"]
    said = {"meaning": "urgent", "reason": "their word since Monday"}
    tried = service.post(f"/quarantine/{row_id}/meaning", {**said, "only_try": True})
    assert tried.status_code == 200, tried.text
    assert (tried.json()["only_tried"], tried.json()["batch_id"]) == (True, None)
    assert [row["accession_number"] for row in tried.json()["taken"]] == ["B1"]
    assert (service.ask("/feed-words")["items"], service.ask("/quarantine")["total"]) == ([], 1)
    done = service.post(f"/quarantine/{row_id}/meaning", said).json()
    assert (done["only_tried"], done["quarantined_before"], done["quarantined_after"]) == (False, 1, 0)
    assert service.ask(f"/batches/{done['batch_id']}")["kind"] == "replay"
    assert service.ask("/studies/RVV/B1")["priority"] == "urgent"
    (word,) = service.ask("/feed-words")["items"]
    assert (word["word"], word["meaning"], word["kind"]) == ("soonish", "urgent", "priority")
    problem(service.post(f"/quarantine/{row_id}/meaning", said), 409, "conflict")
    answer = service.post(f"/feed-words/{word['word_id']}/withdraw", {"reason": "mistaken"})
    assert (answer.status_code, answer.json()["items"]) == (200, [])
    problem(service.post(f"/feed-words/{word['word_id']}/withdraw", {"reason": "mistaken"}), 409, "conflict")


def test_a_meaning_that_the_network_does_not_have_is_refused(service: Service) -> None:
    """Nothing is entered, and no row moves."""
    row_id = service.ask("/quarantine")["items"][0]["row_id"]
    refused = service.post(f"/quarantine/{row_id}/meaning", {"meaning": "whenever", "reason": "their word"})
    problem(refused, 422, "invalid-value")
    problem(service.post("/quarantine/77/meaning", {"meaning": "urgent", "reason": "their word"}), 404, "not-found")
    assert service.ask("/feed-words")["items"] == []
