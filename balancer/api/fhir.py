"""How FHIR comes and goes over HTTP (R4, 3.1): media types, bodies, versions, links, and every error as an outcome."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

from fastapi import Request, Response
from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import OctKey
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from balancer.api import problems
from balancer.api.conditional import has
from balancer.domain.errors import InvalidValueError
from balancer.publish.fhir.bundle import outcome_of
from balancer.publish.fhir.capability import JSON
from balancer.publish.fhir.references import Resource
from balancer.publish.fhir.search import SENSITIVE, Given
from balancer.publish.fhir.subset import Shape, with_elements, with_summary

Place = tuple[int | datetime, ...]
"""Where in an order a page begins, as a search has told it."""
PREFIX: Final = "/fhir"
PAGE: Final = "_page"
_SENT: Final = f"{JSON}; charset=utf-8; fhirVersion=4.0"
_JSON: Final = frozenset({JSON, "application/json", "application/json+fhir", "json"})
_ANY: Final = frozenset({"*/*", "application/*"})
_VERSION: Final = re.compile(r'(?:W/)?"([A-Za-z0-9\-.]{1,64})"', re.ASCII)
_MOST_FIELDS: Final = 100


class UnacceptableError(Exception):
    """What was sent, or may be sent back, is in no form that this server has."""

    def __init__(self, *, of_answer: bool) -> None:
        self.of_answer = of_answer
        super().__init__("only JSON")


def require_json(request: Request) -> None:
    """Ensure that the answer may be JSON; ``_format`` goes before Accept (3.1.0.1.11).

    Raises
    ------
    UnacceptableError
        If only something else will do.
    """
    asked = request.query_params.get("_format")
    ranges = [asked.replace(" ", "+")] if asked else request.headers.get("accept", "*/*").split(",")
    kinds = {part.partition(";")[0].strip().lower() for part in ranges}
    if not kinds & (_JSON | _ANY | {"text/json"}):
        raise UnacceptableError(of_answer=True)


async def resource_sent(request: Request, *others: str) -> tuple[Any, str]:
    """Return the JSON of a body and its media type, which is FHIR's or one of ``others``.

    Raises
    ------
    UnacceptableError
        If it is of another type.
    InvalidValueError
        If it is not JSON, or holds what no FHIR string does.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in {*_JSON - {"json"}, *others}:
        raise UnacceptableError(of_answer=False)
    return _parsed(await request.body()), kind


def _parsed(body: bytes) -> Any:
    try:
        found = json.loads(body, parse_constant=_no_constant)
        text = json.dumps(found, ensure_ascii=False)
        text.encode("utf-8")  # half of a surrogate pair is in no text
    except (ValueError, RecursionError) as error:
        raise InvalidValueError("body", "is not JSON") from error
    if "\\u0000" in text:
        raise InvalidValueError("body", "has a character that no string of FHIR's may have")
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(name)


def answered(resource: Resource, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Return a resource as an answer, with its version as ETag and when it last changed."""
    sent = dict(headers or {})
    if "versionId" in resource.get("meta", {}):
        sent["ETag"] = tag_of(resource)
    else:
        sent.setdefault("ETag", digest_tag(resource))
    sent.setdefault("Cache-Control", "private, no-cache")
    return Response(json.dumps(resource, ensure_ascii=False).encode(), status, {**sent, "content-type": _SENT})


def tag_of(resource: Resource) -> str:
    """Return a resource's version as a weak ETag (3.1.0.4)."""
    return f'W/"{resource["meta"]["versionId"]}"'


def digest_tag(resource: Resource) -> str:
    """Return the ETag of a resource that has no version of its own."""
    return f'W/"{hashlib.sha256(json.dumps(resource, sort_keys=True).encode()).hexdigest()[:32]}"'


def unless_known(request: Request, resource: Resource) -> Response:
    """Return a resource, or that the client has it already (If-None-Match)."""
    answer = answered(resource)
    tag = answer.headers["etag"]
    if has(request.headers.get("if-none-match"), tag.removeprefix("W/")):
        return Response(status_code=304, headers={"ETag": tag, "Cache-Control": "private, no-cache"})
    return answer


def versions_named(request: Request) -> frozenset[str] | None:
    """Return the versions that If-Match names; ``None`` if it is not sent, or any will do.

    Raises
    ------
    InvalidValueError
        If it names none: whoever sends it wants to be protected.
    """
    said = request.headers.get("if-match")
    if said is None or said.strip() == "*":
        return None
    found = [_VERSION.fullmatch(part.strip()) for part in said.split(",")]
    versions = frozenset(match[1] for match in found if match is not None)
    if len(found) != len([match for match in found if match is not None]):
        raise InvalidValueError("If-Match", 'is no version, as W/"1"')
    return versions


def parameters_of(request: Request, body: bytes = b"") -> list[tuple[str, str]]:
    """Return the parameters of a search, in its address and in a form that was sent.

    Raises
    ------
    InvalidValueError
        If they are not encoded as such.
    """
    try:
        found = []
        for text in (request.url.query, body.decode("ascii")):
            found += parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS)
    except ValueError as error:
        raise InvalidValueError("query", "is not encoded as a query is") from error
    return found


