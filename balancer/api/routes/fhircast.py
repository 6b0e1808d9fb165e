"""FHIRcast (STU3): the hub at ``/fhircast``. Its topics are reporters' numbers.

These routes are described by the standard and by docs/reference/fhircast.md, not by the OpenAPI document.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import Annotated, Any, Final
from urllib.parse import parse_qs, urlsplit

from fastapi import APIRouter, Depends, Path, Request, WebSocket
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection

from balancer.api.callers import Caller, May, Reaching, anybody, reach_of
from balancer.api.fhircast.connection import serve
from balancer.api.fhircast.hub import Hub, context_out
from balancer.api.looks import Looking
from balancer.api.models.shape import MOST_CHARACTERS, PATTERN
from balancer.api.serving import Served, Serving
from balancer.api.sign_in.ways import Ways
from balancer.domain.actor import Actor, Reach
from balancer.domain.errors import InvalidValueError, NotAllowedError, NotFoundError
from balancer.domain.permission import MEANING, Permission
from balancer.publish.fhircast.events import SUPPORTED, event_in, granted
from balancer.publish.fhircast.report import meant_by
from balancer.services.hold_over import reporter_as_held
from balancer.services.lasts_until import lasts_until
from balancer.services.trusts_meant import trusts_meant
from balancer.store import meant, people
from balancer.store.database import Database

PREFIX: Final = "/fhircast"
_ENDPOINT: Final = "/connections/"
_LEASE_SECONDS: Final = 3_600
_MOST_NAME: Final = 100
_MAY: Final = May((Permission.READS_WORK, Permission.ASSIGNMENTS_READ))
# The address of a subscription's WebSocket is its secret: nobody keeps it, not even we for an Idempotency-Key.
_UNKEPT: Final = {"Cache-Control": "no-store"}
_FORM: Final = "application/x-www-form-urlencoded"
router = APIRouter(include_in_schema=False)


def hub_of(app: Any) -> Hub:
    """Return the one hub of an application."""
    state = app.state
    found: Hub | None = getattr(state, "fhircast", None)
    if found is None or getattr(state, "fhircast_of", None) is not state.serving.database:
        found, state.fhircast_of = Hub(state.serving.clock), state.serving.database
        state.fhircast = found
    return found


@router.post("", dependencies=[Depends(_MAY)])
async def talk(request: Request, served: Served, caller: Caller, reach: Reaching, look: Looking) -> JSONResponse:
    """Subscribe or unsubscribe (a form; 2.4), or ask for a change of context (JSON; 2.6)."""
    body = await request.body()
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() == _FORM:
        return await _subscribe(request, served, caller, reach, look, body)
    event = event_in(body)
    sender = caller.reach(Permission.READS_WORK).at(served.clock.now())
    if sender == Reach():
        raise NotAllowedError(f"this needs leave to {MEANING[Permission.READS_WORK]}")
    await run_in_threadpool(_require_topic, served.database, reach, event.topic)
    # every trust's studies, whoever sends: what is beyond them is to be found, and nothing of it told
    whole = request.app.state.serving.database
    trusts = await run_in_threadpool(trusts_meant, whole, meant_by(event.context))
    await run_in_threadpool(_require_trusts, served.database, sender, event.topic, trusts, served.clock.now())
    hub_of(request.app).publish(event, sender, trusts)
    return JSONResponse({}, 202)


async def _subscribe(  # noqa: PLR0913, PLR0917 - what a request is answered from
    request: Request, served: Serving, caller: Actor, reach: Reach, look: Any, body: bytes
) -> JSONResponse:
    form, hub = _form(body), hub_of(request.app)
    topic = form.get("hub.topic", "")
    if form.get("hub.channel.type") != "websocket":
        raise InvalidValueError("hub.channel.type", "must be websocket")
    await run_in_threadpool(_require_topic, served.database, reach, topic)
    known = _secret(form.get("hub.channel.endpoint", ""))
    if form.get("hub.mode") == "unsubscribe":
        hub.unsubscribe(known, topic)
        return JSONResponse({"hub.channel.endpoint": _address(request, known)}, 202, _UNKEPT)
    if form.get("hub.mode") != "subscribe":
        raise InvalidValueError("hub.mode", "must be subscribe or unsubscribe")
    events, lease = granted(form.get("hub.events", "")), await _lease(request, served, form)
    name = form.get("subscriber.name", "").strip()[:_MOST_NAME] or caller.name
    if known:
        found = hub.subscribe_again(known, topic, events, reach, name, lease)
    else:
        found = hub.subscribe(topic, events, reach, name, lease)
    found.ask = partial(_may_still, HTTPConnection({**request.scope, "state": {}}), topic)
    look("session", [topic])
    return JSONResponse({"hub.channel.endpoint": _address(request, found.secret)}, 202, _UNKEPT)


async def _may_still(connection: HTTPConnection, topic: str) -> Reach | None:
    """Return how far whoever has subscribed reaches now; ``None`` if they may no longer follow a session."""
    if not await _MAY.still(connection):
        return None
    reach = reach_of(connection)
    try:
        await run_in_threadpool(_require_topic, connection.app.state.serving.database.within(reach), reach, topic)
    except NotFoundError:
        return None
    return reach


def _require_topic(database: Database, reach: Reach, topic: str) -> None:
    """Ensure that a topic is the session of a reporter whom the caller may follow.

    A reporter follows their own. Whoever else reports as well follows nobody: they would see who reads what beside
    them.

    Raises
    ------
    NotFoundError
        If it is not.
    """
    with database.session() as session:
        listed = people.reporter(session, topic).listed
    if not listed or (reach.own != topic and reach.blind_to is not None):
        raise NotFoundError("there is no such session")


def _require_trusts(database: Database, sender: Reach, topic: str, trusts: frozenset[str], now: datetime) -> None:
    """Ensure that an event is of no trust beyond its sender's reach: what it opens is claimed.

    A reporter's own reach, in their own session, is where they may report, and every trust of which a study is theirs.

    Raises
    ------
    NotAllowedError
        If it is.
    """
    beyond = {trust for trust in trusts if not sender.covers(trust)}
    if beyond and sender.own == topic:
        with database.within(sender.acting_for(topic)).session() as session:
            person = reporter_as_held(session, people.reporter(session, topic).reporter, now)
            may = {trust for trust in person.trusts if (until := person.entitled_until(trust)) is None or now < until}
            beyond -= may | {person.home_trust} | meant.trusts_reached(session, beyond)
    if beyond:
        raise NotAllowedError("the event is of a trust that its sender does not reach")


def _form(body: bytes) -> dict[str, str]:
    """Return a form in which nothing is said twice."""
    try:
        sent = parse_qs(body.decode("ascii"), keep_blank_values=True, max_num_fields=20, errors="strict")
    except ValueError as error:
        raise InvalidValueError("body", "is not encoded as a form is") from error
    if any(len(values) > 1 for values in sent.values()):
        raise InvalidValueError("body", "says something twice")
    return {name: values[0] for name, values in sent.items()}


async def _lease(request: Request, served: Serving, form: dict[str, str]) -> float:
    """Return for how many seconds a subscription lasts: never longer than what its caller has shown (2.4.1)."""
    asked = form.get("hub.lease_seconds", "")
    if asked and (not asked.isascii() or not asked.isdecimal() or int(asked[:9]) == 0):
        raise InvalidValueError("hub.lease_seconds", "is not a positive whole number")
    _, _, token = request.headers.get("authorization", "").partition(" ")
    shown = token.strip() or request.cookies.get(getattr(request.app.state.door, "cookie", ""), "")
    now = served.clock.now()
    until = await run_in_threadpool(lasts_until, request.app.state.serving.database, shown, now) if shown else None
    most = _LEASE_SECONDS if until is None else min(float(_LEASE_SECONDS), (until - now) / timedelta(seconds=1))
    return min(most, float(asked[:9])) if asked else most


def _address(request: Request, secret: str) -> str:
    """Return the address of a subscription's WebSocket."""
    ways = request.app.state.ways
    assert isinstance(ways, Ways)  # noqa: S101 - create_app put it there
    base = urlsplit((ways.public_url or str(request.base_url)).rstrip("/"))
    scheme = "wss" if base.scheme == "https" else "ws"
    return f"{scheme}://{base.netloc}{base.path}{PREFIX}{_ENDPOINT}{secret}"


