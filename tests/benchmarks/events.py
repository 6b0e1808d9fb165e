"""How long an event takes on a plan that lives, and how far the mended plan is from one made anew.

    python -m tests.benchmarks.events [--studies 24000 --reporters 180] [--each 20] [--resolve 1] [--out FILE]

A generated week is solved and every read of the plan published. Then, for each kind of event, the plan is opened and
such events, drawn by the seed, are applied one after the other; the clock runs around ``LivePlan.apply`` alone. Beside
every event a fixed reference computation is timed, and the latency is given as a ratio to it too, for clocks of
different machines differ. ``--resolve`` times for each kind, the problem as one event left it is solved anew with the
default work: the distance is what the mended plan costs above that one, as a share of that one's avoidable cost.
A negative distance means that mending, which starts from a good plan, beat solving anew. So that the two can be told
apart, the same distance is given for no event at all: what another full run on the same problem finds.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np

from balancer.cli.previous import published_by
from balancer.domain.events import (
    Event,
    ReadClaimed,
    ReadCompleted,
    ReadPinned,
    ReadReleased,
    ReporterUnavailable,
    SessionLost,
    StudyArrived,
    StudyWithdrawn,
    TimePassed,
)
from balancer.domain.plan import Allocation, Plan
from balancer.domain.problem import AllocationProblem
from balancer.domain.study import Study, StudyKey
from balancer.optimise.referee import judge
from balancer.optimise.replan import LivePlan
from balancer.optimise.solve import solve
from balancer.optimise.warm import main as compile_kernels
from balancer.simulate.instances import Shape, generate

Draw = Callable[["World", int], Event]


class World:
    """A problem, a plan for it, and chance: what events are drawn from."""

    def __init__(self, problem: AllocationProblem, plan: Plan, seed: int) -> None:
        self.problem, self.now = problem, problem.now
        self.studies = {study.key: study for study in problem.studies}
        self.rng = np.random.default_rng(seed)
        self.rows = list(plan.allocations)
        self.rng.shuffle(self.rows)
        first: dict[str, Allocation] = {}
        for row in sorted(plan.allocations, key=lambda row: row.start):
            first.setdefault(row.reporter_id, row)
        self.first = list(first.values())

    def row(self, number: int, *, claimed: bool = False) -> Allocation:
        """Return one placed read, another for each number, that is (not) claimed."""
        rows = [row for row in self.rows if (self._study(row).claimed(row.read) is not None) is claimed]
        return rows[number % len(rows)]

    def _study(self, row: Allocation) -> Study:
        return self.studies[StudyKey(row.trust, row.accession_number)]

    def arrival(self, number: int, *codes: str) -> StudyArrived:
        """Return a new study like one of these classes, acquired now and on nobody's list."""
        models = [study for study in self.problem.studies if study.priority in codes] or list(self.problem.studies)
        model = models[int(self.rng.integers(len(models)))]
        blank = dict.fromkeys(("pinned_to", "published_to", "claimed_by"), ())
        return StudyArrived(
            at=self.now,
            study=replace(
                model,
                accession_number=f"new {number}",
                acquired_at=self.now,
                due_at=None,
                ready_at=None,
                **blank,  # type: ignore[arg-type]  # empty tuples all
            ),
        )

    def unavailable(self, number: int, days: int) -> ReporterUnavailable:
        """Return somebody's absence from now on."""
        row = self.first[number % len(self.first)]
        until = self.now + timedelta(days=days)
        return ReporterUnavailable(at=self.now, reporter_id=row.reporter_id, since=self.now, until=until)

    def completed(self, number: int) -> ReadCompleted:
        """Return that a reporter's first read is done when the plan says so."""
        row = sorted(self.first, key=lambda row: row.end)[number % len(self.first)]
        return ReadCompleted(at=row.end, read=row.key, reporter_id=row.reporter_id)


def _kinds(codes: list[str]) -> dict[str, Draw]:
    return {
        "nothing": lambda w, _: TimePassed(at=w.now),
        "emergency arrives": lambda w, n: w.arrival(n, codes[0]),
        "any study arrives": lambda w, n: w.arrival(n, *codes),
        "read claimed by its reporter": lambda w, n: ReadClaimed(
            at=w.now, read=w.row(n).key, reporter_id=w.row(n).reporter_id
        ),
        "claimed read released": lambda w, n: ReadReleased(at=w.now, read=w.row(n, claimed=True).key),
        "first read completed in time": lambda w, n: w.completed(n),
        "study withdrawn": lambda w, n: StudyWithdrawn(at=w.now, study=StudyKey(*w.row(n).key[:2])),
        "read pinned to another": lambda w, n: ReadPinned(
            at=w.now, read=w.row(n).key, reporter_id=w.row(n + 1).reporter_id
        ),
        "session lost": lambda w, n: SessionLost(at=w.now, session_id=w.row(n).session_id),
        "reporter ill for a day": lambda w, n: w.unavailable(n, 1),
        "reporter ill for a week": lambda w, n: w.unavailable(n, 7),
        "a minute without news": lambda w, n: TimePassed(at=w.now + timedelta(minutes=n + 1)),
    }


