"""The API on a test's database, at a time that the test sets."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from types import SimpleNamespace
from typing import Any

from fastapi import FastAPI
from httpx2 import Response
from starlette.datastructures import State
from starlette.testclient import TestClient

from balancer.api.app import open_app, with_every_route
from balancer.api.callers import Door
from balancer.api.doors import LocalDoor
from balancer.api.serving import Serving
from balancer.api.sign_in.ways import LOCAL, Ways
from balancer.store.database import Database
from balancer.web.install import install
from tests.worlds import NOW

# The local sign-in answers this machine only.
HERE = ("127.0.0.1", 50_000)
KEY = b"a key for pseudonyms in tests"


@dataclass
class StandingClock:
    """A clock that shows what it is set to."""

    at: datetime = NOW

    def now(self) -> datetime:
        """Return the instant it is set to."""
        return self.at


def nothing_described() -> SimpleNamespace:
    """Stand in for a network folder that describes no feed."""
    return SimpleNamespace(feeds=())


@cache
def _routed() -> FastAPI:
    return with_every_route(install)


def _unopened() -> FastAPI:
    """Return an application of its own for a test, with every route; what routes are made of is made once for all."""
    app = copy.copy(_routed())
    app.router = copy.copy(app.router)
    app.router.routes, app.router.middleware_stack = [*app.router.routes], app.router.app
    app.state, app.user_middleware, app.exception_handlers = State(), [*app.user_middleware], {**app.exception_handlers}
    return app


class Service:
    """A client of the API under ``/api/v1``; whoever is on this machine unless another ``door`` tells."""

    def __init__(
        self,
        db: Database,
        read_network: Callable[[], Any] = nothing_described,
        hosts: tuple[str, ...] = (),
        door: Door | None = None,
        ways: Ways = LOCAL,
    ) -> None:
        self.clock = StandingClock()
        serving = Serving(database=db, clock=self.clock, read_network=read_network, pseudonym_key=KEY)
        self.app = open_app(_unopened(), serving, door=door or LocalDoor(), ways=ways, hosts=hosts)
        self.client = TestClient(self.app, client=HERE)

    @classmethod
    def of(cls, app: FastAPI, db: Database) -> Service:
        """Return a client of an application that is there already, on another database."""
        service = cls.__new__(cls)
        service.clock = StandingClock()
        app.state.serving = replace(app.state.serving, database=db, clock=service.clock)
        service.app, service.client = app, TestClient(app, client=HERE)
        return service

    def get(self, path: str, **query: Any) -> Response:
        """Ask; ``path`` is below ``/api/v1``."""
        return self.client.get(f"/api/v1{path}", params=query)

    def ask(self, path: str, **query: Any) -> Any:
        """Ask and return what comes back; anything but 200 fails the test."""
        answer = self.get(path, **query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, body: object = None, **headers: str) -> Response:
        """Send ``body`` as JSON; nothing if it is ``None``."""
        return self.client.post(f"/api/v1{path}", json=body, headers=headers)


def problem(answer: Response, status: int, kind: str) -> Any:
    """Return a problem's content, having seen that it is one of this status and kind."""
    assert answer.headers["content-type"] == "application/problem+json"
    found = answer.json()
    assert (answer.status_code, found["status"], found["type"]) == (status, status, f"/problems#{kind}")
    assert found["instance"] == f"urn:uuid:{answer.headers['x-request-id']}"
    return found
