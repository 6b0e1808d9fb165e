"""Two hundred clients that poll worklists: what an unchanged list costs, a full one, and a solve beside them.

Everything is told as a ratio to an empty route of the same application, asked in turns with the others by the same
clients: ``python -m tests.benchmarks.polling.run``. Nothing here is a test: a figure of a busy machine proves nothing.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import socket
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import httpx2

from balancer.domain.permission import Permission
from balancer.services.register_system import Registration, register_system
from balancer.store.database import Database
from tests.benchmarks.fresh_process import python
from tests.benchmarks.polling.asking import HOST, Asking, Client, ask, percentile, ratios
from tests.benchmarks.polling.served import EMPTY
from tests.benchmarks.polling.standards import measure_standards
from tests.benchmarks.results import KEPT, ROOT, Record, Results, versions
from tests.databases import chosen
from tests.terminal import OPERATOR

_SERVED = "tests.benchmarks.polling.served"
_TRUSTS = ("RVV", "RWF", "RPA")
_MANAGER = "manager@RVV"
_SYSTEM = Registration(
    system_id="polls",
    name="A system that polls lists",
    scopes=frozenset({Permission.WORKLISTS_READ, Permission.ASSIGNMENTS_READ, Permission.READS_WORK}),
    trusts=frozenset(_TRUSTS),
)


@contextlib.contextmanager
def served(url: str) -> Iterator[tuple[int, int]]:
    """Serve a prepared database on a free port, in a process of its own; yield the port and the process's number."""
    with socket.create_server((HOST, 0)) as free:
        port: int = free.getsockname()[1]
    process = subprocess.Popen(
        python("-m", _SERVED, "serve", url, port), cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        for _ in range(300):
            with contextlib.suppress(httpx2.HTTPError):
                httpx2.get(f"http://{HOST}:{port}{EMPTY}")
                break
            time.sleep(0.2)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait(30)


def shown_by(caller: str, url: str, port: int) -> dict[str, str]:
    """Return the headers of whoever asks.

    The ``operator`` shows nothing, a system its ``key``, a manager the ``cookie`` of a session.
    """
    if caller == "operator":
        return {}
    if caller == "key":
        database = Database(url)
        key = register_system(database, _SYSTEM, datetime.now(UTC), by=OPERATOR)
        database.close()
        return {"Authorization": f"Bearer {key}"}
    base = f"http://{HOST}:{port}"
    with httpx2.Client(base_url=base, headers={"Origin": base}) as client:
        client.post("/sign-in", data={"who": _MANAGER})
        return {"Cookie": "; ".join(f"{name}={value}" for name, value in client.cookies.items())}


def lists(asking: Asking) -> list[tuple[str, str, int]]:
    """Return address, ETag and size of every reporter's list."""
    with asking.client() as client:
        found = client.get("/api/v1/worklists").json()["items"]
        answers = [client.get(f"/api/v1/worklists/{item['reporter_id']}") for item in found if item["reads"]]
    return [(answer.url.path, answer.headers["etag"], len(answer.content)) for answer in answers]


def shared_out(count: int, known: Sequence[tuple[str, str, int]], *, conditional: bool) -> list[Client]:
    """Return so many clients, in turn of each list: with its ETag, or without."""
    return [(path, etag if conditional else None) for path, etag, _ in (known[n % len(known)] for n in range(count))]


def throughput(asking: Asking, count: int, seconds: float, rounds: int) -> list[dict[str, float]]:
    """Return answers a second, by kind and round; each kind in each round, one after the other."""
    known = lists(asking)
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
            answers = ask(asking, clients, seconds)
            assert set(answers["statuses"]) == {wanted[kind]}, (kind, answers["statuses"])
            one[kind] = answers["statuses"][wanted[kind]] / seconds
        found.append(one)
    return found


def beside_a_solve(url: str, asking: Asking, count: int, seconds: float) -> Record:
    """Return the 99th percentile, in milliseconds, of clients that ask once a second: alone, and beside a solve."""
    clients = shared_out(count, lists(asking), conditional=True)
    alone = ask(asking, clients, seconds, every=1.0)
    solving = subprocess.Popen(python("-m", _SERVED, "solve", url, seconds + 10), cwd=ROOT, stdout=subprocess.DEVNULL)
    time.sleep(8)  # until it has gathered, and searches
    beside = ask(asking, clients, seconds, every=1.0)
    assert solving.poll() is None, "the solve ended before the measure did"
    assert solving.wait() == 0
    ms = {name: 1000 * percentile(found["took"], 0.99) for name, found in (("alone", alone), ("beside", beside))}
    return {
        "p99_ms_alone": round(ms["alone"], 2),
        "p99_ms_beside_a_solve": round(ms["beside"], 2),
        "p99_ratio": round(ms["beside"] / ms["alone"], 2),
    }


def measure_standards_on(url: str, count: int, seconds: float, rounds: int) -> Record:
    """Return everything that is measured of ``count`` systems that poll by the standards."""
    subprocess.run(python("-m", _SERVED, "prepare", url), cwd=ROOT, check=True, capture_output=True)
    with served(url) as (port, pid):
        asking = Asking(port=port, shown=shown_by("key", url, port), pid=pid)
        found = measure_standards(asking, count, seconds, rounds)
    return {**versions(), "clients": count, "load_average": round(os.getloadavg()[0], 1), **found}


def measure(url: str, caller: str, count: int, seconds: float, rounds: int) -> Record:
    """Return everything that is measured of ``count`` clients who ask as ``caller``."""
    subprocess.run(python("-m", _SERVED, "prepare", url), cwd=ROOT, check=True, capture_output=True)
    with served(url) as (port, pid):
        asking = Asking(port=port, shown=shown_by(caller, url, port), pid=pid)
        sizes = [size for _, _, size in lists(asking)]
        found = throughput(asking, count, seconds, rounds)
        solve = beside_a_solve(url, asking, count, max(15.0, seconds))
    return {
        **versions(),
        "caller": caller,
        "clients": count,
        "load_average": round(os.getloadavg()[0], 1),
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
        "--database", default="sqlite", help="sqlite, postgresql (a server of its own), or the URL of an empty database"
    )
    parser.add_argument("--name", help="what the result is kept as, unless it is database and caller")
    parser.add_argument(
        "--caller", choices=("operator", "key", "cookie"), default="operator", help="who the clients are"
    )
    parser.add_argument("--only", choices=("lists", "standards"), default="lists", help="what is polled")
    parser.add_argument("--clients", type=int, help="200 for lists, 100 by the standards")
    parser.add_argument("--seconds", type=float, default=5.0, help="of each kind in each round")
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    by_standards = given.only == "standards"
    with tempfile.TemporaryDirectory() as folder, chosen(given.database, Path(folder)) as url:
        if by_standards:
            record = measure_standards_on(url, given.clients or 100, given.seconds, given.rounds)
        else:
            record = measure(url, given.caller, given.clients or 200, given.seconds, given.rounds)
    name = given.database if given.caller == "operator" else f"{given.database}-{given.caller}"
    kept = Results(KEPT / ("polling-standards" if by_standards else "polling"))
    kept.keep(given.name or name, record)
    print(json.dumps(record, indent=1))  # noqa: T201 - for whoever runs it


if __name__ == "__main__":
    main()
