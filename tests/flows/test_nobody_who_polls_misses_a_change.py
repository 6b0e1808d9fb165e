"""Clients that poll by UPS-RS, FHIR and the assignment feed while reporters work: no missed change, no phantom.

The large version, with a hundred of them and their rates, is ``tests/benchmarks/polling``.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

from httpx2 import Client

from balancer.api.doors import LOCAL_COOKIE, CredentialsDoor
from balancer.store.database import Database
from tests.api.listening import listening
from tests.api.service import Service
from tests.flows.asked_for import looks
from tests.flows.held import NOBODY, History, Picture, Seen, Wrong, followed
from tests.flows.one_network import TRUST, allocate, client_with, registered_key
from tests.networks import read_id

OF_EACH = 2
WORKERS = ("R1", "R2", "R3")
# Each opens, leaves, opens again and completes one study after the other.
ACTS = (("claim", True), ("release", False), ("claim", True), ("complete", False))
NUMBERS = tuple(f"A{place}" for place in range(6))


def work(client: Client, reporter: str, reads: dict[str, int], history: History) -> None:
    """Do everything with these reads, one after the other."""
    for number, read in reads.items():
        for act, has_it in ACTS:
            with history.changing(number, reporter if has_it else NOBODY):
                answer = client.post(f"/api/v1/reads/{read}/{act}", json={"reporter_id": reporter})
                assert answer.status_code == 200, answer.text


def test_whoever_polls_sees_what_is_so_while_they_ask_and_nothing_else(db: Database) -> None:
    """Each by itself, at every look: who is shown had it then, and who had it all the while is shown."""
    allocate(db, NUMBERS)
    service = Service(db)
    service.app.state.door = CredentialsDoor(lambda: db, service.clock, cookie=LOCAL_COOKIE)
    keys = {name: registered_key(db, name) for name in ("polls", "works")}
    shares = {
        reporter: {number: read_id(db, number) for number in NUMBERS[place::3]}
        for place, reporter in enumerate(WORKERS)
    }
    history, stop = History(), threading.Event()
    with ExitStack() as stack, listening(service) as port:
        clients = [stack.enter_context(client_with(port, keys["polls"])) for _ in range(OF_EACH)]
        ways: list[tuple[str, Callable[[], Picture]]] = [way for one in clients for way in looks(one, TRUST).items()]
        pool = stack.enter_context(ThreadPoolExecutor(len(ways) + len(WORKERS)))
        polling = [(way, pool.submit(followed, look, stop)) for way, look in ways]
        working = [
            pool.submit(work, stack.enter_context(client_with(port, keys["works"])), reporter, reads, history)
            for reporter, reads in shares.items()
        ]
        try:
            for one in working:
                one.result()
        finally:
            stop.set()
        seen = [(way, one.result()) for way, one in polling]
    assert len(history) == len(ACTS) * len(NUMBERS)
    for way, found in seen:
        assert [wrong for one in found for wrong in history.wrong(one)] == [], way
        assert any(one.picture for one in found), f"{way} saw nobody work"
        assert found[-1].picture == {}


def test_what_is_not_so_is_found() -> None:
    """A phantom, a change that was missed, and neither while it may be either way."""
    history = History()
    history.changes["A1"] = [(1.0, 2.0, "R1"), (5.0, 6.0, NOBODY)]
    cases = {
        (0.0, 0.5, "R1"): "phantom",
        (0.0, 0.5, NOBODY): "",
        (1.5, 1.6, "R1"): "",
        (1.5, 1.6, NOBODY): "",
        (3.0, 4.0, NOBODY): "missed",
        (3.0, 4.0, "R2"): "phantom",
        (5.5, 5.6, NOBODY): "",
        (7.0, 8.0, "R1"): "phantom",
    }
    for (sent, received, shown), wanted in cases.items():
        wrong = history.wrong(Seen(sent, received, {"A1": shown} if shown else {}))
        told = [("phantom" if one.is_phantom else "missed") for one in wrong]
        assert told == ([wanted] if wanted else []), (sent, received, shown)
    assert history.wrong(Seen(3.0, 4.0, {"A1": "R1", "A2": "R3"})) == [
        Wrong(number="A2", shown="R3", was=frozenset({NOBODY}))
    ]
