"""Holding a lease while something long runs, and telling meanwhile how far it is."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from datetime import datetime, timedelta
from typing import Any

from balancer.domain.instant import Clock
from balancer.store import leases
from balancer.store.database import Database, Session, StoreBusyError
from balancer.store.leases import Lease

# A holder that dies blocks the next one for at most this long.
LASTING = timedelta(seconds=60)
BEAT_SECONDS = 1.0


class ElapsedClock:
    """A clock that starts at a given instant and goes on with elapsed time."""

    def __init__(self, start: datetime) -> None:
        self._start = start
        self._began = time.monotonic()

    def now(self) -> datetime:
        """Return the starting instant plus what has elapsed since."""
        return self._start + timedelta(seconds=time.monotonic() - self._began)


class Telling:
    """What a run last said of its progress; taken by the thread that keeps the lease, so that telling never waits."""

    def __init__(self) -> None:
        self._last: dict[str, Any] | None = None

    def tell(self, progress: Any) -> None:
        """Note the solver's progress: a dataclass, of which the plain fields are kept."""
        fields = asdict(progress) if is_dataclass(progress) and not isinstance(progress, type) else {}
        self._last = {name: value for name, value in fields.items() if _is_plain(value)}

    def take(self) -> dict[str, Any] | None:
        """Return what was said since it was last asked."""
        last, self._last = self._last, None
        return last


def _is_plain(value: Any) -> bool:
    return isinstance(value, str | int | None) or (isinstance(value, float) and math.isfinite(value))


@contextmanager
def kept(
    db: Database,
    lease: Lease,
    clock: Clock,
    also: Callable[[Session], None],
) -> Iterator[None]:
    """Renew ``lease`` every ``BEAT_SECONDS`` while the block runs, and do ``also`` in the same transaction.

    It stops when the lease has passed to somebody else; whoever publishes under it finds out from its token.
    """
    stop = threading.Event()

    def renew() -> None:
        while not stop.wait(BEAT_SECONDS):
            try:
                with db.transaction() as session:
                    if not leases.renew(session, lease, now=clock.now(), lasting=LASTING):
                        return
                    also(session)
            except StoreBusyError:
                continue  # the lease outlasts many a beat; the next one may find the database free

    thread = threading.Thread(target=renew, name=f"lease {lease.name}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
