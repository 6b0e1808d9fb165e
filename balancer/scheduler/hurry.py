"""The right of way of what is delivered: any file may hold an emergency, and is taken in before a plan goes out."""

from __future__ import annotations

from contextlib import ExitStack
from threading import Lock

import structlog

from balancer.store.database import Database, StoreBusyError

_log = structlog.get_logger("balancer.scheduler")


class Hurry:
    """Has the right of way as long as it is wanted; for any thread."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = Lock()
        self._has: ExitStack | None = None
        self._is_over = False

    def end(self) -> None:
        """Give it back for good, whatever is wanted later: whoever no longer leads takes nothing in."""
        self._is_over = True
        self.keep(wanted=False)

    def keep(self, *, wanted: bool) -> None:
        """Take it, keep it or give it back; without it things go on, and what is delivered waits for its turn."""
        with self._lock:
            try:
                if wanted and self._has is None and not self._is_over:
                    with ExitStack() as stack:
                        stack.enter_context(self._database.right_of_way.taken())
                        self._has = stack.pop_all()
                elif not wanted and self._has is not None:
                    stack, self._has = self._has, None
                    stack.close()
            except (StoreBusyError, OSError):
                _log.warning("deliveries.no_right_of_way", exc_info=True)
