"""Two hundred clients that poll worklists: what an unchanged list costs, a full one, and a solve beside them.

Everything is told as a ratio to an empty route of the same application, asked in turns with the others by the same
clients: ``python -m tests.benchmarks.polling.run``. Nothing here is a test: a figure of a busy machine proves nothing.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import socket
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx2

from tests.benchmarks.fresh_process import python
from tests.benchmarks.polling.served import EMPTY
from tests.benchmarks.results import KEPT, ROOT, Record, Results, versions

_HOST = "127.0.0.1"
_SERVED = "tests.benchmarks.polling.served"
Client = tuple[str, str | None]


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that at least ``share`` of them do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * share) - 1)]


def ratios(rounds: Sequence[dict[str, float]]) -> dict[str, float]:
    """Return each kind's throughput as a share of the empty route's in the same round; the median over rounds."""
    return {
        kind: round(statistics.median(one[kind] / one["empty"] for one in rounds), 3)
        for kind in rounds[0]
        if kind != "empty"
    }


@contextlib.contextmanager
def served(url: str) -> Iterator[int]:
    """Serve a prepared database on a free port, in a process of its own; yield the port."""
    with socket.create_server((_HOST, 0)) as free:
        port: int = free.getsockname()[1]
    process = subprocess.Popen(
        python("-m", _SERVED, "serve", url, port), cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        for _ in range(300):
            with contextlib.suppress(httpx2.HTTPError):
                httpx2.get(f"http://{_HOST}:{port}{EMPTY}")
                break
            time.sleep(0.2)
        yield port
    finally:
        process.terminate()
        process.wait(30)


def ask(port: int, clients: Sequence[Client], seconds: float, every: float = 0.0) -> Any:
    """Let these clients poll from a process of their own; return what they counted."""
    asked = {"host": _HOST, "port": port, "clients": clients, "seconds": seconds, "every": every}
    done = subprocess.run(
        python("-m", "tests.benchmarks.polling.clients"),
        cwd=ROOT, input=json.dumps(asked), capture_output=True, text=True, check=True,
    )  # fmt: skip
    return json.loads(done.stdout)


def lists(port: int) -> list[tuple[str, str, int]]:
    """Return address, ETag and size of every reporter's list."""
    with httpx2.Client(base_url=f"http://{_HOST}:{port}") as client:
        found = client.get("/api/v1/worklists").json()["items"]
        answers = [client.get(f"/api/v1/worklists/{item['reporter_id']}") for item in found if item["reads"]]
    return [(answer.url.path, answer.headers["etag"], len(answer.content)) for answer in answers]


def shared_out(count: int, known: Sequence[tuple[str, str, int]], *, conditional: bool) -> list[Client]:
    """Return so many clients, in turn of each list: with its ETag, or without."""
    return [(path, etag if conditional else None) for path, etag, _ in (known[n % len(known)] for n in range(count))]


def throughput(port: int, count: int, seconds: float, rounds: int) -> list[dict[str, float]]:
    """Return answers a second, by kind and round; each kind in each round, one after the other."""
    known = lists(port)
    kinds: dict[str, list[Client]] = {
        "empty": [(EMPTY, None)] * count,
        "unchanged": shared_out(count, known, conditional=True),
        "full": shared_out(count, known, conditional=False),
    }
    wanted = {"empty": "200", "unchanged": "304", "full": "200"}
    found = []
    for _ in range(rounds):
        one = {}
        for kind, clients in kinds.items():
            answers = ask(port, clients, seconds)
            assert set(answers["statuses"]) == {wanted[kind]}, (kind, answers["statuses"])
            one[kind] = answers["statuses"][wanted[kind]] / seconds
        found.append(one)
    return found


def beside_a_solve(url: str, port: int, count: int, seconds: float) -> Record:
    """Return the 99th percentile, in milliseconds, of clients that ask once a second: alone, and beside a solve."""
    clients = shared_out(count, lists(port), conditional=True)
    alone = ask(port, clients, seconds, every=1.0)
    solving = subprocess.Popen(
        python("-m", _SERVED, "solve", url, seconds + 10),
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    time.sleep(8)  # until it has gathered, and searches
    beside = ask(port, clients, seconds, every=1.0)
    still = solving.poll() is None
    solving.wait()
    ms = {name: 1000 * percentile(found["took"], 0.99) for name, found in (("alone", alone), ("beside", beside))}
    return {
        "p99_ms_alone": round(ms["alone"], 2),
        "p99_ms_beside_a_solve": round(ms["beside"], 2),
        "p99_ratio": round(ms["beside"] / ms["alone"], 2),
        "it_solved_to_the_end_of_the_measure": still,
    }


def measure(url: str, count: int, seconds: float, rounds: int) -> Record:
    """Return everything that is measured."""
    subprocess.run(python("-m", _SERVED, "prepare", url), cwd=ROOT, check=True, capture_output=True)
    with served(url) as port:
        sizes = [size for _, _, size in lists(port)]
        found = throughput(port, count, seconds, rounds)
        solve = beside_a_solve(url, port, count, max(15.0, seconds))
    return {
        **versions(),
        "clients": count,
        "lists": len(sizes),
        "median_list_kb": round(statistics.median(sizes) / 1000, 1),
        "answers_a_second": [{kind: round(value, 1) for kind, value in one.items()} for one in found],
        "ratio_to_empty": ratios(found),
        **solve,
    }


def main() -> None:
    """Measure, keep the result and show it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--database", help="URL of an empty database; an SQLite file in a temporary folder unless given"
    )
    parser.add_argument("--name", default="sqlite", help="what the result is kept as")
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each kind in each round")
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        url = given.database or f"sqlite:///{Path(folder) / 'polled.sqlite'}"
        record = measure(url, given.clients, given.seconds, given.rounds)
    Results(KEPT / "polling").keep(given.name, record)
    print(json.dumps(record, indent=1))  # noqa: T201 - for whoever runs it


if __name__ == "__main__":
    main()
