"""Worklists: what each reporter should read next."""

from __future__ import annotations

import hashlib
from typing import Annotated

from fastapi import APIRouter, Header, Response

from balancer.api import problems
from balancer.api.callers import Reaching, may
from balancer.api.models.shape import ListOut
from balancer.api.models.worklists import WorklistOut, WorklistSummaryOut
from balancer.api.serving import ReporterInPath, Served
from balancer.domain.permission import Permission
from balancer.store import people, standing, worklists

router = APIRouter()
_ETAG = {"ETag": {"description": "Give it back as If-None-Match.", "schema": {"type": "string"}}}


@router.get("/worklists", tags=["worklists"], dependencies=[may(Permission.WORKLISTS_READ)])
def list_worklists(served: Served) -> ListOut[WorklistSummaryOut]:
    """List every reporter's current list in figures; empty until the first lists are published."""
    with served.database.session() as session:
        return ListOut(items=[WorklistSummaryOut.of(summary) for summary in worklists.worklists(session)])


@router.get(
    "/worklists/{reporter_id}",
    tags=["worklists"],
    response_model=WorklistOut,
    responses={
        200: {"headers": _ETAG},
        304: {"description": "The list is what you have.", "headers": _ETAG},
        **problems.may_be(problems.NOT_FOUND),
    },
    dependencies=[may(Permission.WORKLISTS_READ)],
)
def get_worklist(
    served: Served,
    reach: Reaching,
    reporter_id: ReporterInPath,
    if_none_match: Annotated[str | None, Header(description="The ETag of the list you have.")] = None,
) -> Response:
    """Get a reporter's list in the order in which it should be read.

    Ask again with `If-None-Match`: the answer is 304 without a body for as long as nothing in it has changed.
    """
    reach.require_reporter(reporter_id)
    with served.database.session() as session:
        listed = people.reporter(session, reporter_id).reporter
        current = worklists.worklist(session, reporter_id)
        names = {exam.code: exam.name for exam in standing.examinations(session, listed_only=False)}
        out = WorklistOut.of(current, listed, worklists.sessions_on(session, current), names)
    body = out.model_dump_json().encode()
    headers = {"ETag": f'"{hashlib.sha256(body).hexdigest()[:32]}"', "Cache-Control": "private, no-cache"}
    if _has(if_none_match, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type="application/json", headers=headers)


def _has(if_none_match: str | None, etag: str) -> bool:
    """Tell whether If-None-Match (RFC 9110, 13.1.2: weak comparison) names ``etag``."""
    if if_none_match is None:
        return False
    given = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
    return etag in given or given == ["*"]
