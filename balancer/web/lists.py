"""The reporter's page and what they do on it; also everybody's lists in figures, for whoever may see them.

What is done is done by the same services as through the API. A form works without a script; with one, only the list
itself is exchanged, and what could not be done is said where it was asked for.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Collection
from datetime import datetime
from functools import partial
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, RedirectResponse, Response

from balancer.api.callers import Caller, May, Reaching, may, reach_of
from balancer.api.looks import Look, Looking
from balancer.api.models.worklists import WorklistItemOut
from balancer.api.routes.reads import acting
from balancer.api.routes.worklists import around_of, list_tag, shown
from balancer.api.serving import IdInPath, ReporterInPath, Served, Serving, Watching
from balancer.api.watch import Marks
from balancer.domain.actor import Actor, Reach
from balancer.domain.errors import BalancerError, ClaimedError, ConflictError
from balancer.domain.life import ReturnReason
from balancer.domain.outcome import Outcome
from balancer.domain.permission import Permission
from balancer.domain.reporter import Reporter
from balancer.services.claim_read import claim_read
from balancer.services.complete_read import complete_read
from balancer.services.hold_over import reporter_as_held
from balancer.services.release_read import release_read
from balancer.services.renew_claim import renew_claim
from balancer.services.return_read import return_read
from balancer.store import my_day, people, worklists
from balancer.store.database import Database, Session
from balancer.web.all_lists import all_lists
from balancer.web.desk import AtDesk
from balancer.web.done_today import DoneToday, done_today
from balancer.web.downloads import download
from balancer.web.frame import Frame, Sign, frame
from balancer.web.list_table import list_table
from balancer.web.my_list import OUTCOMES, MyList, my_list, without_list
from balancer.web.refused import KeptError, words_for
from balancer.web.tables import Medium, View, Viewing
from balancer.web.templates import render, wants_part
from balancer.web.time_left import at_words

router = APIRouter(include_in_schema=False)
_SEE_OTHER: Final = 303
_CONFLICT: Final = 409
# Tells the page's script that nothing was done, so that it opens no images of what is somebody else's.
REFUSED: Final = "X-Refused"
_WORK: Final = [may(Permission.READS_WORK)]
# A stream ends after so long at the latest; the browser opens it again by itself.
_LONGEST_SECONDS: Final = 900.0
# How often it is asked whether whoever follows a list still may.
_ASKED_EVERY_SECONDS: Final = 60.0
_SEE: Final = May((Permission.WORKLISTS_READ,))
REASONS: Final = {
    ReturnReason.OUTSIDE_SCOPE: "Outside my scope",
    ReturnReason.IMAGES_MISSING: "Images are missing",
    ReturnReason.OTHER_EXPERTISE: "Needs other expertise",
    ReturnReason.CONFLICT_OF_INTEREST: "Conflict of interest",
    ReturnReason.NO_TIME: "No time before it is due",
    ReturnReason.OTHER: "Another reason",
}


@router.get("/my-list", dependencies=[may(Permission.WORKLISTS_READ)])
def show_mine(caller: Caller) -> Response:
    """Go to the caller's own list; whoever is no reporter gets everybody's."""
    mine = caller.reporter_id is not None and caller.may(Permission.READS_WORK)
    return RedirectResponse(f"/lists/{caller.reporter_id}" if mine else "/lists", _SEE_OTHER)


@router.get("/lists", dependencies=[may(Permission.WORKLISTS_READ)])
def show_lists(desk: AtDesk, view: Viewing) -> Response:
    """Show every list within reach in figures."""
    with desk.database.session() as session:
        found = all_lists(worklists.worklists(session), view, desk.now)
    if view.medium is not Medium.PAGE:
        return download(found, desk.now)
    return desk.page("lists.html", title="Worklists", here="/lists", lists=found)


@router.get("/lists/{reporter_id}", dependencies=[may(Permission.WORKLISTS_READ)])
def show_list(  # noqa: PLR0913, PLR0917 - who asks, and of whom
    request: Request,
    served: Served,
    caller: Caller,
    reach: Reaching,
    look: Looking,
    view: Viewing,
    reporter_id: ReporterInPath,
) -> Response:
    """Show a reporter's list; the reporter works it here, others look at it, or take it away as a file."""
    page = _Page(served, caller, reach, look, reporter_id)
    return page.answer(request) if view.medium is Medium.PAGE else page.file(view)


