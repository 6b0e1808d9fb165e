"""A small problem searched twice at once: neither search sees the other, and the better one counts."""

from __future__ import annotations

import numpy as np

from balancer.optimise.cooling import cooling_for
from balancer.optimise.dispatch import deal
from balancer.optimise.flow import pooled_flow
from balancer.optimise.improve import Nearby, improve
from balancer.optimise.problem import compile_problem
from balancer.optimise.relax import cheapest_sessions
from balancer.optimise.rivals import Rivals
from balancer.optimise.schedule import copy_schedule, empty_schedule, overwrite, score
from balancer.simulate.instances import Shape, generate

P = compile_problem(generate(Shape(trusts=2, studies=150, reporters=6, seed=3, load=1.2))).arrays
EVERYBODY = np.ones(len(P.reads), bool)


def test_the_better_rival_counts_and_both_go_on_from_where_they_are() -> None:
    """Whichever of the two it is; neither is given what the other found."""
    good, bad = deal(P), empty_schedule(P)
    for better in (0, 1):
        x = copy_schedule(bad)
        rivals = Rivals(P, x, EVERYBODY, seed=7)
        overwrite(rivals.own[better], good)
        rivals.unite(x)
        rivals.divide(x)
        assert score(P, x).sum() == score(P, good).sum()
        assert score(P, rivals.own[1 - better]).sum() == score(P, bad).sum()


def test_two_workers_find_what_one_finds() -> None:
    """Record for record."""
    nearby = Nearby(*cheapest_sessions(P, pooled_flow(P), count=16, noise=1.0, seed=1))
    cooling = cooling_for(P, 100_000)
    found = [
        improve(P, deal(P), nearby, 1, cooling, lambda done, _: done + cooling.chunk, workers)[0] for workers in (1, 2)
    ]
    assert all(np.array_equal(one, two) for one, two in zip(*found, strict=True))
