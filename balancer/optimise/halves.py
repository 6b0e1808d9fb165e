"""Two searches at once on the two halves of a schedule, and the same schedule whether they take turns or not.

The reporters are divided by chance; each half has the sessions of its reporters and the reads that stand there, and
changes nothing else. Each sees the other half as it was when they were divided. What they have in common are studies
of several reads and patients of several studies: those are priced by what the other half was, and put right when the
halves are brought together and divided anew. No rule can break between them: reporters of different halves are
different reporters (H9), and every other rule is about one session.
"""

from __future__ import annotations

import numpy as np

from balancer.optimise.chance import Chance, chance_from
from balancer.optimise.problem import NOBODY, UNPLACED, Flags, ProblemArrays
from balancer.optimise.schedule import Schedule, empty_schedule, overwrite

_NUMBER = 2
_FEW = 8  # reporters; fewer are divided by a coin each, or the same two could never be together


class Halves:
    """The halves of a schedule: what each may change (``own``), which reads it may move, and its own chance.

    ``moving`` are the reads that a search may touch at all.
    """

    def __init__(self, p: ProblemArrays, moving: Flags, seed: int) -> None:
        self.own = [empty_schedule(p) for _ in range(_NUMBER)]
        self.moving: list[Flags] = []
        self.chances: list[Chance] = [chance_from(seed, stream=3 + half) for half in range(_NUMBER)]
        self._p, self._moving = p, moving
        self._dice = np.random.default_rng([seed, 5])
        self._session_of_slot = np.searchsorted(p.sessions["slot"], np.arange(p.slots), side="right") - 1

    def divide(self, x: Schedule) -> None:
        """Divide the reporters anew."""
        self._of_reporter = self._parts(len(self._p.reporters))
        self._of_session = self._of_reporter[self._p.sessions["reporter"]]
        session, claimed = x.reads["session"], self._p.reads["claimed"]
        self._of_read = self._dice.integers(0, _NUMBER, len(session))
        self._of_read[session != UNPLACED] = self._of_session[session[session != UNPLACED]]
        self._of_read[claimed != NOBODY] = self._of_reporter[claimed[claimed != NOBODY]]
        for half, own in enumerate(self.own):
            overwrite(own, x)
            # what takes no priority and no claim holds no read (H4, H8)
            own.sessions["priority_mask"][self._of_session != half] = 0
            own.sessions["is_claimable"][self._of_session != half] = 0
        self.moving = [self._moving & (self._of_read == half) for half in range(_NUMBER)]

    def unite(self, x: Schedule) -> None:
        """Write what the halves have become into ``x``, from which they were divided."""
        of_slot = self._of_session[self._session_of_slot]
        for half, own in enumerate(self.own):
            for target, source, owner in zip(
                x, own, (self._of_read, self._of_session, self._of_reporter, of_slot), strict=True
            ):
                target[owner == half] = source[owner == half]

    def _parts(self, reporters: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        if reporters < _FEW:
            return self._dice.integers(0, _NUMBER, reporters)
        return self._dice.permutation(reporters) % _NUMBER
