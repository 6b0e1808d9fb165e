"""Every plan of a tiny problem, judged by the referee: what an optimiser is measured against."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations, product

from balancer.domain.plan import Plan
from balancer.domain.problem import AllocationProblem
from balancer.optimise.referee import judge
from tests.worlds import lay_out

NOWHERE = ""


def every_plan(problem: AllocationProblem) -> Iterator[Plan]:
    """Yield every way to place the reads in sessions, in every order, allowed or not."""
    reads = [
        f"{study.trust}/{study.accession_number}#{number}"
        for study in problem.studies
        for number in range(1, study.reads + 1)
    ]
    sessions = [session.session_id for session in problem.counted_sessions()]
    for places in product([NOWHERE, *sessions], repeat=len(reads)):
        of_session = [[read for read, place in zip(reads, places, strict=True) if place == name] for name in sessions]
        left = {read: "deferred" for read, place in zip(reads, places, strict=True) if place == NOWHERE}
        for orders in product(*(permutations(of) for of in of_session)):
            yield lay_out(problem, dict(zip(sessions, orders, strict=True)), left)


def least_total(problem: AllocationProblem) -> float:
    """Return the total of the cheapest plan that breaks no hard rule, in points."""
    totals = []
    for plan in every_plan(problem):
        verdict = judge(problem, plan)
        if not any(finding.rule.startswith("H") for finding in verdict.findings):
            totals.append(verdict.terms.total)
    return min(totals)
