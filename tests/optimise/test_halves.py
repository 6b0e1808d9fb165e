"""A schedule searched in two halves at once: each changes what is its own, and nothing is lost between them."""

from __future__ import annotations

import numpy as np

from balancer.optimise.cooling import cooling_for
from balancer.optimise.dispatch import deal
from balancer.optimise.flow import pooled_flow
from balancer.optimise.halves import Halves
from balancer.optimise.improve import Nearby, improve
from balancer.optimise.problem import UNPLACED, compile_problem
from balancer.optimise.relax import cheapest_sessions
from balancer.optimise.schedule import copy_schedule, score
from balancer.simulate.instances import Shape, generate

COMPILED = compile_problem(generate(Shape(trusts=2, studies=2_500, reporters=25, seed=3, load=1.2)))
P = COMPILED.arrays
EVERYBODY = np.ones(len(P.reads), bool)


def test_halves_that_nobody_changes_make_the_whole_again() -> None:
    """Dividing and uniting, time after time, leaves every record as it was."""
    x = deal(P)
    before, halves = copy_schedule(x), Halves(P, EVERYBODY, seed=7)
    assert len(halves.own) == 2
    for _ in range(10):
        halves.divide(x)
        halves.unite(x)
        assert all(np.array_equal(now, then) for now, then in zip(x, before, strict=True))


def test_every_read_belongs_to_one_half_and_only_where_it_stands() -> None:
    """A placed read to the half of its reporter; each half sees the other's sessions but may not fill them."""
    x = deal(P)
    halves = Halves(P, EVERYBODY, seed=7)
    halves.divide(x)
    first, second = halves.moving
    assert np.array_equal(first, ~second)
    for mine, own in zip(halves.moving, halves.own, strict=True):
        open_to_it = own.sessions["priority_mask"] != 0
        placed = x.reads["session"] != UNPLACED
        assert np.array_equal(open_to_it[x.reads["session"][placed]], mine[placed])


def test_both_halves_change_and_both_changes_are_kept() -> None:
    """A half that empties its sessions empties them in the whole, and the other half's stay full."""
    x = deal(P)
    halves = Halves(P, EVERYBODY, seed=7)
    halves.divide(x)
    wiped, kept = halves.moving
    halves.own[0].reads["session"][wiped] = UNPLACED
    halves.unite(x)
    assert np.all(x.reads["session"][wiped] == UNPLACED)
    assert np.any(x.reads["session"][kept] != UNPLACED)


def test_two_workers_find_what_one_finds() -> None:
    """Record for record."""
    flow = pooled_flow(P)
    nearby = Nearby(*cheapest_sessions(P, flow, count=16, noise=1.0, seed=1))
    cooling = cooling_for(P, 300_000)
    found = [
        improve(P, deal(P), nearby, 1, cooling, lambda done, _: done + cooling.chunk, workers)[0] for workers in (1, 2)
    ]
    assert all(np.array_equal(one, two) for one, two in zip(*found, strict=True))


def test_the_points_of_the_whole_are_those_of_its_records() -> None:
    """What two halves have come to is a schedule whose figures hold when worked out from nothing."""
    flow = pooled_flow(P)
    nearby = Nearby(*cheapest_sessions(P, flow, count=16, noise=1.0, seed=1))
    cooling = cooling_for(P, 300_000)
    x, points = improve(P, deal(P), nearby, 1, cooling, lambda done, _: done + cooling.chunk, 2)
    assert points == float(score(P, x).sum())
    used = np.zeros(len(P.reporters))
    for read in np.flatnonzero(x.reads["session"] != UNPLACED):
        session = x.reads["session"][read]
        minutes = P.studies["minutes"][P.reads["study"][read]]
        used[P.sessions["reporter"][session]] += np.ceil(minutes * P.sessions["pace"][session] - 1e-6)
    assert np.allclose(used, x.reporters["used"])
