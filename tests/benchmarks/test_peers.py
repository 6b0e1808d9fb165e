"""Peers are given a fair chance: their plans are allowed, and the exact one finds what is best."""

from __future__ import annotations

import pytest

from balancer.domain.plan import Plan
from balancer.domain.problem import AllocationProblem
from balancer.optimise.referee import judge
from balancer.simulate.instances import Shape, generate
from tests.benchmarks.peers import rules
from tests.benchmarks.peers.run import BALANCER, METHODS, RULES, SOLVERS, plan_by
from tests.optimise.exhaustive import least_total
from tests.worlds import breast_screening, overloaded_morning, two_trusts

SECONDS = 3.0
TINY = [two_trusts(), breast_screening(), overloaded_morning(4)]


def plan(method: str, problem: AllocationProblem) -> Plan:
    """Return a method's plan."""
    return plan_by(method, problem, SECONDS)[0]


@pytest.mark.parametrize("method", METHODS)
def test_every_peer_obeys_the_rules(method: str) -> None:
    """A week of two trusts with claims, pins and second reads."""
    problem = generate(Shape(trusts=2, studies=40, reporters=4, seed=3))
    made = plan(method, problem)
    assert [str(finding) for finding in judge(problem, made).findings if finding.rule.startswith("H")] == []
    assert made.summary.allocated > 0


@pytest.mark.parametrize("problem", TINY)
def test_the_exact_model_finds_the_best_plan(problem: AllocationProblem) -> None:
    """CP-SAT is told every rule and every price, or it would be no peer."""
    made, said = plan_by("CP-SAT", problem, SECONDS)
    assert said == "optimal"
    assert made.summary.total == pytest.approx(least_total(problem), rel=1e-6, abs=0.01)


def test_a_trust_alone_reads_its_own_studies() -> None:
    """But for what somebody from elsewhere has already claimed."""
    problem = generate(Shape(trusts=2, studies=200, reporters=8, seed=3))
    home = {reporter.reporter_id: reporter.home_trust for reporter in problem.reporters}
    claimed = {study.key for study in problem.studies if any(study.claimed_by)}
    made = plan(RULES[0], problem)
    elsewhere = {(row.trust, row.accession_number) for row in made.allocations if home[row.reporter_id] != row.trust}
    assert made.allocations
    assert elsewhere <= claimed


def test_the_lists_of_methods_agree() -> None:
    """The runner names the rules without importing them, so that it starts at once."""
    assert tuple(rules.RULES) == RULES
    assert set(METHODS) == {*RULES, *SOLVERS, BALANCER}
