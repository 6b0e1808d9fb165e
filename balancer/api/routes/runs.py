"""Allocation runs: asked for here, done by the scheduler in a process of its own."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from balancer.api import problems
from balancer.api.callers import may
from balancer.api.models.runs import RunIn, RunOut, RunProgressOut
from balancer.api.models.shape import PageOut
from balancer.api.serving import IdInPath, Paging, Served, page_out
from balancer.domain.permission import Permission
from balancer.domain.states import RunState
from balancer.services.request_run import request_run
from balancer.store import runs

router = APIRouter()


@router.get(
    "/runs", tags=["runs"], responses=problems.may_be(problems.NO_PAGE), dependencies=[may(Permission.RUNS_READ)]
)
def list_runs(
    served: Served, cut: Paging, state: Annotated[RunState | None, Query(description="All if not given.")] = None
) -> PageOut[RunOut]:
    """List allocation runs, newest first."""
    with served.database.session() as session:
        return page_out(runs.runs(session, cut, state=state), RunOut.of)


@router.post(
    "/runs",
    tags=["runs"],
    status_code=202,
    responses={202: {"headers": {"Location": {"description": "The run.", "schema": {"type": "string"}}}}},
    dependencies=[may(Permission.RUNS_START)],
)
def ask_for_run(served: Served, response: Response, asked: RunIn | None = None) -> RunOut:
    """Ask for a run. It begins as soon as no other is under way; while one waits, everybody who asks gets that one."""
    reason = (asked or RunIn()).reason
    run_id = request_run(served.database, served.clock.now(), reason=reason)
    response.headers["Location"] = f"/api/v1/runs/{run_id}"
    with served.database.session() as session:
        return RunOut.of(runs.run(session, run_id))


@router.get(
    "/runs/{run_id}",
    tags=["runs"],
    responses=problems.may_be(problems.NOT_FOUND),
    dependencies=[may(Permission.RUNS_READ)],
)
def get_run(served: Served, run_id: IdInPath) -> RunOut:
    """Get one run with everything it says of its plan."""
    with served.database.session() as session:
        return RunOut.of(runs.run(session, run_id))


@router.get(
    "/runs/{run_id}/progress",
    tags=["runs"],
    responses=problems.may_be(problems.NOT_FOUND),
    dependencies=[may(Permission.RUNS_READ)],
)
def get_progress(served: Served, run_id: IdInPath) -> RunProgressOut:
    """Get how far a run is, as its solver last said."""
    with served.database.session() as session:
        return RunProgressOut.of(runs.run(session, run_id))
