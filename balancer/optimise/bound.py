"""A lower bound on the total of every plan that obeys the rules: Lagrangian relaxation of the reporters' time.

Give every second of every session a price, and every second of a reporter's load one too. If each read then takes the
cheapest place for itself, as if it were alone, and the prices of all time there is are given back, no plan can cost
less: that holds for every choice of prices that are not negative, so only how *good* the bound is hangs on them
(Geoffrion 1974; the bound of the time-indexed formulation, Dyer and Wolsey 1990, at best prices).

Prices start from the flow's and are bettered incrementally (Nedic and Bertsekas 2001): a few reads take their places,
the time they take becomes dearer, all other time a little cheaper, the next few answer to that. A pass over all reads
so makes many small corrections instead of one great one; the mean of a pass's prices is what is now and then evaluated.
On the Kent instances that gained three times what the volume algorithm did for the same work. An evaluation has to look
everywhere; the passes between look into the few sessions that have been cheapest for each read before, for on a network
everywhere is a hundred sessions.

What is left out, each in the plan's favour: H9 and H8's order (but claimed reads end as soon as all of them are done),
``max_reads``, and the split term. A study of several reads is priced by the mean of its reads' ends, which is no more
than the latest.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from balancer.optimise.flow import Flow
from balancer.optimise.problem import Floats, Ids, ProblemArrays
from balancer.optimise.relax import Relaxation, lay_grid, price_of_cells

_GROUPS = 50  # in which the reads of one pass answer
# How far a price moves when one second too many is asked for, in shares of the usual price; from the first to the last.
_FIRST_STEP, _LAST_STEP = 0.006, 0.001


def lower_bound(
    p: ProblemArrays, flow: Flow, few: Ids, few_count: Ids, *, work: int, go_on: Callable[[float], bool]
) -> tuple[float, int]:
    """Return the best bound found, in points, and the work done (sessions looked into while prices rise).

    ``few`` (N, K) and ``few_count`` (N,) are sessions that are cheap for each read at the flow's prices. While prices
    rise a read looks only there, and where it was found to be best off since; a bound is evaluated everywhere.
    ``go_on`` hears the best bound after every pass and says whether there may be another.
    """
    grid = lay_grid(p)
    relaxation = Relaxation(p, grid, few, few_count)
    if len(p.sessions) == 0:
        return relaxation.respond(np.zeros(0), np.zeros(len(p.reporters))).points, 0
    ascent = _Ascent(relaxation, price_of_cells(p, grid, flow), flow.load_price)
    while ascent.work < work and go_on(ascent.best):
        ascent.step(ascent.work / work)
        if 2 * ascent.since_look >= ascent.look_work or ascent.work >= work:
            ascent.look()
    return ascent.best, ascent.work


class _Ascent:
    """Prices of cells on their way up, and the best bound met."""

    def __init__(self, relaxation: Relaxation, price: Floats, load_price: Floats) -> None:
        self.relaxation, self.price = relaxation, price
        self.load_price = np.clip(load_price, 0.0, relaxation.most_load_price)
        grid = relaxation.grid
        self.width = np.maximum(1.0, grid.width)
        rostered = np.bincount(grid.session, grid.width)
        of_session = np.bincount(grid.session, price * grid.width) / np.maximum(1.0, rostered)
        usual = float(np.average(price, weights=self.width))
        # a cell's scale: half what time usually costs, half what it costs in this session; none where there is no time
        self.scale = np.where(grid.width > 0, 0.5 * (usual + of_session[grid.session]), 0.0)
        self.order = np.random.default_rng(0)
        self.mean = price
        self.best, self.work = -np.inf, 0
        self.look_work, self.since_look = 0, 0  # sessions looked into by the last evaluation, and by passes since
        self.look()

    def step(self, share: float) -> None:
        """Let all reads answer once, group by group; ``share`` of the work is done already."""
        size = _FIRST_STEP * (_LAST_STEP / _FIRST_STEP) ** share
        mean = np.zeros(len(self.price))
        reads = self.order.permutation(len(self.relaxation.p.reads)).astype(np.int32)
        for some in np.array_split(reads, _GROUPS):
            _, taken, work = self.relaxation.take(some, self.price, self.load_price)
            excess = taken / self.width - 1.0 / _GROUPS
            self.price = np.maximum(0.0, self.price + size * self.scale * excess)
            mean += self.price
            self.work += work + 1
            self.since_look += work + 1
        self.mean = mean / _GROUPS

    def look(self) -> None:
        """Evaluate the mean prices of the last pass."""
        response = self.relaxation.respond(self.mean, self.load_price)
        self.look_work, self.since_look = response.work + 1, 0
        self.best = max(self.best, response.points)
