"""How long it takes from the commit of an emergency's arrival until it stands on a current worklist.

    python -m tests.benchmarks.mending [--studies 24000 --reporters 180 | --kent] [--each 20] [--database URL]

A network is put into a database, solved and published; the mending process is started as the service starts it. Then
emergencies arrive one by one: the clock runs from the end of the transaction that takes one in until another process,
this one, reads it from a current list.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from sqlmodel import select

from balancer import telemetry
from balancer.bootstrap import SystemClock
from balancer.domain.feed import FeedKind, IncomingStudy, SourceRow
from balancer.domain.problem import AllocationProblem
from balancer.domain.states import BatchState
from balancer.domain.study import Study
from balancer.optimise.solve import solve
from balancer.scheduler.mending import MendingOrder, mend_for_ever
from balancer.services.ingest_studies import ingest_extract
from balancer.services.load_network import load_network
from balancer.services.run_allocation import run_allocation
from balancer.simulate.instances import Shape, generate
from balancer.simulate.kent.problem import problem_of
from balancer.store.database import Database
from balancer.store.rosters import add_roster_batch, replace_sessions
from balancer.store.tables import RosterBatchRow, StudyRow, WorklistItemRow, WorklistRow
from tests.kent_sample import SAMPLE
from tests.networks import Feed, Network, Roster, extract

_LONGEST_SECONDS = 60.0


def put(db: Database, problem: AllocationProblem) -> None:
    """Put a problem into a database as a network whose feeds say only what changes; every time moves to the present."""
    shift = datetime.now(UTC).replace(microsecond=0) - problem.now
    codes = [trust.code for trust in problem.trusts]
    network = Network(
        trusts=problem.trusts,
        examinations=problem.examinations,
        reporters=problem.reporters,
        policy=problem.policy,
        feeds=[Feed(name=code, trust=code, kind=FeedKind.DELTA) for code in codes],
        rosters=[Roster(name=code, trust=code) for code in codes],
    )
    now = problem.now + shift
    load_network(db, network, now)
    home = {person.reporter_id: person.home_trust for person in problem.reporters}
    for code in codes:
        stated = [incoming(study, shift) for study in problem.studies if study.trust == code]
        ingest_extract(db, Feed(name=code, trust=code, kind=FeedKind.DELTA), extract(*stated, feed=code), now)
        sessions = [
            replace(item, start=item.start + shift, end=item.end + shift)
            for item in problem.sessions
            if home[item.reporter_id] == code
        ]
        with db.transaction() as session:
            batch = RosterBatchRow(
                roster=code,
                file_name="",
                digest="",
                received_at=now,
                last_received_at=now,
                state=BatchState.APPLIED,
                faults=[],
            )
            replace_sessions(session, code, sessions, start=now, end=now, batch_id=add_roster_batch(session, batch))


def incoming(study: Study, shift: timedelta) -> IncomingStudy:
    """Return a study as a feed would state it, moved in time."""
    return IncomingStudy(
        row=SourceRow(line=0, sheet="", raw={}),
        trust=study.trust,
        accession_number=study.accession_number,
        patient_id=study.patient_id or study.accession_number,
        local_patient_id=study.patient_id,
        exam_code=study.exam_code,
        priority=study.priority,
        acquired_at=study.acquired_at + shift,
        modality=study.modality,
        subspecialty=study.subspecialty,
        minutes=study.minutes,
        reads=study.reads,
    )


def is_listed(db: Database, number: str) -> bool:
    """Tell whether a study stands on a current worklist."""
    statement = (
        select(WorklistItemRow.place)
        .join(StudyRow, StudyRow.id == WorklistItemRow.study_id)  # type: ignore[arg-type]
        .join(WorklistRow, WorklistRow.id == WorklistItemRow.worklist_id)  # type: ignore[arg-type]
        .where(StudyRow.accession_number == number, WorklistRow.superseded_at.is_(None))  # type: ignore[union-attr]
    )
    with db.session() as session:
        return session.exec(statement).first() is not None


def measure(db: Database, problem: AllocationProblem, each: int, pause: float) -> list[float]:
    """Return from commit to list, in seconds, of so many emergencies; one that comes to no list counts as infinite."""
    models = [study for study in problem.studies if study.priority == "emergency" and study.reads == 1]
    found = []
    for number in range(each):
        now = datetime.now(UTC)
        model = replace(models[(7 * number) % len(models)], accession_number=f"NEW{number}", acquired_at=now)
        feed = Feed(name=model.trust, trust=model.trust, kind=FeedKind.DELTA)
        stated = incoming(model, timedelta())
        parsed = replace(extract(stated, feed=model.trust), extracted_at=now)
        ingest_extract(db, feed, parsed, now)
        began = time.perf_counter()
        while not is_listed(db, f"NEW{number}") and time.perf_counter() - began < _LONGEST_SECONDS:
            time.sleep(0.01)
        took = time.perf_counter() - began
        found.append(took if took < _LONGEST_SECONDS else float("inf"))
        sys.stdout.write(f"{number}: {found[-1]:.3f} s\n")
        time.sleep(pause)
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=24_000)
    parser.add_argument("--reporters", type=int, default=180)
    parser.add_argument("--trusts", type=int, default=8)
    parser.add_argument("--kent", action="store_true", help="the Kent sample instead")
    parser.add_argument("--each", type=int, default=20)
    parser.add_argument("--pause", type=float, default=2.0, help="seconds between arrivals")
    parser.add_argument("--seconds", type=float, default=20.0, help="clock time of the solve")
    parser.add_argument("--database", help="an empty database; a temporary SQLite file if not given")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args(arguments)
    shape = Shape(trusts=args.trusts, studies=args.studies, reporters=args.reporters)
    problem = problem_of(SAMPLE) if args.kent else generate(shape)
    with tempfile.TemporaryDirectory() as folder:
        url = args.database or f"sqlite:///{folder}/balancer.sqlite"
        db = Database(url)
        db.migrate()
        put(db, problem)
        outcome = run_allocation(db, datetime.now(UTC), seconds=args.seconds, solver=partial(solve, workers=2))
        assert outcome.error == "", outcome.error
        order = MendingOrder(database_url=url, clock=SystemClock(), prepare=partial(telemetry.configure, "text"))
        process = multiprocessing.get_context("spawn").Process(target=mend_for_ever, args=(order,))
        process.start()
        try:
            time.sleep(15)
            seconds = sorted(measure(db, problem, args.each, args.pause))
        finally:
            process.terminate()
            process.join()
            db.close()
    figures = {
        "studies": len(problem.studies),
        "reporters": len(problem.reporters),
        "emergencies": len(seconds),
        "median_seconds": round(statistics.median(seconds), 3),
        "worst_seconds": round(seconds[-1], 3),
        "within_one_second": sum(took <= 1 for took in seconds),
    }
    sys.stdout.write(f"{json.dumps(figures)}\n")
    if args.out is not None:
        args.out.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
