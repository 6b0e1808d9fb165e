"""``python -m tests.benchmarks.reference``: a computation that never changes, so that two machines can be compared.

It has what the optimiser does: random access to a few megabytes, comparisons, floating-point sums; on one core. Seconds
of a run divided by the seconds of this one, taken just before and after, say more than seconds do.
"""

from __future__ import annotations

import sys
import time

import numba
import numpy as np
from numpy.typing import NDArray

_STEPS = 40_000_000
_CELLS = 1 << 19


@numba.njit(nogil=True)
def _walk(cells: NDArray[np.float64], steps: int) -> float:
    at, total = 1, 0.0
    for _ in range(steps):
        at = (at * 1103515245 + 12345) & 0x7FFFFFFF
        here, there = at % len(cells), (at >> 7) % len(cells)
        if cells[here] > cells[there]:
            cells[here], cells[there] = cells[there], cells[here]
            total += cells[here]
        else:
            total -= cells[there] * 1e-3
    return total


def seconds() -> float:
    """Return how long the computation takes now, compilation apart."""
    cells = np.random.default_rng(1).random(_CELLS)
    _walk(cells.copy(), 1)
    began = time.perf_counter()
    _walk(cells, _STEPS)
    return time.perf_counter() - began


if __name__ == "__main__":
    sys.stdout.write(f"{seconds():.4f}\n")
