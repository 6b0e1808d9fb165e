"""Errors on the wire (RFC 9457): every way a request can fail, in one table, and nothing else ever sent.

A problem says what went wrong in words meant for the caller. It never holds a stack trace or what a library said.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from balancer.api.models.shape import Out
from balancer.domain.errors import (
    BalancerError,
    ClaimedError,
    ConflictError,
    GoneError,
    InputRefusedError,
    InvalidValueError,
    NotAllowedError,
    NotFoundError,
    VersionError,
)
from balancer.store.database import StoreBusyError

_log = structlog.get_logger("balancer.api")
MEDIA_TYPE = "application/problem+json"
TYPES_PAGE = "/problems"
RETRY_AFTER = "Retry-After"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of problem: its status, a title that is the same every time, and what the caller can do.

    ``retry_seconds``: it passes by itself, and is worth asking again after so long (RFC 9110, 10.2.3).
    """

    name: str
    status: HTTPStatus
    title: str
    remedy: str
    retry_seconds: int | None = None

    @property
    def type(self) -> str:
        """Where the kind is described: the `type` of RFC 9457."""
        return f"{TYPES_PAGE}#{self.name}"


class NotSignedInError(BalancerError):
    """Nobody can tell who asks: there are no credentials, or they are not, or no longer, good."""


class TooManyWaitingError(BalancerError):
    """As many requests wait for news already as one caller may have waiting."""


class PolicyRefusedError(InputRefusedError):
    """What was sent is no policy; ``faults`` lists everything wrong with it."""


BAD_REQUEST = Kind(
    name="bad-request",
    status=HTTPStatus.BAD_REQUEST,
    title="The request cannot be understood",
    remedy="The body is not JSON, or the Host header is not this service's. Mend the request.",
)
ELSEWHERE = Kind(
    name="from-elsewhere",
    status=HTTPStatus.FORBIDDEN,
    title="The request comes from another site's page",
    remedy="A page of another site made the browser send it. Changes are made from this service's own pages and tools.",
)
UNKNOWN_CALLER = Kind(
    name="sign-in-needed",
    status=HTTPStatus.UNAUTHORIZED,
    title="Sign in first",
    remedy="A person signs in at `/sign-in`; a system sends `Authorization: Bearer` with its key or a token from "
    "`/oauth/token`. What was sent may have expired.",
)
NOT_ALLOWED = Kind(
    name="not-allowed",
    status=HTTPStatus.FORBIDDEN,
    title="You may not do this",
    remedy="Nothing was done. What you may do follows from your roles and the trusts you hold them at; who runs the "
    "service can change them.",
)
NOT_FOUND = Kind(
    name="not-found",
    status=HTTPStatus.NOT_FOUND,
    title="There is no such thing",
    remedy="Check the address; what has been published may have been replaced.",
)
NO_PAGE = Kind(
    name="no-such-page",
    status=HTTPStatus.NOT_FOUND,
    title="There is no such page",
    remedy="The cursor is of another list or order, or was cut. Begin again with the first page, without a cursor.",
)
METHOD = Kind(
    name="method-not-allowed",
    status=HTTPStatus.METHOD_NOT_ALLOWED,
    title="This cannot be done here",
    remedy="The Allow header lists what can.",
)
CONFLICT = Kind(
    name="conflict",
    status=HTTPStatus.CONFLICT,
    title="The state has changed",
    remedy="Nothing was done. Get it again, see what has changed, and decide anew.",
)
BEGIN_AGAIN = Kind(
    name="begin-again",
    status=HTTPStatus.GONE,
    title="The changes since then are no longer kept",
    remedy="Ask without `since`: the answer is everything there is. Drop what you had that is not in it.",
)
VERSION = Kind(
    name="version-changed",
    status=HTTPStatus.PRECONDITION_FAILED,
    title="It is of another version by now",
    remedy="Nothing was done. Get it again, see what has changed, and decide anew.",
)
CLAIMED = Kind(
    name="claimed",
    status=HTTPStatus.CONFLICT,
    title="Somebody else has the read open",
    remedy="`claimed_by` says who. Nothing was done; take another read, or ask them.",
)
TOO_LARGE = Kind(
    name="too-large",
    status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    title="The request is too large",
    remedy="No request of this API needs more than 64 KiB.",
)
INVALID = Kind(
    name="invalid-value",
    status=HTTPStatus.UNPROCESSABLE_ENTITY,
    title="A value is not valid",
    remedy="`errors` lists each value at fault: a parameter by name, a field of the body by JSON pointer.",
)
NETWORK_REFUSED = Kind(
    name="network-refused",
    status=HTTPStatus.CONFLICT,
    title="The network folder has faults",
    remedy="`errors` lists every fault with file, line and column. Mend the files and ask again.",
)
POLICY_REFUSED = Kind(
    name="policy-refused",
    status=HTTPStatus.UNPROCESSABLE_ENTITY,
    title="The policy has faults",
    remedy="`errors` lists every fault with its line and key. Mend what was sent as `content` and propose it again.",
)
NOT_READY = Kind(
    name="not-ready",
    status=HTTPStatus.SERVICE_UNAVAILABLE,
    title="The service is not ready",
    remedy="`errors` says why. It is asked again by waiting and trying.",
    retry_seconds=5,
)
TOO_MANY = Kind(
    name="too-many-waiting",
    status=HTTPStatus.TOO_MANY_REQUESTS,
    title="Too many requests wait already",
    remedy="Ask without `wait`, or end some of the requests that wait in your name: one for each feed or list will do.",
    retry_seconds=5,
)
BUSY = Kind(
    name="database-does-not-answer",
    status=HTTPStatus.SERVICE_UNAVAILABLE,
    title="The database does not answer",
    remedy="Ask again in a few seconds. What was to be changed may or may not have been: look first, or send the same "
    "`Idempotency-Key` again. If it goes on, whoever runs the service must look.",
    retry_seconds=5,
)
FAILED = Kind(
    name="internal-error",
    status=HTTPStatus.INTERNAL_SERVER_ERROR,
    title="The service failed",
    remedy="This is a defect. Give `instance` to whoever runs the service: it finds the log line.",
)
OTHER = Kind(
    name="refused",
    status=HTTPStatus.BAD_REQUEST,
    title="The request was refused",
    remedy="The status says why.",
)

