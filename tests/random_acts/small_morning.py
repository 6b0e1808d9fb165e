"""A small network of two trusts, eight reporters and thirty-six studies, with what a scheduler does done in turn.

Nothing here goes by the machine's clock or has a thread of its own: the same acts meet the same things every time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import httpx2
from starlette.testclient import TestClient

from balancer.api.readiness import SCHEDULER
from balancer.domain.errors import ConflictError
from balancer.domain.feed import IncomingStudy
from balancer.domain.policy import PublishingRules
from balancer.domain.reporter import Reporter, Session
from balancer.domain.states import RunState
from balancer.ingest.network_folder import read_network
from balancer.optimise.solve import solve
from balancer.services.agree_instructions import agree_instructions
from balancer.services.check_completions import check_completions
from balancer.services.end_instructions import end_instructions
from balancer.services.explain_reads import explain_waiting
from balancer.services.ingest_studies import ingest_extract
from balancer.services.lapse_claims import lapse_claims
from balancer.services.load_network import load_network
from balancer.services.mend_worklists import Mending
from balancer.services.park_read import check_parked
from balancer.services.preview_draft import preview_next
from balancer.services.publish_held import publish_held
from balancer.services.release_emergencies import release_emergencies
from balancer.services.run_allocation import run_allocation
from balancer.store import jobs, runs
from balancer.store.database import Database
from balancer.store.pages import Cut
from tests.api.service import HERE, Service, StandingClock
from tests.kent import kent
from tests.networks import TWO_FEEDS, WEST, Feed, bad_row, extract, incoming, rostered
from tests.services.test_held_runs import MANAGER
from tests.web.pages_served import service_with_sign_in
from tests.worlds import NOW, policy, priority, reporter, session

# Of the solver's own measure: how fast the machine is changes nothing.
_WORK = 20_000
_READERS, _EAST, _WEST = 8, 24, 12
_LOOKED_AFTER = (
    lapse_claims,
    check_completions,
    check_parked,
    end_instructions,
    agree_instructions,
    release_emergencies,
)


@dataclass(slots=True)
class Beside:
    """What the scheduler does beside the API, a few minutes of it after each act."""

    database: Database
    clock: StandingClock
    mending: Mending
    passed: int = 0

    def passes(self) -> None:
        """Let three minutes pass, with whatever is due after the first; each half hour an emergency comes."""
        self.clock.at += timedelta(minutes=1)
        self.passed += 3
        now, database = self.clock.at, self.database
        for look_after in _LOOKED_AFTER:
            look_after(database, now)
        if self.passed % 30 == 0:
            self.deliver()
        self.mend()
        self.plan()
        while preview_next(database, now) is not None:
            pass
        explain_waiting(database, now)
        with database.transaction() as writing:
            jobs.beat(writing, SCHEDULER, now=now)
        self.clock.at += timedelta(minutes=2)

    def mend(self) -> None:
        """Mend lists; a plan that others were published beside (emergencies let out) is opened anew, as it says."""
        try:
            self.mending.look(self.clock.at)
        except ConflictError:
            self.mending.look(self.clock.at)

    def deliver(self) -> None:
        """Deliver what is unreported in the east: what has always been, and an emergency more each half hour."""
        late = [incoming(f"E{number:02}", priority="emergency") for number in range(30, self.passed + 1, 30)]
        ingest_extract(
            self.database, Feed(), extract(*_studies("RVV", _EAST), *late, at=self.passed - 2), self.clock.at
        )

    def plan(self) -> None:
        """Make a plan if somebody has asked for one."""
        with self.database.session() as reading:
            asked = runs.runs(reading, Cut(), state=RunState.REQUESTED).items
        if asked:
            self.plan_now()

    def plan_now(self) -> int:
        """Make a plan, and return the number of its run."""
        solver = partial(solve, workers=1)
        outcome = run_allocation(self.database, self.clock.at, work=_WORK, solver=solver, clock=self.clock)
        return outcome.run_id or 0


@dataclass(slots=True)
class SmallMorning:
    """The service, and what happens beside it."""

    service: Service
    beside: Beside

    def connect(self) -> httpx2.Client:
        """Return somebody's connection; what fails in the service is an answer of 500, as over a network."""
        return TestClient(self.service.app, client=HERE, raise_server_exceptions=False)


def small_morning(database: Database, folder: Path) -> SmallMorning:
    """Take everything in, publish a first plan and hold each that follows."""
    classes = (
        priority("emergency", weight=100, target_hours=1),
        priority("urgent", weight=10, target_hours=8),
        priority("routine"),
    )
    people = tuple(_person(number) for number in range(1, _READERS + 1))
    rules = replace(policy(*classes, churn=1.0), publishing=PublishingRules(hold=True))
    load_network(database, replace(TWO_FEEDS, reporters=people, policy=rules), NOW)
    east, west = _studies("RVV", _EAST), _studies("RWF", _WEST)
    ingest_extract(database, Feed(), extract(*east, quarantined=[bad_row("B9"), bad_row("B8", line=4)]), NOW)
    ingest_extract(database, WEST, extract(*west, feed=WEST.name), NOW)
    rostered(database, *_sessions())
    service, network = service_with_sign_in(database), read_network(kent(folder))
    service.app.state.serving = replace(service.app.state.serving, read_network=lambda: network)
    beside = Beside(database, service.clock, Mending(database))
    publish_held(database, beside.plan_now(), NOW, by=MANAGER, reason="the first lists")
    return SmallMorning(service, beside)


def _person(number: int) -> Reporter:
    trusts = ("RVV", "RWF") if number % 4 else ("RVV",)
    return reporter(f"R{number}", home_trust="RWF" if number > 5 else "RVV", trusts=trusts, skills={"neuro": 3})


def _studies(trust: str, count: int) -> list[IncomingStudy]:
    """Return studies of which half are to be read twice, and two of six are emergencies, one of each kind."""
    return [
        incoming(
            f"{trust[-1]}{number:02}",
            trust=trust,
            reads=2 if number % 2 == 0 else 1,
            minutes=20,
            priority="emergency" if number % 6 in {1, 4} else "urgent" if number % 6 < 3 else "routine",
        )
        for number in range(count)
    ]


def _sessions() -> list[Session]:
    return [
        session(f"S{number}-{day}", f"R{number}", start=24 * day + number % 2, hours=3)
        for number in range(1, _READERS + 1)
        for day in range(3)
    ]
