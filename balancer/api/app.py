"""The application: every route, wrapped in the guard, told from what to serve."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from fastapi import APIRouter, FastAPI

from balancer import __version__
from balancer.api import fhir, once, problems
from balancer.api.callers import Door, require_declarations
from balancer.api.guard import Guard
from balancer.api.openapi import ABOUT, TAGS, operation_id, with_problems
from balancer.api.pages import pages, sign_in
from balancer.api.routes import (
    access,
    assignments,
    audit,
    balance,
    capabilities,
    drafts,
    exceptions,
    feed_words,
    feeds,
    fhircast,
    health,
    instructions,
    ledger,
    outlets,
    overrides,
    policies,
    quarantine,
    reads,
    reporters,
    runs,
    studies,
    subscriptions,
    tasks,
    tokens,
    workitems,
    worklists,
)
from balancer.api.serving import Serving
from balancer.api.sign_in.ways import Ways

PREFIX = "/api/v1"
OPENAPI = f"{PREFIX}/openapi.json"
_ROUTERS: Sequence[APIRouter] = (
    worklists.router,
    reads.router,
    exceptions.router,
    instructions.router,
    drafts.router,
    assignments.router,
    studies.router,
    balance.router,
    ledger.router,
    reporters.router,
    overrides.router,
    runs.router,
    policies.router,
    feeds.router,
    quarantine.router,
    feed_words.router,
    outlets.router,
    audit.router,
    access.router,
    health.router,
)
_OF_EVERY_ROUTE = (problems.INVALID, problems.UNKNOWN_CALLER, problems.NOT_ALLOWED)


Pages = Callable[[FastAPI], None]
"""Adds pages for people to the application; they stand on it, and it knows none of them."""


def create_app(
    serving: Serving, *, door: Door, ways: Ways, hosts: Collection[str] = (), add_pages: Pages | None = None
) -> FastAPI:
    """Return the application; ``door`` tells who calls, in these ``ways`` people sign in.

    ``hosts`` are the Host headers it answers, all if empty; ``add_pages`` adds the pages that people work with.

    Raises
    ------
    UndeclaredError
        If a route does not say who may call it.
    """
    return open_app(with_every_route(add_pages), serving, door=door, ways=ways, hosts=hosts)


def open_app(app: FastAPI, serving: Serving, *, door: Door, ways: Ways, hosts: Collection[str] = ()) -> FastAPI:
    """Let an application that has its routes answer, and return it: what ``create_app`` does last."""
    app.state.serving, app.state.door, app.state.ways = serving, door, ways
    app.add_middleware(Guard, hosts=hosts, only_here=ways.only_here, by_https=ways.is_private)
    app.add_middleware(fhir.AsOutcomes)  # around the guard, whose refusals are told in FHIR's words too
    return app


def with_every_route(add_pages: Pages | None = None) -> FastAPI:
    """Return an application with every route there is; that takes most of a second.

    Raises
    ------
    UndeclaredError
        If a route does not say who may call it.
    """
    app = FastAPI(
        title="Balancer",
        version=__version__,
        summary="Who reads what next, across trusts.",
        description=ABOUT,
        openapi_tags=TAGS,
        openapi_url=OPENAPI,
        docs_url=None,  # ours load nothing from elsewhere
        redoc_url=None,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        generate_unique_id_function=operation_id,
        responses=problems.may_be(problems.BAD_REQUEST, problems.FAILED, problems.BUSY),
    )
    for router in _ROUTERS:
        app.include_router(router, prefix=PREFIX, responses=problems.may_be(*_OF_EVERY_ROUTE))
    app.include_router(tokens.router)
    app.include_router(workitems.router, prefix=workitems.PREFIX)
    app.include_router(tasks.router, prefix=fhir.PREFIX)
    app.include_router(capabilities.router, prefix=workitems.PREFIX)
    app.include_router(subscriptions.router, prefix=workitems.PREFIX)
    app.include_router(fhircast.router, prefix=fhircast.PREFIX)
    app.openapi = with_problems(app)  # type: ignore[method-assign]  # as FastAPI's own documentation does
    pages.install(app)
    sign_in.install(app)
    problems.install(app)
    once.install(app)
    if add_pages is not None:
        add_pages(app)
    require_declarations(app)
    return app
