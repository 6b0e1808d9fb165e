"""Every reporter's session followed, in one thread and one event loop; the database is looked at ten times a second."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

import structlog
from httpx2 import AsyncClient

from balancer.domain.instant import Clock
from balancer.outlets.fhircast.address import HubAddress
from balancer.outlets.fhircast.session import Doing, Look, ReporterSession
from balancer.publish.fhircast.events import Event
from balancer.publish.fhircast.report import Meant
from balancer.services.open_in_viewer import VIEWER, close_in_viewer, open_in_viewer
from balancer.services.see_open_reads import OpenRead, see_open_reads, see_reporters
from balancer.store.database import Database, StoreBusyError

_log = structlog.get_logger("balancer.outlets")
# Every connected side is to be told within a second.
LOOK_EVERY_SECONDS = 0.1
_REPORTERS_EVERY_SECONDS = 30.0
_PATIENCE_SECONDS = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowingOrder:
    """What the process needs to know; it is pickled. ``prepare`` sets up its logs and ends it with its parent."""

    database_url: str
    clock: Clock
    hub: HubAddress
    prepare: Callable[[], None]


def follow_for_ever(order: FollowingOrder) -> None:
    """Follow every reporter's session until told to stop or left alone: the body of the process."""
    order.prepare()
    stop = threading.Event()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    database = Database(order.database_url)
    try:
        Following(database, order.clock, order.hub).keep(stop)
    finally:
        database.close()


@dataclass(slots=True)
class _Followed:
    """A reporter's session, and the task that keeps it subscribed."""

    session: ReporterSession
    task: asyncio.Task[None]
    telling: asyncio.Task[None] | None = field(default=None)


class Following:
    """Follows the sessions of whoever the network lists at one hub."""

    def __init__(self, database: Database, clock: Clock, hub: HubAddress) -> None:
        self._database, self._clock, self._hub = database, clock, hub
        self._open: dict[int, OpenRead] = {}
        self._looked_at = 0.0
        self._followed: dict[str, _Followed] = {}
        self._doing = Doing(opened=self._opened, closed=self._closed, own_word=VIEWER.subject)

    def keep(self, stop: threading.Event) -> None:
        """Follow until ``stop``: the body of the thread."""
        asyncio.run(self._keep(stop))

    async def _keep(self, stop: threading.Event) -> None:
        loop, reporters_at = asyncio.get_running_loop(), 0.0
        async with AsyncClient(timeout=_PATIENCE_SECONDS) as client:
            try:
                while not stop.is_set():
                    try:
                        began_at = loop.time()
                        self._open = await asyncio.to_thread(see_open_reads, self._database, self._open)
                        self._looked_at = began_at
                        if loop.time() >= reporters_at:
                            self._follow(client, await asyncio.to_thread(see_reporters, self._database))
                            reporters_at = loop.time() + _REPORTERS_EVERY_SECONDS
                    except StoreBusyError:
                        _log.warning("fhircast.database_does_not_answer")
                    self._tell()
                    await asyncio.sleep(LOOK_EVERY_SECONDS)
            finally:
                tasks = [task for one in self._followed.values() for task in (one.task, one.telling) if task]
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    def _follow(self, client: AsyncClient, reporters: set[str]) -> None:
        """Begin with reporters who are new, end with those who have gone, and begin again with any that has ended."""
        for gone in self._followed.keys() - reporters:
            self._followed.pop(gone).task.cancel()
        for ended in (one for one in self._followed.values() if one.task.done()):
            _log.warning("fhircast.followed_again")
            ended.task = asyncio.create_task(ended.session.follow())
        for reporter_id in sorted(reporters - self._followed.keys()):
            session = ReporterSession(reporter_id, self._hub, client, self._doing, self._clock)
            session.begin_with(self._of(reporter_id))
            self._followed[reporter_id] = _Followed(session, asyncio.create_task(session.follow()))

    def _tell(self) -> None:
        """Tell every session what is open in it now; one that is still being told is told the rest the next time."""
        for reporter_id, followed in self._followed.items():
            if followed.telling is None or followed.telling.done():
                followed.telling = asyncio.create_task(followed.session.tell(self._look_of(reporter_id)))

    def _of(self, reporter_id: str) -> dict[int, OpenRead]:
        return {number: read for number, read in self._open.items() if read.reporter_id == reporter_id}

    def _look_of(self, reporter_id: str) -> Look:
        return Look(reads=self._of(reporter_id), began_at=self._looked_at)

    def _opened(self, reporter_id: str, meant: Meant, replayed: Event | None) -> list[int]:
        unless_ended_since: datetime | None = None if replayed is None else replayed.at
        now = self._clock.now()
        return open_in_viewer(self._database, reporter_id, meant, now, unless_ended_since=unless_ended_since)

    def _closed(self, reporter_id: str, meant: Meant) -> list[int]:
        return close_in_viewer(self._database, reporter_id, meant, self._clock.now())
