"""A real hub on a port, and real peers that follow it: WebSockets of the library that others use too."""

from __future__ import annotations

import contextlib
import functools
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Self

from fastapi import FastAPI
from httpx2 import Client, Response
from websockets.sync.client import connect

from balancer.api.doors import LocalDoor
from balancer.api.routes.fhircast import hub_of
from balancer.domain.actor import Actor
from balancer.publish.fhircast.events import CLOSE, OPEN, Event
from balancer.publish.fhircast.report import Report, context_of
from balancer.store.database import Database
from tests.access.doors import Known
from tests.access.two_trusts import EAST
from tests.api.listening import listening
from tests.api.service import Service
from tests.patience import PATIENCE_SECONDS
from tests.worlds import NOW

ALL = "DiagnosticReport-*,SyncError"


@functools.cache
def _application() -> FastAPI:
    """Return the one application of these tests: making it takes a second."""
    return Service(None).app  # type: ignore[arg-type]


@contextlib.contextmanager
def hub(db: Database, actor: Actor | None = None) -> Iterator[tuple[str, Service]]:
    """Yield the address of a hub, and its service; whoever comes is ``actor``, else whoever is on this machine.

    Its time stands still, so that nobody is out of step for being slow, until a test says how late it is.
    """
    service = Service.of(_application(), db)
    service.app.state.door = LocalDoor() if actor is None else Known(actor)
    hub_of(service.app).seconds = lambda: 0.0
    with listening(service) as port:
        yield f"http://127.0.0.1:{port}/fhircast", service


def post(url: str, form: dict[str, str] | None = None, event: Event | None = None) -> Response:
    """Send a form or an event."""
    with Client(timeout=PATIENCE_SECONDS) as client:
        if event is not None:
            return client.post(url, json=event.message())
        return client.post(url, data=form or {})


def form(mode: str, topic: str = "R1", **more: str) -> dict[str, str]:
    """Return the form of a request to subscribe or unsubscribe."""
    said = {"hub.channel.type": "websocket", "hub.mode": mode, "hub.topic": topic}
    return {**said, **{name.replace("_", ".", 1): value for name, value in more.items()}}


def opened(number: str = "A1", *, topic: str = "R1", at: datetime = NOW, trust: str = EAST, **more: Any) -> Event:
    """Return that a viewer opens the report of a study, which it knows by its accession number."""
    uid = more.pop("uid", f"viewer-{number}")
    report = Report(
        uid=uid,
        trust=trust,
        accession_number=number,
        patient_id=f"H-{number}",
        study_instance_uid=more.pop("study", None),
        exam_name="CT head",
    )
    event = Event(id=f"open {number} {at:%H%M%S}", at=at, topic=topic, name=OPEN, context=context_of(report))
    return replace(event, **more)


def closed(event: Event) -> Event:
    """Return that the same viewer closes it, a second later."""
    return replace(event, id=f"close of {event.id}", name=CLOSE, at=event.at + timedelta(seconds=1))


class Peer:
    """A system that follows a session; it answers nothing unless it is told to."""

    def __init__(self, url: str, topic: str = "R1", events: str = ALL, **more: str) -> None:
        answer = post(url, form("subscribe", topic, hub_events=events, **more))
        assert answer.status_code == 202, answer.text
        self.endpoint = answer.json()["hub.channel.endpoint"]
        self._socket = connect(self.endpoint, open_timeout=PATIENCE_SECONDS, ping_interval=None).__enter__()
        self.confirmed = self.hear()

    def hear(self, seconds: float = PATIENCE_SECONDS) -> dict[str, Any]:
        """Return the next message."""
        found = json.loads(self._socket.recv(timeout=seconds))
        assert isinstance(found, dict)
        return found

    def follow(self, status: object = 200) -> dict[str, Any]:
        """Return the next event, answered with this status."""
        message = self.hear()
        self._socket.send(json.dumps({"id": message["id"], "status": status}))
        return message

    def say(self, text: str) -> None:
        """Send whatever this is."""
        self._socket.send(text)

    def leave(self, code: int = 1000) -> None:
        """Close the connection."""
        self._socket.close(code)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _t: type[BaseException] | None, _e: BaseException | None, _b: TracebackType | None) -> None:
        self.leave()


def names(message: dict[str, Any]) -> tuple[str, str]:
    """Return the name and the id of an event as it came."""
    return message["event"]["hub.event"], message["id"]
