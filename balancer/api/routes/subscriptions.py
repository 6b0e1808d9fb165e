"""Subscriptions to workitems (PS3.18, 11.10 to 11.12), and their event reports over WebSocket (8.10, 11.13)."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Annotated, Final
from urllib.parse import parse_qsl, quote

from fastapi import APIRouter, Depends, Path, Request, Response, WebSocket
from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection
from starlette.websockets import WebSocketDisconnect

from balancer.api.callers import Caller, May
from balancer.api.looks import looks_at
from balancer.api.problems import TooManyWaitingError
from balancer.api.routes.workitems import PREFIX, WorkitemInPath, in_the_standards_words, uid_in_path
from balancer.api.serving import Served, Watching
from balancer.api.watch import OLDEST_SECONDS, Watch
from balancer.domain.errors import GoneError, InvalidValueError
from balancer.domain.permission import Permission
from balancer.publish.ups.events import message
from balancer.services.report_steps import Reports, reports_since
from balancer.services.subscribe import Subscriber, subscribe, suspend, unsubscribe
from balancer.store.changes import Mark
from balancer.store.database import Database

router = APIRouter(include_in_schema=False)
_MAY: Final = May((Permission.ASSIGNMENTS_READ,))
_SEE: Final = [Depends(_MAY)]
_STUDY: Final = "study"
EVENTS_PATH: Final = "/subscribers/{aet}"
# RFC 6455, 7.4.1, and IANA's registry of close codes: against the rules; come again later.
_REFUSED, _TRY_AGAIN_LATER = 1008, 1013
# How often it is asked whether whoever listens still may.
_ASKED_EVERY_SECONDS: Final = 60.0
TitleInPath = Annotated[str, Path()]


@router.post("/workitems/{workitem}/subscribers/{aet}", dependencies=_SEE)
@in_the_standards_words
async def subscribe_to(
    request: Request, served: Served, caller: Caller, workitem: WorkitemInPath, aet: TitleInPath
) -> Response:
    """Subscribe (11.10): to one workitem, to every one, or to those that match a filter; 201 says where they are told.

    The deletion lock is always granted: nothing is deleted.
    """
    who = Subscriber(by=caller, aet=aet)
    given = dict(_parameters(request))
    lock = given.get("deletionlock", "false").lower()
    if lock not in {"true", "false"}:
        raise InvalidValueError("deletionlock", "is neither true nor false")
    await run_in_threadpool(
        subscribe,
        served.database,
        who,
        uid_in_path(workitem),
        served.clock.now(),
        lock=lock == "true",
        filter_text=given.get("filter", ""),
    )
    return Response(status_code=201, headers={"Content-Location": _told_at(request, who.title)})


@router.delete("/workitems/{workitem}/subscribers/{aet}", dependencies=_SEE)
@in_the_standards_words
async def unsubscribe_from(
    request: Request,  # noqa: ARG001 - what answers in the standard's words needs it
    served: Served,
    caller: Caller,
    workitem: WorkitemInPath,
    aet: TitleInPath,
) -> Response:
    """Unsubscribe (11.11): from one workitem; from every one means from whatever there is."""
    who = Subscriber(by=caller, aet=aet)
    await run_in_threadpool(unsubscribe, served.database, who, uid_in_path(workitem), served.clock.now())
    return Response(status_code=200)


@router.post("/workitems/{workitem}/subscribers/{aet}/suspend", dependencies=_SEE)
@in_the_standards_words
async def suspend_subscription(
    request: Request,  # noqa: ARG001 - what answers in the standard's words needs it
    served: Served,
    caller: Caller,
    workitem: WorkitemInPath,
    aet: TitleInPath,
) -> Response:
    """Suspend (11.12) a global subscription: what it has taken in stays, what comes is not taken in."""
    who = Subscriber(by=caller, aet=aet)
    await run_in_threadpool(suspend, served.database, who, uid_in_path(workitem), served.clock.now())
    return Response(status_code=200)


@router.websocket(EVENTS_PATH, dependencies=_SEE)
async def event_reports(socket: WebSocket, served: Served, watch: Watching, caller: Caller, aet: TitleInPath) -> None:
    """Tell a subscriber of every event from when they have connected (11.13); what they miss is not told again."""
    try:
        who = Subscriber(by=caller, aet=aet)
        with watch.place(caller.subject):
            cursor = (await watch.look()).journal
            await socket.accept()
            await _Telling(socket, watch, who, served.database, cursor).tell()
    except InvalidValueError:
        await socket.close(_REFUSED)
    except TooManyWaitingError:
        await socket.close(_TRY_AGAIN_LATER)


class _Telling:
    """Tells one subscriber over one connection, for as long as they listen and may."""

    def __init__(self, socket: WebSocket, watch: Watch, who: Subscriber, database: Database, cursor: Mark) -> None:
        self._socket = socket
        self._watch = watch
        self._who = who
        self._database = database
        self._cursor = self._seen = cursor
        self._number = 0

    async def tell(self) -> None:
        """Tell until they have gone, or may no longer."""
        gone = asyncio.create_task(_until_gone(self._socket))
        ask_again = time.monotonic() + _ASKED_EVERY_SECONDS
        try:
            while not gone.done():
                if time.monotonic() >= ask_again:
                    if not await self._still_may():
                        await self._socket.close(_REFUSED)
                        return
                    ask_again = time.monotonic() + _ASKED_EVERY_SECONDS
                await self._tell_news()
                await asyncio.wait([gone], timeout=OLDEST_SECONDS)
        except WebSocketDisconnect:
            return
        finally:
            gone.cancel()

    async def _still_may(self) -> bool:
        """Tell whether they still may; how far they reach is as it is now."""
        if not await _MAY.still(self._socket):
            return False
        self._database = self._socket.app.state.serving.database.within(self._socket.state.reach)
        return True

    async def _tell_news(self) -> None:
        end = (await self._watch.look()).journal
        while self._seen != end:
            reports = await run_in_threadpool(self._since)
            if reports is None:  # they look again how everything stands, as after any break
                self._cursor = self._seen = end
                return
            for event in reports.events:
                await self._socket.send_text(json.dumps(message(event, self._number), separators=(",", ":")))
                self._number += 1
            self._cursor = reports.mark
            if not reports.more:
                self._seen = end

    def _since(self) -> Reports | None:
        try:
            reports = reports_since(self._database, self._who, self._cursor)
        except GoneError:
            return None
        if reports.study_ids:
            serving = self._socket.app.state.serving
            shown = sorted(reports.study_ids)
            looks_at(self._socket).note(serving.database, self._who.by, _STUDY, shown, serving.clock.now())
        return reports


async def _until_gone(socket: WebSocket) -> None:
    """Return when whoever listens has gone; what they send means nothing here."""
    while (await socket.receive())["type"] != "websocket.disconnect":
        pass


def _told_at(request: HTTPConnection, title: str) -> str:
    """Return the address of a subscriber's WebSocket, by the name that the service was asked under."""
    safe = request.url.scheme == "https" or request.app.state.ways.is_private
    return f"{'wss' if safe else 'ws'}://{request.url.netloc}{PREFIX}/subscribers/{quote(title, safe='')}"


def _parameters(request: Request) -> list[tuple[str, str]]:
    """Return the parameters of a query; a filter as it was written, for its own commas part it."""
    query = request.url.query
    filters = [part for part in query.split("&") if part.startswith("filter=")]
    if len(filters) > 1:
        raise InvalidValueError("filter", "is given twice")
    rest = "&".join(part for part in query.split("&") if not part.startswith("filter="))
    try:
        found = parse_qsl(rest, keep_blank_values=True, errors="strict", max_num_fields=10)
    except ValueError as error:
        raise InvalidValueError("query", "is not encoded as a query is") from error
    unknown = {name for name, _ in found} - {"deletionlock"}
    if unknown or len(found) > 1:
        raise InvalidValueError("query", "is `deletionlock` and `filter`, each once")
    return [*found, *(("filter", part.removeprefix("filter=")) for part in filters)]
