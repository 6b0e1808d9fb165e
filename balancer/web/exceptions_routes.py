"""The pages of exceptions: all that wait, one of them, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Annotated, Final

from fastapi import APIRouter, Form, Query
from starlette.responses import Response

from balancer.api.callers import may
from balancer.api.serving import Code, IdInPath
from balancer.domain.exceptional import ExceptionKind
from balancer.domain.permission import Permission
from balancer.services.resolve_exception import resolve_exception
from balancer.services.take_exception import take_exception
from balancer.store import exceptions, people, silences, standing
from balancer.store.blind import untold
from balancer.store.database import Session
from balancer.store.tables_silences import SilenceRow
from balancer.web.desk import AtDesk, Desk
from balancer.web.downloads import download
from balancer.web.exceptions import FEED_SILENT, WORDS, exceptions_table, named, study_cell
from balancer.web.tables import Medium, View, Viewing

router = APIRouter(include_in_schema=False)
_HERE: Final = "/feeds"
_WORDS: Final = Form(min_length=1, max_length=500, pattern=r"^[^\x00-\x08\x0b\x0c\x0e-\x1f]+$")


@router.get("/exceptions", dependencies=[may(Permission.READS_STEER)])
def show_exceptions(
    desk: AtDesk,
    view: Viewing,
    trust: Code = "",
    kind: Annotated[str, Query(max_length=40)] = "",
    resolved: Annotated[str, Query(max_length=5)] = "",
) -> Response:
    """Show what waits for somebody to look at it."""
    which = next((item for item in ExceptionKind if item.value == kind), None)
    ended = resolved == "true"
    with desk.database.session() as session:
        silent, quiet = _silent(session, view, trust, ended=ended) if kind in {"", FEED_SILENT} else ([], 0)
        rows, total = (
            ([], 0)
            if kind == FEED_SILENT
            else exceptions.exceptions_page(
                session,
                trust=trust or None,
                kind=which,
                resolved=ended,
                limit=view.limit - len(silent),
                offset=max(view.offset - quiet, 0),
            )
        )
        studies = exceptions.studies_of(session, rows)
        unseen = untold(session, desk.reach, [row.read_id for row in rows])
        trusts = [row.code for row in standing.trusts(session) if desk.reach.covers(row.code)]
        names = people.names(session)
    table = exceptions_table(rows, silent, total + quiet, studies, unseen, names, trusts, view, desk.now)
    if view.medium is not Medium.PAGE:
        return download(table, desk.now)
    return desk.page("exceptions.html", title="Exceptions", here=_HERE, table=table)


def _silent(session: Session, view: View, trust: str, *, ended: bool) -> tuple[Sequence[SilenceRow], int]:
    """Return the silent feeds on a page, and how many there are: they stand before everything else."""
    return silences.page(session, trust=trust or None, ended=ended, limit=view.limit, offset=view.offset)


@router.get("/exceptions/{exception_id:int}", dependencies=[may(Permission.READS_STEER)])
def show_exception(desk: AtDesk, exception_id: IdInPath) -> Response:
    """Show one, what to do about it, and where to say what became of it."""
    return _page(desk, exception_id)


@router.post("/exceptions/{exception_id:int}/take", dependencies=[may(Permission.READS_STEER)])
def take(desk: AtDesk, exception_id: IdInPath) -> Response:
    """Say that one looks at it: it is theirs then, for the others to see."""
    return desk.after(
        partial(take_exception, desk.database, exception_id, desk.now, by=desk.caller),
        then=lambda _: f"/exceptions/{exception_id}",
        refused=lambda words, status: _page(desk, exception_id, said=words, status=status),
    )


@router.post("/exceptions/{exception_id:int}/resolve", dependencies=[may(Permission.READS_STEER)])
def resolve(desk: AtDesk, exception_id: IdInPath, reason: Annotated[str, _WORDS]) -> Response:
    """Say what became of it."""
    said = " ".join(reason.split())
    act = partial(resolve_exception, desk.database, exception_id, desk.now, by=desk.caller, resolution=said)

    def refused(words: str, status: int) -> Response:
        return _page(desk, exception_id, said=words, status=status)

    return desk.after(act, then=lambda _: "/exceptions", refused=refused)


def _page(desk: Desk, exception_id: int, *, said: str = "", status: int = 200) -> Response:
    with desk.database.session() as session:
        row = exceptions.exception(session, exception_id)
        study = exceptions.studies_of(session, [row]).get(row.read_id)
        unseen = bool(untold(session, desk.reach, [row.read_id]))
        detail = named(row.detail, people.names(session))
    return desk.page(
        "exception.html",
        title=WORDS[row.kind][0],
        here=_HERE,
        status=status,
        row=row,
        detail=detail,
        words=WORDS[row.kind],
        study=study_cell(study),
        hidden=unseen,
        said=said,
    )
