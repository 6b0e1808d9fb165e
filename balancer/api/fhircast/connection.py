"""A subscriber's WebSocket: what it is told goes out, what it answers comes in, and its lease runs out."""

from __future__ import annotations

import asyncio
import uuid
from typing import Final

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from balancer.api.fhircast.hub import Hub
from balancer.api.fhircast.subscription import Subscription
from balancer.domain.errors import InvalidValueError
from balancer.domain.instant import Clock
from balancer.publish.fhircast.events import HEARTBEAT, heartbeat, object_in

HEARTBEAT_SECONDS: Final = 5
_LOOK_SECONDS: Final = 1.0
# How often it is asked whether whoever subscribed still may follow; and before they are told anything.
_ASKED_EVERY_SECONDS: Final = 60.0
# RFC 6455, 7.4.1: a normal end; going away; what was sent makes no sense.
_NORMAL, _GOING_AWAY, _NO_SENSE = 1000, 1001, 1007
_MOST_CHARACTERS: Final = 4_096


async def serve(hub: Hub, found: Subscription, socket: WebSocket, clock: Clock) -> None:
    """Keep a subscriber told until either side ends it."""
    await socket.accept()
    sending = asyncio.create_task(_send(hub, found, socket, clock))
    receiving = asyncio.create_task(_receive(hub, found, socket))
    try:
        await asyncio.wait({sending, receiving}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (sending, receiving):
            task.cancel()
        await asyncio.gather(sending, receiving, return_exceptions=True)
        # whichever way it ended: one that is still there has gone without a word
        hub.lost(found, "the connection was lost")
        if socket.application_state is not WebSocketState.DISCONNECTED:
            await _close(socket)


async def _close(socket: WebSocket) -> None:
    try:
        await socket.close(_NORMAL)
    except (RuntimeError, WebSocketDisconnect):
        return  # the other side was quicker


async def _send(hub: Hub, found: Subscription, socket: WebSocket, clock: Clock) -> None:
    """Send what waits; now and then a sign of life; and end what has run out."""
    ask_again, beat_at = hub.seconds(), hub.seconds() + HEARTBEAT_SECONDS
    while True:
        if ask_again <= hub.seconds():
            await _ask(hub, found)
            ask_again = hub.seconds() + _ASKED_EVERY_SECONDS
        try:
            message = await asyncio.wait_for(found.outgoing.get(), _LOOK_SECONDS)
        except TimeoutError:
            message = None
        if message is not None:
            await socket.send_json(message)
        if found.denied and found.outgoing.empty():
            return
        now = hub.seconds()
        if found.ends_at <= now:
            hub.end(found, "the lease has run out")
        elif hub.overdue(found) is not None:
            hub.lost(found, "did not answer")
        elif HEARTBEAT in found.events and beat_at <= now:
            beat_at = now + HEARTBEAT_SECONDS
            beat = heartbeat(found.topic, HEARTBEAT_SECONDS, event_id=str(uuid.uuid4()), at=clock.now())
            found.tell(beat, now)


async def _ask(hub: Hub, found: Subscription) -> None:
    """Let a subscriber follow as far as they reach now, or no longer (2.4.5)."""
    if found.ask is None or found.denied:
        return
    reach = await found.ask()
    if reach is None:
        hub.refuse(found, "may no longer follow this session")
    else:
        found.reach = reach


async def _receive(hub: Hub, found: Subscription, socket: WebSocket) -> None:
    """Take its answers; what it sends that is none ends the connection, as nobody could tell what it follows."""
    while True:
        message = await socket.receive()
        if message["type"] == "websocket.disconnect":
            if message.get("code") in {_NORMAL, _GOING_AWAY}:
                hub.end(found, "closed")
            return
        text = message.get("text") or ""
        try:
            event_id, status = _answer(text[:_MOST_CHARACTERS])
        except InvalidValueError:
            await socket.close(_NO_SENSE)
            return
        hub.answered(found, event_id, status)


def _answer(text: str) -> tuple[str, int]:
    """Return which event an answer is to, and the status it says (2.5.2): a number, or the text of one."""
    said = object_in(text)
    status = str(said.get("status", ""))
    if not status.isdecimal() or not status.isascii() or len(status) != 3 or not isinstance(said.get("id"), str):
        raise InvalidValueError("status", "is no answer to an event")
    return said["id"], int(status)
