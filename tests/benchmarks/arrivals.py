"""How long an emergency takes from its arrival until whoever is to read it, and their PACS, see it.

    python -m tests.benchmarks.arrivals [--by file|message] [--database sqlite|postgresql|URL] [--each 20]
                                        [--meet-runs [--after quiet,0,0.3,0.6]] [--history 600000]

The whole service runs as ``balancer serve`` starts it, on a copy of the Kent sample. An emergency arrives as a file
that a trust drops (its whole extract, with one study more) or as a message (UPS create). The clock runs from there
until a client that waits on a worklist, and another that waits on the change feed of assignments, have each been told
of it. With ``--meet-runs`` each arrives at the worst of moments: as a run that was asked for begins to be published, or
so many seconds ``--after`` that, in turn: while it is published, and while the new plan is opened and everybody fetches
their new list. ``quiet`` among them is an arrival that meets no run: what the others are compared with, in the same
minutes; ``solve`` is one that comes as the search of a run begins. Between two there is time for the run before to be
priced, which begins ten seconds after it: runs follow each other so quickly here only.
With ``--history`` so many studies have been reported before, as after some years.
Beside every arrival a list is fetched anew, so that a slow machine shows: what is kept is the ratio as well.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import socket
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2

from balancer.domain.permission import Permission
from balancer.publish.ups.codes import EXAMINATIONS, Code
from balancer.publish.ups.elements import coded, put
from balancer.publish.ups.json_model import model_of
from balancer.services.register_system import Registration, register_system
from balancer.store.database import Database
from tests.benchmarks.fresh_process import python
from tests.benchmarks.history import add_history
from tests.benchmarks.results import KEPT, ROOT, Record, Results, versions
from tests.creations import request_of
from tests.databases import chosen
from tests.kent import SAMPLE
from tests.terminal import OPERATOR

HOST, TRUST = "127.0.0.1", "RVV"
_LONGEST_SECONDS = 60.0
_QUIET, _SOLVE = "quiet", "solve"
_PAUSE_SECONDS, _PAUSE_AFTER_A_RUN_SECONDS = 3.0, 15.0
_HEAD = Code("CSKUH", EXAMINATIONS, "CT Skull")
_SYSTEM = Registration(
    system_id="arrivals",
    name="A system by which emergencies arrive",
    scopes=frozenset(
        {
            Permission.WORKLISTS_READ,
            Permission.ASSIGNMENTS_READ,
            Permission.STUDIES_CREATE,
            Permission.RUNS_READ,
            Permission.RUNS_START,
        }
    ),
    trusts=frozenset({TRUST, "RWF", "RPA"}),
)


@dataclass
class Seen:
    """When a number was first seen on a list, and in the change feed; by this process's clock."""

    listed: dict[str, float] = field(default_factory=dict)
    assigned: dict[str, float] = field(default_factory=dict)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def note(self, where: dict[str, float], numbers: Sequence[str]) -> None:
        """Note that these have been seen now."""
        at = time.perf_counter()
        with self.changed:
            for number in numbers:
                where.setdefault(number, at)
            self.changed.notify_all()

    def wait(self, number: str) -> tuple[float, float]:
        """Return when a number was seen on a list and in the feed; infinite if it was not, in all that time."""
        with self.changed:
            self.changed.wait_for(lambda: number in self.listed and number in self.assigned, _LONGEST_SECONDS)
            return self.listed.get(number, float("inf")), self.assigned.get(number, float("inf"))


@contextlib.contextmanager
def served(url: str, folder: Path) -> Iterator[httpx2.Client]:
    """Run the whole service on a database; yield a client of it once its first plan is published."""
    with socket.create_server((HOST, 0)) as free:
        port: int = free.getsockname()[1]
    settings = {
        "BALANCER_SHIFT_TO_PRESENT": "1",
        "BALANCER_SIGN_IN": "local",
        "BALANCER_DATABASE_URL": url,
        "BALANCER_PSEUDONYM_KEY": "a key for pseudonyms of what is synthetic",
        "BALANCER_ALLOCATE_SECONDS": "5",
        "BALANCER_ALLOCATE_EVERY_MINUTES": "100000",
    }
    process = subprocess.Popen(
        python("-m", "balancer", "serve", "--network", folder, "--port", port),
        cwd=ROOT,
        env={**os.environ, **settings},
        stdout=subprocess.DEVNULL,
        stderr=(folder / "service.log").open("w"),
    )
    try:
        with httpx2.Client(base_url=f"http://{HOST}:{port}", timeout=120) as client:
            _wait_for_lists(client, process)
            database = Database(url)
            key = register_system(database, _SYSTEM, datetime.now(UTC), by=OPERATOR)
            database.close()
            client.headers["Authorization"] = f"Bearer {key}"
            yield client
    finally:
        process.terminate()
        process.wait(60)


