"""Reporters and their rostered sessions."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from balancer.api import problems
from balancer.api.callers import may
from balancer.api.models.reporters import ReporterOut, SessionOut
from balancer.api.models.shape import ListOut
from balancer.api.serving import Code, OptionalPaging, ReporterInPath, Served, When, list_out
from balancer.domain.overrides import OF_PEOPLE
from balancer.domain.permission import Permission
from balancer.services.hold_over import reporter_as_held, reporters_as_held
from balancer.store import instructions, people
from balancer.store.pages import part

router = APIRouter()


@router.get(
    "/reporters",
    tags=["reporters"],
    responses=problems.may_be(problems.NO_PAGE),
    dependencies=[may(Permission.REPORTERS_READ)],
)
def list_reporters(
    served: Served,
    trust: Code | None = None,
    *,
    unlisted: Annotated[bool, Query(description="Also those who have gone from the network's list.")] = False,
    cut: OptionalPaging,
) -> ListOut[ReporterOut]:
    """List reporters with their scopes; with `trust` those at home or entitled there."""
    now = served.clock.now()
    with served.database.session() as session:
        everyone = people.reporters(session, unlisted=unlisted)
        held = reporters_as_held(session, [listed.reporter for listed in everyone], now)
        given = instructions.in_force(session, now, kinds=OF_PEOPLE)
        theirs = [
            (listed, person)
            for listed, person in zip(everyone, held, strict=True)
            if trust is None or trust == person.home_trust or trust in person.trusts
        ]
        page = part(theirs, cut, "reporters", lambda item: item[1].reporter_id)
        return list_out(page, lambda item: ReporterOut.of(*item, given))


@router.get(
    "/reporters/{reporter_id}",
    tags=["reporters"],
    responses=problems.may_be(problems.NOT_FOUND),
    dependencies=[may(Permission.REPORTERS_READ)],
)
def get_reporter(served: Served, reporter_id: ReporterInPath) -> ReporterOut:
    """Get one reporter."""
    now = served.clock.now()
    with served.database.session() as session:
        listed = people.reporter(session, reporter_id)
        given = instructions.in_force(session, now, kinds=OF_PEOPLE, reporter_id=reporter_id)
        return ReporterOut.of(listed, reporter_as_held(session, listed.reporter, now), given)


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
