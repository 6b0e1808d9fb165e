"""What the polling benchmark says is what its clients counted: its sums, and its clients against a real service."""

from __future__ import annotations

import asyncio

from balancer.store.database import Database
from tests.api.listening import listening
from tests.api.service import Service
from tests.api.small_network import allocate
from tests.benchmarks.polling.asking import percentile, ratios
from tests.benchmarks.polling.clients import all_at_once, request
from tests.benchmarks.polling.followed import WAYS, follow
from tests.benchmarks.polling.run import shared_out
from tests.benchmarks.polling.standards import told
from tests.flows.held import History
from tests.networks import claimed


def test_a_percentile_is_a_value_that_was_measured() -> None:
    """Of a hundred values the 99th is the one that 99 do not exceed."""
    values = [float(value) for value in range(1, 101)]
    assert (percentile(values, 0.99), percentile(values, 0.5), percentile([7.0], 0.99)) == (99.0, 50.0, 7.0)


def test_ratios_are_within_a_round_and_the_median_over_rounds() -> None:
    """A round in which the whole machine was slow says as much as any other."""
    rounds = [
        {"empty": 1000.0, "full": 500.0},
        {"empty": 100.0, "full": 60.0},
        {"empty": 1000.0, "full": 400.0},
    ]
    assert ratios(rounds) == {"full": 0.5}


def test_a_request_shows_who_asks_and_what_they_have() -> None:
    """One blank line ends it."""
    sent = request("/a", "here:1", '"1"', {"Authorization": "Bearer k"})
    assert sent == b'GET /a HTTP/1.1\r\nHost: here:1\r\nAuthorization: Bearer k\r\nIf-None-Match: "1"\r\n\r\n'
    assert request("/a", "here:1", None) == b"GET /a HTTP/1.1\r\nHost: here:1\r\n\r\n"


def test_clients_share_the_lists_out() -> None:
    """Each asks for one, with its ETag or for the whole."""
    known = [("/a", '"1"', 10), ("/b", '"2"', 10)]
    assert shared_out(3, known, conditional=True) == [("/a", '"1"'), ("/b", '"2"'), ("/a", '"1"')]
    assert shared_out(1, known, conditional=False) == [("/a", None)]


def test_clients_count_what_comes_back(sqlite_db: Database) -> None:
    """Some have the list and get 304, some get it whole, each as often as it asks."""
    allocate(sqlite_db)
    allocated = Service(sqlite_db)
    etag = allocated.get("/worklists/R1").headers["etag"]
    size = len(allocated.get("/worklists/R1").content)
    with listening(allocated) as port:
        host = f"127.0.0.1:{port}"
        requests = [request("/api/v1/worklists/R1", host, given) for given in (etag, etag, None)]
        found = asyncio.run(all_at_once(("127.0.0.1", port), requests, 0.3, 0.0))
    assert set(found.statuses) == {"304", "200"}
    assert found.received == size * found.statuses["200"]
    assert len(found.took) == sum(found.statuses.values())


def test_whoever_follows_by_a_standard_sees_who_has_what_open(sqlite_db: Database) -> None:
    """Each way says the same of it, at each look."""
    allocate(sqlite_db)
    claimed(sqlite_db, "A1")
    with listening(Service(sqlite_db)) as port:
        asked = {"host": "127.0.0.1", "port": port, "shown": {}, "trust": "RVV", "clients": 3, "seconds": 0.2}
        found = asyncio.run(follow(asked | {"every": 0.1}))
    assert [way for way, _ in found] == list(WAYS)
    for way, seen in found:
        assert [picture for _, _, picture in seen] == [{"A1": "R1"}] * len(seen), way
        assert len(seen) >= 2


def test_what_was_not_so_is_counted() -> None:
    """By kind; and how often each way was asked."""
    history = History()
    history.changes["A1"] = [(1.0, 2.0, "R1")]
    seen = [(3.0, 3.1, {"A1": "R1"}), (4.0, 4.3, {}), (5.0, 5.2, {"A1": "R1", "A2": "R2"})]
    found = told(history, [("UPS-RS", seen), ("FHIR", seen[:1]), ("feed", seen[:1])])
    assert found == {
        "changes": 1,
        "looks": {"UPS-RS": 3, "FHIR": 1, "feed": 1},
        "phantoms": 1,
        "missed": 1,
        "p99_ms": {"UPS-RS": 300.0, "FHIR": 100.0, "feed": 100.0},
    }
