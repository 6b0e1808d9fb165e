"""The OpenAPI document: what FastAPI makes of the routes, and the shape of a problem, which no route names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from pydantic.json_schema import models_json_schema

from balancer.api.once import PARAMETER, READS, WRITES
from balancer.api.problems import CONFLICT, TOO_LARGE, ProblemOut, may_be
from balancer.api.security import say_who_may_call

_GOOD = {"200": "What was asked for", "202": "Taken on; it is done elsewhere"}
TAGS = [
    {"name": "worklists", "description": "What each reporter should read next, in order, with planned times."},
    {"name": "reads", "description": "Working a list: open a read, keep it, finish it, give it back."},
    {"name": "steering", "description": "What people decide beside what the feeds say, and take back."},
    {"name": "exceptions", "description": "What somebody has to look at, and what became of it."},
    {"name": "assignments", "description": "Where a trust's reads stand, change by change: for its PACS."},
    {"name": "studies", "description": "What waits for a report, where each read stands, and what has no place."},
    {"name": "ledger", "description": "Whose reporters read how much for whom, week by week."},
    {"name": "reporters", "description": "Who may report what, and when they are rostered."},
    {"name": "runs", "description": "Allocation runs: ask for one, watch it, see what it cost and proved."},
    {"name": "policies", "description": "Versions of the clinical policy, and which one is in force."},
    {"name": "outlets", "description": "What others are told: by which ways, and letters that were not taken."},
    {"name": "feeds", "description": "What trusts deliver: files, books that balance, held files, rosters."},
    {"name": "quarantine", "description": "Rows that could not be taken, and reading them again."},
    {"name": "audit", "description": "Who did what, when and why, in a chain that nobody can change unnoticed."},
    {"name": "service", "description": "Whether the service lives and is ready, and what is running."},
]
ABOUT = """Shares out radiology reporting across the trusts of an NHS imaging network.

A study is one imaging examination waiting for its report; it is known by trust and accession number together, because
accession numbers repeat between trusts. A read is one reporter reading one study once. Instants are ISO 8601 in UTC.

Errors are problems (RFC 9457); their kinds are described at `/problems`. Within `v1` changes only add: ignore fields
that you do not know.

Who calls: a person has signed in and sends the session's cookie; a system sends `Authorization: Bearer` with its key,
or with a token from `/oauth/token` (client credentials with a signed assertion). What somebody may do follows from
their roles and the trusts they hold them at: what is beyond is not there (404, or missing in a list), what nobody of
their kind may do is refused (403). `/api/v1/me` says what you may. Started with the local sign-in, the service takes
whoever is on its machine for its operator.
"""


def operation_id(route: APIRoute) -> str:
    """Return what a client generator calls the operation: the route's own name."""
    return route.name


def with_problems(app: FastAPI) -> Callable[[], dict[str, Any]]:
    """Return what makes the application's document, once, with the shapes of problems in it."""
    generated = app.openapi

    def document() -> dict[str, Any]:
        made = generated()
        schemas = made["components"]["schemas"]
        if ProblemOut.__name__ not in schemas:
            _, shapes = models_json_schema([(ProblemOut, "serialization")], ref_template="#/components/schemas/{model}")
            schemas.update(shapes["$defs"])
            _say_what_comes_back(made)
            _let_writes_be_repeated(made)
            _say_what_is_too_large(made)
            say_who_may_call(app, made)
        return made

    return document


def _let_writes_be_repeated(document: dict[str, Any]) -> None:
    """Add to whatever changes something the key that makes it be done once, and what may become of a second time."""
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method.upper() in WRITES and not path.endswith(READS):
                operation.setdefault("parameters", []).append(PARAMETER)
                for status, answer in may_be(CONFLICT).items():
                    operation["responses"].setdefault(str(status), answer)


def _say_what_is_too_large(document: dict[str, Any]) -> None:
    """Add to whatever takes a body what the guard answers to one that is too large."""
    for item in document["paths"].values():
        for operation in item.values():
            if "requestBody" in operation:
                for status, answer in may_be(TOO_LARGE).items():
                    operation["responses"].setdefault(str(status), answer)


def _say_what_comes_back(document: dict[str, Any]) -> None:
    """Replace FastAPI's "Successful Response" by something that says more."""
    for item in document["paths"].values():
        for operation in item.values():
            for status, answer in operation["responses"].items():
                if status in _GOOD:
                    answer["description"] = _GOOD[status]
