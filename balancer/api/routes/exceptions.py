"""Exceptions: what somebody has to look at, and what became of it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from balancer.api import problems
from balancer.api.callers import Caller, Reaching, may
from balancer.api.models.exceptions import ExceptionOut, ResolutionIn
from balancer.api.models.shape import PageOut
from balancer.api.serving import Code, IdInPath, Paging, Served, page_out
from balancer.domain.exceptional import ExceptionKind
from balancer.domain.permission import Permission
from balancer.services.resolve_exception import resolve_exception
from balancer.services.take_exception import take_exception
from balancer.store import exceptions
from balancer.store.blind import untold

router = APIRouter()


@router.get(
    "/exceptions",
    tags=["exceptions"],
    responses=problems.may_be(problems.NO_PAGE),
    dependencies=[may(Permission.READS_STEER)],
)
def list_exceptions(  # noqa: PLR0913, PLR0917 - one parameter a query parameter
    served: Served,
    reach: Reaching,
    cut: Paging,
    trust: Code | None = None,
    kind: ExceptionKind | None = None,
    resolved: Annotated[bool, Query(description="Those that somebody has resolved.")] = False,  # noqa: FBT002
) -> PageOut[ExceptionOut]:
    """List what waits for somebody to look at it, newest first, each with whose it is."""
    with served.database.session() as session:
        found = exceptions.exceptions(session, cut, trust=trust, kind=kind, resolved=resolved)
        unseen = untold(session, reach, [row.read_id for row in found.items])
        return page_out(found, lambda row: ExceptionOut.of(row, hidden=row.read_id in unseen))


@router.post(
    "/exceptions/{exception_id}/take",
    tags=["exceptions"],
    responses=problems.may_be(problems.NOT_FOUND, problems.CONFLICT),
    dependencies=[may(Permission.READS_STEER)],
)
def take(served: Served, caller: Caller, reach: Reaching, exception_id: IdInPath) -> ExceptionOut:
    """Say that the caller looks at an exception: it is theirs then, in place of whose it was."""
    row = take_exception(served.database, exception_id, served.clock.now(), by=caller)
    with served.database.session() as session:
        return ExceptionOut.of(row, hidden=bool(untold(session, reach, [row.read_id])))


@router.post(
    "/exceptions/{exception_id}/resolve",
    tags=["exceptions"],
    responses=problems.may_be(problems.NOT_FOUND, problems.CONFLICT),
    dependencies=[may(Permission.READS_STEER)],
)
def resolve(
    served: Served, caller: Caller, reach: Reaching, exception_id: IdInPath, asked: ResolutionIn
) -> ExceptionOut:
    """Say what became of an exception."""
    now = served.clock.now()
    row = resolve_exception(served.database, exception_id, now, by=caller, resolution=asked.resolution)
    with served.database.session() as session:
        return ExceptionOut.of(row, hidden=bool(untold(session, reach, [row.read_id])))