KINDS = (
    *(BAD_REQUEST, UNKNOWN_CALLER, NOT_ALLOWED, ELSEWHERE, NOT_FOUND, NO_PAGE, METHOD, CONFLICT, CLAIMED),
    VERSION,
    *(BEGIN_AGAIN, NETWORK_REFUSED, POLICY_REFUSED, TOO_LARGE, INVALID, FAILED, NOT_READY, BUSY, TOO_MANY, OTHER),
)
# Of several kinds with one status, those that the framework never means.
_NOT_BY_STATUS = (ELSEWHERE, NO_PAGE, CLAIMED, NETWORK_REFUSED, POLICY_REFUSED, BUSY, OTHER)
_BY_STATUS = {kind.status: kind for kind in KINDS if kind not in _NOT_BY_STATUS}
# The table: what a use case raised, and what the caller is told.
_BY_ERROR: Mapping[type[BalancerError], Kind] = {
    NotSignedInError: UNKNOWN_CALLER,
    TooManyWaitingError: TOO_MANY,
    NotAllowedError: NOT_ALLOWED,
    NotFoundError: NOT_FOUND,
    ClaimedError: CLAIMED,
    VersionError: VERSION,
    ConflictError: CONFLICT,
    GoneError: BEGIN_AGAIN,
    InvalidValueError: INVALID,
    PolicyRefusedError: POLICY_REFUSED,
    InputRefusedError: NETWORK_REFUSED,
}


class FaultOut(Out):
    """One thing that is wrong with a request."""

    model_config = ConfigDict(json_schema_serialization_defaults_required=False)

    detail: str = Field(examples=["must be greater than or equal to 1"])
    pointer: str | None = Field(default=None, description="Into the body (RFC 6901).", examples=["#/decided_by"])
    parameter: str | None = Field(default=None, description="In the path or query.", examples=["limit"])


class ProblemOut(Out):
    """A problem as RFC 9457 describes it."""

    model_config = ConfigDict(json_schema_serialization_defaults_required=False)

    type: str = Field(description="The kind of problem, and where it is described.", examples=["/problems#not-found"])
    title: str = Field(description="The kind in words; the same every time.", examples=["There is no such thing"])
    status: int = Field(examples=[404])
    detail: str = Field(description="What went wrong this time.", examples=["there is no run 7"])
    instance: str = Field(
        description="This very answer; the service's log knows it.",
        examples=["urn:uuid:0f8fad5b-d9cb-469f-a165-70867728950e"],
    )
    claimed_by: str | None = Field(default=None, description="Who has the read open.", examples=["9000017"])
    errors: list[FaultOut] = Field(default_factory=list, description="Each single fault, where there are several.")


class ProblemResponse(JSONResponse):
    """An answer that is a problem."""

    media_type = MEDIA_TYPE

    def render(self, content: Any) -> bytes:
        """Return JSON in ASCII: what a caller sent may come back in it, and need not be valid text."""
        return json.dumps(content, separators=(",", ":")).encode("ascii")


def answer(  # noqa: PLR0913 - the members of RFC 9457
    request_id: str,
    kind: Kind,
    detail: str,
    *,
    errors: Sequence[FaultOut] = (),
    status: int | None = None,
    headers: Mapping[str, str] | None = None,
    claimed_by: str | None = None,
) -> ProblemResponse:
    """Return the answer that tells a caller of a problem."""
    problem = ProblemOut(
        type=kind.type,
        title=kind.title,
        status=status or kind.status,
        detail=detail,
        instance=f"urn:uuid:{request_id}",
        claimed_by=claimed_by,
        errors=list(errors),
    )
    content = problem.model_dump(mode="json")
    if claimed_by is None:
        del content["claimed_by"]
    if not errors:
        del content["errors"]
    for fault in content.get("errors", ()):
        for name in [name for name, value in fault.items() if value is None]:
            del fault[name]
    again = {} if kind.retry_seconds is None else {RETRY_AFTER: str(kind.retry_seconds)}
    return ProblemResponse(content, status_code=problem.status, headers={**again, **(headers or {})})


