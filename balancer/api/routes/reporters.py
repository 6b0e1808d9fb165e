"""Reporters and their rostered sessions."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from balancer.api import problems
from balancer.api.callers import may
from balancer.api.models.reporters import ReporterOut, SessionOut
from balancer.api.models.shape import ListOut
from balancer.api.serving import Code, ReporterInPath, Served, When
from balancer.domain.permission import Permission
from balancer.store import people

router = APIRouter()


@router.get("/reporters", tags=["reporters"], dependencies=[may(Permission.REPORTERS_READ)])
def list_reporters(
    served: Served,
    trust: Code | None = None,
    unlisted: Annotated[bool, Query(description="Also those who have gone from the network's list.")] = False,  # noqa: FBT002
) -> ListOut[ReporterOut]:
    """List reporters with their scopes; with `trust` those at home or entitled there."""
    with served.database.session() as session:
        found = people.reporters(session, trust=trust, unlisted=unlisted)
        return ListOut(items=[ReporterOut.of(listed) for listed in found])


@router.get(
    "/reporters/{reporter_id}",
    tags=["reporters"],
    responses=problems.may_be(problems.NOT_FOUND),
    dependencies=[may(Permission.REPORTERS_READ)],
)
def get_reporter(served: Served, reporter_id: ReporterInPath) -> ReporterOut:
    """Get one reporter."""
    with served.database.session() as session:
        return ReporterOut.of(people.reporter(session, reporter_id))


@router.get(
    "/reporters/{reporter_id}/sessions",
    tags=["reporters"],
    responses=problems.may_be(problems.NOT_FOUND),
    dependencies=[may(Permission.REPORTERS_READ)],
)
def list_sessions(
    served: Served,
    reporter_id: ReporterInPath,
    start: Annotated[When | None, Query(description="Only sessions that end after this instant.")] = None,
    end: Annotated[When | None, Query(description="Only sessions that start before this instant.")] = None,
) -> ListOut[SessionOut]:
    """List a reporter's rostered sessions in time order, whatever the activity."""
    with served.database.session() as session:
        people.reporter(session, reporter_id)
        rows = people.session_rows(session, reporter_id, start=start, end=end)
        return ListOut(items=[SessionOut.of(row) for row in rows])
