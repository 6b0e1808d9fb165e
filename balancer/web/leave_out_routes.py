"""Leaving moves of a plan that waits out of it: each stays where it is, staged in a draft and previewed."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form
from pydantic import Field
from starlette.responses import Response

from balancer.api.callers import may
from balancer.domain.errors import ConflictError
from balancer.domain.permission import Permission
from balancer.services.leave_moves_out import leave_moves_out
from balancer.web.allocation import moves_that_wait, standing_now
from balancer.web.allocation_page import HERE
from balancer.web.allocation_routes import moves_shown
from balancer.web.desk import AtDesk, Desk
from balancer.web.study_act_routes import Reason
from balancer.web.tables import View

router = APIRouter(include_in_schema=False)


@router.post("/allocation/moves/leave-out", dependencies=[may(Permission.READS_STEER)])
def leave_out(
    desk: AtDesk,
    read: Annotated[list[Annotated[int, Field(ge=1, le=2**31 - 1)]], Form(max_length=500)],
    reason: Reason,
) -> Response:
    """Stage that these reads stay where they are, in a draft of its own, and ask what that does."""
    return desk.after(
        lambda: _left_out(desk, set(read), " ".join(reason.split())),
        then=lambda number: f"/drafts/{number}#effects",
        refused=lambda words, status: moves_shown(desk, View(path=f"{HERE}/moves"), said=words, status=status),
    )


def _left_out(desk: Desk, chosen: set[int], reason: str) -> int:
    with desk.database.session() as session:
        base = standing_now(session, desk.now)
        moves = [move.read for move in moves_that_wait(session, base) if move.read.read_id in chosen]
    stays = {read.read_id: read.was.reporter_id for read in moves if read.was is not None}
    if stays.keys() != chosen:
        raise ConflictError("some of these are no moves of the plan that waits any more: look at it anew")
    trust = min(read.trust for read in moves)
    many = f"{len(stays):,} {'move' if len(stays) == 1 else 'moves'}"
    name = f"Leave out {many} of run {base.run_id}"
    return leave_moves_out(desk.database, stays, trust, desk.now, by=desk.caller, reason=reason, name=name)
