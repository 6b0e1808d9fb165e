"""``make bench-wt INSTANCES=folder``: OR-Library's weighted tardiness through ``balancer solve``, against its best."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from balancer.publish.problem_folder import write_problem
from tests.benchmarks.fresh_process import python, reference_seconds, run
from tests.benchmarks.results import KEPT, SCRATCH, Record, Results, versions
from tests.benchmarks.weighted_tardiness import NOW, Instance, as_problem, read_instances

RESULTS = Results(KEPT / "weighted_tardiness")
MOST_ABOVE, MOST_ABOVE_ONE, MOST_SECONDS = 0.001, 0.01, 10.0
_NOTHING = 1e-6  # points


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """How the values stand to the optima; shares, seconds."""

    instances: int
    above: float
    worst: float
    beyond_one_per_cent: tuple[int, ...]
    zeros: int
    zeros_missed: tuple[int, ...]
    optimal: int
    slowest: float

    @property
    def holds(self) -> bool:
        """Whether every target is met."""
        return (
            self.above <= MOST_ABOVE
            and not self.beyond_one_per_cent
            and not self.zeros_missed
            and self.slowest <= MOST_SECONDS
        )


def judge(records: Iterable[Record]) -> Verdict:
    """Return how these results stand to the targets of the issue."""
    rows = sorted(records, key=lambda row: row["number"])
    positive = [row for row in rows if row["optimum"] > 0]
    zeros = [row for row in rows if row["optimum"] == 0]
    optima = sum(row["optimum"] for row in positive)
    excess = [row["value"] / row["optimum"] - 1 for row in positive]
    return Verdict(
        instances=len(rows),
        above=(sum(row["value"] for row in rows) - optima) / optima if optima else 0.0,
        worst=max(excess, default=0.0),
        beyond_one_per_cent=tuple(
            row["number"] for row, over in zip(positive, excess, strict=True) if over > MOST_ABOVE_ONE
        ),
        zeros=len(zeros),
        zeros_missed=tuple(row["number"] for row in zeros if row["value"] > _NOTHING),
        optimal=sum(row["value"] <= row["optimum"] + _NOTHING for row in rows),
        slowest=max((row["seconds"] for row in rows), default=0.0),
    )


def solve(instance: Instance, reference: float) -> Record:
    """Return what ``balancer solve`` makes of an instance, and what it took."""
    folder = SCRATCH / "weighted_tardiness" / f"{instance.number:03d}"
    write_problem(as_problem(instance), folder / "problem")
    took = run(
        python("-m", "balancer", "solve", folder / "problem", "--now", NOW.isoformat(), "--out", folder / "plan")
    )
    run(python("-m", "balancer", "check", folder / "problem", folder / "plan", "--now", NOW.isoformat()))
    summary = json.loads((folder / "plan" / "summary.json").read_text(encoding="utf-8"))
    return {
        "number": instance.number,
        "optimum": instance.optimum,
        "value": summary["total"],
        "bound": summary["bound"],
        "seconds": took.seconds,
        "ratio": took.seconds / reference,
        "gigabytes": took.gigabytes,
        "versions": versions(),
    }


def main() -> int:
    """Run what has not been run, say how it stands, and fail if a target is missed."""
    parser = argparse.ArgumentParser(prog="make bench-wt", description=__doc__)
    parser.add_argument("instances", type=Path, help="folder with wt40.txt and wtopt40.txt")
    parser.add_argument("--results", type=Path, default=RESULTS.folder, help="where results are kept")
    parser.add_argument("--only", type=int, nargs="*", help="numbers of instances, from 1")
    given = parser.parse_args()
    results, records, reference = Results(given.results), [], None
    for instance in read_instances(given.instances):
        if given.only and instance.number not in given.only:
            continue
        name = f"{instance.number:03d}"
        record = results.kept(name)
        if record is None:
            reference = reference or reference_seconds()
            record = results.keep(name, solve(instance, reference))
        records.append(record)
        sys.stdout.write(f"{name}  {record['value']:>10,.2f} of {record['optimum']:>8,}  {record['seconds']:.1f} s\n")
        sys.stdout.flush()
    verdict = judge(records)
    sys.stdout.write(f"{verdict}\n")
    return 0 if verdict.holds else 1


if __name__ == "__main__":
    sys.exit(main())
