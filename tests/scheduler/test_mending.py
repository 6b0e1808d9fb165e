"""The process that mends: what fails is logged, asks for a run, and does not spin."""

from __future__ import annotations

from datetime import datetime

import pytest
from structlog.testing import capture_logs

from balancer.domain.errors import ConflictError
from balancer.domain.states import RunState
from balancer.scheduler import mending as mending_process
from balancer.scheduler.mending import LOOK_EVERY_SECONDS, Watch
from balancer.services.mend_worklists import Mending, MendOutcome
from balancer.store import runs
from balancer.store.database import Database
from balancer.store.right_of_way import GaveWayError
from tests.api.service import StandingClock
from tests.networks import minutes, queued
from tests.services.test_mend_worklists import arrives, emergency, morning, whose


class Failing(Mending):
    """A mending that fails as it is told to."""

    error: Exception | None = None
    outcome: MendOutcome | None = None

    def look(self, now: datetime) -> MendOutcome | None:  # noqa: ARG002 - as its base
        """Fail, if there is anything to fail with."""
        if self.error is not None:
            raise self.error
        return self.outcome


def test_an_emergency_is_placed_and_the_log_has_figures_only(sqlite_db: Database) -> None:
    """How many, how fast, under which run; nothing that says of whom."""
    clock = StandingClock()
    watch = Watch(sqlite_db, clock, morning(sqlite_db))
    arrives(sqlite_db, emergency())
    clock.at = minutes(1)
    with capture_logs() as lines:
        assert watch.step() == LOOK_EVERY_SECONDS
    (line,) = lines
    assert line["event"] == "mending.published"
    assert (line["lists"], line["urgent"], line["unplaced"]) == (1, 1, 0)
    whose(sqlite_db, "E1")


def test_what_fails_asks_for_a_run_and_waits_longer_each_time(sqlite_db: Database) -> None:
    """The last lists stand; a run sets it right, and nothing spins meanwhile."""
    queued(sqlite_db, "A1")
    mending = Failing(sqlite_db)
    mending.error = RuntimeError("out of memory")
    watch = Watch(sqlite_db, StandingClock(), mending)
    with capture_logs() as lines:
        assert [watch.step() for _ in range(3)] == [1, 2, 4]
    assert [line["event"] for line in lines] == ["mending.failed"] * 3
    with sqlite_db.session() as reading:
        waiting = runs.requested(reading)
    assert waiting is not None
    assert (waiting.state, waiting.stage) == (RunState.REQUESTED, "lists could not be mended")
    mending.error = None
    assert watch.step() == LOOK_EVERY_SECONDS
    mending.error = RuntimeError("again")
    assert watch.step() == 1


def test_what_is_rejected_waits_longer_each_time(sqlite_db: Database) -> None:
    """It would be rejected again a tenth of a second later, and a run kept of it each time."""
    rejected = MendOutcome(run_id=1, state=RunState.REJECTED, lists=0, urgent=0, unplaced=0, error="H1")
    mending = Failing(sqlite_db)
    mending.outcome = rejected
    watch = Watch(sqlite_db, StandingClock(), mending)
    assert [watch.step() for _ in range(3)] == [1, 2, 4]
    mending.outcome = None
    assert watch.step() == LOOK_EVERY_SECONDS


def test_being_overtaken_is_no_failure(sqlite_db: Database) -> None:
    """Other lists were published in between: those are looked at next, at once."""
    mending = Failing(sqlite_db)
    mending.error = ConflictError("other lists")
    assert Watch(sqlite_db, StandingClock(), mending).step() == LOOK_EVERY_SECONDS
    with sqlite_db.session() as reading:
        assert runs.requested(reading) is None


@pytest.mark.parametrize("number", [1, 2])
def test_a_plan_is_opened_once_it_is_there(sqlite_db: Database, number: int) -> None:
    """Before the first run nothing is open, and looking again costs nothing and fails at nothing."""
    queued(sqlite_db, "A1")
    watch = Watch(sqlite_db, StandingClock())
    assert [watch.step() for _ in range(number)] == [LOOK_EVERY_SECONDS] * number


def events(watch: Watch, steps: int = 1) -> list[str]:
    """Return what is logged while it looks so many times."""
    with capture_logs() as lines:
        assert [watch.step() for _ in range(steps)] == [LOOK_EVERY_SECONDS] * steps
    return [line["event"] for line in lines]


def test_the_way_of_an_emergency_is_gone_once_when_a_plan_is_first_open(sqlite_db: Database) -> None:
    """The first that comes is not to wait for what is only slow the first time."""
    morning(sqlite_db)
    watch = Watch(sqlite_db, StandingClock())
    with capture_logs() as lines:
        for _ in range(3):
            watch.step()
    assert [(line["event"], line.get("done")) for line in lines] == [
        ("mending.open", None),
        ("mending.rehearsed", True),
    ]


@pytest.mark.parametrize("error", [GaveWayError, ConflictError])
def test_a_rehearsal_that_lets_something_go_first_is_tried_again(
    sqlite_db: Database, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    """A few times, and never at the cost of a look."""

    def give_way(*_: object) -> bool:
        raise error("something cannot wait")

    monkeypatch.setattr(mending_process, "rehearse_mending", give_way)
    morning(sqlite_db)
    watch = Watch(sqlite_db, StandingClock())
    assert events(watch, 5) == ["mending.open", *["mending.not_rehearsed"] * 3]


def test_what_has_been_done_need_not_be_rehearsed(sqlite_db: Database) -> None:
    """What burns when a plan is first opened is mended at once, and was the first that was slow."""
    morning(sqlite_db)
    arrives(sqlite_db, emergency())
    watch = Watch(sqlite_db, StandingClock(minutes(1)))
    assert events(watch, 3) == ["mending.open", "mending.published"]


def test_what_cannot_be_rehearsed_is_mended_all_the_same(sqlite_db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is logged, tried no more, and asks for no run: the lists are as they should be."""

    def fail(*_: object) -> bool:
        raise RuntimeError("somebody else writes")

    monkeypatch.setattr(mending_process, "rehearse_mending", fail)
    morning(sqlite_db)
    clock = StandingClock()
    watch = Watch(sqlite_db, clock)
    assert events(watch, 2) == ["mending.open", "mending.rehearsal_failed"]
    with sqlite_db.session() as reading:
        assert runs.requested(reading) is None
    arrives(sqlite_db, emergency())
    clock.at = minutes(1)
    assert events(watch) == ["mending.published"]
    whose(sqlite_db, "E1")