def _wait_for_lists(client: httpx2.Client, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 900
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(httpx2.HTTPError):
            found = client.get("/api/v1/runs", params={"state": "published"}).json()
            if found.get("items"):
                return
        time.sleep(0.5)
    raise SystemExit("no plan was published: see the service's log")


def _remember(url: str, studies: int) -> None:
    database = Database(url)
    add_history(database, studies)
    database.close()


class Followers:
    """Clients that wait: one on each list, one on the change feed of a trust."""

    def __init__(self, client: httpx2.Client, seen: Seen) -> None:
        self._client, self._seen = client, seen
        self._stop = threading.Event()
        answer = client.get("/api/v1/worklists").json()["items"]
        self.lists = [f"/api/v1/worklists/{item['reporter_id']}" for item in answer]
        # until each has its place, nobody is told of anything
        self._threads = [threading.Thread(target=self._follow_list, args=(path,), daemon=True) for path in self.lists]
        self._threads.append(threading.Thread(target=self._follow_feed, daemon=True))

    def start(self) -> None:
        """Begin to wait."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Let everybody go once they have their next answer."""
        self._stop.set()

    def _own(self) -> httpx2.Client:
        return httpx2.Client(base_url=self._client.base_url, headers=self._client.headers, timeout=120)

    def _follow_list(self, path: str) -> None:
        tag = ""
        with self._own() as client:
            while not self._stop.is_set():
                headers = {"If-None-Match": tag} if tag else {}
                answer = client.get(path, params={"wait": 20 if tag else 0}, headers=headers)
                if answer.status_code == 200:
                    tag = answer.headers["etag"]
                    self._seen.note(self._seen.listed, [item["accession_number"] for item in answer.json()["items"]])
                elif answer.status_code != 304:
                    time.sleep(1)

    def _follow_feed(self) -> None:
        cursor = None
        with self._own() as client:
            while not self._stop.is_set():
                asked: dict[str, Any] = {"trust": TRUST, "wait": 20} | ({"since": cursor} if cursor else {})
                found = client.get("/api/v1/assignments", params=asked).json()
                cursor = found["cursor"]
                there = [item["accession_number"] for item in found["items"] if item["state"] == "allocated"]
                self._seen.note(self._seen.assigned, there)


class Drops:
    """A trust's extracts: each the one before with one emergency more."""

    def __init__(self, network: Path) -> None:
        self._folder = network / "extracts" / TRUST
        (first,) = self._folder.glob("*.csv")
        self._lines = first.read_text(encoding="utf-8").splitlines()
        self._model = next(line for line in self._lines[1:] if line.split(",")[5] == "1").split(",")

    def arrive(self, place: int, number: str) -> None:
        """Drop the next; the clock of the sample goes on by half a minute each."""
        row = [number, self._model[1], f"EK{number}", *self._model[3:6], "02/03/2026 07:29", *self._model[7:]]
        self._lines.append(",".join(row))
        unfinished = self._folder / f".{number}"
        unfinished.write_text("\n".join(self._lines) + "\n", encoding="utf-8")
        unfinished.replace(self._folder / f"unreported-20260302T07{31 + place // 2}.csv")


class Messages:
    """Workitems that a system creates."""

    def __init__(self, client: httpx2.Client) -> None:
        self._client = client

    def arrive(self, place: int, number: str) -> None:
        """Create the next."""
        request = put(
            put(request_of(number, trust=TRUST).ReferencedRequestSequence[0]),
            RequestedProcedureCodeSequence=[coded(_HEAD)],
        )
        asked = request_of(
            number,
            trust=TRUST,
            ReferencedRequestSequence=[request],
            WorklistLabel="emergency",
            ScheduledProcedureStepPriority="HIGH",
            ScheduledProcedureStepStartDateTime=f"{datetime.now(UTC):%Y%m%d%H%M%S}+0000",
            PatientID=f"EK{number}",
            IssuerOfPatientID=TRUST,
            StudyInstanceUID=f"1.2.826.0.1.3680043.9.4.{place + 1}",
        )
        body = {"00080018": {"vr": "UI", "Value": [f"1.2.826.0.1.3680043.9.5.{place + 1}"]}, **model_of(asked)}
        answer = self._client.post(
            "/dicomweb/workitems", content=json.dumps(body), headers={"Content-Type": "application/dicom+json"}
        )
        assert answer.status_code == 201, answer.text


def meet_a_run(client: httpx2.Client, stage: str = "publish") -> None:
    """Ask for a run and return when it publishes (nothing else is written for a second then) or is at another stage."""
    run_id = client.post("/api/v1/runs", json={"reason": "to be met"}).raise_for_status().json()["run_id"]
    while True:
        run = client.get(f"/api/v1/runs/{run_id}").raise_for_status().json()
        if run["stage"] == stage or run["state"] not in {"requested", "running"}:
            return
        time.sleep(0.02)


def measure(
    client: httpx2.Client, arrivals: Drops | Messages, each: int, pause: float, *, after: Sequence[str] = ()
) -> Record:
    """Return what so many arrivals took, one after the other, until a list and the feed had each.

    Each comes so many seconds ``after`` a run begins to publish, in turn, or meets none if that is ``quiet``.
    """
    moments = after or [_QUIET]
    seen = Seen()
    followers = Followers(client, seen)
    followers.start()
    time.sleep(10)
    listed, assigned, beside = [], [], []
    for place in range(each):
        number = f"269{place:05}"
        moment = moments[place % len(moments)]
        if moment == _SOLVE:
            meet_a_run(client, "solve")
        elif moment != _QUIET:
            meet_a_run(client)
            time.sleep(float(moment))
        began = time.perf_counter()
        arrivals.arrive(place, number)
        at_list, at_feed = seen.wait(number)
        listed.append(at_list - began)
        assigned.append(at_feed - began)
        began = time.perf_counter()
        client.get(followers.lists[place % len(followers.lists)]).raise_for_status()
        beside.append(time.perf_counter() - began)
        print(f"{place}, {moment}: list {listed[-1]:.3f} s, feed {assigned[-1]:.3f} s", flush=True)  # noqa: T201
        time.sleep(pause)
    followers.stop()
    one = statistics.median(beside)
    return {
        "arrivals": each,
        "lists_followed": len(followers.lists),
        "one_list_fetched_seconds": round(one, 4),
        **({"by_moment": _by_moment(moments, listed)} if after else {}),
        **_told("worklist", listed, one),
        **_told("assignments", assigned, one),
    }


def _by_moment(moments: Sequence[str], took: Sequence[float]) -> Record:
    """Return how long it took until a list had those that came at each moment."""
    of = {moment: took[place :: len(moments)] for place, moment in enumerate(moments)}
    return {
        moment: {
            "arrivals": len(found),
            "median_seconds": round(statistics.median(found), 3),
            "worst_seconds": round(max(found), 3),
        }
        for moment, found in of.items()
    }


def _told(where: str, took: Sequence[float], one: float) -> Record:
    """Return the figures of one way of being told; what was not seen in a minute counts as that, and is counted."""
    seen = [min(seconds, _LONGEST_SECONDS) for seconds in took]
    return {
        f"{where}_median_seconds": round(statistics.median(seen), 3),
        f"{where}_worst_seconds": round(max(seen), 3),
        f"{where}_within_one_second": sum(seconds <= 1 for seconds in seen),
        f"{where}_not_seen_in_a_minute": sum(seconds > _LONGEST_SECONDS for seconds in took),
        f"{where}_ratio_to_a_list_fetched": round(statistics.median(seen) / one, 1),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, keep the result and show it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--by", choices=("file", "message"), default="message")
    parser.add_argument("--database", default="sqlite", help="sqlite, postgresql, or the URL of an empty database")
    parser.add_argument("--each", type=int, default=20)
    parser.add_argument("--pause", type=float, help="seconds between arrivals (3, or 15 with --meet-runs)")
    parser.add_argument("--meet-runs", action="store_true", help="each arrives as a run is published")
    parser.add_argument("--after", default="0", help="with --meet-runs: seconds after it begins, in turn")
    parser.add_argument("--history", type=int, default=0, help="studies that have been reported before")
    parser.add_argument("--name", help="what the result is kept as, unless it is database and way")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as scratch, chosen(given.database, Path(scratch)) as url:
        network = Path(scratch) / "kent"
        shutil.copytree(SAMPLE, network)
        with served(url, network) as client:
            if given.history:
                _remember(url, given.history)
            arrivals = Drops(network) if given.by == "file" else Messages(client)
            after = given.after.split(",") if given.meet_runs else []
            usual = _PAUSE_AFTER_A_RUN_SECONDS if after else _PAUSE_SECONDS
            pause = usual if given.pause is None else given.pause
            found = measure(client, arrivals, given.each, pause, after=after)
    record = {
        **versions(),
        "by": given.by,
        "history": given.history,
        "load_average": round(os.getloadavg()[0], 1),
        **found,
    }
    Results(KEPT / "arrivals").keep(given.name or f"{given.database}-{given.by}", record)
    print(json.dumps(record, indent=1))  # noqa: T201 - for whoever runs it


if __name__ == "__main__":
    main()
