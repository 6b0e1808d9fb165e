"""How long a machine that others use too did not work for a test, so that a bound in seconds can be held to it."""

from __future__ import annotations

import threading
import time
from types import TracebackType
from typing import Self

_NAP_SECONDS = 0.005


class Machine:
    """Naps again and again, and notes how much later than asked for it was woken."""

    def __init__(self) -> None:
        self._late: list[tuple[float, float]] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._nap, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stop.set()
        self._thread.join()

    def late_between(self, began: float, ended: float) -> float:
        """Return for how long, between two moments of the monotonic clock, a thread that wished to work could not."""
        return sum(late for at, late in self._late if began <= at - late and at <= ended)

    def _nap(self) -> None:
        while not self._stop.is_set():
            before = time.monotonic()
            time.sleep(_NAP_SECONDS)
            at = time.monotonic()
            self._late.append((at, max(0.0, at - before - _NAP_SECONDS)))
