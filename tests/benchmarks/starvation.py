"""Does anybody starve? Two simulated weeks of overload, re-planned hourly, by Balancer and by its peers.

    python -m tests.benchmarks.starvation --out var/starvation [--reporters 15] [--studies 1500] [--days 14] ...

Every method sees the same studies, rosters and reading times. One JSON file a method; what is there is not run again.
Prints, by class: the share past due, mean, 95th percentile and longest wait beside the ceiling (a study that is still
open counts as if it were completed at the end); what that cost; how many published studies changed hands; and how many
reads past their ceiling stood, in any of the hourly plans, directly behind one that could wait.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from balancer.domain.plan import Plan
from balancer.domain.policy import Policy
from balancer.domain.problem import AllocationProblem
from balancer.optimise.referee import judge
from balancer.simulate.arrivals import HOUR, Stretch, Weeks, draw_weeks
from balancer.simulate.methods import PEERS, optimised
from balancer.simulate.rolling import Course, Fate, Method, run_weeks

OURS = "balancer"


class Watch:
    """Counts what is wrong with the hourly plans: broken rules and starved reads, by the referee."""

    def __init__(self) -> None:
        self.plans = 0
        self.starved = 0
        self.broken: Counter[str] = Counter()
        self.examples: list[str] = []

    def __call__(self, problem: AllocationProblem, plan: Plan) -> None:
        """Look at one plan."""
        verdict = judge(problem, plan)
        self.plans += 1
        self.starved += len(verdict.starved)
        broken = [finding for finding in verdict.findings if finding.rule.startswith("H")]
        self.broken.update(finding.rule for finding in broken)
        self.examples += [str(finding) for finding in (*broken, *verdict.starved)][: 3 - len(self.examples)]


def measure(weeks: Weeks, method: Method) -> dict[str, Any]:
    """Return how the weeks went by one method, as figures."""
    watch = Watch()
    began = time.perf_counter()
    course = run_weeks(weeks, method, watch=watch)
    seconds = time.perf_counter() - began
    return {
        "classes": {p.code: _of_class(weeks, course, p.code) for p in weeks.policy.priorities},
        "points": sum(_clinical(weeks, fate) for fate in course.fates),
        "churn": course.churned / max(1, course.published),
        "plans": watch.plans,
        "starved": watch.starved,
        "broken": dict(watch.broken),
        "examples": watch.examples,
        "read_hours": sum(course.read_seconds.values()) / 3600,
        "seconds": seconds,
    }


def _of_class(weeks: Weeks, course: Course, code: str) -> dict[str, float]:
    fates = [fate for fate in course.fates if fate.study.priority == code]
    end = weeks.stretch.end
    waits = np.array([((fate.completed_at or end) - fate.study.acquired_at) / HOUR for fate in fates] or [0.0])
    return {
        "studies": len(fates),
        "open": sum(fate.completed_at is None for fate in fates),
        "late": float(np.mean([(fate.completed_at or end) > fate.due_at for fate in fates] or [False])),
        "past_ceiling": sum((fate.completed_at or end) > fate.ceiling_at for fate in fates),
        "mean": float(waits.mean()),
        "p95": float(np.percentile(waits, 95)),
        "longest": float(waits.max()),
        "ceiling": weeks.policy.priority(code).ceiling_hours,
    }


def _clinical(weeks: Weeks, fate: Fate) -> float:
    """Return what the study's wait cost in the end: section 4's clinical term, counted from its acquisition."""
    priority, weights = weeks.policy.priority(fate.study.priority), weeks.policy.weights
    at = fate.completed_at or weeks.stretch.end
    late, over = max(0.0, (at - fate.due_at) / HOUR), max(0.0, (at - fate.ceiling_at) / HOUR)
    wait = (at - fate.study.acquired_at) / HOUR
    points = priority.weight * ((priority.breach if late else 0.0) + late + weights.wait_rate * wait)
    return points + weights.ceiling_weight * over


def table(results: dict[str, dict[str, Any]], policy: Policy) -> str:
    """Return the results for people, a line a method and class."""
    widths = {"studies": 8, "open": 7, "late": 8, "mean h": 9, "p95 h": 9, "longest": 9, "ceiling": 9, "past": 7}
    lines = [f"{'':<38}" + "".join(f"{heading:>{width}}" for heading, width in widths.items())]
    for priority in policy.priorities:
        for name, result in results.items():
            own = result["classes"][priority.code]
            lines.append(
                f"{priority.code:<20}{name:<18}{own['studies']:>8,}{own['open']:>7,}{own['late']:>8.1%}{own['mean']:>9.1f}"
                f"{own['p95']:>9.1f}{own['longest']:>9.1f}{own['ceiling']:>9.0f}{own['past_ceiling']:>7,}"
            )
    lines.append(f"{'':<20}{'':<18}{'points':>12}{'churn/h':>9}{'starved':>9}{'broken':>10}{'read h':>9}{'seconds':>9}")
    for name, result in results.items():
        lines.append(
            f"{'':<20}{name:<18}{result['points']:>12,.0f}{result['churn']:>9.2%}{result['starved']:>9,}"
            f"{sum(result['broken'].values()):>10,}{result['read_hours']:>9,.0f}{result['seconds']:>9,.0f}"
        )
    return "\n".join(lines)


def verdicts(results: dict[str, dict[str, Any]], policy: Policy) -> list[str]:
    """Return what the issue asks for, each with whether it holds."""
    ours, strict, least = results[OURS], results["strict priority"], policy.priorities[-1].code
    mine, theirs = ours["classes"][least]["longest"], strict["classes"][least]["longest"]
    return [
        f"{_held(ours['starved'] == 0)}: {ours['starved']} starved reads in {ours['plans']} plans",
        f"{_held(mine <= theirs)}: longest wait of {least}: {mine:.1f} h, under strict priority {theirs:.1f} h",
    ]


def _held(holds: bool) -> str:  # noqa: FBT001 - the only argument
    return "holds" if holds else "FAILS"


def main() -> None:
    """Run what has not been run yet, and print everything."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--trusts", type=int, default=3)
    parser.add_argument("--studies", type=int, default=1500, help="arrivals a week")
    parser.add_argument("--reporters", type=int, default=15)
    parser.add_argument("--days", type=int, default=14)
    parser.add_argument("--load", type=float, default=1.3)
    parser.add_argument("--backlog", type=float, default=0.5, help="queue at the start, in weeks of arrivals")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--work", type=int, default=100_000, help="proposals an hour")
    parser.add_argument("--methods", nargs="*", help="only these; all if not given")
    given = parser.parse_args()
    fields = ("trusts", "studies", "reporters", "days", "load", "backlog", "seed")
    weeks = draw_weeks(Stretch(**{name: getattr(given, name) for name in fields}))
    methods = {OURS: optimised(work=given.work), **PEERS}
    name_of_run = "-".join(f"{getattr(given, name)}" for name in fields)
    results = {}
    for name in given.methods or methods:
        work = f"-{given.work}" if name == OURS else ""
        file = given.out / name_of_run / f"{name.replace(' ', '_')}{work}.json"
        if not file.exists():
            sys.stdout.write(f"{name} ...\n")
            sys.stdout.flush()
            content = json.dumps(measure(weeks, methods[name]), indent=2)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content + "\n", encoding="utf-8")
        results[name] = json.loads(file.read_text(encoding="utf-8"))
    sys.stdout.write(table(results, weeks.policy) + "\n")
    if {OURS, "strict priority"} <= set(results):
        sys.stdout.write("\n".join(verdicts(results, weeks.policy)) + "\n")


if __name__ == "__main__":
    main()
