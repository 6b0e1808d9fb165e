"""The ledger of jobs: each due time of each job is done once, whatever the number of schedulers."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import structlog

from balancer.domain.instant import Clock
from balancer.store import jobs, leases
from balancer.store.database import Database
from balancer.store.leases import Lease

_EPOCH = datetime(2020, 1, 1, tzinfo=UTC)
_log = structlog.get_logger("balancer.scheduler")


def due_time(now: datetime, every: timedelta) -> datetime:
    """Return the last instant at or before ``now`` at which a job done every so often is due.

    Counted from a fixed instant, so that every scheduler comes to the same one.
    """
    return _EPOCH + math.floor((now - _EPOCH) / every) * every


class Ledger:
    """Does jobs on behalf of one leader and keeps what became of each."""

    def __init__(self, database: Database, clock: Clock, lease: Lease) -> None:
        self._database = database
        self._clock = clock
        self._lease = lease

    def do(self, job: str, scheduled_for: datetime, work: Callable[[], str]) -> bool:
        """Do ``work`` if nobody has done this due time of ``job``; it returns what became of it in a word.

        A failure is logged and kept, and goes no further: whatever was published stands, and the job comes round
        again. Returns whether the work was done here, well or badly.
        """
        with self._database.transaction() as session:
            leases.require(session, self._lease)
            job_id = jobs.take(session, job, scheduled_for, holder=self._lease.holder, now=self._clock.now())
        if job_id is None:
            return False
        outcome, detail = "failed", ""
        try:
            outcome = work()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is logged and kept, and the job comes round again
            detail = type(error).__name__
            _log.exception("job.failed", job=job)
        with self._database.transaction() as session:
            jobs.finish(session, job_id, outcome=outcome, detail=detail, now=self._clock.now())
        return True
