"""How soon every side is told who has a read, when five open it at once by five doors: ``make bench-told``.

The races of ``tests/flows/test_of_five_doors_one_opens_a_read.py``, many of them. The time runs from when the first
message is sent, so that it holds that message's own way too, until a side has heard who it is and, where it is told
only that there is news, has looked. Service, outlets and peers share the machine, and one process: so each
time is also told as a ratio to two that were taken beside it, the winner's own request and an empty route.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import structlog

from balancer.store.database import Database
from tests.benchmarks.polling.asking import percentile
from tests.benchmarks.results import KEPT, Record, Results, versions
from tests.databases import chosen
from tests.flows.everybody_told import sides
from tests.flows.five_doors import DOORS, HEAD_STARTS, completed, race
from tests.flows.one_network import Network, one_network

# An open route that looks nothing up.
_EMPTY: Final = "/api/v1/health/live"
_EMPTY_A_RACE: Final = 5
BOUND_SECONDS: Final = 1.0


class Seconds:
    """What was measured, in seconds: by side, of the winner's own request, and of an empty route."""

    def __init__(self) -> None:
        self.told: dict[str, list[float]] = defaultdict(list)
        self.own: list[float] = []
        self.empty: list[float] = []
        self.won: dict[str, int] = defaultdict(int)

    def add_race(self, network: Network, number: str, ahead: str | None) -> None:
        """Let five open a study's read, and add how long each side waited to hear who it is."""
        openings = {reader: _timed(door(network, number)) for reader, door in DOORS.items()}
        with sides(network, number) as listening, ThreadPoolExecutor(len(listening)) as pool:
            began = time.perf_counter()
            hearing = {side: pool.submit(_heard_at, hear) for side, hear in listening.items()}
            (winner,) = race({reader: opening for reader, (opening, _) in openings.items()}, ahead)
            for side, one in hearing.items():
                self.told[side].append(one.result() - began)
        self.won[winner] += 1
        self.own += openings[winner][1]
        self._add_empty(network)
        completed(network, number, winner)

    def _add_empty(self, network: Network) -> None:
        for _ in range(_EMPTY_A_RACE):
            began = time.perf_counter()
            network.clients["feed"].get(_EMPTY).raise_for_status()
            self.empty.append(time.perf_counter() - began)

    def record(self) -> Record:
        """Return the figures that are kept."""
        own, empty = statistics.median(self.own), statistics.median(self.empty)
        return {
            "races": len(self.own),
            "won_by": dict(sorted(self.won.items())),
            "own_request_seconds": _figures(self.own),
            "empty_route_seconds": _figures(self.empty),
            "sides": {
                side: {
                    **_figures(found),
                    "within_a_second": round(sum(one <= BOUND_SECONDS for one in found) / len(found), 3),
                    "median_by_own_request": round(statistics.median(found) / own, 2),
                    "median_by_empty_route": round(statistics.median(found) / empty, 1),
                }
                for side, found in self.told.items()
            },
        }


def _figures(seconds: Sequence[float]) -> Record:
    found = {"median": statistics.median(seconds), "p95": percentile(seconds, 0.95), "worst": max(seconds)}
    return {name: round(value, 4) for name, value in found.items()}


def _timed(opening: Callable[[], bool]) -> tuple[Callable[[], bool], list[float]]:
    """Return the same opening, and what its time is added to."""
    took: list[float] = []

    def open_it() -> bool:
        began = time.perf_counter()
        is_theirs = opening()
        took.append(time.perf_counter() - began)
        return is_theirs

    return open_it, took


def _heard_at(hear: Callable[[], Any]) -> float:
    hear()
    return time.perf_counter()


def measure(url: str, races: int) -> Seconds:
    """Return the times of so many races on the database of that URL, which has nothing in it."""
    found, numbers = Seconds(), tuple(f"A{place}" for place in range(races))
    database = Database(url)
    database.migrate()
    try:
        with one_network(database, numbers) as network:
            for place, number in enumerate(numbers):
                found.add_race(network, number, HEAD_STARTS[place % len(HEAD_STARTS)])
    finally:
        database.close()
    return found


def main() -> None:
    """Measure, keep the result and show it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--databases", nargs="+", default=["sqlite", "postgresql"])
    parser.add_argument("--races", type=int, default=24, help="all of them stand on one list, of one session")
    given = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    for name in given.databases:
        before = os.getloadavg()[0]
        with tempfile.TemporaryDirectory() as folder, chosen(name, Path(folder)) as url:
            found = measure(url, given.races).record()
        load = [round(one, 1) for one in (before, os.getloadavg()[0])]
        record = Results(KEPT / "told").keep(name, {**versions(), "load_before_and_after": load, **found})
        print(json.dumps({name: record}, indent=1))  # noqa: T201 - for whoever runs it


if __name__ == "__main__":
    main()
