"""One reporter's session at the hub: told what they open and close here, heard for what they open and close there.

What is told follows from what stands: whatever fails is told once the hub takes it, and a read that has been closed
meanwhile is not opened any more. A session shows what is on a screen now, so nothing of it is kept for later.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import structlog
from httpx2 import AsyncClient, HTTPError
from websockets.asyncio.client import ClientConnection, connect

from balancer.domain.errors import ConflictError, InvalidValueError
from balancer.domain.instant import Clock
from balancer.outlets.fhircast.address import NAME, HubAddress, is_private
from balancer.publish.fhircast.events import CLOSE, OPEN, SYNC_ERROR, Context, Event, event_of, object_in
from balancer.publish.fhircast.report import Meant, context_of, meant_by
from balancer.services.see_open_reads import OpenRead

_log = structlog.get_logger("balancer.outlets")
_FOLLOWED: Final = f"{OPEN},{CLOSE},{SYNC_ERROR}"
_LONGEST_WAIT_SECONDS: Final = 60.0
_PATIENCE_SECONDS: Final = 10.0
# What is left of a lease when it is renewed.
_RENEWED_AT: Final = 0.8
# Older than this when it comes, an event is of what was open before we were connected.
_OLD: Final = timedelta(seconds=30)
_MOST_REMEMBERED: Final = 200


class DeniedError(Exception):
    """The hub does not, or no longer, let us follow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What one reporter has open, by claim, and the time of the event loop at which it was looked for."""

    reads: Mapping[int, OpenRead]
    began_at: float


@dataclass(frozen=True, slots=True)
class _Shown:
    """What a viewer calls the report of a read that it has opened; ``since`` then the claim has been there to see."""

    context: Context
    since: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Doing:
    """What opening and closing in a viewer does here; ``opened`` raises ``ConflictError`` if it may not be followed."""

    opened: Callable[[str, Meant, Event | None], list[int]]
    closed: Callable[[str, Meant], list[int]]
    own_word: str


class ReporterSession:
    """Follows one reporter. It belongs to one event loop; ``doing`` is called in threads."""

    def __init__(self, reporter_id: str, hub: HubAddress, client: AsyncClient, doing: Doing, clock: Clock) -> None:
        self._reporter_id = reporter_id
        self._topic = hub.topic_of(reporter_id)
        self._hub, self._client, self._doing, self._clock = hub, client, doing, clock
        self._told: dict[int, Context] = {}
        self._sent: deque[str] = deque(maxlen=_MOST_REMEMBERED)
        self._viewers: dict[int, _Shown] = {}
        self._failures = 0
        self._quiet_until = 0.0

    def begin_with(self, reads: Mapping[int, OpenRead]) -> None:
        """Take what is open already for told."""
        self._told = {number: context_of(read.report) for number, read in reads.items()}

    async def tell(self, look: Look) -> None:
        """Tell the hub what has been closed and opened since the last time."""
        if asyncio.get_running_loop().time() >= self._quiet_until and await self._tell_closed(look):
            await self._tell_opened(look.reads)

    async def _tell_closed(self, look: Look) -> bool:
        """Tell what is open no longer; ``False`` if there is more to tell."""
        for number in [number for number in self._told if number not in look.reads]:
            if not await self._say(CLOSE, self._told[number]):
                return False
            ended = self._told.pop(number)
            self._viewers = {read: shown for read, shown in self._viewers.items() if shown.context != ended}
        is_open = {read.read_id for read in look.reads.values()}
        for read_id, shown in list(self._viewers.items()):
            # opened there and ended here between two looks: none has seen it open, and their screens show it still
            if read_id not in is_open and shown.since <= look.began_at:
                if not await self._say(CLOSE, shown.context):
                    return False
                self._viewers.pop(read_id, None)
        return True

    async def _tell_opened(self, reads: Mapping[int, OpenRead]) -> None:
        for number, read in reads.items():
            if number in self._told:
                continue
            if read.system == self._doing.own_word:
                # they have opened it there: it is on their screens
                shown = self._viewers.get(read.read_id)
                self._told[number] = context_of(read.report) if shown is None else shown.context
            elif await self._say(OPEN, context_of(read.report)):
                self._told[number] = context_of(read.report)
            else:
                return

    async def _say(self, name: str, context: Context) -> bool:
        """Send an event; ``False`` if it is worth another try a little later."""
        event = Event(id=str(uuid.uuid4()), at=self._clock.now(), topic=self._topic, name=name, context=context)
        self._sent.append(event.id)
        try:
            answer = await self._client.post(self._hub.url, json=event.message(), headers=self._hub.headers)
        except HTTPError as error:
            _log.warning("fhircast.not_told", error=type(error).__name__)
            self._quiet_until = asyncio.get_running_loop().time() + 1.0
            return False
        if answer.is_server_error or answer.status_code == 429:
            _log.warning("fhircast.not_told", status=answer.status_code)
            self._quiet_until = asyncio.get_running_loop().time() + 1.0
            return False
        if not answer.is_success:
            _log.warning("fhircast.refused", status=answer.status_code)
        return True

    async def follow(self) -> None:
        """Be subscribed for ever: anew when a lease or a connection ends, later each time that it fails."""
        while True:
            try:
                await self._follow_once()
                self._failures = 0
            except Exception as error:  # noqa: BLE001 - a session that is not followed again shows another study
                self._failures += 1
                wait = min(_LONGEST_WAIT_SECONDS, 0.5 * 2 ** min(self._failures, 10))
                _log.warning("fhircast.not_followed", error=type(error).__name__, again_in_seconds=wait)
                await asyncio.sleep(wait)

    async def _follow_once(self) -> None:
        """Subscribe, and follow until most of the lease is over."""
        endpoint = await self._subscribe()
        async with connect(endpoint, open_timeout=_PATIENCE_SECONDS, max_size=1 << 20) as socket:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                lease = _lease(object_in(await socket.recv()))
            self._failures = 0
            await self._tell_a_new_hub()
            try:
                async with asyncio.timeout(_RENEWED_AT * lease):
                    async for message in socket:
                        await self._hear(socket, message)
            except TimeoutError:
                return
        raise DeniedError

    async def _subscribe(self) -> str:
        form = {
            "hub.channel.type": "websocket",
            "hub.mode": "subscribe",
            "hub.topic": self._topic,
            "hub.events": _FOLLOWED,
            "subscriber.name": NAME,
        }
        answer = await self._client.post(self._hub.url, data=form, headers=self._hub.headers)
        if not answer.is_success:
            raise DeniedError
        endpoint = object_in(answer.content).get("hub.channel.endpoint")
        if not isinstance(endpoint, str) or not is_private(endpoint):
            raise InvalidValueError("hub.channel.endpoint", "must begin with wss://, or be on this machine")
        return endpoint

    async def _tell_a_new_hub(self) -> None:
        """Let what is open be told once more if the hub knows of nothing: it has been started anew."""
        if not self._told:
            return
        answer = await self._client.get(self._hub.session_of(self._reporter_id), headers=self._hub.headers)
        if answer.is_success and not object_in(answer.content).get("context"):
            await self._say(OPEN, list(self._told.values())[-1])

    async def _hear(self, socket: ClientConnection, message: str | bytes) -> None:
        """Do what an event says, and answer whether it is followed (2.5.2)."""
        said = object_in(message)
        if said.get("hub.mode") == "denied":
            raise DeniedError
        if "event" not in said:
            return
        event = event_of(said)
        await socket.send(json.dumps({"id": event.id, "status": await self._status(event)}))

    async def _status(self, event: Event) -> int:
        """Return what an event is answered with; 503 if we could not do what it says, which the screens are told."""
        if event.id in self._sent or event.topic != self._topic:
            return 200
        try:
            return await self._done(event)
        except ConflictError:
            _log.info("fhircast.refused_a_viewer")
            return 409
        except Exception as error:  # noqa: BLE001 - whatever it is, the hub is to hear that it was not followed
            _log.warning("fhircast.not_done", error=type(error).__name__)
            return 503

    async def _done(self, event: Event) -> int:
        """Open or close here what a viewer has."""
        meant = meant_by(event.context)
        if event.name == CLOSE:
            for read_id in await asyncio.to_thread(self._doing.closed, self._reporter_id, meant):
                self._viewers.pop(read_id, None)
        if event.name != OPEN:
            return 200
        replayed = event if self._clock.now() - event.at > _OLD else None
        reads = await asyncio.to_thread(self._doing.opened, self._reporter_id, meant, replayed)
        self._viewers |= dict.fromkeys(reads, _Shown(event.context, asyncio.get_running_loop().time()))
        # 202: it was received, and there is nothing here that it opens
        return 200 if reads else 202


def _lease(said: Mapping[str, Any]) -> float:
    """Return for how many seconds a hub has confirmed that we follow."""
    seconds = said.get("hub.lease_seconds")
    if said.get("hub.mode") != "subscribe" or not str(seconds).isdecimal():
        raise DeniedError
    return max(1.0, float(str(seconds)))
