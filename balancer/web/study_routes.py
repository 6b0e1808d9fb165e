"""The page of one study: what it is, why it is where it is, what may be done about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum
from typing import Annotated, Final

from fastapi import APIRouter, Query
from starlette.responses import HTMLResponse, Response

from balancer.api.callers import may
from balancer.api.models.shape import MOST_CHARACTERS, PATTERN
from balancer.api.serving import IdInPath
from balancer.domain.errors import NotFoundError
from balancer.domain.permission import Permission
from balancer.domain.read_explained import ReadExplained
from balancer.services.request_explanation import request_explanation
from balancer.store import drafts
from balancer.web.desk import AtDesk, Desk
from balancer.web.downloads import download
from balancer.web.draft_effects import effects
from balancer.web.draft_facts import preview_facts
from balancer.web.study import study_page
from balancer.web.study_acts import Act, act_panel
from balancer.web.study_explained import WhyPage, why_page
from balancer.web.study_facts import StudyFacts, study_facts
from balancer.web.study_history import Happened, history
from balancer.web.study_refused import beyond_reach, refused, refused_by_name, refused_lede
from balancer.web.study_tables import history_table, reads_table
from balancer.web.tables import Medium, View, Viewing
from balancer.web.time_left import at_words

router = APIRouter(include_in_schema=False)
_SEE: Final = [may(Permission.STUDIES_READ)]
_STEER: Final = [may(Permission.READS_STEER)]
# Of a history that is longer, so much is shown before all of it is asked for.
_RECENT: Final = 8
_MOST_READS: Final = 9
_NOT_WORKED_OUT: Final = "it has not been worked out who could read it"
ReadNumber = Annotated[int | None, Query(ge=1, le=_MOST_READS)]

_Number = Annotated[int | None, Query(ge=1, le=2**31 - 1)]


class Part(StrEnum):
    """Which table of a study's page."""

    ALTERNATIVES = "alternatives"
    REFUSED = "refused"
    READS = "reads"
    HISTORY = "history"


@router.get("/studies/{study_id}", dependencies=_SEE)
def show_study(  # noqa: PLR0913, PLR0917 - which study, and which part of it is open
    desk: AtDesk,
    view: Viewing,
    study_id: IdInPath,
    act: Act | None = None,
    read: ReadNumber = None,
    reporter: Annotated[str, Query(max_length=MOST_CHARACTERS, pattern=PATTERN)] = "",
    draft: _Number = None,
    whole: Annotated[str, Query(max_length=1)] = "",
    of: Part = Part.ALTERNATIVES,
) -> Response:
    """Show a study; ``act`` opens a form, ``draft`` shows what was staged in it, ``whole`` all of its history.

    ``of``: which of its tables is wanted as a file.
    """
    if view.medium is not Medium.PAGE:
        return _file(desk, study_id, read, of, view)
    return study_shown(desk, study_id, act=act, read=read, reporter=reporter, draft=draft, whole=bool(whole))


@router.get("/studies/{study_id}/reads/{number}/why", dependencies=_SEE)
def show_why(desk: AtDesk, study_id: IdInPath, number: IdInPath) -> HTMLResponse:
    """Show why a read is where it is, for a page that is open already."""
    return _why_shown(desk, study_id, number)


@router.get("/studies/{study_id}/reads/{number}/refused", dependencies=_SEE)
def show_refused(  # noqa: PLR0913, PLR0917 - of which read, and whom of them
    desk: AtDesk,
    view: Viewing,
    study_id: IdInPath,
    number: IdInPath,
    rule: Annotated[str, Query(max_length=2, pattern="^(H[0-9])?$")] = "",
    q: Annotated[str, Query(max_length=MOST_CHARACTERS, pattern=PATTERN)] = "",
) -> Response:
    """Show by name who may not have a read, and why; ``rule`` and ``q`` (a name, a number) say whom of them."""
    with desk.database.session() as session:
        facts = study_facts(session, desk.reach, study_id, number, desk.now)
    desk.look("study", [study_id])
    why, found = _worked_out(desk, facts, number)
    if why.number != number:  # that one takes part in no plan: what is there is another read's
        raise NotFoundError(_NOT_WORKED_OUT)
    links = desk.may(Permission.REPORTERS_READ)
    table = refused_by_name(facts, found.refusals, view, rule=rule, name=q, links=links)
    if view.medium is not Medium.PAGE:
        return download(table, desk.now)
    return desk.page(
        "study_refused.html",
        title="Who may not, and why",
        here="/studies",
        study=study_page(facts, desk.now),
        why=why,
        lede=refused_lede(found),
        at="" if facts.explained.at is None else at_words(facts.explained.at, desk.now),
        refused=table,
        beyond=beyond_reach(facts, found.refusals, rule),
    )


