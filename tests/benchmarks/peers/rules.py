"""What departments and worklist products do today, as dispatching rules (``balancer.optimise.dispatch``)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from balancer.optimise.dispatch import Groups, Rule, deal, dispatch, group_reads
from balancer.optimise.problem import Compiled, ProblemArrays
from balancer.optimise.schedule import Schedule


def each_trust_alone(compiled: Compiled) -> Schedule:
    """Every reporter takes the most urgent read of the home trust alone; what a reporter has claimed stays claimed."""
    p = compiled.arrays
    return dispatch(p, _of_home_trusts(p), Rule.STRICT_PRIORITY)


def _of_home_trusts(p: ProblemArrays) -> Groups:
    """Return the groups of reads, each open only to reporters at home in the trust of its studies."""
    trust_of_pool = np.zeros(len(p.level), np.int32)
    trust_of_pool[p.studies["pool"]] = p.studies["trust"]
    at_home = trust_of_pool[:, None] == p.reporters["home"][None, :]
    return group_reads(p._replace(level=np.where(at_home, p.level, 0).astype(np.int8)))


def by_rule(rule: Rule) -> Callable[[Compiled], Schedule]:
    """Return one pooled list, from which whoever is free takes the first under ``rule``."""
    return lambda compiled: dispatch(compiled.arrays, group_reads(compiled.arrays), rule)


RULES: dict[str, Callable[[Compiled], Schedule]] = {
    "each trust alone by priority": each_trust_alone,
    "one list by strict priority": by_rule(Rule.STRICT_PRIORITY),
    "earliest due first": by_rule(Rule.EARLIEST_DUE),
    "least-loaded eligible": lambda compiled: deal(compiled.arrays),
    "generalised c-mu": by_rule(Rule.GENERALISED_C_MU),
}
