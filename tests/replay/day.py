"""One day of the Kent sample against the running service, which is killed again and again; then the verdict."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import httpx2
from sqlmodel import select
from starlette.applications import Starlette

from balancer import bootstrap
from balancer.bootstrap import QuickClock
from balancer.config import read_settings
from balancer.domain.errors import InvalidValueError
from balancer.domain.permission import Permission
from balancer.services.register_system import Registration, register_system
from balancer.simulate.kent.sample import AS_OF, draw_sample
from balancer.store import audit, runs
from balancer.store.database import Database
from balancer.store.tables import FeedRow
from tests.replay.asking import Asked, Caller
from tests.replay.followers import Pacs, SimulatedManager
from tests.replay.reporters import SimulatedReporter, all_work
from tests.replay.service import PATIENCE_SECONDS, Service
from tests.replay.time_shown import ShownTime
from tests.replay.trusts import TrustSystem, trust_systems
from tests.replay.verify import faults, is_anybody_to_read, summary
from tests.replay.witness import Witness
from tests.terminal import OPERATOR

KENT = Path(__file__).parents[2] / "data" / "kent"
KEY = "a pseudonym key of a replay, of no use to anybody"
_TRUSTS = ("RVV", "RWF", "RPA")
_DELIVERED_EVERY_MINUTES = 15.0
_ELSEWHERE = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is replayed: ``hours`` of the day at ``speed``, ``kills`` of the whole service; ``seed`` draws chances."""

    database_url: str
    folder: Path
    speed: float = 60.0
    begins_after_hours: float = 0.0
    hours: float = 24.0
    kills: int = 10
    scheduler_kills: int = 3
    reporters: int = 60
    solve_seconds: float = 5.0
    allocate_every_minutes: float = 30.0
    seed: int = 1
    say: Callable[[str], None] = print


@dataclass(slots=True)
class _Deaths:
    """When the service was killed, and how long it took until it answered again, in seconds."""

    at: list[str] = field(default_factory=list)
    back_after: list[float] = field(default_factory=list)
    of_scheduler: int = 0


def replay(wanted: Wanted) -> dict[str, Any]:
    """Replay a day and return what was measured, with every fault that was found.

    Raises
    ------
    InvalidValueError
        If the database is not empty: a replay shows a false time, and must not touch anybody's studies.
    """
    database = _empty_database(wanted.database_url)
    try:
        return asyncio.run(_Day(wanted, database).pass_by())
    finally:
        database.close()


def _empty_database(url: str) -> Database:
    database = Database(url)
    database.migrate()
    with database.session() as session:
        if session.exec(select(FeedRow)).first() is not None:
            database.close()
            raise InvalidValueError("database", "is not empty: a replay needs a database of its own")
    return database