def reference_seconds() -> float:
    """Return how long a fixed computation takes here and now: a million floats summed up and sorted."""
    values = np.random.default_rng(0).random(1_000_000)
    began = time.perf_counter()
    np.sort(np.cumsum(values) % 1.0)
    return time.perf_counter() - began


def measure(problem: AllocationProblem, plan: Plan, draw: Draw, args: argparse.Namespace) -> dict[str, Any]:
    """Return the latency of one kind of event, and how far a mended plan is from one made anew."""
    world, live = World(problem, plan, args.seed), LivePlan(problem, plan)
    live.plan()
    seconds, ratios, moves, plans = list[float](), list[float](), list[int](), list[float]()
    seen: set[object] = set()
    for number in range(10 * args.each):
        event = draw(world, number)
        if len(seconds) == args.each or (repr(event) in seen and not isinstance(event, TimePassed)):
            continue
        seen.add(repr(event))
        reference = reference_seconds()
        began = time.perf_counter()
        mended = live.apply([event])
        seconds.append(time.perf_counter() - began)
        ratios.append(seconds[-1] / reference)
        moves.append(len(mended.moves))
        began = time.perf_counter()
        live.plan()
        plans.append(time.perf_counter() - began)
    verdict = judge(live.problem, live.plan())
    return {
        "events": len(seconds),
        "seconds": _spread(seconds),
        "ratio": _spread(ratios),
        "moves": _spread([float(number) for number in moves]),
        "plan_seconds": _spread(plans),
        "findings": [str(finding) for finding in (*verdict.findings, *verdict.starved)][:5],
        "distance": list(_distances(problem, plan, draw, args)),
    }


def _distances(problem: AllocationProblem, plan: Plan, draw: Draw, args: argparse.Namespace) -> Iterator[float]:
    world = World(problem, plan, args.seed)
    for number in range(args.resolve):
        live = LivePlan(problem, plan)
        mended = live.apply([draw(world, number)])
        anew = solve(live.problem, work=args.work, workers=1).summary
        yield (mended.total_after - anew.total) / max(1.0, anew.total - anew.sunk)


def _spread(values: list[float]) -> dict[str, float]:
    if not values:
        return {"median": 0.0, "p95": 0.0, "worst": 0.0}
    return {
        "median": float(np.median(values)),
        "p95": float(np.percentile(values, 95)),
        "worst": float(np.max(values)),
    }


_HEADINGS = (
    f"{'event':29}{'n':>5}{'median':>9}{'p95':>9}{'worst ms':>9}{'x ref':>8}{'moves':>8}{'plan ms':>9}   % above anew"
)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _line(name: str, row: dict[str, Any]) -> str:
    milliseconds = "".join(f"{1000 * row['seconds'][key]:9.1f}" for key in ("median", "p95", "worst"))
    distances = ", ".join(f"{100 * share:.2f}" for share in row["distance"]) or "-"
    plan = f"{1000 * row['plan_seconds']['median']:9.0f}"
    return (
        f"{name:29}{row['events']:5}{milliseconds}{row['ratio']['median']:8.2f}{row['moves']['median']:8.0f}{plan}"
        f"   {distances}{'   BROKEN' if row['findings'] else ''}"
    )


def main() -> int:
    """Run the benchmark; 1 if the referee found anything."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    for name, default in (("trusts", 4), ("studies", 24_000), ("reporters", 180), ("seed", 1), ("each", 20)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--load", type=float, default=1.0)
    parser.add_argument("--resolve", type=int, default=1, help="problems solved anew for each kind of event")
    parser.add_argument("--work", type=int, help="proposals of a full run; by the number of reads if not given")
    parser.add_argument("--out", type=Path, help="JSON file for the figures")
    args = parser.parse_args()
    compile_kernels()
    shape = Shape(trusts=args.trusts, studies=args.studies, reporters=args.reporters, seed=args.seed, load=args.load)
    problem = generate(shape)
    plan = solve(problem, work=args.work, workers=1)
    problem = problem.with_published(published_by(plan))
    plan = LivePlan(problem, plan).plan()  # the same, with the figures that it has now that it is published
    began = time.perf_counter()
    LivePlan(problem, plan)
    opening = time.perf_counter() - began
    _say(f"opening takes {opening:.2f} s, {opening / reference_seconds():.1f} times the reference")
    _say(_HEADINGS)
    rows = {}
    for name, draw in _kinds([priority.code for priority in problem.policy.priorities]).items():
        rows[name] = measure(problem, plan, draw, args)
        _say(_line(name, rows[name]))
    if args.out is not None:
        given = {key: value for key, value in vars(args).items() if key != "out"}
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(
            json.dumps({"arguments": given, "opening_seconds": opening, "events": rows}, indent=2) + "\n",
            encoding="utf-8",
        )
    return int(any(row["findings"] for row in rows.values()))


if __name__ == "__main__":
    sys.exit(main())