def _secret(address: str) -> str:
    return address.strip().rpartition(_ENDPOINT)[2]


@router.get("/.well-known/fhircast-configuration", dependencies=[anybody()])
async def describe() -> JSONResponse:
    """Say what the hub supports (2.7.1)."""
    return JSONResponse({
        "eventsSupported": list(SUPPORTED),
        "websocketSupport": True,
        "fhircastVersion": "STU3",
        "getCurrentSupport": True,
        "fhirVersion": "R4",
    })  # fmt: skip


@router.get("/{topic}", dependencies=[Depends(_MAY)])
def show_context(
    request: Request,
    served: Served,
    reach: Reaching,
    look: Looking,
    topic: Annotated[str, Path(max_length=MOST_CHARACTERS, pattern=PATTERN)],
) -> JSONResponse:
    """Say what is open in a reporter's session (2.9)."""
    _require_topic(served.database, reach, topic)
    look("session", [topic])
    kind, version, context = context_out(hub_of(request.app).current(topic, reach))
    return JSONResponse({"context.type": kind, "context.versionId": version, "context": list(context)})


@router.websocket(_ENDPOINT + "{secret}", dependencies=[anybody()])
async def connect(socket: WebSocket, secret: str) -> None:
    """Take the WebSocket of a subscription: whoever has its address, which cannot be guessed, is who subscribed."""
    hub = hub_of(socket.app)
    found = hub.connected(secret)
    if found is None:
        await socket.close()
        return
    await serve(hub, found, socket, socket.app.state.serving.clock)
