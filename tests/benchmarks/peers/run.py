"""``make bench``: Balancer and its peers on the same instances, with the same time, judged by the same referee.

Each instance and method is a process and a result file of its own; what is there is not run again.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.benchmarks.fresh_process import python, reference_seconds, run
from tests.benchmarks.results import KEPT, SCRATCH, Record, Results, versions

if TYPE_CHECKING:
    from balancer.domain.plan import Plan
    from balancer.domain.problem import AllocationProblem

RESULTS = Results(KEPT / "peers")
NOW = "2026-03-02T08:00:00+00:00"
LOADS = (0.7, 1.0, 1.3)
BALANCER = "Balancer"
RULES = (
    "each trust alone by priority",
    "one list by strict priority",
    "earliest due first",
    "least-loaded eligible",
    "generalised c-mu",
)
SOLVERS = ("CP-SAT", "HiGHS MIP", "PyJobShop")
METHODS = (*RULES, *SOLVERS, BALANCER)
TOO_LARGE = (
    "millions of yes-or-no decisions: building the model takes longer than Balancer takes, and none has been seen to "
    "find a useful plan in the time"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """An instance of ``balancer generate`` and the seconds every method gets for it."""

    name: str
    studies: int
    reporters: int
    trusts: int
    seconds: float

    @property
    def is_smallest(self) -> bool:
        """Whether general solvers are run on it too."""
        return self == SIZES[0]


SIZES = (
    Size(name="small", studies=150, reporters=6, trusts=2, seconds=60),
    Size(name="Kent", studies=6_000, reporters=60, trusts=3, seconds=10),
    Size(name="network", studies=24_000, reporters=180, trusts=4, seconds=30),
)


def main() -> int:
    """Run what has not been run, and say what came of it; or, with ``--only``, run one method on one folder."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--results", type=Path, default=RESULTS.folder, help="where results are kept")
    parser.add_argument("--sizes", nargs="*", default=[size.name for size in SIZES])
    parser.add_argument("--loads", nargs="*", type=float, default=list(LOADS))
    parser.add_argument("--methods", nargs="*", default=list(METHODS))
    parser.add_argument("--seconds", type=float, help="instead of what the size gives")
    parser.add_argument("--only", nargs=3, metavar=("METHOD", "PROBLEM", "RESULT"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.only:
        method, problem, result = given.only
        Path(result).write_text(json.dumps(measure(method, Path(problem), given.seconds)), encoding="utf-8")
        return 0
    if given.seconds is not None and given.results == RESULTS.folder:
        parser.error("--seconds needs --results: what is kept has the same time for all")
    results = Results(given.results)
    for size in SIZES:
        for load in given.loads if size.name in given.sizes else ():
            for method in given.methods:
                record = results.once(
                    f"{size.name}-{load}-{method}".lower().replace(" ", "-"),
                    lambda size=size, load=load, method=method: in_a_process(  # type: ignore[misc]
                        size, load, method, given.seconds or size.seconds
                    ),
                )
                sys.stdout.write(f"{size.name} {load:.0%} {method}: {said(record)}\n")
                sys.stdout.flush()
    return 0


def said(record: Record) -> str:
    """Return a result in a line."""
    if "not_run" in record:
        return f"not run: {record['not_run']}"
    return f"{record['total']:,.0f} points, {record['seconds']:.1f} s, {record['gigabytes']:.2f} GB ({record['said']})"


def in_a_process(size: Size, load: float, method: str, seconds: float) -> Record:
    """Return what a method makes of an instance, from a process of its own; why not, if it is not run."""
    of = {"size": size.name, "load": load, "method": method}
    if method in SOLVERS and not size.is_smallest:
        return {**of, "not_run": TOO_LARGE}
    folder = SCRATCH / "peers" / f"{size.name}-{load}"
    problem, result = folder / "problem", folder / "result.json"
    if not problem.is_dir():
        shape = ["--studies", size.studies, "--reporters", size.reporters, "--trusts", size.trusts]
        run(python("-m", "balancer", "generate", problem, *shape, "--seed", 1, "--load", load, "--now", NOW))
    before = reference_seconds()
    took = run(python("-m", "tests.benchmarks.peers.run", "--seconds", seconds, "--only", method, problem, result))
    reference = (before + reference_seconds()) / 2
    record = json.loads(result.read_text(encoding="utf-8"))
    return {
        **of,
        **record,
        "ratio": record["seconds"] / reference,
        "gigabytes": took.gigabytes,
        "allowed_seconds": seconds,
        "versions": versions(),
    }


def measure(method: str, folder: Path, seconds: float) -> Record:
    """Return what a method makes of a problem folder within so many seconds, as the referee reckons it.

    Raises
    ------
    ValueError
        If the plan breaks a hard rule.
    """
    import time  # noqa: PLC0415
    from datetime import datetime  # noqa: PLC0415

    from balancer.ingest.problem_folder import read_problem  # noqa: PLC0415
    from balancer.optimise.referee import judge  # noqa: PLC0415
    from balancer.optimise.warm import main as warm  # noqa: PLC0415

    problem, _ = read_problem(folder, now=datetime.fromisoformat(NOW))
    warm()
    began = time.perf_counter()
    plan, what = plan_by(method, problem, seconds)
    took = time.perf_counter() - began
    verdict = judge(problem, plan)
    broken = [str(finding) for finding in verdict.findings if finding.rule.startswith("H")]
    if broken:
        raise ValueError(f"{method} breaks rules: {broken[:5]}")
    return {
        "total": verdict.terms.total,
        "terms": verdict.terms.as_dict(),
        "sunk": verdict.sunk,
        "bound": plan.summary.bound if method == BALANCER else None,
        "late": dict(verdict.late),
        "longest_wait_hours": dict(verdict.longest_wait_hours),
        "allocated": plan.summary.allocated,
        "reads": plan.summary.reads,
        "seconds": took,
        "said": what,
    }


def plan_by(method: str, problem: AllocationProblem, seconds: float) -> tuple[Plan, str]:
    """Return a method's plan, and what it says of it."""
    from balancer.domain.plan import StoppedBy  # noqa: PLC0415
    from balancer.optimise.plan import make_plan  # noqa: PLC0415
    from balancer.optimise.problem import compile_problem  # noqa: PLC0415

    if method == BALANCER:
        from balancer.optimise.solve import solve  # noqa: PLC0415

        plan = solve(problem, seconds=seconds)
        return plan, f"{plan.summary.status.value}, stopped by {plan.summary.stopped_by.value}"
    compiled = compile_problem(problem)
    if method in RULES:
        from tests.benchmarks.peers.rules import RULES as BY_NAME  # noqa: PLC0415

        x, what = BY_NAME[method](compiled), "a rule"
    elif method == "CP-SAT":
        from tests.benchmarks.peers import cp_sat  # noqa: PLC0415

        x, what = cp_sat.solve(compiled, seconds)
    elif method == "HiGHS MIP":
        from tests.benchmarks.peers import mip  # noqa: PLC0415

        x, what = mip.solve(compiled, seconds)
    else:
        from tests.benchmarks.peers import job_shop  # noqa: PLC0415

        x, what = job_shop.solve(compiled, seconds)
    return make_plan(compiled, x, bound=0.0, stopped_by=StoppedBy.TIME, seconds={}, seed=0), what


if __name__ == "__main__":
    sys.exit(main())
