from __future__ import annotations

import functools
import threading
from datetime import timedelta

import pytest

from balancer.domain.errors import ConflictError, NotFoundError
from balancer.store import jobs, leases, settings
from balancer.store.database import Database
from balancer.store.leases import Lease
from tests.networks import minutes
from tests.worlds import NOW

HOUR = timedelta(hours=1)


def take(db: Database, holder: str, at: float = 0) -> Lease | None:
    """Ask for the lease."""
    with db.transaction() as session:
        return leases.acquire(session, "it", holder, now=minutes(at), lasting=HOUR)


def test_one_holds_it_until_it_runs_out(db: Database) -> None:
    """Nobody else gets it before, not even the same process; then somebody does, with a higher token."""
    first = take(db, "one")
    assert first is not None
    assert take(db, "two", 59) is None
    assert take(db, "one", 59) is None
    second = take(db, "two", 60)
    assert second is not None
    assert (first.token, second.token) == (1, 2)


def test_renewing_keeps_it(db: Database) -> None:
    """For as long again, counted from then."""
    lease = take(db, "one")
    assert lease is not None
    with db.transaction() as session:
        assert leases.renew(session, lease, now=minutes(50), lasting=HOUR)
    assert take(db, "two", 109) is None
    assert take(db, "two", 110) is not None


def test_whoever_lost_it_can_neither_renew_nor_act_nor_give_it_back(db: Database) -> None:
    """The old token opens nothing, and does not take from the new holder."""
    old = take(db, "one")
    new = take(db, "two", 60)
    assert old is not None
    assert new is not None
    with db.transaction() as session:
        assert not leases.renew(session, old, now=minutes(61), lasting=HOUR)
        leases.release(session, old)
        with pytest.raises(ConflictError):
            leases.require(session, old)
        leases.require(session, new)
    assert take(db, "three", 61) is None


def test_one_that_ran_out_unnoticed_is_still_the_holders(db: Database) -> None:
    """A slow holder whom nobody replaced has done no harm."""
    lease = take(db, "one")
    assert lease is not None
    with db.transaction() as session:
        leases.require(session, lease)
        assert leases.renew(session, lease, now=minutes(600), lasting=HOUR)


def test_giving_it_back_frees_it_whatever_the_clock(db: Database) -> None:
    """The next may ask with a clock that is a little behind."""
    lease = take(db, "one", 30)
    assert lease is not None
    with db.transaction() as session:
        leases.release(session, lease)
    assert take(db, "two", 0) is not None


def test_of_many_who_ask_at_once_one_gets_it(db: Database) -> None:
    """Also the very first time, when there is nothing to lock yet."""
    got: list[Lease | None] = []
    barrier = threading.Barrier(4)

    def ask() -> None:
        barrier.wait()
        got.append(take(db, threading.current_thread().name))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 4
    assert sum(lease is not None for lease in got) == 1


def test_a_due_time_is_taken_once(db: Database) -> None:
    """Whatever the number of schedulers; another time, or another job, is another entry."""

    def enter(job: str, at: float) -> int | None:
        with db.transaction() as session:
            return jobs.take(session, job, minutes(at), holder="one", now=NOW)

    first = enter("allocate", 0)
    assert first is not None
    assert enter("allocate", 0) is None
    assert enter("allocate", 15) is not None
    assert enter("refresh", 0) is not None
    with db.transaction() as session:
        jobs.finish(session, first, outcome="done", detail="", now=minutes(1))
        with pytest.raises(NotFoundError):
            jobs.finish(session, 99, outcome="done", detail="", now=NOW)
    with db.session() as session:
        newest, *_, oldest = jobs.last_jobs(session)
        assert len(jobs.last_jobs(session, "allocate")) == 2
    assert (oldest.outcome, oldest.finished_at) == ("done", minutes(1))
    assert newest.job == "refresh"


def test_of_many_who_take_a_due_time_at_once_one_does(db: Database) -> None:
    """The unique key decides, and the others hear it without an error."""
    taken: list[int | None] = []
    barrier = threading.Barrier(4)

    def enter() -> None:
        barrier.wait()
        with db.transaction() as session:
            taken.append(jobs.take(session, "allocate", NOW, holder=threading.current_thread().name, now=NOW))

    threads = [threading.Thread(target=enter) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == 4
    assert sum(number is not None for number in taken) == 1


def test_the_last_beat_counts(db: Database) -> None:
    """Whether a part of the service lives is how long ago it last said so."""
    for at in (0, 1):
        with db.transaction() as session:
            jobs.beat(session, "scheduler", now=minutes(at), detail=f"beat {at}")
    with db.session() as session:
        beats = jobs.heartbeats(session)
    assert (beats["scheduler"].beat_at, beats["scheduler"].detail) == (minutes(1), "beat 1")


def test_a_fact_is_decided_once(db: Database) -> None:
    """Whoever comes later gets what the first one decided."""
    with db.transaction() as session:
        assert settings.setting(session, "shift") is None
        assert settings.keep(session, "shift", "1") == "1"
        assert settings.keep(session, "shift", "2") == "1"
    with db.session() as session:
        assert settings.setting(session, "shift") == "1"


def test_what_a_holder_that_is_no_more_has_left_is_free(db: Database) -> None:
    """Under a new token, so that one who was taken for dead finds out."""
    assert take(db, "one") is not None
    with db.transaction() as session:
        asked = functools.partial(leases.acquire, session, "it", "two", now=NOW, lasting=HOUR)
        assert asked(is_gone=lambda holder: holder == "three") is None
        lease = asked(is_gone=lambda holder: holder == "one")
    assert lease is not None
    assert lease.token == 2
