"""How hot an annealing is, and which reads it moves: the dear ones alone at first, all of them in the end.

Prices differ a thousandfold: what is cold for an emergency makes a routine read wander without aim. So every read has a
*stake*, what it costs when it is delayed by a typical read, and one whose stake is a small part of the temperature is
left where it is. Temperatures and stakes are in points.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from balancer.optimise.problem import Floats, Ids, ProblemArrays

_CHUNK, _LEAST_CHUNKS = 50_000, 40
_COOLED = 0.95  # share of the proposals after which the temperature is 0
_HOT, _COLD = 8.0, 0.015  # of the mean stake; on the Kent instances flat from 4 to 30, and worse from 60
_MOVED = 0.5  # of the temperature: reads with less at stake are not moved
_LEAST_MOVED = 100  # reads, however hot it is


class Cooling(NamedTuple):
    """From ``hot`` to ``cold`` points over ``proposals`` proposals.

    ``order`` (N,) has the reads, those with most at stake first, and ``stakes`` (N,) their stakes in that order.
    """

    hot: float
    cold: float
    proposals: int
    order: Ids
    stakes: Floats

    @property
    def chunk(self) -> int:
        """Proposals between two looks at the clock and at the total."""
        return max(1, min(max(_CHUNK, len(self.order)), self.proposals // _LEAST_CHUNKS))

    def at(self, done: int) -> float:
        """Return the temperature after ``done`` proposals, in points: 0 in the end."""
        share = done / (self.proposals * _COOLED)
        return self.hot * (self.cold / self.hot) ** share if share < 1.0 else 0.0

    def moved(self, temperature: float) -> int:
        """Return how many reads, of ``order``, are moved at this temperature."""
        enough = np.searchsorted(-self.stakes, -_MOVED * temperature, side="right")
        return min(len(self.order), max(_LEAST_MOVED, int(enough)))


def cooling_for(p: ProblemArrays, proposals: int) -> Cooling:
    """Return a cooling whose temperatures suit the prices of the problem."""
    studies, sessions = p.studies, p.sessions
    if len(studies) == 0 or len(sessions) == 0:
        return Cooling(1.0, 0.1, proposals, np.arange(len(p.reads), dtype=np.int32), np.zeros(len(p.reads)))
    rate = studies["a0"] + np.where(studies["due"] < p.prices["beyond"], studies["a1"], 0.0)
    rate += np.where(studies["ceiling"] < p.prices["beyond"], studies["a2"], 0.0)
    typical = float(np.mean(studies["minutes"])) * float(np.mean(sessions["pace"]))
    stake = (rate * typical)[p.reads["study"]]
    order = np.argsort(-stake, kind="stable").astype(np.int32)
    usual = max(float(np.mean(stake)), 1e-9)
    return Cooling(_HOT * usual, _COLD * usual, proposals, order, stake[order])
