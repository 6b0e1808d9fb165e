"""Outlets: whom others are told by, and letters that were not taken."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from balancer.api import problems
from balancer.api.callers import Caller, may
from balancer.api.looks import Looking
from balancer.api.models.outlets import LetterOut, OutletOut
from balancer.api.models.shape import ListOut, PageOut
from balancer.api.serving import IdInPath, Paging, Served, page_out
from balancer.domain.letter import LetterState
from balancer.domain.permission import Permission
from balancer.services.put_back_letter import put_back_letter
from balancer.store import outbox

router = APIRouter()


@router.get("/outlets", tags=["outlets"], dependencies=[may(Permission.READS_STEER)])
def list_outlets(served: Served) -> ListOut[OutletOut]:
    """List every way by which others are told: whether it reaches them, what waits, what was given up."""
    with served.database.session() as session:
        return ListOut(items=[OutletOut.of(status) for status in outbox.outlets(session)])


@router.get(
    "/letters",
    tags=["outlets"],
    responses=problems.may_be(problems.NO_PAGE),
    dependencies=[may(Permission.READS_STEER)],
)
def list_letters(
    served: Served,
    look: Looking,
    cut: Paging,
    outlet: Annotated[str | None, Query(max_length=200, pattern=r"^[^\x00-\x1f]+$")] = None,
    state: LetterState | None = LetterState.DEAD,
) -> PageOut[LetterOut]:
    """List letters, newest first: those that were given up, unless another state is asked for."""
    with served.database.session() as session:
        found = outbox.letters(session, cut, outlet=outlet, state=state)
    look("study", [row.study_id for row, _ in found.items if row.study_id is not None])
    return page_out(found, lambda item: LetterOut.of(*item))


@router.post(
    "/letters/{letter_id}/put-back",
    tags=["outlets"],
    responses=problems.may_be(problems.NOT_FOUND, problems.CONFLICT),
    dependencies=[may(Permission.READS_STEER)],
)
def put_back(served: Served, caller: Caller, letter_id: IdInPath) -> LetterOut:
    """Send a letter that was given up again; refused if a later one about the same study has been written."""
    put_back_letter(served.database, letter_id, served.clock.now(), by=caller)
    with served.database.session() as session:
        return LetterOut.of(*outbox.letter(session, letter_id))
