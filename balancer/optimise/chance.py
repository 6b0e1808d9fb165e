"""Chance from a seed, inside kernels: xorshift64* (Vigna 2016), the same numbers on every machine."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from balancer.optimise.compiled import kernel

Chance = NDArray[np.uint64]

_MULTIPLIER = np.uint64(2685821657736338717)
_TWO_TO_53 = 9007199254740992.0


def chance_from(seed: int, stream: int = 0) -> Chance:
    """Return a state, shape (1,), for one stream of numbers; streams of one seed are independent."""
    state = np.random.SeedSequence([seed, stream]).generate_state(1, np.uint64)
    return np.asarray(state, np.uint64) | np.uint64(1)


@kernel
def _next(chance: Chance) -> int:
    z = chance[0]
    z ^= z >> np.uint64(12)
    z ^= z << np.uint64(25)
    z ^= z >> np.uint64(27)
    chance[0] = z
    return z * _MULTIPLIER


@kernel
def below(chance: Chance, count: int) -> int:
    """Return a whole number from 0 to ``count - 1``."""
    return int(np.int64((_next(chance) >> np.uint64(33)) % np.uint64(count)))


@kernel
def unit(chance: Chance) -> float:
    """Return a number in [0, 1)."""
    return float(_next(chance) >> np.uint64(11)) / _TWO_TO_53
