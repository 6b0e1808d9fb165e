"""What stands around every request: who may ask, what is logged of it, and what every answer carries.

The log line has the route's template, never its address: an accession number in a URL would otherwise lie in a log.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import urlsplit

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from balancer.api import problems
from balancer.api.nearness import why_elsewhere

_log = structlog.get_logger("balancer.api")
_MOST_BYTES = 64 * 1024
# RFC 6455, 7.4.1.
_POLICY_VIOLATION = 1008
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_FILES = ("/static", "/assets")
# Nothing is loaded from elsewhere, nothing is framed, nothing inline runs.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
SECURITY_HEADERS = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
# RFC 6797: for a year.
_BY_HTTPS = {"strict-transport-security": "max-age=31536000"}


class Guard:
    """The outermost layer. ``hosts`` are the Host headers that are answered; empty means all.

    ``only_here``: nothing is answered that may come from another machine, whatever its address and credentials.
    ``by_https``: browsers come over HTTPS, and are told to keep to it.

    A page on the internet can make a browser ask a service on this machine under a name of its own (DNS rebinding):
    that is what ``hosts`` is against. It can also send a form there: that is what looking at Origin is against.
    """

    def __init__(
        self, app: ASGIApp, hosts: Collection[str] = (), *, only_here: bool = False, by_https: bool = False
    ) -> None:
        self._app = app
        self._headers = {**SECURITY_HEADERS, **(_BY_HTTPS if by_https else {})}
        self._only_here = only_here
        self._hosts = frozenset(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, whatever happens, and log it."""
        if scope["type"] == "websocket":
            await self._pass_socket(scope, receive, send)
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = str(uuid.uuid4())
        scope.setdefault("state", {})["request_id"] = request_id
        answered = _Answer(send, request_id, self._headers)
        started = time.perf_counter()
        try:
            refusal = self._refusal(scope)
            if refusal is None:
                await self._app(scope, receive, answered.send)
            else:
                await problems.answer(request_id, *refusal)(scope, receive, answered.send)
        except Exception:  # noqa: BLE001 - whatever it is, the caller is answered and the log has it
            _log.exception("request.failed", request_id=request_id, route=_route(scope))
            if answered.status is None:
                response = problems.answer(request_id, problems.FAILED, problems.FAILED.title)
                await response(scope, receive, answered.send)
        finally:
            _log.info(
                "request",
                method=scope["method"],
                route=_route(scope),
                status=answered.status,
                milliseconds=round(1000.0 * (time.perf_counter() - started), 1),
                request_id=request_id,
            )

    async def _pass_socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a WebSocket through that comes by a name of ours, from no other site's page, and from here if need be.

        A browser opens one to anywhere for any page, with the cookies of where it leads (RFC 6455, 10.2).
        """
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        foreign = (self._hosts and _name(host) not in self._hosts) or not _from_here(headers, host)
        if foreign or (self._only_here and why_elsewhere(scope)):
            await receive()
            await send({"type": "websocket.close", "code": _POLICY_VIOLATION})
            return
        try:
            await self._app(scope, receive, send)
        except Exception:  # noqa: BLE001 - whatever else logs it would write down its address
            _log.exception("socket.failed", route=_route(scope))

    def _refusal(self, scope: Scope) -> tuple[problems.Kind, str] | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if self._hosts and _name(host) not in self._hosts:
            return problems.BAD_REQUEST, "the Host header is not this service's"
        elsewhere = why_elsewhere(scope) if self._only_here else ""
        if elsewhere:
            return problems.UNKNOWN_CALLER, elsewhere
        if scope["method"] not in _SAFE_METHODS and not _from_here(headers, host):
            return problems.ELSEWHERE, problems.ELSEWHERE.title
        if _announced_bytes(headers) > _MOST_BYTES:
            return problems.TOO_LARGE, problems.TOO_LARGE.title
        return None


class _Answer:
    """Sends an answer on, with the headers that every answer carries; remembers its status."""

    def __init__(self, send: Send, request_id: str, headers: Mapping[str, str]) -> None:
        self._send = send
        self._headers = headers
        self._request_id = request_id
        self.status: int | None = None

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            headers["x-request-id"] = self._request_id
            for name, value in self._headers.items():
                headers[name] = value
            if "cache-control" not in headers:
                headers["cache-control"] = "no-store"
        await self._send(message)


def _name(host: str) -> str:
    """Return the name in a Host header, without its port."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _from_here(headers: Headers, host: str) -> bool:
    """Tell whether a request that changes something comes from our own page, or from no page at all."""
    if headers.get("sec-fetch-site", "none") not in {"none", "same-origin"}:
        return False
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc == host


def _announced_bytes(headers: Headers) -> int:
    length = headers.get("content-length", "0")
    if headers.get("transfer-encoding"):
        return _MOST_BYTES + 1
    return int(length) if length.isdecimal() else _MOST_BYTES + 1


def _route(scope: Scope) -> str:
    route: Any = scope.get("route")
    if route is None:
        files = next((folder for folder in _FILES if scope["path"].startswith(f"{folder}/")), "")
        return files or "unmatched"
    return str(getattr(route, "path_format", "") or getattr(route, "path", ""))
