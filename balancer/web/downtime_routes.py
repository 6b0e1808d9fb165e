"""The pages of downtime lists: what there is on disk, of when, and the files of whoever may open them."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Path
from starlette.responses import Response

from balancer.api.callers import may
from balancer.domain.errors import NotAllowedError, NotFoundError
from balancer.domain.permission import Permission
from balancer.publish.downtime.folder import kept_file, kept_set
from balancer.store import worklists
from balancer.web.desk import AtDesk, Desk
from balancer.web.downloads import download
from balancer.web.downtime import downtime_page, may_open
from balancer.web.tables import Medium, View, Viewing

router = APIRouter(include_in_schema=False)
_KINDS: Final = {"pdf": "application/pdf", "csv": "text/csv; charset=utf-8"}
SetInPath = Annotated[str, Path(pattern=r"^[0-9]{8}T[0-9]{6}Z$")]
FileInPath = Annotated[str, Path(pattern=r"^[A-Za-z0-9-]{1,200}\.(pdf|csv)$")]
_READ: Final = [may(Permission.WORKLISTS_READ)]


@router.get("/downtime", dependencies=_READ)
def show_newest(desk: AtDesk, view: Viewing) -> Response:
    """Show the newest set of lists on disk, and of when it is."""
    return _page(desk, "", view)


@router.get("/downtime/{name}", dependencies=_READ)
def show_set(desk: AtDesk, name: SetInPath, view: Viewing) -> Response:
    """Show a set that is kept."""
    return _page(desk, name, view)


@router.get("/downtime/{name}/{file}", dependencies=_READ)
def open_file(desk: AtDesk, name: SetInPath, file: FileInPath) -> Response:
    """Open a list's file, as whoever may see all of what is in it."""
    root = desk.served.downtime
    if root is None:
        raise NotFoundError("no downtime lists are written")
    stem, _, ending = file.rpartition(".")
    listed = next((item for item in kept_set(root, name).lists if item.file == stem), None)
    if listed is None:
        raise NotFoundError("there is no such file")
    if not may_open(desk.reach, listed.reporter_id):
        raise NotAllowedError(
            "a file holds reads of every trust: its reporter opens it, or who sees every trust's lists"
        )
    desk.look("worklist", [listed.reporter_id])
    shown = "inline" if ending == "pdf" else "attachment"
    headers = {"Content-Disposition": f'{shown}; filename="{name}-{file}"', "Cache-Control": "no-store"}
    return Response(kept_file(root, name, file), media_type=_KINDS[ending], headers=headers)


def _page(desk: Desk, name: str, view: View) -> Response:
    with desk.database.session() as session:
        marks = worklists.list_marks(session)
    published_at = max((mark.published_at for mark in marks.values()), default=None)
    found = downtime_page(desk.served.downtime, name, published_at, marks.keys(), desk.reach, view, desk.now)
    if view.medium is not Medium.PAGE and found.table is not None:
        return download(found.table, desk.now)
    return desk.page("downtime.html", title="Downtime lists", here="/lists", page=found)