@router.post("/studies/{study_id}/reads/{number}/why", dependencies=_STEER)
def ask_why(desk: AtDesk, study_id: IdInPath, number: IdInPath) -> Response:
    """Have it worked out on the plan in force."""
    with desk.database.session() as session:
        read_id = study_facts(session, desk.reach, study_id, number, desk.now).read_id(number)
    page = f"/studies/{study_id}?read={number}#why"
    if desk.wants_part:
        request_explanation(desk.database, read_id, desk.now)
        return _why_shown(desk, study_id, number)
    return desk.after(
        lambda: request_explanation(desk.database, read_id, desk.now),
        then=lambda _: page,
        refused=lambda said, status: study_shown(desk, study_id, said=said, status=status),
    )


def _file(desk: Desk, study_id: int, read: int | None, of: Part, view: View) -> Response:
    with desk.database.session() as session:
        facts = study_facts(session, desk.reach, study_id, read, desk.now)
    desk.look("study", [study_id])
    if of is Part.READS:
        return download(reads_table(facts, study_page(facts, desk.now), view), desk.now)
    if of is Part.HISTORY:
        return download(history_table(_told(desk, facts), study_page(facts, desk.now), view), desk.now)
    why, found = _worked_out(desk, facts, read)
    if of is Part.REFUSED:  # with every name, where the page has the first few
        return download(replace(refused(facts, found.refusals, why.number, whole=True), view=view), desk.now)
    if why.alternatives is None:
        raise NotFoundError(_NOT_WORKED_OUT)
    return download(replace(why.alternatives, view=view), desk.now)


def _worked_out(desk: Desk, facts: StudyFacts, read: int | None) -> tuple[WhyPage, ReadExplained]:
    """Return why a read is where it is, as its page says it and as it was found."""
    why, found = _whys(desk, facts, read), facts.explained.found
    if why is None or found is None or not why.is_there:
        raise NotFoundError(_NOT_WORKED_OUT)
    return why, found


def study_shown(  # noqa: PLR0913 - which study, which part of it is open, and what is said of it
    desk: Desk,
    study_id: int,
    *,
    act: Act | None = None,
    read: int | None = None,
    reporter: str = "",
    draft: int | None = None,
    whole: bool = False,
    wrote: Mapping[str, str] | None = None,
    said: str = "",
    status: int = 200,
) -> HTMLResponse:
    """Return a study's page; ``said`` is what could not be done, ``wrote`` what stood in the form."""
    caller = desk.caller
    steer, expedite = caller.reach(Permission.READS_STEER), caller.reach(Permission.READS_EXPEDITE)
    with desk.database.session() as session:
        facts = study_facts(session, desk.reach, study_id, read, desk.now)
        shown = None
        if draft is not None and steer.covers(drafts.draft(session, draft).trust):
            shown = effects(preview_facts(session, draft), desk.now, about=study_id)
    desk.look("study", [study_id, *(other.study_id for other in facts.others)])
    page = study_page(facts, desk.now)
    lines = _told(desk, facts)
    return desk.page(
        "study.html",
        title=page.title,
        here="/studies",
        status=status,
        study=page,
        facts=facts,
        whys=_whys(desk, facts, read),
        panel=act_panel(
            facts,
            desk.now,
            act=act,
            read=read,
            reporter=reporter,
            steer=steer,
            expedite=expedite,
            author=caller.subject,
            wrote=wrote,
            said=said,
        ),
        effects=shown,
        draft=draft,
        history=lines if whole else lines[:_RECENT],
        more_history=0 if whole else max(0, len(lines) - _RECENT),
    )


def _told(desk: Desk, facts: StudyFacts) -> list[Happened]:
    """Return what has happened to a study: steps to whoever may see its trust's lists, decisions to who may steer."""
    caller, trust = desk.caller, facts.study.trust
    return history(
        facts,
        desk.now,
        steps=caller.reach(Permission.WORKLISTS_READ).covers(trust),
        decisions=caller.reach(Permission.READS_STEER).covers(trust),
    )


def _whys(desk: Desk, facts: StudyFacts, read: int | None) -> WhyPage | None:
    """Return why a read is where it is: for whoever may see runs, of a read that takes part in plans."""
    may_see = desk.caller.reach(Permission.RUNS_READ).covers(facts.study.trust)
    number = read if read in facts.open_reads else next(iter(facts.open_reads), None)
    if not may_see or facts.is_blind or number is None:
        return None
    may_ask = desk.caller.reach(Permission.READS_STEER).covers(facts.study.trust)
    return why_page(facts, number, desk.now, may_ask=may_ask)


def _why_shown(desk: Desk, study_id: int, number: int) -> HTMLResponse:
    with desk.database.session() as session:
        facts = study_facts(session, desk.reach, study_id, number, desk.now)
    desk.look("study", [study_id])
    return desk.part("study_why.html", why=_whys(desk, facts, number), study=study_page(facts, desk.now))
