"""``make bench-table``: the instances of the issue through ``balancer solve``, each run a fresh process and a file.

What is there is not run again. With ``--longer 20`` the same instances are run with twenty times the default work:
that tells how good the plans are, apart from what is proven of them.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.fresh_process import python, reference_seconds, run
from tests.benchmarks.results import KEPT, ROOT, SCRATCH, Record, Results, versions

RESULTS = Results(KEPT / "table")
LONGER = Results(KEPT / "longer")
NOW = "2026-03-02T08:00:00+00:00"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A size, what is run of it, and what the issue asks: gaps as shares by load, seconds, gigabytes."""

    name: str
    studies: int
    reporters: int
    trusts: int
    loads: tuple[float, ...] = (0.7, 1.0, 1.3)
    seeds: tuple[int, ...] = (1, 2, 3)
    gaps: tuple[float, ...] = (0.10, 0.10, 0.15)
    seconds: float
    gigabytes: float

    def runs(self) -> Iterator[tuple[float, int]]:
        """Yield each (load, seed)."""
        return ((load, seed) for load in self.loads for seed in self.seeds)

    def gap(self, load: float) -> float:
        """Return the gap to reach at this load."""
        return self.gaps[self.loads.index(load)]


ROWS = (
    Row(name="Kent", studies=6_000, reporters=60, trusts=3, seconds=10, gigabytes=0.8),
    Row(name="network", studies=24_000, reporters=180, trusts=4, seconds=30, gigabytes=1.5),
    Row(
        name="region",
        studies=100_000,
        reporters=1_100,
        trusts=20,
        gaps=(0.12, 0.12, 0.18),
        seconds=120,
        gigabytes=4,
    ),
    Row(
        name="England",
        studies=745_000,
        reporters=5_000,
        trusts=130,
        loads=(1.0,),
        seeds=(1,),
        gaps=(0.15,),
        seconds=900,
        gigabytes=16,
    ),
)


def name_of(row: Row, load: float, seed: int) -> str:
    """Return the name of a run."""
    return f"{row.name.lower()}-{load}-{seed}"


def main() -> int:
    """Run what has not been run."""
    parser = argparse.ArgumentParser(prog="make bench-table", description=__doc__)
    parser.add_argument("--rows", nargs="*", default=[row.name for row in ROWS], help="Kent, network, region, England")
    parser.add_argument("--loads", nargs="*", type=float)
    parser.add_argument("--seeds", nargs="*", type=int)
    parser.add_argument("--longer", type=int, metavar="TIMES", help="so many times the default work, kept apart")
    parser.add_argument("--results", type=Path, help="where results are kept")
    parser.add_argument("--shrink", type=int, default=1, help="divide every size by this: to try the runner itself")
    given = parser.parse_args()
    if given.shrink != 1 and not given.results:
        parser.error("--shrink needs --results: a smaller instance is none of the issue's")
    results = Results(given.results) if given.results else (LONGER if given.longer else RESULTS)
    for row in ROWS:
        if row.name not in given.rows:
            continue
        for load, seed in row.runs():
            if load not in (given.loads or row.loads) or seed not in (given.seeds or row.seeds):
                continue
            name = name_of(row, load, seed)
            record = results.kept(name)
            if record is None:
                record = results.keep(name, measure(row, load, seed, times=given.longer, shrink=given.shrink))
            sys.stdout.write(
                f"{name}: gap {record['gap']:.2%}, {record['seconds']:.1f} s, {record['gigabytes']:.2f} GB, "
                f"{record['total']:,.1f} points\n"
            )
            sys.stdout.flush()
    return 0


def measure(row: Row, load: float, seed: int, *, times: int | None = None, shrink: int = 1) -> Record:
    """Return what ``balancer solve`` makes of an instance, what it took, and that the referee found nothing wrong."""
    size = [max(least, count // shrink) for count, least in ((row.studies, 60), (row.reporters, 5), (row.trusts, 2))]
    folder = SCRATCH / "table" / f"{name_of(row, load, seed)}-{size[0]}"
    problem, plan = folder / "problem", folder / ("plan" if times is None else f"plan-{times}")
    if not problem.is_dir():
        shape = ["--studies", size[0], "--reporters", size[1], "--trusts", size[2]]
        run(python("-m", "balancer", "generate", problem, *shape, "--seed", seed, "--load", load, "--now", NOW))
    work = [] if times is None else ["--work", times * default_work(problem)]
    before = reference_seconds()
    took = run(python("-m", "balancer", "solve", problem, "--now", NOW, "--out", plan, *work))
    reference = (before + reference_seconds()) / 2
    run(python("-m", "balancer", "check", problem, plan, "--now", NOW))
    summary = json.loads((plan / "summary.json").read_text(encoding="utf-8"))
    return {
        "row": row.name,
        "load": load,
        "seed": seed,
        "times": times or 1,
        "size": size,
        **{key: summary[key] for key in ("total", "sunk", "bound", "gap", "status", "stopped_by", "terms", "late")},
        "longest_wait_hours": summary["longest_wait_hours"],
        "seconds_by_stage": summary["seconds"],
        "seconds": took.seconds,
        "processor_seconds": took.processor_seconds,
        "reference_seconds": reference,
        "ratio": took.seconds / reference,
        "gigabytes": took.gigabytes,
        "versions": versions(),
    }


def default_work(problem: Path) -> int:
    """Return the work that ``balancer solve`` does of itself on a problem, asked in a process of its own."""
    code = (
        "import sys, pathlib, datetime\n"
        "from balancer.ingest.problem_folder import read_problem\n"
        "from balancer.optimise.solve import default_work\n"
        "problem, _ = read_problem(pathlib.Path(sys.argv[1]), now=datetime.datetime.fromisoformat(sys.argv[2]))\n"
        "print(default_work(sum(study.reads for study in problem.studies)))\n"
    )
    said = subprocess.run(python("-c", code, problem, NOW), cwd=ROOT, capture_output=True, text=True, check=True)
    return int(said.stdout)


if __name__ == "__main__":
    sys.exit(main())
