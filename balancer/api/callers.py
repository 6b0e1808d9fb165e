"""Who calls, and whether they may: what every route declares, and what becomes of a request before its route runs.

A route says ``dependencies=[may(Permission.STUDIES_READ)]``, or ``[anybody()]`` if it is for whoever comes. One that
says neither keeps the service from starting, and gets no database.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Final, Protocol

from fastapi import Depends, FastAPI, Request
from fastapi.routing import RouteContext, iter_route_contexts

from balancer.api.once import once
from balancer.api.problems import NotSignedInError
from balancer.domain.actor import NOWHERE, Actor, Reach
from balancer.domain.errors import NotAllowedError
from balancer.domain.permission import MEANING, Permission

# What has no caller to ask for: files that everybody has, and the description of the API.
UNGUARDED: Final = frozenset({"/static", "/api/v1/openapi.json"})


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

    async def __call__(self, request: Request) -> None:
        """Let the request through with its caller and how far they reach, or refuse it."""
        if not self.permissions:
            request.state.reach = NOWHERE
            return
        door: Door = request.app.state.door
        actor = await door.caller(request)
        if actor is None:
            raise NotSignedInError("sign in first")
        reach = actor.reach(*self.permissions)
        if reach == NOWHERE:
            raise NotAllowedError(f"this needs leave to {' or to '.join(map(MEANING.__getitem__, self.permissions))}")
        serving = request.app.state.serving
        request.state.caller, request.state.reach = actor, reach.at(serving.clock.now())
        await once(request, actor, serving.database, serving.clock)


def may(permission: Permission, *others: Permission) -> Any:
    """Declare that a route is for whoever holds one of these permissions, at the trusts they hold it at."""
    return Depends(May((permission, *others)))


def anybody() -> Any:
    """Declare that a route is for whoever comes; it sees nothing of any trust."""
    return Depends(May(()))


def reach_of(request: Request) -> Reach:
    """Return how far a request's caller reaches; ``UndeclaredError`` if its route does not say who may call."""
    found = getattr(request.state, "reach", None)
    if not isinstance(found, Reach):
        raise UndeclaredError(f"{request.scope['route'].path} does not say who may call it")
    return found


async def _caller(request: Request) -> Actor:
    found = getattr(request.state, "caller", None)
    if not isinstance(found, Actor):
        raise UndeclaredError(f"{request.scope['route'].path} is for anybody, so it has no caller")
    return found


async def _reach(request: Request) -> Reach:
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
