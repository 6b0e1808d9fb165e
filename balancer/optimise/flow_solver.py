"""Networks solved by OR-Tools; of several large ones a share in a process of its own.

OR-Tools holds the interpreter while it solves a flow, so a second thread would wait for the first.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from ortools.graph.python import min_cost_flow

if TYPE_CHECKING:  # a process of its own begins sooner without
    from balancer.optimise.problem import Ints

# Fewer arcs than this are solved in less time than a process needs to begin.
_WORTH_A_PROCESS = 500_000


class Arcs(NamedTuple):
    """A network: A arcs, S nodes with something to send, one sink that takes it all."""

    tail: Ints  # (A,)
    head: Ints  # (A,)
    capacity: Ints  # (A,)
    cost: Ints  # (A,) a unit
    supply: Ints  # (S,) of the first nodes
    sink: Ints  # (1,) number of the node


def solve_all(networks: Sequence[Arcs], workers: int = 1) -> list[Ints]:
    """Return the cheapest flow on every arc of each network; the same whatever the number of workers (processes).

    Raises
    ------
    RuntimeError
        If a network has no flow that sends everything.
    subprocess.CalledProcessError
        If the process that had a share died of something else.
    """
    here, elsewhere = _shares([len(network.tail) for network in networks])
    if workers == 1 or sum(len(networks[index].tail) for index in elsewhere) < _WORTH_A_PROCESS:
        return [cheapest_flow(network) for network in networks]
    with tempfile.TemporaryDirectory(prefix="balancer-flow-") as folder:
        for index in elsewhere:
            np.savez(Path(folder, f"{index}.npz"), **networks[index]._asdict())
        command = [sys.executable, "-m", "balancer.optimise.flow_solver", folder]
        with subprocess.Popen(command) as process:  # noqa: S603 - this program again
            try:
                flows = {index: cheapest_flow(networks[index]) for index in here}
            except BaseException:
                process.kill()
                raise
        if process.returncode != 0:
            raise subprocess.CalledProcessError(process.returncode, command)
        flows |= {index: np.load(Path(folder, f"{index}.npy")) for index in elsewhere}
    return [flows[index] for index in range(len(networks))]


def _shares(sizes: Sequence[int]) -> tuple[list[int], list[int]]:
    """Return which networks are solved here and which elsewhere, so that both have about as much to do."""
    shares: tuple[list[int], list[int]] = ([], [])
    load = [0, 0]
    for index in sorted(range(len(sizes)), key=lambda index: (-sizes[index], index)):
        side = 0 if load[0] <= load[1] else 1
        shares[side].append(index)
        load[side] += sizes[index]
    return shares


def cheapest_flow(network: Arcs) -> Ints:
    """Return the cheapest flow on every arc.

    Raises
    ------
    RuntimeError
        If there is none that sends everything.
    """
    solver = min_cost_flow.SimpleMinCostFlow()
    arcs = solver.add_arcs_with_capacity_and_unit_cost(
        network.tail.astype(np.int32), network.head.astype(np.int32), network.capacity, network.cost
    )
    solver.set_nodes_supplies(np.arange(len(network.supply)), network.supply)
    solver.set_node_supply(int(network.sink[0]), -int(network.supply.sum()))
    status = solver.solve()
    if status != solver.OPTIMAL:
        raise RuntimeError(f"min-cost flow ended with {status.name}")
    flow: Ints = solver.flows(arcs)
    return flow


def _main(folder: Path) -> None:
    for file in sorted(folder.glob("*.npz")):
        with np.load(file) as stored:
            np.save(file.with_suffix(".npy"), cheapest_flow(Arcs(**stored)))


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
