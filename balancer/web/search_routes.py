"""Search everywhere. What is looked for is sent in the body: an accession number in an address ends up in logs."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Final

from fastapi import APIRouter, Form
from starlette.responses import HTMLResponse, Response

from balancer.api.callers import may
from balancer.api.models.shape import PATTERN
from balancer.domain.errors import InvalidValueError
from balancer.domain.permission import Permission
from balancer.services.what_holds import what_holds
from balancer.store import studies
from balancer.store.blind import away_unsaid
from balancer.store.database import Session
from balancer.store.pages import MOST_ITEMS, Cut
from balancer.store.studies import StudyFilter, StudyStatus
from balancer.web.desk import AtDesk, Desk
from balancer.web.downloads import download
from balancer.web.search import LEAST_CHARACTERS, SEARCH, Found, Sought, heading, links, matching, most_of, of_studies
from balancer.web.studies_list import Known, studies_table
from balancer.web.studies_routes import known_of
from balancer.web.tables import Medium, View, Viewing

router = APIRouter(include_in_schema=False)
_MOST_CHARACTERS: Final = 64


@router.get(SEARCH, dependencies=[may(Permission.STUDIES_READ)])
def show_search(desk: AtDesk) -> HTMLResponse:
    """Show the field to write in."""
    return _page(desk, "", [])


@router.post(SEARCH, dependencies=[may(Permission.STUDIES_READ)])
def search(
    desk: AtDesk,
    view: Viewing,
    text: Annotated[str, Form(max_length=_MOST_CHARACTERS, pattern=PATTERN)] = "",
    of: Sought = Sought.STUDIES,
) -> Response:
    """Look for studies by accession, patient number and exam, for reporters and for examinations; change nothing.

    ``of``: what is wanted as a file, whole; what is looked for is sent in the body then too.
    """
    wanted = text.strip()
    if view.medium is not Medium.PAGE:
        if len(wanted) < LEAST_CHARACTERS:
            raise InvalidValueError("text", f"write at least {LEAST_CHARACTERS} characters")
        return download(_found(desk, of, wanted, view).table, desk.now)
    if len(wanted) < LEAST_CHARACTERS:
        return _page(desk, "", [], said=f"Write at least {LEAST_CHARACTERS} characters." if wanted else "")
    sees = [kind for kind in Sought if kind is not Sought.REPORTERS or desk.may(Permission.REPORTERS_READ)]
    found = [_found(desk, kind, wanted, View(path=SEARCH)) for kind in sees]
    return _page(desk, wanted, [kind for kind in found if kind.total])


def _found(desk: Desk, kind: Sought, text: str, view: View) -> Found:
    """Return what of a kind is called so, as far as the caller may see it: for a page the first of it."""
    if kind is Sought.REPORTERS:
        with desk.within(Permission.REPORTERS_READ).session() as session:
            reporters = known_of(session).reporters
        return links(kind, ("Reporter", "Number"), matching(text, reporters.items()), "/reporters/", view)
    with desk.database.session() as session:
        known = known_of(session)
        if kind is Sought.STUDIES:
            return _studies(desk, session, text, known, view)
    return links(kind, ("Exam", "Code"), matching(text, known.exams.items()), "/studies?exam=", view)


def _studies(desk: Desk, session: Session, text: str, known: Known, view: View) -> Found:
    """Return the studies that are called so, whatever their state: what is not found here is nowhere."""
    limit = most_of(view)
    found, total = _called(desk, session, text, limit)
    rows = [status.study for status in found]
    desk.look("study", [row.id or 0 for row in rows])
    unsaid = away_unsaid(session, desk.reach, [read.row for status in found for read in status.reads])
    table = studies_table(
        found,
        what_holds(session, rows, desk.now),
        replace(known, unsaid=unsaid),
        view=view,
        total=len(rows),
        filters=(),
        empty="",
        now=desk.now,
    )
    return of_studies(table, total)


def _called(desk: Desk, session: Session, text: str, limit: int) -> tuple[list[StudyStatus], int]:
    """Return the first studies that are called so, and how many there are: read in pieces, if they are many."""
    which, cursor = StudyFilter(text=text, state=None), None
    found: list[StudyStatus] = []
    while True:
        cut = Cut(cursor=cursor, limit=min(limit - len(found), MOST_ITEMS))
        page = studies.studies(session, which, cut, now=desk.now)
        found += page.items
        cursor = page.next_cursor
        if cursor is None or len(found) >= limit:
            return found, page.total


def _page(desk: Desk, text: str, found: list[Found], *, said: str = "") -> HTMLResponse:
    said_above = heading(text, found)
    return desk.page("search.html", title="Search", here=SEARCH, text=text, found=found, heading=said_above, said=said)
