"""Every due time of every job is done once, and what became of it is kept."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from balancer.domain.errors import ConflictError
from balancer.scheduler.ledger import Ledger, due_time
from balancer.store import jobs, leases
from balancer.store.database import Database
from balancer.store.leases import Lease
from tests.api.service import StandingClock
from tests.worlds import NOW

QUARTER = timedelta(minutes=15)


def _lease(db: Database, at: datetime = NOW) -> Lease:
    with db.transaction() as session:
        lease = leases.acquire(session, "scheduler", "one", now=at, lasting=timedelta(seconds=10))
    assert lease is not None
    return lease


def test_a_due_time_is_done_once_whoever_comes(db: Database) -> None:
    """A new leader does not do again what the last one did."""
    done: list[str] = []

    def work(who: str) -> Callable[[], str]:
        def do() -> str:
            done.append(who)
            return f"by {who}"

        return do

    first = Ledger(db, StandingClock(), _lease(db))
    assert first.do("feed RVV", NOW, work("one"))
    second = Ledger(db, StandingClock(), _lease(db, NOW + timedelta(seconds=11)))
    assert not second.do("feed RVV", NOW, work("two"))
    assert second.do("feed RVV", NOW + QUARTER, work("three"))
    assert done == ["one", "three"]
    with db.session() as session:
        assert [job.outcome for job in jobs.last_jobs(session)] == ["by three", "by one"]


def test_a_job_that_fails_is_kept_and_logged_and_goes_no_further(db: Database) -> None:
    """By the type of its error: what it says may hold anything."""

    def fail() -> str:
        raise ValueError("patient Smith")

    with capture_logs() as lines:
        assert Ledger(db, StandingClock(), _lease(db)).do("feed RVV", NOW, fail)
    with db.session() as session:
        (job,) = jobs.last_jobs(session)
    assert (job.outcome, job.detail, job.finished_at) == ("failed", "ValueError", NOW)
    assert [line["event"] for line in lines] == ["job.failed"]


def test_a_leader_that_slept_through_its_lease_does_nothing(db: Database) -> None:
    """Its token is no longer the one."""
    asleep = Ledger(db, StandingClock(), _lease(db))
    _lease(db, NOW + timedelta(seconds=11))
    with pytest.raises(ConflictError):
        asleep.do("feed RVV", NOW, lambda: "applied")


@given(
    st.datetimes(datetime(2020, 1, 2), datetime(2040, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - Hypothesis's
    st.timedeltas(timedelta(seconds=1), timedelta(days=7)),
)
def test_the_due_time_is_the_last_multiple_of_the_interval(now: datetime, every: timedelta) -> None:
    """Within the interval before now, and the same for everybody within it."""
    due = due_time(now, every)
    assert due <= now < due + every
    assert due_time(due, every) == due


def test_old_entries_are_forgotten_but_each_jobs_last(db: Database) -> None:
    """A ledger that is never shortened grows by thousands a day; how a job went last is known however long ago."""
    with db.transaction() as session:
        for job, days in (("feed RVV", 40), ("feed RVV", 35), ("feed RVV", 1), ("network", 50), ("network", 45)):
            jobs.take(session, job, NOW - timedelta(days=days), holder="one", now=NOW)
        jobs.forget_jobs(session, NOW - timedelta(days=30))
        left = [(row.job, (NOW - row.scheduled_for).days) for row in jobs.last_jobs(session)]
    assert left == [("network", 45), ("feed RVV", 1)]