class _Day:
    def __init__(self, wanted: Wanted, database: Database) -> None:
        self._wanted = wanted
        self._database = database
        self._witness, self._asked, self._deaths = Witness(), Asked(), _Deaths()
        self._chance = Random(wanted.seed)  # noqa: S311 - a replay, not a secret
        self._network = wanted.folder / "kent"
        shutil.copytree(KENT, self._network)
        sample = draw_sample()
        hours = wanted.begins_after_hours + wanted.hours
        self._systems = trust_systems(sample, self._network, hours, wanted.seed)
        # until there are lists to work from, a second is a second
        self._time = _shown(AS_OF + timedelta(minutes=1), speed=1.0, hours=wanted.hours)
        self._service = Service(self._network, wanted.folder / "printed.txt", environment(wanted))
        self._over, self._pacs_over = asyncio.Event(), asyncio.Event()
        self._callers: list[Caller] = []
        self._opened_before = 0

    async def pass_by(self) -> dict[str, Any]:
        """Let the day pass, and judge it."""
        began = time.monotonic()
        try:
            await self._begin()
            pacs = self._followers()
            following = [asyncio.create_task(system.follow(self._witness)) for system in pacs]
            acting = await self._people()
            await self._until_over(pacs)
            self._over.set()
            await asyncio.gather(*acting)
            await self._settle()
            self._pacs_over.set()
            await asyncio.gather(*following)
            self._say("stopping the service")
            code = await asyncio.to_thread(self._service.stop)
            if code:
                self._witness.unexpected.append(f"the service, asked to stop, ended with {code}")
            await self._catch_up(pacs)
        finally:
            self._service.kill()
            for caller in self._callers:
                await caller.close()
        found = faults(self._database, self._witness, self._systems.values(), pacs)
        return self._told(found, pacs, time.monotonic() - began)

    # --- the course of the day ---------------------------------------------------------------------------------------

    async def _begin(self) -> None:
        """Start the service, wait for the first lists, and let it end and begin again at the speed of the day."""
        self._say("starting the service")
        self._service.start(self._time.setting)
        await self._wait("the first lists", self._has_lists)
        await asyncio.to_thread(self._service.stop)
        begins = self._time.now() + timedelta(hours=self._wanted.begins_after_hours)
        self._time = _shown(begins, speed=self._wanted.speed, hours=self._wanted.hours)
        self._service.start(self._time.setting)
        await self._wait("the service to answer", lambda: self._service.answers)
        self._say(f"the first lists are there; it is {self._time.now():%H:%M} there")

    def _has_lists(self) -> bool:
        with self._database.session() as session:
            return runs.current_run(session) is not None

    def _followers(self) -> list[Pacs]:
        """Return four PACS: one of each trust, and a second at the first that dies with the service."""
        found = []
        for number, trust in enumerate((*_TRUSTS, _TRUSTS[0])):
            wanted = Registration(
                system_id=f"pacs.{number}",
                name="a PACS of the replay",
                scopes=frozenset({Permission.ASSIGNMENTS_READ}),
                trusts=frozenset({trust}),
            )
            key = register_system(self._database, wanted, self._time.now(), by=OPERATOR)
            caller = self._caller(self._pacs_over, key=key or "")
            found.append(Pacs(trust, caller, forgets=number == len(_TRUSTS)))
        return found

    async def _people(self) -> list[asyncio.Task[None]]:
        """Let reporters, managers and the trusts' own systems begin."""
        operator = self._caller(self._over)
        lists = (await operator.get("/worklists")).json()["items"]
        working = sorted(lists, key=lambda item: (item["first_start"] or "with nothing to read", item["reporter_id"]))
        reporters = [self._reporter(item["reporter_id"]) for item in working[: self._wanted.reporters]]
        managers = [
            SimulatedManager(
                trust, self._caller(self._over, who=f"manager@{trust}"), self._time, self._witness, self._draw(trust)
            )
            for trust in _TRUSTS[:2]
        ]
        self._say(f"{len(reporters)} reporters, {len(managers)} managers")
        self._witness.did["reporters"] = len(reporters)
        return [
            asyncio.create_task(all_work(reporters)),
            *(asyncio.create_task(manager.watch()) for manager in managers),
            *(asyncio.create_task(self._deliver(system)) for system in self._systems.values()),
        ]

    def _reporter(self, reporter_id: str) -> SimulatedReporter:
        caller = self._caller(self._over, who=f"reporter:{reporter_id}")
        return SimulatedReporter(reporter_id, caller, self._time, self._systems, self._witness, self._draw(reporter_id))

    async def _deliver(self, system: TrustSystem) -> None:
        """Deliver a list every quarter of an hour until the day is over."""
        while not self._over.is_set():
            system.report_elsewhere(_ELSEWHERE)
            await asyncio.to_thread(system.deliver, self._time.now())
            await self._time.sleep(_DELIVERED_EVERY_MINUTES)

    # --- deaths ------------------------------------------------------------------------------------------------------

    async def _until_over(self, pacs: list[Pacs]) -> None:
        """Let the day pass; at times that chance has drawn, kill."""
        left = self._time.real((self._time.ends_at - self._time.now()) / timedelta(minutes=1))
        begins, ends = time.monotonic(), time.monotonic() + left
        drawn = [(begins + left * self._chance.uniform(0.02, 0.92), "all") for _ in range(self._wanted.kills)]
        drawn += [
            (begins + left * self._chance.uniform(0.02, 0.92), "scheduler") for _ in range(self._wanted.scheduler_kills)
        ]
        for at, what in sorted(drawn):
            await asyncio.sleep(max(0.0, at - time.monotonic()))
            await self._until_worked()
            await (self._kill(pacs) if what == "all" else self._kill_scheduler())
        await asyncio.sleep(max(0.0, ends - time.monotonic()))
        await self._until_worked()

    async def _until_worked(self) -> None:
        """Wait until somebody has opened a read since the last kill: on a busy machine that takes longer.

        At night nobody is rostered, and nothing is waited for: what is killed then is intake, runs and PACS that ask.
        """
        await self._wait("somebody to open a read", lambda: self._has_been_worked or self._is_quiet())
        self._opened_before = self._witness.did["opened"]

    @property
    def _has_been_worked(self) -> bool:
        return self._witness.did["opened"] > self._opened_before

    def _is_quiet(self) -> bool:
        """Tell whether no list has anybody reading at this minute."""
        with self._database.session() as session:
            return not is_anybody_to_read(session, self._time.now())

    async def _kill(self, pacs: list[Pacs]) -> None:
        """Kill everything, begin again, and see that what was last witnessed of the audit is there still."""
        for system in pacs:
            system.lose()
        self._service.kill()
        with self._database.session() as session:
            end = audit.end(session)
        self._witness.audit_ends.append((end.sequence, end.hash))
        self._deaths.at.append(f"{self._time.now():%H:%M}")
        died = time.monotonic()
        self._service.start(self._time.setting)
        await self._wait("the service, killed, to answer", lambda: self._service.answers)
        self._deaths.back_after.append(round(time.monotonic() - died, 1))
        for system in pacs:
            system.save()
        self._say(f"killed at {self._deaths.at[-1]}, answers again after {self._deaths.back_after[-1]:.1f} s")

    async def _kill_scheduler(self) -> None:
        killed = await asyncio.to_thread(self._service.kill_scheduler)
        self._deaths.of_scheduler += killed
        self._say(f"killed the scheduler alone at {self._time.now():%H:%M}")

    # --- the end -----------------------------------------------------------------------------------------------------

    async def _settle(self) -> None:
        """Deliver a last time and wait until that is taken in and a plan of it is published."""
        self._say("the day is over; a last delivery, and a last plan")
        await asyncio.sleep(self._time.real(1.0))  # files are named by the minute
        for system in self._systems.values():
            await asyncio.to_thread(system.deliver, self._time.now())
        await self._wait("the last files to be taken in", self._last_are_taken)
        with self._database.transaction() as session:
            row = runs.request_run(session, now=self._time.now(), reason="the end of the replay")
            asked = row.id or 0
        await self._wait("the last plan", lambda: self._is_published_since(asked))

    def _last_are_taken(self) -> bool:
        """Tell whether every trust's last word has been heard; a list that is as the one before makes no batch."""
        with self._database.session() as session:
            heard = {row.trust: row.last_extracted_at for row in session.exec(select(FeedRow))}
        return all(
            system.last is not None and (heard[system.trust] or AS_OF) >= system.last.taken_at
            for system in self._systems.values()
        )

    def _is_published_since(self, run_id: int) -> bool:
        with self._database.session() as session:
            current = runs.current_run(session)
            return current is not None and (current.id or 0) >= run_id

    async def _catch_up(self, pacs: list[Pacs]) -> None:
        """Let every PACS ask for the rest, of an API beside which no scheduler runs: nothing happens any more."""
        settings = read_settings(
            database_url=self._wanted.database_url,
            network=self._network,
            sign_in="local",
            pseudonym_key=KEY,
            replay_clock={
                "shows": self._time.clock.shows, "at": self._time.clock.at, "speed": self._time.clock.speed,
            },
        )  # fmt: skip
        app = bootstrap.build_app(settings, self._database)
        assert isinstance(app, Starlette)
        transport = httpx2.ASGITransport(app=app)
        for system in pacs:
            await system.catch_up(transport)

    # --- what is needed for it ---------------------------------------------------------------------------------------

    def _caller(self, over: asyncio.Event, *, who: str = "", key: str = "") -> Caller:
        caller = Caller(self._service.url, self._asked, over, who=who, key=key)
        self._callers.append(caller)
        return caller

    def _draw(self, name: str) -> Random:
        return Random(f"{self._wanted.seed} {name}")  # noqa: S311 - a replay, not a secret

    def _say(self, line: str) -> None:
        self._wanted.say(line)

    async def _wait(self, what: str, look: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not await asyncio.to_thread(look):
            if self._service.has_died:
                raise AssertionError(f"waiting for {what}: the service has ended; see {self._service.printed}")
            if time.monotonic() > deadline:
                raise AssertionError(f"{what}: not within {PATIENCE_SECONDS:g} s; see {self._service.printed}")
            await asyncio.sleep(0.2)

    def _told(self, found: list[str], pacs: list[Pacs], seconds: float) -> dict[str, Any]:
        took = sorted(self._asked.took)
        return {
            "database": self._database.dialect,
            "seed": self._wanted.seed,
            "speed": self._wanted.speed,
            "hours": self._wanted.hours,
            "seconds": round(seconds, 1),
            "kills_of_everything": len(self._deaths.at),
            "kills_of_the_scheduler": self._deaths.of_scheduler,
            "killed_at": self._deaths.at,
            "answered_again_after_seconds": self._deaths.back_after,
            "studies_asked_for": sum(len(system.asked_for) for system in self._systems.values()),
            "arrived": sum(system.arrived for system in self._systems.values()),
            "reported_elsewhere": sum(system.reported_elsewhere for system in self._systems.values()),
            "did": dict(sorted(self._witness.did.items())),
            "balance_looked_at": self._witness.looked_at_balance,
            "pacs_changes": [system.changes for system in pacs],
            "pacs_reads_at_the_end": [len(system.state) for system in pacs],
            "answers": dict(sorted(self._asked.answers.items())),
            "requests_nobody_answered": self._asked.unanswered,
            "answers_lost_with_the_service": self._asked.repeated,
            "median_ms": round(1000 * took[len(took) // 2], 1) if took else None,
            "p99_ms": round(1000 * took[int(len(took) * 0.99)], 1) if took else None,
            **summary(found),
        }


def _shown(shows: datetime, *, speed: float, hours: float) -> ShownTime:
    return ShownTime(clock=QuickClock(shows=shows, at=datetime.now(UTC), speed=speed), hours=hours)


def environment(wanted: Wanted) -> dict[str, str]:
    """Return the environment of the service: nothing of this machine's settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BALANCER_")}
    return {
        **kept,
        "BALANCER_DATABASE_URL": wanted.database_url,
        "BALANCER_PSEUDONYM_KEY": KEY,
        "BALANCER_SIGN_IN": "local",
        "BALANCER_ALLOCATE_SECONDS": str(wanted.solve_seconds),
        "BALANCER_ALLOCATE_EVERY_MINUTES": str(wanted.allocate_every_minutes),
        "BALANCER_ALLOCATE_WORKERS": "1",
        "PYTHONUNBUFFERED": "1",
    }
