"""Idempotency-Key (draft-ietf-httpapi-idempotency-key-header): a request that is repeated is done once.

Whoever does not know whether a request arrived sends it again with the same key. If it had been done, the answer comes
again; if it is under way, or its answer was lost with the process that made it, 409. It is never done twice.
What is asked with another body or another ``If-Match`` is another request, which the key was not given to: 422. A
refusal comes again too, so that whoever corrects a request needs a new key.
Of an answer that is not to be stored (``no-store``: it has a secret) only its status and address come again.
"""

from __future__ import annotations

import hashlib
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from balancer.domain.actor import Actor
from balancer.domain.errors import InvalidValueError
from balancer.domain.instant import Clock
from balancer.store import keys
from balancer.store.database import COMMITS, Commits, Database
from balancer.store.keys import KeptAnswer, Key

HEADER: Final = "Idempotency-Key"
WRITES: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
# What is sent as writes are so that its address names nobody, and changes nothing: its answer, which does, is not kept.
READS: Final = ("/studies/search", "/Task/_search")
PARAMETER: Final[dict[str, Any]] = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "description": "Any text of your own, new for each request. The same request with the same key is done once.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[\\x21-\\x7e]+$"},
}
_MOST_CHARACTERS = 200
_KEPT_HEADERS = ("content-type", "location")
_KEPT_OF_SECRETS = ("location",)
_PENDING = "idempotency"


class DoneBeforeError(Exception):
    """The request was done before; this is what was answered then."""

    def __init__(self, answer: KeptAnswer) -> None:
        self.answer = answer
        super().__init__("done before")


async def once(request: Request, actor: Actor, database: Database, clock: Clock) -> None:
    """Let a request through that has no key, or one that is new; raise ``DoneBeforeError`` if it has been done."""
    given = request.headers.get(HEADER)
    if given is None or request.method not in WRITES or request.url.path.endswith(READS):
        return
    if not 1 <= len(given) <= _MOST_CHARACTERS or not all("!" <= letter <= "~" for letter in given):
        raise InvalidValueError(HEADER, f"is not 1 to {_MOST_CHARACTERS} printable characters")
    key = Key(actor.subject, given)
    answer = await run_in_threadpool(keys.begin, database, key, await _fingerprint(request), clock.now())
    if answer is not None:
        raise DoneBeforeError(answer)
    # from here on: entering the key was a commit of its own
    commits = Commits()
    COMMITS.set(commits)
    request.scope.setdefault("state", {})[_PENDING] = (database, key, commits)


async def _fingerprint(request: Request) -> str:
    """Return what tells a request from every other: what it is about, of which version if it says so, and its body."""
    versions = [f"If-Match: {said}".encode() for said in request.headers.getlist("if-match")]
    about = [request.method.encode(), request.url.path.encode(), request.url.query.encode()]
    return hashlib.sha256(b"\0".join([*about, *versions, await request.body()])).hexdigest()


def install(app: FastAPI) -> None:
    """Ensure that what has been done is answered as before."""
    app.add_exception_handler(DoneBeforeError, _again)
    app.add_middleware(Remembering)


def _again(_request: Request, error: Exception) -> Response:
    assert isinstance(error, DoneBeforeError)  # noqa: S101 - it is registered for no other
    answer = error.answer
    return Response(answer.body, answer.status, {**answer.headers, "Idempotency-Replayed": "true"})


class Remembering:
    """Keeps the answer to a request with a key, before it is sent.

    If the database did not answer before anything was committed, the key is free again. If it did not afterwards, or
    the service failed, nobody knows what was done: the key stays taken.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; hold its answer back until it is kept, if it must be."""
        if scope["type"] != "http" or scope["method"] not in WRITES:
            await self._app(scope, receive, send)
            return
        held: list[Message] = []

        async def hold(message: Message) -> None:
            held.append(message)
            if message["type"] == "http.response.body" and not message.get("more_body", False):
                await _keep(scope, held)
                for each in held:
                    await send(each)

        await self._app(scope, receive, hold)


async def _keep(scope: Scope, held: list[Message]) -> None:
    pending = scope.get("state", {}).pop(_PENDING, None)
    if pending is None:
        return
    database, key, commits = pending
    start = held[0]
    if start["status"] == HTTPStatus.SERVICE_UNAVAILABLE:
        if not commits.attempted:
            await run_in_threadpool(keys.forget, database, key)
        return
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in start["headers"]}
    secret = "no-store" in headers.get("cache-control", "")
    answer = KeptAnswer(
        status=start["status"],
        headers={name: headers[name] for name in (_KEPT_OF_SECRETS if secret else _KEPT_HEADERS) if name in headers},
        body="" if secret else b"".join(message.get("body", b"") for message in held[1:]).decode("utf-8"),
    )
    await run_in_threadpool(keys.finish, database, key, answer)
