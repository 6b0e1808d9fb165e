"""How quick the pages are with a large network: server time and bytes of each, as ratios to a page with nothing on it.

    python -m tests.benchmarks.pages [--studies 24000 --reporters 180] [--each 5] [--seconds 30] [--out FILE]

A generated week is taken in as four trusts' feeds and rosters, solved and published into an SQLite file; then each page
is asked for in this process as a manager of every trust, in turn, several rounds; medians. What a page costs beside the
frame that every page has is its ratio to the empty one.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from types import SimpleNamespace

from starlette.responses import Response

from balancer.api.callers import may
from balancer.bootstrap import settle
from balancer.domain.feed import IncomingStudy, SourceRow
from balancer.domain.permission import Permission
from balancer.domain.problem import AllocationProblem
from balancer.domain.study import Study
from balancer.optimise.solve import solve
from balancer.services.ingest_studies import ingest_extract
from balancer.services.run_allocation import run_allocation
from balancer.simulate.instances import Shape, generate
from balancer.store.database import Database
from balancer.web.desk import AtDesk
from tests.api.service import Service
from tests.benchmarks.results import KEPT, Record, Results, versions
from tests.networks import Feed, Network, Roster, extract, loaded, rostered
from tests.worlds import NOW

RESULTS = Results(KEPT / "pages")
EMPTY = "/empty-page"
_SOLVED_AT = NOW + timedelta(minutes=1)


def pages(service: Service) -> Iterator[str]:
    """Yield the address of every page, those of one thing for the first that there is."""
    study = re.findall(r'href="(/studies/[0-9]+)"', service.client.get("/studies").text)[0]
    reporter = service.ask("/worklists")["items"][0]["reporter_id"]
    run = service.ask("/runs")["items"][0]["run_id"]
    yield from (EMPTY, "/", "/studies", "/studies?within=24", study)
    yield from ("/allocation", "/allocation/table", "/allocation/unallocated", "/runs", f"/runs/{run}", "/drafts")
    yield from ("/rosters", "/reporters", f"/reporters/{reporter}", "/lists", f"/lists/{reporter}")
    yield from ("/feeds", "/quarantine", "/exceptions", "/policy", "/downtime")


def filled(db: Database, problem: AllocationProblem, seconds: float) -> None:
    """Take a problem in as its trusts' feeds and rosters, and publish a plan for it."""
    feeds = [Feed(name=f"{trust.code} unreported", trust=trust.code) for trust in problem.trusts]
    loaded(
        db,
        Network(
            trusts=problem.trusts,
            examinations=problem.examinations,
            reporters=problem.reporters,
            policy=problem.policy,
            feeds=feeds,
            rosters=[Roster(trust=problem.trusts[0].code)],
        ),
    )
    for feed in feeds:
        theirs = [study for study in problem.studies if study.trust == feed.trust]
        rows = [_row(study, line) for line, study in enumerate(theirs, 2)]
        ingest_extract(db, feed, extract(*rows, feed=feed.name), NOW)
    home = {reporter.reporter_id: reporter.home_trust for reporter in problem.reporters}
    for trust in problem.trusts:
        rostered(db, *[one for one in problem.sessions if home[one.reporter_id] == trust.code], trust=trust.code)
    outcome = run_allocation(db, _SOLVED_AT, seconds=seconds, solver=partial(solve, workers=2))
    if outcome.error:
        raise RuntimeError(outcome.error)


def _row(study: Study, line: int) -> IncomingStudy:
    return IncomingStudy(
        row=SourceRow(line=line, sheet="", raw={"Accession": study.accession_number}),
        trust=study.trust,
        accession_number=study.accession_number,
        patient_id=study.patient_id or f"p-{study.trust}-{study.accession_number}",
        local_patient_id=f"H-{study.accession_number}",
        exam_code=study.exam_code,
        priority=study.priority,
        acquired_at=study.acquired_at,
        modality=study.modality,
        subspecialty=study.subspecialty,
        minutes=study.minutes,
        reads=study.reads,
    )


def measure(service: Service, each: int) -> dict[str, Record]:
    """Return of every page the median seconds, those of the processor and its bytes, with ratios to the empty one.

    Beside other work a page takes as long as that lets it; what the processor takes is the page's own.
    """
    found = list(pages(service))
    taken: dict[str, list[tuple[float, float]]] = {page: [] for page in found}
    size: dict[str, int] = {}
    for _ in range(each):
        for page in found:
            began = time.perf_counter(), time.process_time()
            answer = service.client.get(page)
            taken[page].append((time.perf_counter() - began[0], time.process_time() - began[1]))
            answer.raise_for_status()
            size[page] = len(answer.content)
    medians = {
        page: [statistics.median(times) for times in zip(*rounds, strict=True)] for page, rounds in taken.items()
    }
    (least, least_processor), nothing = medians[EMPTY], size[EMPTY]
    return {
        page: {
            "seconds": seconds,
            "ratio": seconds / least,
            "processor": processor,
            "processor_ratio": processor / least_processor,
            "bytes": size[page],
            "bytes_ratio": size[page] / nothing,
        }
        for page, (seconds, processor) in medians.items()
    }


def served(db: Database) -> Service:
    """Return the service on a database, with a page on which nothing is."""
    service = Service(db, read_network=lambda: SimpleNamespace(feeds=(), rosters=()))
    service.clock.at = _SOLVED_AT + timedelta(minutes=5)

    def empty(desk: AtDesk) -> Response:
        return desk.page("desk.html", title="Nothing", here="")

    service.app.add_api_route(EMPTY, empty, dependencies=[may(Permission.WORKLISTS_READ)], response_model=None)
    return service


def main() -> int:
    """Run the benchmark, say what came of it, and keep it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    for name, default in (("trusts", 4), ("studies", 24_000), ("reporters", 180), ("seed", 1), ("each", 5)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--seconds", type=float, default=30.0, help="of the one solve")
    parser.add_argument("--filled", type=Path, help="a database that was filled so before, instead of a solve")
    parser.add_argument("--out", type=Path, help="folder for the result instead of docs/benchmarks/results/pages")
    given = parser.parse_args()
    shape = Shape(trusts=given.trusts, studies=given.studies, reporters=given.reporters, seed=given.seed, now=NOW)
    with tempfile.TemporaryDirectory() as folder:
        if given.filled is not None:
            shutil.copy(given.filled, f"{folder}/pages.sqlite")
        db = Database(f"sqlite:///{folder}/pages.sqlite")
        db.migrate()
        if given.filled is None:
            filled(db, generate(shape), given.seconds)
        service = served(db)
        for page in pages(service):
            service.client.get(page)  # what is made once is made, as in a service that has been up for a while
        settle()
        load = os.getloadavg()[0]
        found = measure(service, given.each)
        resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        db.close()
    results = RESULTS if given.out is None else Results(given.out)
    about = {"studies": given.studies, "reporters": given.reporters, "load": load, "most_resident_bytes": resident}
    results.keep("sqlite", {**about, "pages": found, **versions()})
    sys.stdout.write(f"load {load:.1f}, {resident / 1e6:.0f} MB at most\n")
    for page, record in sorted(found.items(), key=lambda item: -item[1]["processor_ratio"]):
        row = (
            f"{record['processor'] * 1000:8.0f} ms {record['processor_ratio']:6.1f} {record['seconds'] * 1000:8.0f} ms"
        )
        size = f"{record['bytes'] / 1000:8.0f} kB {record['bytes_ratio']:6.1f}"
        sys.stdout.write(f"{page:28}{row} {record['ratio']:6.1f} {size}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
