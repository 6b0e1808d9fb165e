"""Adds the pages and their files to the application."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from balancer.web import (
    allocation_routes,
    audit_routes,
    cover_routes,
    downtime_routes,
    draft_routes,
    exceptions_routes,
    feeds_routes,
    leave_out_routes,
    lists,
    overview_routes,
    policy_routes,
    quarantine_refuse_routes,
    quarantine_routes,
    refused,
    reporters,
    rosters,
    run_routes,
    search_routes,
    studies_routes,
    study_act_routes,
    study_routes,
)
from balancer.web.search import SEARCH
from balancer.web.sections import SECTIONS
from balancer.web.templates import ASSETS, STATIC

# What the pages' addresses begin with.
PAGES = (
    *(section.address for section in SECTIONS),
    *("/batches", "/quarantine", "/exceptions", "/downtime", "/reporters", SEARCH),
)
_ROUTES = (
    *(overview_routes, allocation_routes, run_routes, studies_routes, search_routes),
    *(study_routes, study_act_routes, draft_routes, leave_out_routes, rosters, cover_routes, reporters),
    *(feeds_routes, quarantine_routes, quarantine_refuse_routes, exceptions_routes, downtime_routes, lists),
    *(audit_routes, policy_routes),
)


class Assets(StaticFiles):
    """The pages' files: one that is asked for by its digest is kept for good, any other asked about each time."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Return a file, and how long it may be kept."""
        answer = await super().get_response(path, scope)
        named = b"v=" in scope["query_string"]
        answer.headers["cache-control"] = "public, max-age=31536000, immutable" if named else "no-cache"
        return answer


def install(app: FastAPI) -> None:
    """Add them."""
    app.mount(ASSETS, Assets(directory=STATIC), name="assets")
    for page in _ROUTES:
        app.include_router(page.router)
    refused.install(app, PAGES)
