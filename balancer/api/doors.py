"""Doors: the ways in which the service tells who calls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from balancer.api.problems import NotSignedInError
from balancer.api.recent import Found, Recent
from balancer.domain.actor import EVERY_TRUST, Actor, ActorKind, Grant, person
from balancer.domain.errors import NotAllowedError
from balancer.domain.instant import Clock
from balancer.domain.permission import Role
from balancer.services import sign_in
from balancer.services.whose_bearer import Bearer, whose_bearer
from balancer.store.database import Database

# Whoever sits at the machine that a local service runs on: everything but a reporter's own list, which they are not.
OPERATOR: Final = person(
    "local:operator",
    "whoever is on this machine",
    *(Grant(role, EVERY_TRUST) for role in Role if role is not Role.REPORTER),
)
# The prefix binds the cookie to this host, over HTTPS, with the path / (RFC 6265bis, 4.1.3).
SAFE_COOKIE: Final = "__Host-balancer"
LOCAL_COOKIE: Final = "balancer-local"
# The parameter of what pages ask again and again by themselves.
_WAITING: Final = "wait"
# Each holds a thread and a connection while it waits for whoever else writes: there are to be some left to read.
_NOTED_AT_ONCE: Final = 4
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
# Whoever has signed in without a password; where people sign in with a provider they are nobody.
LOCAL_SUBJECT: Final = "local:"


class Without(Protocol):
    """Says who comes without any credentials."""

    async def caller(self, request: Request) -> Actor | None:
        """Return who it is; ``None`` for nobody in particular."""
        ...


class LocalDoor:
    """Takes whoever calls for the operator of this machine. For trying Balancer out, and never with patients' data.

    That they do call from this machine is the guard's to see to, of every request there is.
    """

    async def caller(self, request: Request) -> Actor | None:  # noqa: ARG002 - the guard has looked at it
        """Return the operator."""
        return OPERATOR


class CredentialsDoor:
    """Tells who calls by what they show: a system's key or token, or the cookie of a person who has signed in.

    Parameters
    ----------
    database
        Returns the database, whole: it is asked before anybody's reach is known.
    cookie
        The name of the cookie that holds a person's secret.
    without
        Says who comes without any credentials; nobody does unless it is given.
    """

    def __init__(
        self, database: Callable[[], Database], clock: Clock, *, cookie: str, without: Without | None = None
    ) -> None:
        self._database = database
        self._clock = clock
        self._systems: Recent[Bearer] = Recent(database)
        self._people: Recent[sign_in.SignedIn] = Recent(database)
        self._noting: set[int] = set()
        self.cookie = cookie
        self._without = without

    async def caller(self, request: Request) -> Actor | None:
        """Return who calls; what is shown and is no good is refused, never taken for nothing shown."""
        scheme, _, shown = request.headers.get("authorization", "").partition(" ")
        if scheme:
            return await self._of_authorization(request, scheme, shown.strip())
        secret = request.cookies.get(self.cookie)
        if secret:
            return await self._of_cookie(request, secret)
        return await self._without.caller(request) if self._without else None

    async def _of_cookie(self, request: Request, secret: str) -> Actor:
        """Return whose session it is: one that has ended makes nobody the operator, who may far more."""
        found = await self._people.found(
            secret,
            lambda database: sign_in.whose(database, secret, self._clock.now()),
            will_do=_for_question(request, lambda known: known.holds(self._clock.now())),
        )
        if found is None or found.actor.kind is not ActorKind.PERSON or not self._takes(found.actor):
            raise NotSignedInError("the session has ended: sign in at /sign-in, or sign out there")
        _require_own_page(request)
        # what a page does by itself says nothing of whether anybody sits before it
        if _WAITING not in request.query_params and getattr(request.state, "seen", True):
            await self._note_seen(found)
        return found.actor

    async def _note_seen(self, signed_in: sign_in.SignedIn) -> None:
        """Note that somebody was seen, if it is time to; of what they ask meanwhile nothing waits for that.

        If many wait for whoever else writes already, it is noted with one of their next requests.
        """
        now = self._clock.now()
        if signed_in.id in self._noting or not signed_in.is_to_be_noted(now) or len(self._noting) >= _NOTED_AT_ONCE:
            return
        self._noting.add(signed_in.id)
        try:
            await run_in_threadpool(sign_in.note_seen, self._database(), signed_in, now)
        finally:
            self._noting.discard(signed_in.id)

    def _takes(self, actor: Actor) -> bool:
        """Tell whether somebody who has signed in may still be taken at their word: a database outlives its mode."""
        return self._without is not None or not actor.subject.startswith(LOCAL_SUBJECT)

    async def _of_authorization(self, request: Request, scheme: str, shown: str) -> Actor:
        if scheme.lower() != "bearer" or not shown:
            raise NotSignedInError("the Authorization header is not `Bearer` and a key or token")
        found = await self._systems.found(
            shown,
            lambda database: whose_bearer(database, shown, self._clock.now()),
            will_do=_for_question(request, lambda known: known.holds(self._clock.now())),
        )
        if found is None:
            raise NotSignedInError("the key or token is not, or no longer, good")
        return found.actor


def _for_question(request: Request, will_do: Callable[[Found], bool]) -> Callable[[Found], bool] | None:
    """Return what may answer a question without a look; whoever changes something is looked up."""
    return will_do if request.method in _SAFE_METHODS else None


def _require_own_page(request: Request) -> None:
    """Ensure that what changes something was sent by a page of ours, where a browser adds the cookie by itself.

    The guard has refused what says that it comes from elsewhere; a browser that says nothing is too old to be trusted.
    """
    says = "origin" in request.headers or "sec-fetch-site" in request.headers
    if request.method not in _SAFE_METHODS and not says:
        raise NotAllowedError("a change with a session's cookie must come from a page: send a key or token instead")
