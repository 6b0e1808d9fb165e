"""Two searches of the whole, each as if it were alone, and what the better has found.

A small problem has few sessions, each of which decides much: a search can settle in the wrong valley, and no amount of
work leads out of it again. Another one with other chances seldom settles in the same.
"""

from __future__ import annotations

from balancer.optimise.chance import Chance, chance_from
from balancer.optimise.problem import Flags, ProblemArrays
from balancer.optimise.schedule import Schedule, copy_schedule, overwrite, score

_NUMBER = 2


class Rivals:
    """Whole schedules beside one another: what each may move, and its own chance (see ``halves.Halves``)."""

    def __init__(self, p: ProblemArrays, x: Schedule, moving: Flags, seed: int) -> None:
        self.own = [copy_schedule(x) for _ in range(_NUMBER)]
        self.moving: list[Flags] = [moving] * _NUMBER
        self.chances: list[Chance] = [chance_from(seed, stream=3 + rival) for rival in range(_NUMBER)]
        self._p = p

    def divide(self, x: Schedule) -> None:
        """Let each go on from where it is: they began where ``x`` did, and want nothing of it since."""

    def unite(self, x: Schedule) -> None:
        """Write what the better has become into ``x``; of two equally good the first."""
        overwrite(x, min(self.own, key=lambda own: float(score(self._p, own).sum())))
