"""Allocation runs: asked for here, done by the scheduler in a process of its own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent
from starlette.concurrency import run_in_threadpool

from balancer.api import problems
from balancer.api.callers import Caller, May, Reaching, may
from balancer.api.looks import Looking
from balancer.api.models.drafts import LeftOut
from balancer.api.models.runs import DecisionOnRunIn, RunIn, RunMoveOut, RunOut, RunProgressOut, RunUndoneOut
from balancer.api.models.shape import PageOut
from balancer.api.serving import IdInPath, Paging, Served, Watching, page_out
from balancer.domain.actor import Actor, ActorKind, Reach
from balancer.domain.errors import NotAllowedError
from balancer.domain.permission import Permission
from balancer.domain.states import RunState
from balancer.services.publish_held import discard_run, publish_held
from balancer.services.release_emergencies import emergencies_due_out_at
from balancer.services.request_run import request_run
from balancer.services.undo_run import undo_run
from balancer.store import run_records, runs
from balancer.store.blind import not_to_be_named
from balancer.store.database import Database

_LOOK_SECONDS: Final = 0.5
_LONGEST_SECONDS: Final = 3_600.0
# How often it is asked whether whoever follows a run still may.
_ASKED_EVERY_SECONDS: Final = 60.0
_SEE: Final = May((Permission.RUNS_READ,))

router = APIRouter()
_DECIDED = problems.may_be(problems.NOT_FOUND, problems.CONFLICT, problems.BEGIN_AGAIN)


@router.get(
    "/runs", tags=["runs"], responses=problems.may_be(problems.NO_PAGE), dependencies=[may(Permission.RUNS_READ)]
)
def list_runs(
    served: Served, cut: Paging, state: Annotated[RunState | None, Query(description="All if not given.")] = None
) -> PageOut[RunOut]:
    """List allocation runs, newest first."""
    with served.database.session() as session:
        now, due_out_at = served.clock.now(), emergencies_due_out_at(session)
        return page_out(runs.runs(session, cut, state=state), lambda row: RunOut.of(row, now, due_out_at))


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
        return RunOut.of(runs.run(session, run_id), served.clock.now())


@router.get(
    "/runs/{run_id}",
    tags=["runs"],
    responses=problems.may_be(problems.NOT_FOUND),
    dependencies=[may(Permission.RUNS_READ)],
)
def get_run(served: Served, run_id: IdInPath) -> RunOut:
    """Get one run with everything it says of its plan."""
    return _shown(served, run_id)


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


@router.get(
    "/runs/{run_id}/moves",
    tags=["runs"],
    responses=problems.may_be(problems.NOT_FOUND, problems.NO_PAGE),
    dependencies=[may(Permission.RUNS_DECIDE, Permission.AUDIT_READ)],
)
def list_moves(served: Served, reach: Reaching, look: Looking, cut: Paging, run_id: IdInPath) -> PageOut[RunMoveOut]:
    """List every read that a run's plan gives to somebody else than had it, and why; kept for a week.

    For whoever decides about plans, or audits: it names studies, which running the service does not need.
    """
    with served.database.session() as session:
        runs.run(session, run_id)
        found = run_records.moves(session, run_id, cut)
        look("study", [item.study.id or 0 for item in found.items])
        meant = [(item.read.id, name) for item in found.items for name in (item.move.was, item.move.becomes)]
        unnamed = not_to_be_named(session, reach, meant)
        return page_out(found, lambda item: RunMoveOut.of(item, unnamed=item.read.id in unnamed))


@router.post("/runs/{run_id}/publish", tags=["runs"], responses=_DECIDED, dependencies=[may(Permission.RUNS_DECIDE)])
def publish_run(served: Served, caller: Caller, reach: Reaching, run_id: IdInPath, asked: DecisionOnRunIn) -> RunOut:
    """Put the plan of a run that is `held` in force, as far as it still can be.

    For a person who holds this at every trust. What people have done since it was made stays as it is. Refused if
    anything of a later run is on a list.
    """
    require_everywhere(caller, reach)
    publish_held(served.seeing_readings(reach), run_id, served.clock.now(), by=caller, reason=asked.reason)
    return _shown(served, run_id)


@router.post("/runs/{run_id}/discard", tags=["runs"], responses=_DECIDED, dependencies=[may(Permission.RUNS_DECIDE)])
def discard(served: Served, caller: Caller, reach: Reaching, run_id: IdInPath, asked: DecisionOnRunIn) -> RunOut:
    """Decide against the plan of a run that is `held`: the lists stand, and another run is asked for; for a person."""
    require_everywhere(caller, reach)
    discard_run(served.database, run_id, served.clock.now(), by=caller, reason=asked.reason)
    return _shown(served, run_id)


@router.post("/runs/{run_id}/undo", tags=["runs"], responses=_DECIDED, dependencies=[may(Permission.RUNS_DECIDE)])
def undo_publication(
    served: Served, caller: Caller, reach: Reaching, run_id: IdInPath, asked: DecisionOnRunIn
) -> RunUndoneOut:
    """Put everybody's list back as it was before a run that was held was published; for a person, at every trust.

    Only while its plan is in force. What has been opened, done or decided since stays, and is named in `left`.
    """
    require_everywhere(caller, reach)
    left = undo_run(served.seeing_readings(reach), run_id, served.clock.now(), by=caller, reason=asked.reason)
    with served.database.session() as session:
        unnamed = not_to_be_named(session, reach, [(item.read_id, item.reporter_id) for item in left])
    kept = [item.as_kept() | ({"reporter_id": None} if item.read_id in unnamed else {}) for item in left]
    return RunUndoneOut(run_id=run_id, left=[LeftOut.model_validate(item) for item in kept])


def require_everywhere(caller: Actor, reach: Reach) -> None:
    """Ensure that a person who reaches every trust decides about a plan; ``NotAllowedError`` if not."""
    if caller.kind is not ActorKind.PERSON:
        raise NotAllowedError("a plan that is held is decided about by a person")
    if not reach.is_everywhere:
        raise NotAllowedError("a plan is one for all trusts: this needs leave to publish it at every one")


def _shown(served: Served, run_id: int) -> RunOut:
    with served.database.session() as session:
        return RunOut.of(runs.run(session, run_id), served.clock.now(), emergencies_due_out_at(session))


async def _there(served: Served, watch: Watching, caller: Caller, run_id: IdInPath) -> AsyncIterator[int]:
    """Yield the run's number, having seen that there is one, and hold a place among those who wait.

    Once a stream has begun it is too late to say that it cannot be had.
    """
    await run_in_threadpool(_progress, served.database, run_id)
    with watch.place(caller.subject):
        yield run_id


@router.get(
    "/runs/{run_id}/events",
    tags=["runs"],
    response_class=EventSourceResponse,
    responses=problems.may_be(problems.NOT_FOUND, problems.TOO_MANY),
    dependencies=[Depends(_SEE)],
)
async def follow_run(
    request: Request, served: Served, watch: Watching, run_id: Annotated[int, Depends(_there)]
) -> AsyncIterator[ServerSentEvent]:
    """Follow a run as server-sent events: `progress` whenever there is any, and `ended` once, after which to close.

    Each holds what `/runs/{run_id}/progress` would say. The stream ends after an hour at the latest: connect again. It
    ends within a minute for whoever may no longer see it.
    """
    told, until = None, time.monotonic() + _LONGEST_SECONDS
    ask_again = time.monotonic() + _ASKED_EVERY_SECONDS
    while time.monotonic() < until and not watch.is_ending:
        if told is not None and time.monotonic() >= ask_again:
            if not await _SEE.still(request):
                return
            ask_again = time.monotonic() + _ASKED_EVERY_SECONDS
        progress = await run_in_threadpool(_progress, served.database, run_id)
        ended = progress.state not in {RunState.REQUESTED, RunState.RUNNING}
        if progress != told:
            yield ServerSentEvent(data=progress, event="ended" if ended else "progress")
        if ended:
            return
        told = progress
        await asyncio.sleep(_LOOK_SECONDS)


def _progress(database: Database, run_id: int) -> RunProgressOut:
    with database.session() as session:
        return RunProgressOut.of(runs.run(session, run_id))
