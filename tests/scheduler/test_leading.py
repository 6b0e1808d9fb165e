"""Of several schedulers one leads, and when it is gone another does."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from balancer.scheduler.leading import LASTING, LEASE, Leader, Leadership
from balancer.store import jobs, leases
from balancer.store.database import Database, StoreBusyError
from balancer.store.leases import Lease
from tests.api.service import StandingClock
from tests.worlds import NOW

WHO_AM_I = "from balancer.services.this_process import this_process; print(this_process())"


@dataclass
class Replica:
    """A scheduler that notes when it leads."""

    database: Database
    clock: StandingClock
    name: str
    tokens: list[int] = field(default_factory=list)
    leads: bool = False

    def __post_init__(self) -> None:
        leader = Leader(begin=self._begin, end=self._end)
        self.leadership = Leadership(self.database, self.clock, self.name, leader)

    def _begin(self, lease: Lease) -> None:
        self.tokens.append(lease.token)
        self.leads = True

    def _end(self) -> None:
        self.leads = False


@pytest.fixture
def clock() -> StandingClock:
    """Return a clock that both replicas go by."""
    return StandingClock()


@pytest.fixture
def pair(db: Database, clock: StandingClock) -> tuple[Replica, Replica]:
    """Return two replicas on one database."""
    return Replica(db, clock, "one"), Replica(db, clock, "two")


def test_one_leads_and_goes_on_leading(pair: tuple[Replica, Replica], clock: StandingClock) -> None:
    """For as long as it renews."""
    one, two = pair
    for _ in range(10):
        one.leadership.step()
        two.leadership.step()
        clock.at += LASTING / 2
    assert (one.leads, two.leads, one.tokens) == (True, False, [1])


def test_when_the_leader_is_gone_another_leads_with_a_higher_token(
    pair: tuple[Replica, Replica], clock: StandingClock
) -> None:
    """As soon as the lease has run out; the first, should it wake up, finds that it no longer leads."""
    one, two = pair
    one.leadership.step()
    clock.at += LASTING + timedelta(seconds=1)
    two.leadership.step()
    assert two.tokens == [2]
    one.leadership.step()
    assert (one.leads, two.leads) == (False, True)


def test_a_leader_that_leaves_hands_over_at_once(pair: tuple[Replica, Replica]) -> None:
    """A tidy stop costs nobody ten seconds."""
    one, two = pair
    one.leadership.step()
    one.leadership.leave()
    two.leadership.step()
    assert (one.leads, two.leads) == (False, True)


def test_the_leader_says_that_it_lives(db: Database, pair: tuple[Replica, Replica], clock: StandingClock) -> None:
    """With every renewal, under the name that readiness looks for; who does not lead says nothing."""
    one, two = pair
    for step in (one.leadership.step, two.leadership.step):
        step()
        with db.session() as session:
            beat = jobs.heartbeats(session)[LEASE]
        assert (beat.detail, beat.beat_at) == ("one", NOW)
    clock.at = NOW + timedelta(seconds=5)
    one.leadership.step()
    with db.session() as session:
        assert jobs.heartbeats(session)[LEASE].beat_at == clock.at


@pytest.mark.parametrize("shut_out", [False, True])
def test_a_leader_that_cannot_renew_steps_down_before_another_leads(
    sqlite_db: Database,
    clock: StandingClock,
    monkeypatch: pytest.MonkeyPatch,
    shut_out: bool,  # noqa: FBT001 - parametrised
) -> None:
    """A database that does not answer is borne for as long as the lease lasts, and where nobody else can write longer.

    A publish that takes longer than the lease makes nobody give up; who leads then is what the next renewal says.
    """
    one, two = Replica(sqlite_db, clock, "one"), Replica(sqlite_db, clock, "two")
    one.leadership.step()

    def fail(*_: object, **__: object) -> None:
        raise StoreBusyError("", {}, Exception())

    with monkeypatch.context() as busy:
        busy.setattr(Database, "shuts_out_writers", shut_out)
        busy.setattr(leases, "renew", fail)
        one.leadership.step()
        assert one.leads
        busy.setattr(time, "monotonic", lambda: 1e12)
        one.leadership.step()
        assert one.leads is shut_out
    clock.at += LASTING + timedelta(seconds=1)
    two.leadership.step()
    one.leadership.step()
    assert (one.leads, two.leads) == (False, True)


def test_a_leader_whose_process_was_killed_here_is_followed_at_once(sqlite_db: Database, clock: StandingClock) -> None:
    """Nobody need wait for the lease of a process that is known to be no more."""
    child = subprocess.run([sys.executable, "-c", WHO_AM_I], check=True, capture_output=True, text=True)
    gone, two = Replica(sqlite_db, clock, child.stdout.strip()), Replica(sqlite_db, clock, "two")
    gone.leadership.step()
    two.leadership.step()
    assert (two.leads, two.tokens) == (True, [2])


def test_keeping_on_ends_when_told_and_gives_the_lease_back(pair: tuple[Replica, Replica]) -> None:
    """The loop of the process."""
    one, two = pair
    stop = threading.Event()
    thread = threading.Thread(target=one.leadership.keep, args=(stop, 0.01))
    thread.start()
    while not one.leads:
        stop.wait(0.01)
    stop.set()
    thread.join()
    two.leadership.step()
    assert (one.leads, two.leads) == (False, True)