_SECONDS = {"description": "Seconds after which it is worth asking again.", "schema": {"type": "integer"}}


def may_be(*kinds: Kind) -> dict[int | str, dict[str, Any]]:
    """Return what a route says of the problems it may answer with, for the OpenAPI document."""
    described: dict[int | str, dict[str, Any]] = {}
    for kind in kinds:
        schema = {"$ref": "#/components/schemas/ProblemOut"}
        described[int(kind.status)] = {
            "description": kind.title,
            "content": {MEDIA_TYPE: {"schema": schema, "example": _example(kind)}},
        }
        if kind.retry_seconds is not None:
            described[int(kind.status)]["headers"] = {RETRY_AFTER: _SECONDS}
    return described


def install(app: FastAPI) -> None:
    """Ensure that whatever a route or the framework raises is answered as a problem."""
    app.add_exception_handler(BalancerError, _of_ours)
    app.add_exception_handler(StoreBusyError, _of_store)
    app.add_exception_handler(RequestValidationError, _of_validation)
    app.add_exception_handler(HTTPException, _of_framework)


def _of_ours(request: Request, error: Exception) -> ProblemResponse:
    if isinstance(error, InvalidValueError) and error.field == "cursor":
        return answer(request.state.request_id, NO_PAGE, f"the cursor {error.reason}")
    for kind_of_error, kind in _BY_ERROR.items():
        if isinstance(error, kind_of_error):
            headers = {"WWW-Authenticate": "Bearer"} if kind is UNKNOWN_CALLER else {}  # RFC 6750, 3
            faults = list(_faults_of(error))
            whose = error.reporter_id if isinstance(error, ClaimedError) else None
            said = _said_by(error)
            return answer(request.state.request_id, kind, said, errors=faults, headers=headers, claimed_by=whose)
    raise error


def _of_store(request: Request, error: Exception) -> ProblemResponse:
    _log.error("request.database_failed", request_id=request.state.request_id, exc_info=error)
    return answer(request.state.request_id, BUSY, BUSY.title)


def _of_validation(request: Request, error: Exception) -> ProblemResponse:
    if not isinstance(error, RequestValidationError):
        raise error
    found = error.errors()
    if any(item["type"] == "json_invalid" for item in found):
        return answer(request.state.request_id, BAD_REQUEST, "the body is not JSON")
    faults = [_fault(item["loc"], item["msg"]) for item in found]
    return answer(request.state.request_id, INVALID, INVALID.title, errors=faults)


def _of_framework(request: Request, error: Exception) -> ProblemResponse:
    if not isinstance(error, HTTPException):
        raise error
    kind = _BY_STATUS.get(HTTPStatus(error.status_code), OTHER)
    detail = kind.title if error.detail == HTTPStatus(error.status_code).phrase else str(error.detail)
    headers = dict(error.headers or {})
    if kind is METHOD:
        headers["Allow"] = _allowed(request) or headers.get("Allow", "GET")
    return answer(request.state.request_id, kind, detail, status=error.status_code, headers=headers)


def _allowed(request: Request) -> str:
    """Return every method that a route of the API takes; the framework names those of one handler only."""
    documented = request.app.openapi()["paths"]
    template = getattr(request.scope.get("route"), "path_format", "")
    under = (path for path in documented if template and path.endswith(template))
    item = documented.get(request.url.path) or documented.get(next(under, ""), {})
    return ", ".join(sorted(method.upper() for method in item))


def _said_by(error: BalancerError) -> str:
    if isinstance(error, InputRefusedError):
        where = "policy" if isinstance(error, PolicyRefusedError) else "network folder"
        return f"{len(error.faults)} fault(s) in the {where}"
    return str(error)


def _faults_of(error: BalancerError) -> Iterable[FaultOut]:
    if isinstance(error, InputRefusedError):
        yield from (FaultOut(detail=str(fault)) for fault in error.faults)
    elif isinstance(error, InvalidValueError):
        yield FaultOut(detail=error.reason, parameter=error.field)


def _fault(where: Sequence[Any], message: str) -> FaultOut:
    """Return a fault at pydantic's ``where``: ("body", "feed"), ("query", "limit"), ("path", "run_id")."""
    detail = message[:1].lower() + message[1:]
    if where and where[0] == "body":
        escaped = (str(part).replace("~", "~0").replace("/", "~1") for part in where[1:])
        return FaultOut(detail=detail, pointer="#" + "".join(f"/{part}" for part in escaped))
    return FaultOut(detail=detail, parameter=str(where[-1]) if where else None)


def _example(kind: Kind) -> dict[str, Any]:
    return {
        "type": kind.type,
        "title": kind.title,
        "status": int(kind.status),
        "detail": kind.title,
        "instance": "urn:uuid:0f8fad5b-d9cb-469f-a165-70867728950e",
    }
