"""What the OpenAPI document says of who may call: read from what each route declares, so that it cannot differ."""

from __future__ import annotations

from typing import Any, Final

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from balancer.api.callers import declared
from balancer.api.doors import SAFE_COOKIE
from balancer.domain.permission import MEANING

_SCHEMES: Final[dict[str, Any]] = {
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": SAFE_COOKIE,
        "description": "A person who has signed in at `/sign-in`. Changes must come from this service's own pages.",
    },
    "key": {"type": "http", "scheme": "bearer", "description": "A system's key, or an access token."},
    "token": {
        "type": "oauth2",
        "description": "A system that signs: client credentials with `private_key_jwt` (SMART Backend Services).",
        "flows": {
            "clientCredentials": {
                "tokenUrl": "/oauth/token",
                "scopes": {permission.value: meaning for permission, meaning in MEANING.items()},
            }
        },
    },
}


def say_who_may_call(app: FastAPI, document: dict[str, Any]) -> None:
    """Add to every operation of the document how its caller may show who it is, and which scopes open it."""
    document["components"]["securitySchemes"] = _SCHEMES
    for route in iter_route_contexts(app.routes):
        said = declared(route)
        item = document["paths"].get(str(route.path_format), {})
        for method in route.methods or ():
            if said is not None and method.lower() in item:
                ways = [{"token": [permission.value]} for permission in said.permissions]
                item[method.lower()]["security"] = [{"session": []}, {"key": []}, *ways] if ways else []
