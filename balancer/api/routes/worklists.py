"""Worklists: what each reporter should read next."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Response
from starlette.concurrency import run_in_threadpool

from balancer.api import problems
from balancer.api.callers import may
from balancer.api.conditional import ETAG, NOT_MODIFIED, IfNoneMatch, Wait, etag, has, json_body, unchanged
from balancer.api.models.shape import ListOut
from balancer.api.models.worklists import Around, WorklistOut, WorklistSummaryOut
from balancer.api.polling import Polled
from balancer.api.serving import Code, OptionalPaging, ReporterInPath, Served, list_out
from balancer.api.watch import Marks
from balancer.domain.actor import Reach
from balancer.domain.life import ReadKind
from balancer.domain.permission import Permission
from balancer.services.hold_over import reporter_as_held
from balancer.services.what_holds import what_holds
from balancer.store import follow_ups, people, standing, worklists
from balancer.store.database import Database, Session
from balancer.store.pages import part
from balancer.store.priors import priors, priors_beyond

router = APIRouter()
# For the log: whoever asked has lost patience, and asks again. Making it for nobody would keep others waiting.
_GONE: Final = 499


class WorklistSort(StrEnum):
    """The orders that lists can be had in; `reporter` is that of the network's own list of people."""

    REPORTER = "reporter"
    NAME = "name"
    MOST_READS = "-reads"
    MOST_LATE = "-late_reads"
    LAST_END = "last_end"


_ORDERS: Final[dict[WorklistSort, Callable[[worklists.WorklistSummary], Any] | None]] = {
    WorklistSort.REPORTER: None,
    WorklistSort.NAME: lambda entry: (entry.name, entry.reporter_id),
    WorklistSort.MOST_READS: lambda entry: -entry.items,
    WorklistSort.MOST_LATE: lambda entry: -entry.late,
    # whoever has nothing to read has ended already
    WorklistSort.LAST_END: lambda entry: entry.last_end.timestamp() if entry.last_end else 0.0,
}


@router.get(
    "/worklists",
    tags=["worklists"],
    responses=problems.may_be(problems.NO_PAGE),
    dependencies=[may(Permission.WORKLISTS_READ)],
)
def list_worklists(
    served: Served,
    home_trust: Code | None = None,
    sort: Annotated[WorklistSort, Query(description="`-` means falling.")] = WorklistSort.REPORTER,
    *,
    cut: OptionalPaging,
) -> ListOut[WorklistSummaryOut]:
    """List every reporter's current list in figures; empty until the first lists are published."""
    with served.database.session() as session:
        found = worklists.worklists(session, home_trust=home_trust)
    key = _ORDERS[sort]
    ordered = sorted(found, key=key) if key else found
    return list_out(part(ordered, cut, f"worklists by {sort}", lambda entry: entry.reporter_id), WorklistSummaryOut.of)


@router.get(
    "/worklists/{reporter_id}",
    tags=["worklists"],
    response_model=WorklistOut,
    responses={200: {"headers": ETAG}, **NOT_MODIFIED, **problems.may_be(problems.NOT_FOUND, problems.TOO_MANY)},
    dependencies=[may(Permission.WORKLISTS_READ)],
)
async def get_worklist(
    polled: Polled, reporter_id: ReporterInPath, wait: Wait = 0, if_none_match: IfNoneMatch = None
) -> Response:
    """Get a reporter's list in the order in which it should be read.

    Ask again with `If-None-Match`: the answer is 304 without a body for as long as nothing in it has changed. With
    `wait` as well, the answer comes as soon as something has, or when the time is over.
    """
    watch = polled.watch
    polled.reach.require_reporter(reporter_id)

    def tag_in(marks: Marks) -> str | None:
        mark = marks.lists.get(reporter_id)
        return None if mark is None else list_tag(reporter_id, mark, polled.reach)

    def news(marks: Marks) -> bool:
        tag = tag_in(marks)
        return tag is None or not has(if_none_match, tag)

    marks = await polled.until(news, wait)
    reach, tag = polled.reach, tag_in(marks)
    reach.require_reporter(reporter_id)
    if tag is not None and has(if_none_match, tag):
        return unchanged(tag)
    kept = watch.bodies.kept((reporter_id, reach), tag)
    if tag is not None and kept is not None:
        polled.look("worklist", [reporter_id])
        return json_body(kept, tag)
    served = polled.served()
    make = partial(_read, served.database, reporter_id, reach, served.clock.now())
    async with watch.turn(reporter_id, patient=wait > 0):
        if await polled.request.is_disconnected():
            return Response(status_code=_GONE)
        polled.look("worklist", [reporter_id])
        return json_body(*await run_in_threadpool(watch.bodies.made, (reporter_id, reach), tag, make))


def list_tag(reporter_id: str, mark: worklists.ListMark, reach: Reach) -> str:
    """Return the ETag of a list as somebody sees it who reaches that far."""
    return etag(reporter_id, mark, sorted(reach.trusts), reach.own, reach.on, reach.reader)


def _read(database: Database, reporter_id: str, reach: Reach, now: datetime) -> tuple[bytes, str]:
    """Return a list as it is sent, with the ETag of the very state of the database that it shows."""
    with database.session() as session:
        out, tag = shown(session, reporter_id, reach, now)
    return out.model_dump_json().encode(), tag


def shown(session: Session, reporter_id: str, reach: Reach, now: datetime) -> tuple[WorklistOut, str]:
    """Return a list as somebody sees it at ``now`` who reaches that far, with its ETag.

    Raises
    ------
    NotFoundError
        If there is no such reporter within reach, or they have no list yet.
    """
    listed = reporter_as_held(session, people.reporter(session, reporter_id).reporter, now)
    current = worklists.worklist(session, reporter_id)
    out = WorklistOut.of(current, listed, around_of(session, current.items, now))
    return out, list_tag(reporter_id, current.mark, reach)


def around_of(session: Session, entries: Sequence[worklists.WorklistItem], now: datetime) -> Around:
    """Return what is shown beside reads."""
    following = [entry.read.id for entry in entries if entry.read.kind is not ReadKind.INTERPRETATION]
    return Around(
        names=standing.examination_names(session),
        links=standing.pacs_links(session),
        priors=priors(session, [entry.study for entry in entries]),
        priors_beyond=priors_beyond(session, [entry.study for entry in entries]),
        follows=follow_ups.of_reads(session, following),
        followed=follow_ups.followed(session, [entry.read for entry in entries]),
        held=what_holds(session, [entry.study for entry in entries], now),
    )
