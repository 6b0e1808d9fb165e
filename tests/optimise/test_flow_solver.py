"""Flows of several networks: solved side by side or one after the other, they are the same."""

from __future__ import annotations

import subprocess

import numpy as np
import pytest

from balancer.optimise import flow_solver
from balancer.optimise.flow_solver import Arcs, cheapest_flow, solve_all


def a_network(seed: int, *, room: int = 40) -> Arcs:
    """Return ten sources that reach a sink through twenty nodes of little room, or, dearly, directly."""
    rng = np.random.default_rng(seed)
    sources, middle, sink = 10, 20, 30
    tail = np.concatenate([np.repeat(np.arange(sources), middle), np.arange(sources, sink), np.arange(sources)])
    head = np.concatenate([np.tile(np.arange(sources, sink), sources), np.full(middle + sources, sink)])
    capacity = np.concatenate([np.full(sources * middle, 50), np.full(middle, room), np.full(sources, 1_000)])
    cost = np.concatenate([rng.integers(1, 99, sources * middle), np.zeros(middle), np.full(sources, 500)])
    supply = rng.integers(50, 120, sources)
    return Arcs(tail, head, capacity, cost.astype(np.int64), supply, np.array([sink]))


@pytest.fixture
def worth_it_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let even small networks be worth a process."""
    monkeypatch.setattr(flow_solver, "_WORTH_A_PROCESS", 0)


def test_everything_is_sent_and_the_cheap_ways_are_full_before_a_dear_one_is_used() -> None:
    """The dear way carries just what the others have no room for."""
    network = a_network(1)
    flow = cheapest_flow(network)
    sent = np.bincount(network.tail, flow, minlength=31)[:10]
    assert (sent == network.supply).all()
    dear = int(flow[-10:].sum())
    assert dear == max(0, int(network.supply.sum()) - 20 * 40)


@pytest.mark.usefixtures("worth_it_at_once")
def test_a_process_beside_finds_the_same_flows_in_the_same_order() -> None:
    """Which share a network falls into changes nothing."""
    networks = [a_network(seed, room=10 + 10 * seed) for seed in range(5)]
    alone = [cheapest_flow(network) for network in networks]
    for one, two in zip(alone, solve_all(networks, workers=2), strict=True):
        assert (one == two).all()


@pytest.mark.usefixtures("worth_it_at_once")
def test_a_network_without_a_flow_is_an_error_wherever_it_is_solved() -> None:
    """In this process, and in the one beside it."""
    closed = a_network(2)._replace(capacity=np.zeros(230, np.int64))
    with pytest.raises(RuntimeError, match="min-cost flow ended with"):
        solve_all([closed, a_network(3)], workers=2)
    with pytest.raises(subprocess.CalledProcessError):
        solve_all([a_network(3), closed], workers=2)