def as_wanted(request: Request, resource: Resource) -> Resource:
    """Return as much of a Task as ``_elements`` and ``_summary`` ask for; what else is in the query says nothing here.

    Raises
    ------
    InvalidValueError
        If either says what nothing can be made of.
    """
    shape = Shape()
    for name, value in request.query_params.multi_items():
        if name == "_elements":
            shape = with_elements(shape, value)
        elif name == "_summary":
            shape = with_summary(shape, value)
    return shape.of(resource)


def is_lenient(request: Request) -> bool:
    """Tell whether the client would rather have a parameter left out that is not known (3.1.1.4.1)."""
    return "handling=lenient" in request.headers.get("prefer", "").replace(" ", "").lower()


def base_of(request: Request) -> str:
    """Return the address of this server's resources: where people reach the service, if that is said."""
    public = str(request.app.state.ways.public_url or "").rstrip("/")
    return (public or str(request.base_url).rstrip("/")) + PREFIX


class Pages:
    """Links to pages: sealed, so that none has a patient's or an accession number in the clear, and none is made up."""

    def __init__(self, secret: bytes) -> None:
        self._key = OctKey.import_key(hmac.new(secret, b"fhir pages", hashlib.sha256).digest())

    def link(self, base: str, given: Given, after: Place) -> str:
        """Return the address of the page that begins behind a place."""
        text = json.dumps([given, [at if isinstance(at, int) else at.isoformat() for at in after]]).encode()
        return f"{base}/Task?{urlencode({PAGE: jwe.encrypt_compact(_HEADER, text, self._key)})}"

    def self_link(self, base: str, given: Given, after: Place) -> str:
        """Return the address of a page as it was understood; sealed if it names somebody."""
        if after or any(name in SENSITIVE for name, _ in given):
            return self.link(base, given, after)
        query = urlencode(list(given))
        return f"{base}/Task?{query}" if query else f"{base}/Task"

    def opened(self, token: str) -> tuple[list[tuple[str, str]], Place]:
        """Return what a link stands for: the search, and behind which place the page begins.

        Raises
        ------
        InvalidValueError
            If it is none of ours.
        """
        try:
            given, after = json.loads(jwe.decrypt_compact(token, self._key).plaintext or b"")
            place = tuple(at if isinstance(at, int) else datetime.fromisoformat(at) for at in after)
        except (JoseError, ValueError, TypeError) as error:
            raise InvalidValueError(PAGE, "is no link of this server's: search anew") from error
        return [(name, value) for name, value in given], place


_HEADER: Final = {"alg": "dir", "enc": "A256GCM"}


class AsOutcomes:
    """The outermost layer: whatever problem is told under ``/fhir`` is told as an OperationOutcome."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and put what is a problem into FHIR's words."""
        if scope["type"] != "http" or not _is_ours(scope["path"]):
            await self._app(scope, receive, send)
            return
        held: list[Message] = []

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start" and _is_problem(message):
                held.append(message)
            elif held and message["type"] == "http.response.body":
                held.append(message)
                if not message.get("more_body", False):
                    for each in _outcome(held):
                        await send(each)
            else:
                await send(message)

        await self._app(scope, receive, told)


def _is_ours(path: str) -> bool:
    return path == PREFIX or path.startswith(f"{PREFIX}/")


def _is_problem(start: Message) -> bool:
    return Headers(raw=start["headers"]).get("content-type", "").startswith(problems.MEDIA_TYPE)


def _outcome(held: Sequence[Message]) -> tuple[Message, Message]:
    problem = json.loads(b"".join(message.get("body", b"") for message in held[1:]))
    body = json.dumps(outcome_of(problem)).encode("ascii")
    start = dict(held[0])
    headers = MutableHeaders(raw=list(start["headers"]))
    headers["content-type"], headers["content-length"] = _SENT, str(len(body))
    start["headers"] = headers.raw
    return start, {"type": "http.response.body", "body": body, "more_body": False}
