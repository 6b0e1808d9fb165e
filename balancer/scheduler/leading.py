"""Which of several schedulers does the work: the one that holds the lease, for as long as it can renew it.

The lease is a row that ends by itself, so a leader that dies is followed by another within ``LASTING``, or at once on
the same machine; its token rises with every leader, so that one which slept through its own lease is recognised.

Where one writer at a time shuts all others out (SQLite), a publish that takes longer than a lease keeps the leader from
renewing it, and everybody else from taking it as well: the leader leads on, and finds out with its next renewal if
another was quicker then.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import structlog

from balancer.domain.instant import Clock
from balancer.services.this_process import is_gone
from balancer.store import jobs, leases
from balancer.store.database import Database, StoreBusyError
from balancer.store.leases import Lease

LEASE = "scheduler"
LASTING = timedelta(seconds=10)
EVERY_SECONDS = 2.0
_log = structlog.get_logger("balancer.scheduler")


@dataclass(frozen=True, slots=True, kw_only=True)
class Leader:
    """What happens on taking the lead and on losing it; neither may take long."""

    begin: Callable[[Lease], None]
    end: Callable[[], None]


class Leadership:
    """Takes the lease, keeps it, and says with every renewal that the scheduler lives."""

    def __init__(self, database: Database, clock: Clock, holder: str, leader: Leader) -> None:
        self._database = database
        self._clock = clock
        self._holder = holder
        self._leader = leader
        self._lease: Lease | None = None
        self._safe_until = 0.0

    def keep(self, stop: threading.Event, every_seconds: float = EVERY_SECONDS) -> None:
        """Lead whenever nobody else does, until ``stop``; then give the lease back."""
        while not stop.is_set():
            self.step()
            stop.wait(every_seconds)
        self.leave()

    def step(self) -> None:
        """Take the lease if it is free, renew it if it is ours, step down if it is lost or cannot be renewed."""
        try:
            if self._lease is None:
                self._take()
            elif not self._renew(self._lease):
                self._step_down("somebody else leads")
        except StoreBusyError:
            _log.warning("scheduler.database_does_not_answer")
            if self._lease is not None and time.monotonic() > self._safe_until and not self._database.shuts_out_writers:
                self._step_down("the lease has run out")

    def leave(self) -> None:
        """Give the lease back, so that another leads at once."""
        lease, self._lease = self._lease, None
        if lease is None:
            return
        self._leader.end()
        try:
            with self._database.transaction() as session:
                leases.release(session, lease)
        except StoreBusyError:
            _log.warning("scheduler.lease_not_released")

    def _take(self) -> None:
        safe_until = time.monotonic() + LASTING.total_seconds()
        now = self._clock.now()
        with self._database.transaction() as session:
            lease = leases.acquire(session, LEASE, self._holder, now=now, lasting=LASTING, is_gone=is_gone)
            if lease is not None:
                jobs.beat(session, LEASE, now=now, detail=self._holder)
        if lease is not None:
            self._lease, self._safe_until = lease, safe_until
            _log.info("scheduler.leads", holder=self._holder, token=lease.token)
            self._leader.begin(lease)

    def _renew(self, lease: Lease) -> bool:
        safe_until = time.monotonic() + LASTING.total_seconds()
        now = self._clock.now()
        with self._database.transaction() as session:
            if not leases.renew(session, lease, now=now, lasting=LASTING):
                return False
            jobs.beat(session, LEASE, now=now, detail=self._holder)
        self._safe_until = safe_until
        return True

    def _step_down(self, why: str) -> None:
        self._lease = None
        _log.warning("scheduler.no_longer_leads", why=why)
        self._leader.end()
