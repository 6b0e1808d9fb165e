"""Drafts: decisions are staged in one, looked at together, and published or discarded as one."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from balancer.api import problems
from balancer.api.callers import Caller, Reaching, may
from balancer.api.models.drafts import DraftIn, DraftOut, DraftPublicationIn, PreviewOut
from balancer.api.models.instructions import WhyIn
from balancer.api.models.runs import RunOut
from balancer.api.models.shape import PageOut
from balancer.api.serving import IdInPath, Paging, Served, Serving, page_out
from balancer.domain.draft import DraftState
from balancer.domain.errors import NotFoundError
from balancer.domain.instruction import InstructionState
from balancer.domain.permission import Permission
from balancer.services.begin_draft import begin_draft
from balancer.services.discard_draft import discard_draft
from balancer.services.publish_draft import publish_draft
from balancer.services.request_preview import request_preview
from balancer.services.undo_draft import undo_draft
from balancer.store import drafts, previews, runs, standing

router = APIRouter()
_STEER = [may(Permission.READS_STEER)]
_DECIDED = problems.may_be(problems.NOT_FOUND, problems.CONFLICT)


def _shown(served: Serving, draft_id: int) -> DraftOut:
    with served.database.session() as session:
        row = drafts.draft(session, draft_id)
        held, within = drafts.sizes(session, [draft_id]).get(draft_id, 0), drafts.left_within(session, [row])
        return DraftOut.of(row, held, within, drafts.left_unnamed(session, [row]))


@router.get("/drafts", tags=["steering"], responses=problems.may_be(problems.NO_PAGE), dependencies=_STEER)
def list_drafts(
    served: Served, cut: Paging, state: Annotated[DraftState | None, Query(description="All if not given.")] = None
) -> PageOut[DraftOut]:
    """List drafts, newest first."""
    with served.database.session() as session:
        found = drafts.drafts(session, cut, state=state)
        held = drafts.sizes(session, [row.id or 0 for row in found.items])
        within, unnamed = drafts.left_within(session, found.items), drafts.left_unnamed(session, found.items)
        return page_out(found, lambda row: DraftOut.of(row, held.get(row.id or 0, 0), within, unnamed))


@router.post(
    "/drafts",
    tags=["steering"],
    status_code=201,
    responses={
        201: {"headers": {"Location": {"description": "The draft.", "schema": {"type": "string"}}}},
        **problems.may_be(problems.NOT_FOUND),
    },
    dependencies=_STEER,
)
def begin(served: Served, response: Response, caller: Caller, reach: Reaching, asked: DraftIn) -> DraftOut:
    """Begin a draft. Decisions that name it (`draft_id`) are staged in it and hold nowhere until it is published."""
    with served.database.session() as session:
        known = {row.code for row in standing.trusts(session, listed_only=False)}
        if not reach.covers(asked.trust) or asked.trust not in known:
            raise NotFoundError("there is no such trust")
    draft_id = begin_draft(served.database, asked.name, asked.trust, served.clock.now(), by=caller)
    response.headers["Location"] = f"/api/v1/drafts/{draft_id}"
    return _shown(served, draft_id)


@router.get("/drafts/{draft_id}", tags=["steering"], responses=problems.may_be(problems.NOT_FOUND), dependencies=_STEER)
def get_draft(served: Served, draft_id: IdInPath) -> DraftOut:
    """Get one draft, and what became of it."""
    return _shown(served, draft_id)


@router.post("/drafts/{draft_id}/publish", tags=["steering"], responses=_DECIDED, dependencies=_STEER)
def publish(served: Served, caller: Caller, draft_id: IdInPath, asked: DraftPublicationIn) -> DraftOut:
    """Put everything in a draft in force together. Lists are mended at once, and a run is asked for.

    If anything in it cannot be done any more, nothing is: the answer says which decision, and why. Take it out
    (`/instructions/{instruction_id}/withdraw`) and publish again. With `instructions` nobody publishes what was staged
    since they looked.
    """
    now = served.clock.now()
    publish_draft(served.database, draft_id, now, by=caller, why=asked.reason, shown=asked.instructions)
    return _shown(served, draft_id)


@router.post("/drafts/{draft_id}/discard", tags=["steering"], responses=_DECIDED, dependencies=_STEER)
def throw_away(served: Served, caller: Caller, draft_id: IdInPath, asked: WhyIn) -> DraftOut:
    """Throw a draft away, with everything that is staged in it."""
    discard_draft(served.database, draft_id, served.clock.now(), by=caller, why=asked.reason)
    return _shown(served, draft_id)


@router.post(
    "/drafts/{draft_id}/preview",
    tags=["steering"],
    status_code=202,
    responses={
        202: {"headers": {"Location": {"description": "What it will show.", "schema": {"type": "string"}}}},
        **_DECIDED,
    },
    dependencies=_STEER,
)
def ask_for_preview(served: Served, response: Response, caller: Caller, draft_id: IdInPath) -> RunOut:
    """Ask what a draft would do. The plan in force is mended as if it were published, and nothing is published.

    The run is of kind `preview`, and can be watched like any other.
    """
    now = served.clock.now()
    run_id = request_preview(served.database, draft_id, now, by=caller)
    response.headers["Location"] = f"/api/v1/drafts/{draft_id}/preview"
    with served.database.session() as session:
        return RunOut.of(runs.run(session, run_id), now)


@router.get(
    "/drafts/{draft_id}/preview", tags=["steering"], responses=problems.may_be(problems.NOT_FOUND), dependencies=_STEER
)
def get_preview(served: Served, draft_id: IdInPath) -> PreviewOut:
    """Get what the last preview of a draft shows: late studies by class and load by reporter, before and after."""
    with served.database.session() as session:
        drafts.draft(session, draft_id)
        found = previews.newest(session, draft_id)
        if found is None:
            raise NotFoundError("nobody has asked for a preview of the draft")
        staged = [row.id or 0 for row in drafts.of_draft(session, draft_id, InstructionState.STAGED)]
        return PreviewOut.of(*found, staged, previews.loads(session, found[0].id or 0))


@router.post(
    "/drafts/{draft_id}/undo",
    tags=["steering"],
    responses=problems.may_be(problems.NOT_FOUND, problems.CONFLICT, problems.BEGIN_AGAIN),
    dependencies=_STEER,
)
def undo(served: Served, caller: Caller, reach: Reaching, draft_id: IdInPath, asked: WhyIn) -> DraftOut:
    """Undo a published draft; for whoever steers at every trust, since everybody's list is put back.

    Its decisions end, what it took the place of holds again, and lists are as they were, but for what has been claimed,
    done or decided since: `left` names that.
    """
    database = served.seeing_readings(reach)
    undo_draft(database, draft_id, served.clock.now(), by=caller, why=asked.reason)
    return _shown(served, draft_id)
