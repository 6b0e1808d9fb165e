"""Where systems get access tokens: RFC 6749, 4.4, with a signed assertion (RFC 7523), as SMART Backend Services has it.

Its errors are those of RFC 6749, 5.2, and not problems: clients of OAuth 2.0 look for them.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from balancer.api.callers import anybody
from balancer.api.sign_in.ways import Ways
from balancer.domain.permission import Permission
from balancer.services.redeem_assertion import ALGORITHMS, AssertionRefusedError, redeem_assertion

router = APIRouter(include_in_schema=False)
_PATH: Final = "/oauth/token"
_BY_ASSERTION: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@router.post(_PATH, dependencies=[anybody()])
async def issue_token(request: Request) -> JSONResponse:
    """Issue an access token to a system that has signed for it."""
    sent = parse_qs((await request.body()).decode("utf-8", "replace"))
    if any(len(values) > 1 for values in sent.values()):
        return _refused("invalid_request")
    form = {name: values[0] for name, values in sent.items()}
    if form.get("grant_type") != "client_credentials":
        return _refused("unsupported_grant_type" if form.get("grant_type") else "invalid_request")
    if form.get("client_assertion_type") != _BY_ASSERTION or "client_assertion" not in form:
        return _refused("invalid_client")
    served = request.app.state.serving
    scopes = form.get("scope", "").split()
    try:
        issued = await run_in_threadpool(
            redeem_assertion,
            served.database,
            form["client_assertion"],
            _endpoint(request),
            scopes,
            served.clock.now(),
        )
    except AssertionRefusedError as refusal:
        return _refused(refusal.code)
    return JSONResponse({
        "access_token": issued.token,
        "token_type": "bearer",
        "expires_in": issued.seconds,
        "scope": " ".join(sorted(issued.scopes)),
    })  # fmt: skip


@router.get("/.well-known/oauth-authorization-server", dependencies=[anybody()])
async def describe(request: Request) -> JSONResponse:
    """Say how tokens are to be had (RFC 8414)."""
    endpoint = _endpoint(request)
    return JSONResponse({
        "issuer": endpoint.removesuffix(_PATH),
        "token_endpoint": endpoint,
        "grant_types_supported": ["client_credentials"],
        "response_types_supported": [],
        "token_endpoint_auth_methods_supported": ["private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS),
        "scopes_supported": [permission.value for permission in Permission],
    })  # fmt: skip


def _endpoint(request: Request) -> str:
    """Return the address of the token endpoint, which is whom assertions must be for."""
    ways = request.app.state.ways
    assert isinstance(ways, Ways)  # noqa: S101 - create_app put it there
    return (ways.public_url or str(request.base_url)).rstrip("/") + _PATH


def _refused(code: str) -> JSONResponse:
    status = 401 if code == "invalid_client" else 400
    return JSONResponse({"error": code}, status_code=status)
