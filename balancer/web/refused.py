"""What could not be done, in words for whoever asked: who, when, what now; never `An error occurred`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import quote, urlsplit

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp, ExceptionHandler, Message, Receive, Scope, Send

from balancer.api.problems import RETRY_AFTER, NotSignedInError
from balancer.domain.errors import (
    BalancerError,
    ClaimedError,
    ConflictError,
    InvalidValueError,
    NotAllowedError,
    NotFoundError,
    NothingLoadedError,
)
from balancer.domain.instant import LONDON
from balancer.store.database import StoreBusyError
from balancer.web.templates import render, wants_part

_SEE_OTHER: Final = 303
_RETRY_SECONDS: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a page says of something that cannot be shown: what failed, what is still true, and what to do.

    ``said`` is ``None`` where the error says it itself. ``again``: it passes by itself, and can be asked again.
    """

    status: int
    heading: str
    said: str | None = None
    more: str = ""
    again: bool = False


_STANDS: Final = (
    "Nothing is lost: lists that were published stand, and what is open stays with whoever has it open. Lists on "
    "paper are in the folder of downtime lists. If it goes on, whoever runs the service must look."
)
# What forms call what the service calls otherwise.
_FIELDS: Final[Mapping[str, str]] = {
    "due_at": "Needed by",
    "until": "Until",
    "due_back_at": "Due back",
    "text": "Search",
    "date": "Date",
    "exam_code": "Examination",
}
_INSTANT: Final = re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)")
# The first whose kind it is of.
_TOLD: Final[Mapping[type[Exception], Told]] = {
    NotAllowedError: Told(
        status=403,
        heading="You cannot see this",
        more="What you may open follows from your roles and the trusts you hold them at. Whoever runs the service can "
        "change them.",
    ),
    NothingLoadedError: Told(
        status=503,
        heading="Nothing has been loaded yet",
        said="The network folder is read when the service starts: its trusts, reporters, examinations and policy. "
        "Until then there is nothing to show here.",
        more="If this stays so for more than a minute, look at the service's log: the folder has faults, and it names "
        "each.",
        again=True,
    ),
    NotFoundError: Told(
        status=404,
        heading="There is no such page",
        more="What has been published may have been replaced since, and what was closed is found by search.",
    ),
    StoreBusyError: Told(
        status=503,
        heading="The database does not answer",
        said="What you asked for cannot be shown just now. If you were changing something it may or may not have been "
        "done: look first.",
        more=_STANDS,
        again=True,
    ),
    RequestValidationError: Told(
        status=422,
        heading="This cannot be understood",
        said="A part of the address, or of what was sent, is not what this page takes. Nothing was done.",
        more="Go back and send it again, or begin with the section above.",
    ),
}
_FAILED: Final = Told(
    status=500,
    heading="This page failed",
    said="That is a defect, and the service's log has it. If you were changing something, look first whether it was "
    "done.",
    more=_STANDS,
    again=True,
)


class KeptError(ConflictError):
    """Something was not done as it was meant, and is kept all the same."""


def words_for(error: BalancerError, who: str) -> str:
    """Return what to say of something that could not be done; ``who`` is whoever was faster, if anybody was."""
    if isinstance(error, ClaimedError):
        return f"{who} opened it before you: it stays theirs, and nothing was done."
    said = _INSTANT.sub(_local, f"{_named(error)}.")
    return said if isinstance(error, KeptError) else f"{said} Nothing was done."


def _named(error: BalancerError) -> str:
    """Return an error's message, with the field at fault as forms call it."""
    if isinstance(error, InvalidValueError) and error.field in _FIELDS:
        return f"{_FIELDS[error.field]}: {error.reason}"
    return f"{str(error)[:1].upper()}{str(error)[1:]}"


def _local(instant: re.Match[str]) -> str:
    """Return an instant, as errors write it (ISO 8601, with its zone), as people of the network do."""
    try:
        local = datetime.fromisoformat(instant[0]).astimezone(LONDON)
    except ValueError:  # somebody wrote it, and there is no such time
        return instant[0]
    return f"{local:%a} {local.day} {local:%b} {local:%H:%M}"


def install(app: FastAPI, pages: tuple[str, ...]) -> None:
    """Ensure that whoever opens a page and may not is told so by a page; what is no page answers as it did."""
    for kind in (BalancerError, StoreBusyError, RequestValidationError):
        app.add_exception_handler(kind, _telling(app.exception_handlers[kind], pages))
    app.add_middleware(FailedPages, pages=pages)


def _telling(before: ExceptionHandler, pages: tuple[str, ...]) -> ExceptionHandler:
    """Return what tells people of an error by a page, and everybody else as ``before``."""

    async def tell(request: Request, error: Exception) -> Response:
        if not _is_for_people(request, pages):
            return await _answer(before, request, error)
        if isinstance(error, NotSignedInError):
            return RedirectResponse(_way_in(request), _SEE_OTHER)
        told = next((told for kind, told in _TOLD.items() if isinstance(error, kind)), None)
        if told is None:
            return await _answer(before, request, error)
        if isinstance(error, StoreBusyError):
            await _answer(before, request, error)  # it writes the log line; its answer is for programs
        return _page(request, told, str(error))

    return tell


def _way_in(request: Request) -> str:
    """Return where somebody signs in who asked for a page, or sent a form, and is led to the page they were on."""
    if request.method == "GET":
        asked = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return f"/sign-in?return_to={quote(asked, safe='/')}"
    came_from = urlsplit(request.headers.get("referer", ""))
    asked = came_from.path + (f"?{came_from.query}" if came_from.query else "")
    # what the form asked for was not done, and nobody can go to where forms are sent
    return f"/sign-in/ended?return_to={quote(asked or '/', safe='/')}"


class FailedPages:
    """Ensures that a page that fails says so as a page; the error goes on to whoever writes the log."""

    def __init__(self, app: ASGIApp, pages: tuple[str, ...]) -> None:
        self._app, self._pages = app, pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http" or not _is_for_people(Request(scope), self._pages):
            await self._app(scope, receive, send)
            return
        begun = False

        async def noted(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, noted)
        except Exception:
            if not begun:
                await _page(Request(scope), _FAILED, "")(scope, receive, send)
            raise


def _page(request: Request, told: Told, words: str) -> HTMLResponse:
    said = words if told.said is None else told.said
    # what a form sent is not sent again by a link: that is for whoever has looked
    again = "/" if request.method != "GET" else f"/{request.url.path.lstrip('/')}"
    if request.method == "GET" and request.url.query:
        again += f"?{request.url.query}"
    answer = render("refused.html", status=told.status, told=told, said=said, again=again)
    if told.again:
        answer.headers[RETRY_AFTER] = str(_RETRY_SECONDS)
    return answer


def _is_for_people(request: Request, pages: tuple[str, ...]) -> bool:
    """Tell whether a browser opens a page: scripts and programs are answered as by the rest of the service."""
    path = request.url.path  # which it puts together anew each time
    is_page = any(path == page or path.startswith(f"{page}/") for page in pages)
    return is_page and "text/html" in request.headers.get("accept", "") and not wants_part(request)


async def _answer(handler: ExceptionHandler, request: Request, error: Exception) -> Response:
    found = handler(request, error)  # type: ignore[arg-type]
    return await found if hasattr(found, "__await__") else found  # type: ignore[return-value]
