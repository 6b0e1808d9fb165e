"""Whoever asks why a read is where it is sets the process to work that makes previews, and nobody else does."""

from __future__ import annotations

from typing import Any

from balancer.domain.read_explained import ExplanationState
from balancer.scheduler.jobs import Sources, Work
from balancer.scheduler.solving import preview_all
from balancer.services.request_explanation import request_explanation
from balancer.store import explanations, scarcities
from balancer.store.database import Database
from tests.api.service import KEY, StandingClock
from tests.api.small_network import allocate
from tests.networks import read_id
from tests.worlds import NOW


def priced(db: Database) -> None:
    """Say that nobody need price the plan's capacity, which is the same process's to do."""
    with db.transaction() as session:
        run_id = scarcities.waiting(session, NOW)
        assert run_id is not None
        scarcities.begin(session, run_id, NOW)


class Previewing:
    """Stands for the process: makes what is asked for, and counts how often it was started."""

    def __init__(self, db: Database) -> None:
        self._db, self.times = db, 0

    def run(self) -> int:
        """Make everything that is asked for."""
        self.times += 1
        return preview_all(self._db, StandingClock())


def test_an_explanation_that_is_asked_for_is_worked_out_once(sqlite_db: Database) -> None:
    """Before and after there is nothing to start a process for."""
    allocate(sqlite_db)
    priced(sqlite_db)
    previewing: Any = Previewing(sqlite_db)
    sources = Sources(read_network=dict, pseudonym_key=KEY)  # type: ignore[arg-type]  # nothing is read from it
    work = Work(database=sqlite_db, clock=StandingClock(), sources=sources, solving=previewing, previewing=previewing)
    work.preview_what_is_asked()
    assert previewing.times == 0
    request_explanation(sqlite_db, read_id(sqlite_db, "A1"), NOW)
    work.preview_what_is_asked()
    work.preview_what_is_asked()
    assert previewing.times == 1
    with sqlite_db.session() as reading:
        found = explanations.of_read(reading, read_id(sqlite_db, "A1"))
    assert found is not None
    assert (found.state, found.error) == (ExplanationState.MADE, "")
