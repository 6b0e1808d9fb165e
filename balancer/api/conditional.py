"""Conditional requests (RFC 9110, 13): what a client has already is not sent again."""

from __future__ import annotations

import hashlib
from typing import Annotated, Any

from fastapi import Header, Query, Response

from balancer import __version__
from balancer.api.watch import MOST_SECONDS

ETAG: dict[str, Any] = {"ETag": {"description": "Give it back as If-None-Match.", "schema": {"type": "string"}}}
IfNoneMatch = Annotated[str | None, Header(description="The ETag of what you have.", max_length=1_000)]
Wait = Annotated[
    float,
    Query(
        ge=0,
        le=MOST_SECONDS,
        description="Seconds to wait for something new, if there is nothing yet. Ask again as soon as it is over.",
    ),
]
NOT_MODIFIED: dict[int | str, dict[str, Any]] = {
    304: {"description": "Nothing is new: you have it.", "headers": ETAG, "model": None}
}


def etag(*parts: object) -> str:
    """Return the ETag of what these parts determine; another version of the code may show it otherwise."""
    return f'"{hashlib.sha256(repr((__version__, *parts)).encode()).hexdigest()[:32]}"'


def has(if_none_match: str | None, tag: str) -> bool:
    """Tell whether If-None-Match (13.1.2: weak comparison) names ``tag``.

    ``*`` names nothing here: it is for whoever makes something, and would tell whether there is a list out of reach.
    """
    if if_none_match is None:
        return False
    return tag in [one.strip().removeprefix("W/") for one in if_none_match.split(",")]


def headers(tag: str) -> dict[str, str]:
    """Return what goes with an answer that a client may keep, as long as it asks whether it still holds."""
    return {"ETag": tag, "Cache-Control": "private, no-cache"}


def unchanged(tag: str) -> Response:
    """Return the answer that the client has it already."""
    return Response(status_code=304, headers=headers(tag))


def json_body(body: bytes, tag: str) -> Response:
    """Return a body that has been made into JSON."""
    return Response(body, media_type="application/json", headers=headers(tag))
