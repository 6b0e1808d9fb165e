"""Search everywhere. What is looked for is sent in the body: an accession number in an address ends up in logs."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Form
from starlette.responses import HTMLResponse

from balancer.api.callers import may
from balancer.api.models.shape import PATTERN
from balancer.domain.permission import Permission
from balancer.services.what_holds import what_holds
from balancer.store import studies
from balancer.store.database import Session
from balancer.store.pages import Cut
from balancer.store.studies import StudyFilter
from balancer.web.desk import AtDesk, Desk
from balancer.web.search import LEAST_CHARACTERS, MOST_FOUND, SEARCH, Found, heading, links, matching, of_studies
from balancer.web.studies_list import Known, studies_table
from balancer.web.studies_routes import known_of
from balancer.web.tables import View

router = APIRouter(include_in_schema=False)
_MOST_CHARACTERS: Final = 64


@router.get(SEARCH, dependencies=[may(Permission.STUDIES_READ)])
def show_search(desk: AtDesk) -> HTMLResponse:
    """Show the field to write in."""
    return _page(desk, "", [])


@router.post(SEARCH, dependencies=[may(Permission.STUDIES_READ)])
def search(desk: AtDesk, text: Annotated[str, Form(max_length=_MOST_CHARACTERS, pattern=PATTERN)] = "") -> HTMLResponse:
    """Look for studies by accession, patient number and exam, for reporters and for examinations; change nothing."""
    wanted = text.strip()
    if len(wanted) < LEAST_CHARACTERS:
        return _page(desk, "", [], said=f"Write at least {LEAST_CHARACTERS} characters." if wanted else "")
    with desk.database.session() as session:
        known = known_of(session)
        found = [_studies(desk, session, wanted, known)]
    if desk.may(Permission.REPORTERS_READ):
        with desk.within(Permission.REPORTERS_READ).session() as session:
            reporters = known_of(session).reporters
        found.append(links("Reporters", ("Reporter", "Number"), matching(wanted, reporters.items()), "/reporters/"))
    found.append(links("Exams", ("Exam", "Code"), matching(wanted, known.exams.items()), "/studies?exam="))
    return _page(desk, wanted, [kind for kind in found if kind.total])


def _studies(desk: Desk, session: Session, text: str, known: Known) -> Found:
    """Return the studies that are called so, whatever their state: what is not found here is nowhere."""
    found = studies.studies(session, StudyFilter(text=text, state=None), Cut(limit=MOST_FOUND), now=desk.now)
    rows = [status.study for status in found.items]
    desk.look("study", [row.id or 0 for row in rows])
    table = studies_table(
        found.items,
        what_holds(session, rows, desk.now),
        known,
        view=View(path=SEARCH),
        total=len(rows),
        filters=(),
        empty="",
        now=desk.now,
    )
    return of_studies(table, found.total)


def _page(desk: Desk, text: str, found: list[Found], *, said: str = "") -> HTMLResponse:
    said_above = heading(text, found)
    return desk.page("search.html", title="Search", here=SEARCH, text=text, found=found, heading=said_above, said=said)