@router.post("/lists/{reporter_id}/reads/{read_id}/open", dependencies=_WORK)
def open_read(  # noqa: PLR0913, PLR0917
    request: Request,
    served: Served,
    caller: Caller,
    reach: Reaching,
    look: Looking,
    reporter_id: ReporterInPath,
    read_id: IdInPath,
) -> Response:
    """Claim a read; the page keeps the claim alive for as long as it is open."""
    page = _Page(served, caller, reach, look, reporter_id)
    return page.after(request, partial(claim_read, read_id=read_id))


@router.post("/lists/{reporter_id}/reads/{read_id}/complete", dependencies=_WORK)
def complete(  # noqa: PLR0913, PLR0917
    request: Request,
    served: Served,
    caller: Caller,
    reach: Reaching,
    look: Looking,
    reporter_id: ReporterInPath,
    read_id: IdInPath,
    outcome: Annotated[Outcome | None, Form()] = None,
) -> Response:
    """Say that the report is written."""
    page = _Page(served, caller, reach, look, reporter_id)
    return page.after(request, partial(_complete, read_id=read_id, outcome=outcome))


@router.post("/lists/{reporter_id}/reads/{read_id}/return", dependencies=_WORK)
def hand_back(  # noqa: PLR0913, PLR0917
    request: Request,
    served: Served,
    caller: Caller,
    reach: Reaching,
    look: Looking,
    reporter_id: ReporterInPath,
    read_id: IdInPath,
    reason: Annotated[ReturnReason, Form()],
    note: Annotated[str, Form(max_length=500, pattern=r"^[^\x00-\x1f]*$")] = "",
) -> Response:
    """Hand a read back with a reason."""
    page = _Page(served, caller, reach, look, reporter_id)
    return page.after(request, partial(return_read, read_id=read_id, reason=reason, note=note))


@router.post("/lists/{reporter_id}/reads/{read_id}/release", dependencies=_WORK)
def release(  # noqa: PLR0913, PLR0917
    request: Request,
    served: Served,
    caller: Caller,
    reach: Reaching,
    look: Looking,
    reporter_id: ReporterInPath,
    read_id: IdInPath,
) -> Response:
    """Close a read without a report."""
    page = _Page(served, caller, reach, look, reporter_id)
    return page.after(request, partial(release_read, read_id=read_id))


@router.post("/lists/{reporter_id}/reads/{read_id}/heartbeat", dependencies=_WORK)
def keep(served: Served, caller: Caller, reach: Reaching, reporter_id: ReporterInPath, read_id: IdInPath) -> Response:
    """Say that the page with the read is still open; the answer says so if there is something to look at.

    That is: its trust no longer asks for the read, or the claim has ended meanwhile, which is no error of the page.
    """
    try:
        kept = renew_claim(acting(served, reach, reporter_id), read_id, reporter_id, served.clock.now(), by=caller)
        changed = kept.withdrawn
    except (ClaimedError, ConflictError):
        changed = True
    return Response(status_code=204, headers={REFUSED: "1"} if changed else {})


def _complete(db: Database, read_id: int, *args: object, outcome: Outcome | None, **named: object) -> None:
    """Complete a read; a report that is kept beside another's claim is a conflict that its writer must hear of."""
    if not complete_read(db, read_id, *args, outcome=outcome, **named):  # type: ignore[arg-type]
        raise KeptError("your report is kept, and the reporting office has been told: the read was no longer yours")


