"""What fewer moves cost: ``python -m tests.benchmarks.moves [--studies 6000 --reporters 60 --trusts 3]``.

An instance is solved and every read of the plan published. Five minutes later it is solved anew, with each weight of a
move (``weights.churn``, points) in turn. What the plan costs apart from its moves says what a move is worth: a weight
that halves the moves and leaves that cost where it was, within what chance alone makes of it, is a better one.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from datetime import timedelta

from balancer.cli.previous import published_by
from balancer.domain.plan import Plan
from balancer.domain.problem import AllocationProblem
from balancer.domain.study import StudyKey
from balancer.optimise.solve import solve
from balancer.optimise.warm import main as compile_kernels
from balancer.simulate.instances import Shape, generate
from tests.benchmarks.results import KEPT, Record, Results, versions

WEIGHTS = (0.0, 1.0, 3.0, 10.0, 30.0, 100.0)
RESULTS = Results(KEPT / "moves")
_LATER = timedelta(minutes=5)


def main() -> int:
    """Solve, publish, and solve again."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=6_000)
    parser.add_argument("--reporters", type=int, default=60)
    parser.add_argument("--trusts", type=int, default=3)
    parser.add_argument("--load", type=float, default=1.0)
    parser.add_argument("--seeds", nargs="*", type=int, default=[0, 1, 2], help="of the search")
    given = parser.parse_args()
    compile_kernels()
    shape = Shape(studies=given.studies, reporters=given.reporters, trusts=given.trusts, load=given.load)
    problem = generate(shape)
    later = replace(problem.with_published(published_by(solve(problem))), now=problem.now + _LATER)
    published = sum(len(set(study.published_to) - {None}) for study in later.studies)
    rows = [measured(later, weight, seed) for weight in WEIGHTS for seed in given.seeds]
    RESULTS.keep(f"{given.studies}-{given.load}", {**vars(given), **versions(), "published": published, "rows": rows})
    return 0


def measured(problem: AllocationProblem, weight: float, seed: int) -> Record:
    """Return how many reads change reporter at this weight, and what the plan costs apart from that."""
    weights = replace(problem.policy.weights, churn=weight)
    plan = solve(replace(problem, policy=replace(problem.policy, weights=weights)), seed=seed)
    said = plan.summary
    row = {
        "weight": weight,
        "seed": seed,
        "moved": moved(problem, plan),
        "avoidable": said.total - said.sunk - said.terms.churn,
        "late": sum(said.late.values()),
    }
    sys.stdout.write(
        f"{weight:g} points a move, seed {seed}: {row['moved']:,} moves, {row['avoidable']:,.0f} points besides\n"
    )
    sys.stdout.flush()
    return row


def moved(problem: AllocationProblem, plan: Plan) -> int:
    """Return how many reads are with somebody to whom their study is not published, though it is to somebody."""
    published = {study.key: set(study.published_to) - {None} for study in problem.studies}
    had = ((row.reporter_id, published[StudyKey(row.trust, row.accession_number)]) for row in plan.allocations)
    return sum(bool(before) and reporter_id not in before for reporter_id, before in had)


if __name__ == "__main__":
    sys.exit(main())
