"""Mending in a process of its own: it holds the plan in memory, and the optimiser, which takes seconds to import.

So neither the start of the service nor the scheduler's other jobs wait for it, and one that crashes takes nothing with
it. It is started with the lead and ended with it; two of them at once, for a moment, do no harm (``publish_mended``).
"""

from __future__ import annotations

import logging
import multiprocessing
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType
from typing import NoReturn

import structlog

from balancer.domain.errors import ConflictError
from balancer.domain.instant import Clock
from balancer.domain.states import RunState
from balancer.scheduler.solving import die_with_parent
from balancer.scheduler.supervisor import delay_after
from balancer.services.mend_worklists import Mending, MendOutcome
from balancer.services.rehearse_mending import rehearse_mending
from balancer.services.request_run import request_run
from balancer.store.database import Database, StoreBusyError
from balancer.store.right_of_way import GaveWayError

_log = structlog.get_logger("balancer.scheduler")
# An arriving emergency is to be on a list within a second of its commit.
LOOK_EVERY_SECONDS = 0.05
# How often it is tried to rehearse, as long as something comes up that goes first.
_REHEARSALS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class MendingOrder:
    """What the mending process needs to know; it is pickled. ``prepare`` sets up its logs."""

    database_url: str
    clock: Clock
    prepare: Callable[[], None]


def mend_for_ever(order: MendingOrder) -> None:
    """Mend until told to stop or left alone: the body of the process."""
    order.prepare()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _leave)  # wherever it is: what is not committed has not happened
    if multiprocessing.parent_process() is not None:
        die_with_parent()
    database = Database(order.database_url)
    try:
        watch = Watch(database, order.clock)
        while True:
            time.sleep(watch.step())
    finally:
        database.close()


class Watch:
    """Looks again and again, and says when to look next; what fails is logged, and a whole run is asked for."""

    def __init__(self, database: Database, clock: Clock, mending: Mending | None = None) -> None:
        self._database = database
        self._clock = clock
        self._mending = mending or Mending(database)
        self._failures = 0
        self._rehearsals = _REHEARSALS

    def step(self) -> float:
        """Look once; return for how many seconds to wait until the next look."""
        began = time.monotonic()
        was_open = self._mending.is_open
        try:
            outcome = self._mending.look(self._clock.now())
        except ConflictError:
            _log.info("mending.overtaken")  # the lists are others by now: these are looked at next
            return LOOK_EVERY_SECONDS
        except Exception:  # noqa: BLE001 - whatever it is, the last lists stand and a whole run is asked for
            return self._note_failure()
        rejected = outcome is not None and outcome.state is RunState.REJECTED
        self._failures = self._failures + 1 if rejected else 0
        seconds = round(time.monotonic() - began, 3)
        if self._mending.is_open and not was_open:
            _log.info("mending.open", seconds=seconds)
        if outcome is not None:
            tell(outcome, seconds)
            self._rehearsals = self._rehearsals if rejected else 0
        elif self._mending.is_open and self._rehearsals:
            self._rehearse()
        if rejected:  # it would be rejected again at once: the run that is asked for sets it right
            return delay_after(self._failures)
        return LOOK_EVERY_SECONDS

    def _rehearse(self) -> None:
        """Let the first emergency find everything done once; should that fail, it takes a little longer, no more."""
        self._rehearsals -= 1
        began = time.monotonic()
        try:
            done = rehearse_mending(self._database, self._clock.now())
        except (GaveWayError, ConflictError):
            _log.info("mending.not_rehearsed", tries_left=self._rehearsals)  # what came up is looked at first
            return
        except Exception:  # noqa: BLE001 - nothing has come of it; lists are mended all the same
            _log.exception("mending.rehearsal_failed")
        else:
            _log.info("mending.rehearsed", done=done, seconds=round(time.monotonic() - began, 3))
        self._rehearsals = 0

    def _note_failure(self) -> float:
        """Log what failed, ask for a run the first time, and wait a little longer each time, so that nothing spins."""
        self._failures += 1
        delay = delay_after(self._failures)
        _log.exception("mending.failed", again_in_seconds=delay)
        if self._failures == 1:
            try:
                request_run(self._database, self._clock.now(), reason="lists could not be mended")
            except StoreBusyError:
                _log.exception("mending.no_run_asked_for")
        return delay


def tell(outcome: MendOutcome, seconds: float) -> None:
    """Log what became of a mending, in figures; a rejected one's findings are on record, not in the log."""
    level = logging.INFO if outcome.state is RunState.PUBLISHED else logging.ERROR
    figures = {"lists": outcome.lists, "urgent": outcome.urgent, "unplaced": outcome.unplaced}
    _log.log(level, f"mending.{outcome.state}", run=outcome.run_id, **figures, seconds=seconds)


def _leave(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(0)
