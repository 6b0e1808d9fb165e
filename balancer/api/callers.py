"""Who calls, and whether they may: what every route declares, and what becomes of a request before its route runs.

A route says ``dependencies=[may(Permission.STUDIES_READ)]``, or ``[anybody()]`` if it is for whoever comes. One that
says neither keeps the service from starting, and gets no database.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Final, Protocol

from fastapi import Depends, FastAPI, Request
from fastapi.routing import RouteContext, iter_route_contexts
from starlette.exceptions import WebSocketException
from starlette.requests import HTTPConnection
from starlette.status import WS_1008_POLICY_VIOLATION

from balancer.api.once import once
from balancer.api.problems import NotSignedInError
from balancer.domain.actor import NOWHERE, Actor, Reach
from balancer.domain.errors import NotAllowedError
from balancer.domain.permission import MEANING, Permission

# What has no caller to ask for: files that everybody has, and the description of the API.
UNGUARDED: Final = frozenset({"/static", "/assets", "/api/v1/openapi.json"})


class UndeclaredError(Exception):
    """A route does not say who may call it."""


class Door(Protocol):
    """Tells who calls."""

    async def caller(self, request: Request) -> Actor | None:
        """Return who sends a request; ``None`` if it does not say, ``NotSignedInError`` if what it says is no good."""
        ...


@dataclass(frozen=True, slots=True)
class May:
    """What a route needs of its caller: any one of ``permissions``; nothing at all if there are none."""

    permissions: tuple[Permission, ...]

    async def __call__(self, request: HTTPConnection) -> None:
        """Let the request through with its caller and how far they reach, or refuse it.

        A WebSocket begins as a GET, with the credentials of one.
        """
        if not self.permissions:
            request.state.reach = NOWHERE
            return
        if not isinstance(request, Request):
            await self._ask_socket(request)
            return
        await self.ask(request)
        serving = request.app.state.serving
        await once(request, request.state.caller, serving.database, serving.clock)

    async def _ask_socket(self, socket: HTTPConnection) -> None:
        """Refuse as a WebSocket is refused: an answer to a request would be sent to nobody, and leave it waiting."""
        try:
            await self.ask(socket)
        except (NotSignedInError, NotAllowedError) as error:
            raise WebSocketException(WS_1008_POLICY_VIOLATION) from error

    async def ask(self, connection: HTTPConnection, *, seen: bool = True) -> None:
        """Find out who calls and how far they reach, now; a WebSocket outlives what it began with, and asks again.

        ``seen`` is false where nobody has done anything: that a connection is open keeps no session alive.

        Raises
        ------
        NotSignedInError
            If nobody can tell, or no longer.
        NotAllowedError
            If they may not.
        """
        door: Door = connection.app.state.door
        connection.state.seen = seen
        actor = await door.caller(_as_request(connection))
        if actor is None:
            raise NotSignedInError("sign in first")
        reach = actor.reach(*self.permissions)
        if reach == NOWHERE:
            raise NotAllowedError(f"this needs leave to {' or to '.join(map(MEANING.__getitem__, self.permissions))}")
        connection.state.may = self
        connection.state.caller = actor
        connection.state.reach = reach.at(connection.app.state.serving.clock.now())

    async def still(self, connection: HTTPConnection) -> bool:
        """Tell whether whoever has a connection open still may; how far they reach is from now on as it is now."""
        try:
            await self.ask(connection, seen=False)
        except (NotSignedInError, NotAllowedError):
            return False
        return True


def _as_request(connection: HTTPConnection) -> Request:
    if isinstance(connection, Request):
        return connection
    return Request({**connection.scope, "type": "http", "method": "GET"})


async def ask_again(request: Request) -> None:
    """Find out anew who sends a request, and how far they reach now: it has waited, and much may have ended meanwhile.

    Raises
    ------
    NotSignedInError, NotAllowedError
        As ``May.ask``.
    """
    asked: May = request.state.may
    await asked.ask(request, seen=False)


def may(permission: Permission, *others: Permission) -> Any:
    """Declare that a route is for whoever holds one of these permissions, at the trusts they hold it at."""
    return Depends(May((permission, *others)))


def anybody() -> Any:
    """Declare that a route is for whoever comes; it sees nothing of any trust."""
    return Depends(May(()))


def reach_of(request: HTTPConnection) -> Reach:
    """Return how far a request's caller reaches; ``UndeclaredError`` if its route does not say who may call."""
    found = getattr(request.state, "reach", None)
    if not isinstance(found, Reach):
        raise UndeclaredError(f"{request.scope['route'].path} does not say who may call it")
    return found


def caller_of(request: HTTPConnection) -> Actor:
    """Return who sends a request; ``UndeclaredError`` if its route is for whoever comes."""
    found = getattr(request.state, "caller", None)
    if not isinstance(found, Actor):
        raise UndeclaredError(f"{request.scope['route'].path} is for anybody, so it has no caller")
    return found


async def _caller(request: HTTPConnection) -> Actor:
    return caller_of(request)


async def _reach(request: HTTPConnection) -> Reach:
    return reach_of(request)


# Who calls, for the record; and how far what this route does reaches.
Caller = Annotated[Actor, Depends(_caller)]
Reaching = Annotated[Reach, Depends(_reach)]


def declared(route: RouteContext) -> May | None:
    """Return what a route says of who may call it, if it says anything."""
    said = [item.dependency for item in getattr(route, "dependencies", None) or ()]
    return next((item for item in reversed(said) if isinstance(item, May)), None)


def require_declarations(app: FastAPI) -> None:
    """Ensure that every route says who may call it.

    Raises
    ------
    UndeclaredError
        Naming those that do not: a service with such a route must not start.
    """
    routes = [route for route in iter_route_contexts(app.routes) if declared(route) is None]
    silent = [str(route.path) for route in routes if route.path not in UNGUARDED]
    if silent:
        raise UndeclaredError(f"these routes do not say who may call them: {', '.join(silent)}; see api/callers.py")
