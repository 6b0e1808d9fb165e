"""A lower bound on the total of every plan that obeys the rules: Lagrangian relaxation of the reporters' time.

Give every second of every session a price, and every second of a reporter's load one too. If each read then takes the
cheapest place for itself, as if it were alone, and the prices of all time there is are given back, no plan can cost
less: that holds for every choice of prices that are not negative, so only how *good* the bound is hangs on them
(Geoffrion 1974; the bound of the time-indexed formulation, Dyer and Wolsey 1990, at best prices). They start from the
flow's and rise by the volume algorithm (Barahona and Anbil 2000).

What is left out, each in the plan's favour: H9 and H8's order, ``max_reads``, and the split term. A study of several
reads is priced by the mean of its reads' ends, which is no more than the latest.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from balancer.optimise.flow import Flow
from balancer.optimise.problem import Floats, ProblemArrays
from balancer.optimise.relax import Relaxation, Response, lay_grid, price_of_cells

_STEP = 0.05
_MEMORY = 0.2  # weight of the newest response in the volume algorithm's average
_HOPE = 0.1  # how far above the best bound, in shares of what is avoidable, the steps aim
_PATIENCE = 4
_LEAST_STEP, _MOST_STEP = 1e-5, 2.0
_NO_DIRECTION = 1e-9  # seconds: what is taken is what there is


def lower_bound(
    p: ProblemArrays, flow: Flow, *, sunk: float, work: int, go_on: Callable[[float], bool]
) -> tuple[float, int]:
    """Return the best bound found and the work done (sessions looked into).

    ``sunk`` is what every plan costs at least; ``go_on`` hears the best bound after every response.
    """
    grid = lay_grid(p)
    relaxation = Relaxation(p, grid)
    if len(p.sessions) == 0:
        return relaxation.respond(np.zeros(0), np.zeros(len(p.reporters))).points, 0
    ascent = _Ascent(relaxation, price_of_cells(p, grid, flow), flow.load_price, sunk)
    while ascent.work < work and go_on(ascent.best) and ascent.step():
        pass
    return ascent.best, ascent.work


class _Ascent:
    """The volume algorithm on the knots' prices: steps along an average of past responses, from the best prices."""

    def __init__(self, relaxation: Relaxation, price: Floats, load_price: Floats, sunk: float) -> None:
        self.relaxation, self.sunk = relaxation, sunk
        grid = relaxation.grid
        self.seconds = self._to_knots(grid.width)
        self.centre = self._to_knots(price * grid.width) / np.maximum(1e-9, self.seconds)
        self.load_price = np.clip(load_price, 0.0, relaxation.most_load_price)
        first = relaxation.respond(self._to_cells(self.centre), self.load_price)
        self.best, self.work = first.points, first.work
        self.direction = self._excess(first)
        self.step_size, self.failures = _STEP, 0

    def _to_cells(self, knots: Floats) -> Floats:
        grid = self.relaxation.grid
        return knots[grid.knot[:, 0]] * grid.share[:, 0] + knots[grid.knot[:, 1]] * grid.share[:, 1]

    def _to_knots(self, cells: Floats) -> Floats:
        grid = self.relaxation.grid
        left: Floats = np.bincount(grid.knot[:, 0], cells * grid.share[:, 0], grid.knots).astype(np.float64)
        return left + np.bincount(grid.knot[:, 1], cells * grid.share[:, 1], grid.knots)

    def _excess(self, response: Response) -> Floats:
        """Return demand less supply at the knots, scaled by the root of the supply."""
        excess = self._to_knots(response.taken - self.relaxation.grid.width)
        return excess / np.sqrt(np.maximum(1.0, self.seconds))

    def step(self) -> bool:
        """Try prices a step further; keep them if the bound rises. Return whether a further step could help."""
        norm = float(self.direction @ self.direction)
        if norm < _NO_DIRECTION or self.step_size < _LEAST_STEP:
            return False
        aim = _HOPE * max(1.0, self.best - self.sunk)
        stride = self.step_size * aim / norm
        trial = np.maximum(0.0, self.centre + stride * self.direction / np.sqrt(np.maximum(1.0, self.seconds)))
        response = self.relaxation.respond(self._to_cells(trial), self.load_price)
        self.work += response.work + 1
        self.direction = _MEMORY * self._excess(response) + (1.0 - _MEMORY) * self.direction
        if response.points > self.best:
            self.best, self.centre = response.points, trial
            self.step_size, self.failures = min(_MOST_STEP, self.step_size * 1.1), 0
        else:
            self.failures += 1
            if self.failures >= _PATIENCE:
                self.step_size, self.failures = self.step_size * 0.7, 0
        return True
