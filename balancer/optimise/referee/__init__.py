"""The referee, who asks whether a plan is allowed (section 3) and its times and figures true (sections 2 and 4).

It shares no code with the solver beyond the domain, so that a misunderstanding in one is caught by the other, and is
written to be read against the allocation model clause by clause: ``rules`` has one function a rule, ``costs``
one a term, ``reasons`` says why a read has no place, ``figures`` compares what a plan claims about itself, and
``starved`` looks for reads past their ceiling behind others that could wait.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from balancer.domain.filed_plan import StatedFigures
from balancer.domain.plan import Plan, Terms
from balancer.domain.problem import AllocationProblem
from balancer.optimise.referee.case import Case, Finding
from balancer.optimise.referee.costs import reckon
from balancer.optimise.referee.figures import wrong_figures
from balancer.optimise.referee.reasons import wrong_reasons
from balancer.optimise.referee.rules import broken_rules
from balancer.optimise.referee.starved import starved

__all__ = ["Finding", "Verdict", "judge"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the referee found, and every figure of the plan as the referee reckons it (points, hours).

    ``starved`` are reads past their ceiling directly behind one that could wait: allowed, but no plan of ours has any.
    """

    findings: tuple[Finding, ...]
    starved: tuple[Finding, ...]
    terms: Terms
    sunk: float
    late: Mapping[str, int]
    longest_wait_hours: Mapping[str, float]

    @property
    def ok(self) -> bool:
        """Whether nothing at all was found."""
        return not self.findings


def judge(problem: AllocationProblem, plan: Plan, stated: StatedFigures | None = None) -> Verdict:
    """Return the verdict on ``plan``: every broken rule, untrue time, wrong reason and wrong figure.

    ``stated`` adds the figures of a plan's files that ``plan`` itself only implies.
    """
    case = Case.of(problem, plan)
    true = reckon(case)
    findings = (*broken_rules(case), *wrong_reasons(case), *wrong_figures(case, true, stated))
    return Verdict(
        findings=findings,
        starved=tuple(starved(case)),
        terms=true.terms,
        sunk=true.sunk,
        late=true.late,
        longest_wait_hours=true.longest_wait_hours,
    )
