"""The change feed: how a PACS keeps its own lists as they are here."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Response
from starlette.concurrency import run_in_threadpool

from balancer.api import problems
from balancer.api.callers import may
from balancer.api.conditional import ETAG, NOT_MODIFIED, IfNoneMatch, Wait, etag, has, json_body, unchanged
from balancer.api.models.assignments import AssignmentChangesOut
from balancer.api.models.shape import MOST_CHARACTERS, PATTERN
from balancer.api.polling import Poll, Polled
from balancer.api.watch import Marks
from balancer.domain.errors import NotFoundError
from balancer.domain.permission import Permission
from balancer.services.what_holds import what_holds
from balancer.store.blind import away_unsaid
from balancer.store.changes import MOST_CHANGES, Mark, Position, changes, position_of
from balancer.store.changes import marks as marks_of
from balancer.store.database import Database
from balancer.store.scope import reach_of

router = APIRouter()


@router.get(
    "/assignments",
    tags=["assignments"],
    response_model=AssignmentChangesOut,
    dependencies=[may(Permission.ASSIGNMENTS_READ)],
    responses={
        200: {"headers": ETAG},
        **NOT_MODIFIED,
        **problems.may_be(problems.NOT_FOUND, problems.BEGIN_AGAIN, problems.TOO_MANY),
    },
)
async def list_assignments(  # noqa: PLR0913, PLR0917 - one parameter a filter
    polled: Polled,
    trust: Annotated[str, Query(max_length=MOST_CHARACTERS, pattern=PATTERN, description="ODS code.")],
    since: Annotated[
        str | None,
        Query(max_length=1_000, pattern=PATTERN, description="`cursor` of the answer before; none for a snapshot."),
    ] = None,
    wait: Wait = 0,
    limit: Annotated[int, Query(ge=1, le=MOST_CHANGES, description="How many changes at most.")] = 1_000,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Follow where a trust's reads stand.

    Begin without `since`: that is a snapshot. Then ask again and again with the `cursor` of the answer before, and
    `wait`: the answer comes when something has changed, or is empty when the time is over. Each item says how a read
    stands now; `removed` means that nobody is to read it any more. The same item may come twice, and no change is left
    out, whatever restarts in between. After 410, begin again without `since`, and drop whatever is not in the answer.
    """
    _require_trust(polled, trust)  # before 304 could tell that it is there and nothing is new
    position = position_of(since, trust) if since else None

    def tag(mark: Mark | None) -> str:
        return etag(trust, since or "", limit, mark)

    def news(marks: Marks) -> bool:
        mark = marks.feeds.get(trust)
        if has(if_none_match, tag(mark)):
            return False
        return position is None or mark is None or not position.is_at(mark)

    mark = (await polled.until(news, wait)).feeds.get(trust)
    _require_trust(polled, trust)
    if mark is not None and has(if_none_match, tag(mark)):
        return unchanged(tag(mark))
    polled.look("assignments", [trust])
    served = polled.served()
    body, mark = await run_in_threadpool(_read, served.database, trust, position, limit, served.clock.now())
    return json_body(body, tag(mark))


def _require_trust(polled: Poll, trust: str) -> None:
    if not polled.reach.covers(trust):
        raise NotFoundError("there is no such trust")


def _read(
    database: Database, trust: str, position: Position | None, limit: int, now: datetime
) -> tuple[bytes, Mark | None]:
    """Return the answer, and how far the trust's changes had come when it was made."""
    with database.session() as session:
        found = changes(session, trust, position, limit=limit)
        held = what_holds(session, [change.study for change in found.items], now)
        there = [change.read for change in found.items if change.read is not None]
        unsaid = away_unsaid(session, reach_of(session), there)
        mark = marks_of(session).get(trust)
    snapshot = position is None or position.sequence < position.began_at
    return AssignmentChangesOut.of(found, held, unsaid, snapshot=snapshot).model_dump_json().encode(), mark
