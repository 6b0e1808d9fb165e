"""How long a test waits for what must come: no rule of ours is of how fast the machine is that looks at it.

Speed is measured (tests/benchmarks), never tested: a machine that is slow, or does other things besides, fails nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

PATIENCE_SECONDS = 120.0
_LOOKS_EVERY_SECONDS = 0.01

_Found = TypeVar("_Found")


def until(look: Callable[[], _Found | None]) -> _Found:
    """Return the first thing that ``look`` finds; the test fails if it finds nothing while anybody has patience."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (found := look()):
        assert time.monotonic() < deadline, f"not within {PATIENCE_SECONDS:g} seconds"
        time.sleep(_LOOKS_EVERY_SECONDS)
    return found