class _Page:
    """One reporter's page for one caller."""

    def __init__(self, served: Serving, caller: Actor, reach: Reach, look: Look, reporter_id: str) -> None:
        self._served, self._caller, self._reach, self._look = served, caller, reach, look
        self._reporter_id = reporter_id
        reach.require_reporter(reporter_id)

    def answer(self, request: Request, *, said: str = "", status: int = 200) -> HTMLResponse:
        """Return the page, or only the list if a page asks that is open already; ``said``: what could not be done."""
        now = self._served.clock.now()
        listed = self._listed()
        self._look("worklist", [self._reporter_id])
        own = self._caller.reporter_id == self._reporter_id
        values = {
            "list": listed,
            "done": self._done(now) if own else None,
            "own": own,
            "now": now,
            "said": said,
            "reasons": {reason.value: words for reason, words in REASONS.items()},
            "outcomes": {outcome.value: words for outcome, words in OUTCOMES.items()},
        }
        if wants_part(request):
            return render("list_part.html", status=status, **values)
        return render("list.html", status=status, frame=self._frame(listed, own=own), **values)

    def file(self, view: View) -> Response:
        """Return the whole list as a file."""
        listed = self._listed(whole=True)
        self._look("worklist", [self._reporter_id])
        return download(list_table(listed, view), self._served.clock.now())

    def after(self, request: Request, act: Callable[..., object]) -> Response:
        """Do something in the reporter's name and show the list as it is then."""
        now = self._served.clock.now()
        try:
            act(
                acting(self._served, self._reach, self._reporter_id),
                reporter_id=self._reporter_id,
                now=now,
                by=self._caller,
            )
        except (ClaimedError, ConflictError) as error:
            return self._refused(request, self._words(error))
        if wants_part(request):
            return self.answer(request)
        return RedirectResponse(f"/lists/{self._reporter_id}", _SEE_OTHER)

    def _refused(self, request: Request, said: str) -> Response:
        """Show the list as it is, and what could not be done; for a page that is open that is no error of its own."""
        if not wants_part(request):
            return self.answer(request, said=said, status=_CONFLICT)
        answer = self.answer(request, said=said)
        answer.headers[REFUSED] = "1"
        return answer

    def _words(self, error: BalancerError) -> str:
        with self._served.database.session() as session:
            who = people.name_of(session, error.reporter_id) if isinstance(error, ClaimedError) else ""
        return words_for(error, who)

    def _listed(self, *, whole: bool = False) -> MyList:
        now = self._served.clock.now()
        with self._served.database.session() as session:
            person = reporter_as_held(session, people.reporter(session, self._reporter_id).reporter, now)
            if self._reporter_id not in worklists.list_marks(session, self._reporter_id):
                return without_list(session, person, self._elsewhere(session, person, set(), now), now)
            listed, tag = shown(session, self._reporter_id, self._reach, now)
            elsewhere = self._elsewhere(session, person, {item.read_id for item in listed.items}, now)
            return my_list(session, listed, person, elsewhere, tag, now, whole=whole)

    def _done(self, now: datetime) -> DoneToday:
        with self._served.database.session() as session:
            return done_today(session, self._reporter_id, now)

    def _elsewhere(
        self, session: Session, person: Reporter, on_list: Collection[int], now: datetime
    ) -> list[WorklistItemOut]:
        """Return what they have open beside their list."""
        found = my_day.open_elsewhere(session, person.reporter_id, on_list)
        around = around_of(session, found, now)
        return [WorklistItemOut.of(entry, person, around) for entry in found]

    def _frame(self, listed: MyList, *, own: bool) -> Frame:
        now = self._served.clock.now()
        strip = []
        if listed.published_at is not None:
            whose = "Your list" if own else "List"
            strip = [Sign(words=f"{whose} v{listed.version}, published {at_words(listed.published_at, now)}")]
        here = "/my-list" if own else "/lists"
        title = "My list" if own else "A list"
        return frame(self._served.database, self._caller, now, title=title, here=here, strip=strip)


# --- news -------------------------------------------------------------------------------------------------------------


async def _there(
    served: Served, watch: Watching, caller: Caller, reach: Reaching, reporter_id: ReporterInPath
) -> AsyncIterator[str]:
    """Yield the reporter, having seen that the caller may see their list, and hold a place among those who wait."""
    reach.require_reporter(reporter_id)
    await run_in_threadpool(_require_reporter, served.database, reporter_id)
    with watch.place(caller.subject):
        yield reporter_id


def _require_reporter(database: Database, reporter_id: str) -> None:
    with database.session() as session:
        people.reporter(session, reporter_id)


@router.get(
    "/lists/{reporter_id}/events",
    response_class=EventSourceResponse,
    dependencies=[Depends(_SEE)],
)
async def follow(
    request: Request,
    watch: Watching,
    reporter_id: Annotated[str, Depends(_there)],
    wait: Annotated[float, Query(ge=0, le=_LONGEST_SECONDS)] = 0,
) -> AsyncIterator[ServerSentEvent]:
    """Say the tag of the list as it is, and for ``wait`` seconds whenever it is another.

    That it is asked with ``wait`` keeps nobody's session alive. It ends within a minute for whoever may no longer see
    the list.
    """
    told, until = None, time.monotonic() + wait
    ask_again = time.monotonic() + _ASKED_EVERY_SECONDS
    while True:
        if told is not None and time.monotonic() >= ask_again:
            if not await _SEE.still(request):
                return
            ask_again = time.monotonic() + _ASKED_EVERY_SECONDS
        marks = await watch.look()
        tag = _tag_in(marks, reporter_id, reach_of(request))
        if tag != told:
            yield ServerSentEvent(data=tag, event="list")
            told = tag
        if time.monotonic() >= until or watch.is_ending:
            return
        await watch.news(marks, min(until, ask_again) - time.monotonic())


def _tag_in(marks: Marks, reporter_id: str, reach: Reach) -> str:
    mark = marks.lists.get(reporter_id)
    return "" if mark is None else list_tag(reporter_id, mark, reach)
