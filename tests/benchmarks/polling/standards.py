"""A hundred clients that poll by the standards: what each way costs, and whether one was ever shown what was not so.

``python -m tests.benchmarks.polling.run --only standards``. Throughput is told as a ratio to an empty route of the same
application. Then they ask once a second while reporters open, leave and complete reads over the API; each look of each
client is held against what those know who do the work.
"""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import httpx2

from tests.benchmarks.fresh_process import python
from tests.benchmarks.polling.asking import HOST, Asking, Client, ask, percentile, processor_seconds, ratios
from tests.benchmarks.polling.followed import WAYS
from tests.benchmarks.polling.served import EMPTY
from tests.benchmarks.results import ROOT, Record
from tests.flows.asked_for import FHIR, UPS, Feed
from tests.flows.held import NOBODY, History, Seen, Wrong

TRUST = "RVV"
REPORTERS = 10
# Opened, left, opened again and completed: each reporter does one of these about twice a second.
_ACTS = (("claim", True), ("release", False), ("claim", True), ("complete", False))
_ACT_SECONDS = 0.5
_HEAD_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Rates:
    """Answers of each way in a round: by the clock, and by the second of a processor that the service has used.

    The second is the same on a machine that others use too.
    """

    a_second: dict[str, float]
    a_processor_second: dict[str, float]


def throughput(asking: Asking, count: int, seconds: float, rounds: int) -> list[Rates]:
    """Return the rates of some rounds; each way in each, one after the other, in turns with an empty route.

    Whoever follows the feed has come to its end: so they ask most of the time.
    """
    paths = {"empty": EMPTY, "UPS-RS": UPS, "FHIR": FHIR, "feed": _at_the_end(asking)}
    found = []
    for _ in range(rounds):
        one = Rates({}, {})
        for way, path in paths.items():
            clients: list[Client] = [(path, None)] * count
            before = processor_seconds(asking.pid)
            answers = ask(asking, clients, seconds)
            used = processor_seconds(asking.pid) - before
            if not set(answers["statuses"]) <= {"200", "204"}:
                raise RuntimeError(f"{way}: {answers['statuses']}")
            total = sum(answers["statuses"].values())
            one.a_second[way], one.a_processor_second[way] = total / seconds, total / used
        found.append(one)
    return found


def _at_the_end(asking: Asking) -> str:
    feed = Feed(TRUST)
    with asking.client() as client:
        while feed.take(client.get(feed.address).raise_for_status().json()):
            pass
    return feed.address


def while_they_work(asking: Asking, count: int, seconds: float) -> Record:
    """Let ``count`` clients follow while reporters work; return how often one was shown what was not so."""
    history, stop = History(), threading.Event()
    with asking.client() as client:
        shares = _shares(client)
    asked = {"host": HOST, "port": asking.port, "shown": dict(asking.shown), "trust": TRUST}
    asked |= {"clients": count, "seconds": seconds, "every": 1.0}
    with ThreadPoolExecutor(REPORTERS + 1) as pool:
        following = pool.submit(_follow, asked)
        time.sleep(_HEAD_SECONDS)
        working = [pool.submit(_work, asking, *share, history, stop) for share in shares]
        time.sleep(max(0.0, seconds - 2 * _HEAD_SECONDS))
        stop.set()
        for one in working:
            one.result()
        looks = following.result()
    return told(history, looks)


def _shares(client: httpx2.Client) -> list[tuple[str, dict[str, int]]]:
    """Return reporters, and of each some reads of their list at the trust: nobody's are another's too."""
    found: list[tuple[str, dict[str, int]]] = []
    taken: set[str] = set()
    for item in client.get("/api/v1/worklists").raise_for_status().json()["items"]:
        items = client.get(f"/api/v1/worklists/{item['reporter_id']}").raise_for_status().json()["items"]
        reads = {
            one["accession_number"]: one["read_id"]
            for one in items
            if one["trust"] == TRUST and one["reads"] == 1 and one["accession_number"] not in taken
        }
        if reads and len(found) < REPORTERS:
            found.append((item["reporter_id"], reads))
            taken.update(reads)
    return found


def _follow(asked: Any) -> Any:
    done = subprocess.run(
        python("-m", "tests.benchmarks.polling.followed"),
        cwd=ROOT, input=json.dumps(asked), capture_output=True, text=True, check=True,
    )  # fmt: skip
    return json.loads(done.stdout)


def _work(asking: Asking, reporter: str, reads: dict[str, int], history: History, stop: threading.Event) -> None:
    """Read one study after the other until told to stop; what is open then is left."""
    with asking.client() as client:
        for number, read in reads.items():
            for act, has_it in _ACTS:
                if stop.wait(_ACT_SECONDS) and has_it:
                    return
                with history.changing(number, reporter if has_it else NOBODY):
                    client.post(f"/api/v1/reads/{read}/{act}", json={"reporter_id": reporter}).raise_for_status()


def told(history: History, looks: Sequence[tuple[str, Sequence[tuple[float, float, dict[str, str]]]]]) -> Record:
    """Return how often somebody was shown what was not so, and how long the answers took, by way."""
    wrong: list[Wrong] = []
    took: dict[str, list[float]] = {way: [] for way in WAYS}
    for way, seen in looks:
        for sent, received, picture in seen:
            wrong += history.wrong(Seen(sent, received, picture))
            took[way].append(received - sent)
    return {
        "changes": len(history),
        "looks": {way: len(found) for way, found in took.items()},
        "phantoms": sum(one.is_phantom for one in wrong),
        "missed": sum(not one.is_phantom for one in wrong),
        "p99_ms": {way: round(1000 * percentile(found, 0.99), 1) for way, found in took.items()},
    }


def measure_standards(asking: Asking, count: int, seconds: float, rounds: int) -> Record:
    """Return everything that is measured of ``count`` clients."""
    found = throughput(asking, count, seconds, rounds)
    return {
        "answers_a_second": [_rounded(one.a_second) for one in found],
        "answers_a_processor_second": [_rounded(one.a_processor_second) for one in found],
        "ratio_to_empty": ratios([one.a_second for one in found]),
        "ratio_to_empty_by_processor": ratios([one.a_processor_second for one in found]),
        "while_they_work": while_they_work(asking, count, max(20.0, 4 * seconds)),
    }


def _rounded(rates: dict[str, float]) -> dict[str, float]:
    return {way: round(value, 1) for way, value in rates.items()}
