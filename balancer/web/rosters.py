"""The rosters' page: a week of half-days, hours spare or short, and marking somebody away with a look at it first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Form, Query
from starlette.responses import RedirectResponse, Response

from balancer.api.callers import may
from balancer.api.models.shape import PATTERN
from balancer.api.serving import Day, IdInPath, ReporterInPath
from balancer.domain.draft import DraftState
from balancer.domain.errors import ConflictError, NotFoundError
from balancer.domain.half_days import HalfDay
from balancer.domain.instant import end_of_day, local_instant
from balancer.domain.instruction import Instruction, InstructionKind, InstructionState
from balancer.domain.permission import Permission
from balancer.domain.reporter import Reporter
from balancer.domain.states import RunState
from balancer.services.discard_draft import discard_draft
from balancer.services.hold_over import reporter_as_held
from balancer.services.override_scope import Decision
from balancer.services.publish_draft import publish_draft
from balancer.services.request_preview import request_preview
from balancer.services.stage_absence import stage_absence
from balancer.services.withdraw_instruction import withdraw_instruction
from balancer.store import drafts, instructions, people, planned_time, preview_moves, previews, standing
from balancer.store.database import Session
from balancer.store.pages import Cut
from balancer.store.tables_drafts import DraftRow
from balancer.web.away import MOST_WITHOUT, Away, away_of, away_words
from balancer.web.away_helps import what_helps
from balancer.web.cover import Cover, cover
from balancer.web.desk import AtDesk, Desk
from balancer.web.downloads import download
from balancer.web.draft_effects import stale_words
from balancer.web.draft_routes import Shown
from balancer.web.roster_files import grid_table, hours_table
from balancer.web.roster_grid import Asked, away_in
from balancer.web.roster_page import Week, chosen_of, rosters, short_in, short_of, week_of
from balancer.web.roster_panel import HalfDayOpen, free_table, half_day_open, names_of, short_table
from balancer.web.tables import Medium, Table, View, Viewing

router = APIRouter(include_in_schema=False)
HERE: Final = "/rosters"
# Why somebody is away is not asked and not kept; what is decided says a reason all the same.
_AWAY: Final = "away"
_CONFIRMED: Final = "shown on the rosters' page before it was confirmed"
_TAKEN_BACK: Final = "taken back before it was published"
_READ: Final = [may(Permission.REPORTERS_READ)]
_STEER: Final = [may(Permission.READS_STEER)]
_MOST_DRAFTS: Final = 10
Text = Annotated[str, Query(max_length=64, pattern=PATTERN)]
Number = Annotated[int | None, Query(ge=1, le=2**31 - 1)]


def _asked(  # noqa: PLR0913, PLR0917 - what an address says
    desk: AtDesk,
    week: Annotated[Day | None, Query()] = None,
    trust: Text = "",
    subspecialty: Text = "",
    q: Text = "",
    page: Annotated[int, Query(ge=1, le=1_000)] = 1,
    reporter: Text = "",
    at: Text = "",
    short: Text = "",
    day: Annotated[Day | None, Query()] = None,
) -> Asked:
    half = HalfDay.named(at) if at else None
    first = half.day if half is not None else week or HalfDay.at(desk.now).day
    return Asked(
        monday=first - timedelta(days=first.weekday()),
        trust=trust,
        subspecialty=subspecialty,
        name=q,
        page=page,
        reporter_id=reporter,
        half=half,
        short=short,
        day=day,
    )


Asking = Annotated[Asked, Depends(_asked)]


@router.get("/rosters", dependencies=_READ)
def show_rosters(  # noqa: PLR0913, PLR0917
    desk: AtDesk, asked: Asking, view: Viewing, draft: Number = None, done: Number = None, of: Text = ""
) -> Response:
    """Show a week of the rosters, and whatever is open beside it."""
    if view.medium is not Medium.PAGE:
        return _file(desk, asked, view, of)
    return _page(desk, asked, draft=draft, done=done)


@router.get("/rosters/drafts/{draft_id}", dependencies=_STEER)
def show_preview(desk: AtDesk, draft_id: IdInPath) -> Response:
    """Show what a draft in which somebody is away would do: as a part of the page, or the page with it."""
    with desk.database.session() as session:
        row, staged, _ = _staged(session, draft_id)
    if not desk.wants_part:
        return RedirectResponse(_address(staged, row), 303)
    shown = _away(desk, draft_id)
    return desk.part("rosters_away.html", away=shown)


@router.post("/reporters/{reporter_id}/away", dependencies=_STEER)
def propose(
    desk: AtDesk,
    reporter_id: ReporterInPath,
    begins: Annotated[datetime, Form()],
    until: Annotated[Day, Form()],
    draft: Annotated[str, Form(pattern="^[0-9]{0,9}$")] = "",
) -> Response:
    """Stage in a draft that somebody is away, and show what it would do; nothing holds yet."""
    start, end = instant_of(begins), end_of_day(until)
    with desk.database.session() as session:
        person = reporter_as_held(session, people.reporter(session, reporter_id).reporter, desk.now)
    trust = _whose_word(desk, person)
    if not trust:
        raise NotFoundError("there is no such reporter within reach")
    said = Decision(trust=trust, reason=_AWAY, draft_id=int(draft) if draft else None)
    name = f"{person.name} away {away_words(start, max(end, start), desk.now)}"[:200]
    half = HalfDay.at(start)
    asked = Asked(monday=half.day - timedelta(days=half.day.weekday()), reporter_id=reporter_id, half=half)
    return desk.after(
        lambda: stage_absence(desk.database, reporter_id, start, end, desk.now, by=desk.caller, said=said, name=name),
        then=lambda number: asked.address(reporter=reporter_id, at=half.code, draft=number) + "#open",
        refused=lambda words, status: _page(desk, asked, said=words, status=status),
    )


@router.post("/rosters/drafts/{draft_id}/preview", dependencies=_STEER)
def look_anew(desk: AtDesk, draft_id: IdInPath) -> Response:
    """Ask anew what a draft in which somebody is away would do."""
    with desk.database.session() as session:
        row, staged, _ = _staged(session, draft_id)
        back = _address(staged, row)
    return desk.after(
        lambda: request_preview(desk.database, draft_id, desk.now, by=desk.caller),
        then=lambda _: back,
        refused=lambda words, status: _page(desk, _asked_of(staged), draft=draft_id, said=words, status=status),
    )


@router.post("/rosters/drafts/{draft_id}/confirm", dependencies=_STEER)
def confirm(desk: AtDesk, draft_id: IdInPath, shown: Shown) -> Response:
    """Publish a draft in which somebody is away, as it was shown: it holds from now, and lists are mended."""
    with desk.database.session() as session:
        row, staged, _ = _staged(session, draft_id)
    asked = _asked_of(staged)
    return desk.after(
        lambda: _confirmed(desk, draft_id, shown),
        then=lambda _: asked.address(reporter=asked.reporter_id, at=_code(asked), done=row.id) + "#open",
        refused=lambda words, status: _page(desk, asked, draft=draft_id, said=words, status=status),
    )


@router.post("/rosters/drafts/{draft_id}/cancel", dependencies=_STEER)
def cancel(desk: AtDesk, draft_id: IdInPath) -> Response:
    """Take it out of the draft again; a draft with nothing else in it is discarded."""
    with desk.database.session() as session:
        _, staged, numbers = _staged(session, draft_id)
    asked = _asked_of(staged)

    def undo() -> None:
        if len(numbers) > 1:
            withdraw_instruction(desk.database, staged.id, desk.now, by=desk.caller, why=_TAKEN_BACK)
        else:
            discard_draft(desk.database, draft_id, desk.now, by=desk.caller, why=_TAKEN_BACK)

    return desk.after(
        undo,
        then=lambda _: asked.address(),
        refused=lambda words, status: _page(desk, asked, draft=draft_id, said=words, status=status),
    )


def _confirmed(desk: Desk, draft_id: int, shown: Sequence[int]) -> None:
    """Publish it if what is shown of it still is what it would do."""
    with desk.database.session() as session:
        found = previews.newest(session, draft_id)
    if found is None or found[0].state is not RunState.PREVIEWED:
        raise ConflictError("what it would do is not known yet: look at it before it is confirmed")
    stale = stale_words(*found, shown, desk.now)
    if stale:
        raise ConflictError(f"{stale.rstrip('.')}: look at it anew")
    publish_draft(desk.database, draft_id, desk.now, by=desk.caller, why=_CONFIRMED, shown=shown)


def rosters_shown(desk: Desk, half: HalfDay, short: str, *, said: str, status: int) -> Response:
    """Return the page with the hours short of a subspecialty open, and what could not be done about them."""
    asked = Asked(monday=half.day - timedelta(days=half.day.weekday()), half=half, short=short)
    return _page(desk, asked, said=said, status=status)


# --- what it shows ----------------------------------------------------------------------------------------------------


def _page(  # noqa: PLR0913 - what is open, what was said
    desk: Desk,
    asked: Asked,
    *,
    draft: int | None = None,
    done: int | None = None,
    said: str = "",
    status: int = 200,
) -> Response:
    values: dict[str, Any] = {
        "open": None,
        "away": None,
        "short": None,
        "free": None,
        "cover": None,
        "done": "",
        "withheld": 0,
    }
    if draft is not None:
        values["away"] = _away(desk, draft)
    if done is not None:
        values["done"] = _done(desk, done)
    with desk.database.session() as session:
        week = week_of(session, asked, desk.now, only=_only(desk))
        if draft is None and asked.short and asked.half is not None:
            values |= _short(desk, week, asked, asked.half, View(path=HERE))
        elif draft is None and asked.reporter_id:
            values["open"] = _open(session, desk, week, asked)
        page = rosters(session, week, asked, desk.now, may_open=desk.may(Permission.STUDIES_READ))
    return desk.page("rosters.html", title="Rosters", here=HERE, status=status, page=page, said=said, **values)


def _open(session: Session, desk: Desk, week: Week, asked: Asked) -> HalfDayOpen:
    person = next((one for one in week.everybody if one.reporter_id == asked.reporter_id), None)
    if person is None:
        raise NotFoundError("there is no such reporter within reach")
    trust = _whose_word(desk, person) if desk.may(Permission.READS_STEER) else ""
    counted = planned_time.reads_on_lists(session) if desk.may(Permission.WORKLISTS_READ) else None
    return half_day_open(
        person,
        asked.half,
        week.roster,
        None if asked.half is None else week.hours.held.get((person.reporter_id, asked.half)),
        on_list=None if counted is None else counted.get(person.reporter_id, 0),
        trust=trust,
        drafts=_open_drafts(desk) if trust else [],
        names=_trust_names(session),
        close=asked.address(day=None if asked.half is None else asked.half.day),
        now=desk.now,
    )


def _short(desk: Desk, week: Week, asked: Asked, half: HalfDay, view: View) -> dict[str, Any]:
    """Return the reads behind hours short: whoever sees rosters sees the hours, and studies only where they may."""
    counted = len(short_in(week, asked.short, half))
    with desk.within(Permission.STUDIES_READ).session() as session:
        within = replace(week, short=short_of(session, week.halves, desk.now))
        exams = _exam_names(session)
    found = short_in(within, asked.short, half)
    desk.look("study", [read.study_id for read, _ in found])
    return {
        "short": short_table(found, asked.short, half, policy=week.policy, exams=exams, view=view, now=desk.now),
        "withheld": counted - len(found),
        "free": free_table(week.hours.held, week.everybody, asked.short, half, view),
        "cover": _cover(desk, week, asked.short, half),
    }


def _cover(desk: Desk, week: Week, name: str, half: HalfDay) -> Cover | None:
    """Return who could be asked for a session more, to whoever may stage that; nothing of what is over."""
    reach = desk.caller.reach(Permission.REPORTERS_WRITE)
    trusts = {person.home_trust for person in week.everybody if reach.covers(person.home_trust)}
    if not trusts or not desk.may(Permission.READS_STEER) or half.end <= desk.now:
        return None
    away = away_in(week.roster.absences, week.halves)
    return cover(week.everybody, week.hours.held, away, name, half, trusts, desk.now)


def _away(desk: Desk, draft_id: int) -> Away:
    """Return what a draft in which somebody is away would do, to whoever may steer at its trusts."""
    with desk.within(Permission.READS_STEER).session() as session:
        return _away_in(session, desk, draft_id)


def _away_in(session: Session, desk: Desk, draft_id: int) -> Away:
    row, staged, numbers = _staged(session, draft_id)
    reporter_id, found = staged.reporter_id or "", previews.newest(session, row.id or 0)
    run_id = None if found is None else found[0].id
    without = [] if run_id is None else preview_moves.without_place(session, run_id, reporter_id, MOST_WITHOUT)
    desk.look("study", [study.id or 0 for study, _ in without])
    return away_of(
        row,
        staged,
        numbers,
        found,
        name=people.name_of(session, reporter_id),
        counts=None if run_id is None else preview_moves.move_counts(session, run_id, reporter_id),
        takers={} if run_id is None else preview_moves.takers(session, run_id, reporter_id),
        loads=[] if run_id is None else previews.loads(session, run_id),
        without=without,
        helps=what_helps(session, found, reporter_id, desk.now, sees_rosters=desk.may(Permission.REPORTERS_READ)),
        opened=planned_time.open_reads(session, reporter_id),
        names={item.reporter.reporter_id: item.reporter.name for item in people.reporters(session, unlisted=True)},
        exams=_exam_names(session),
        trusts={trust.code: trust.name for trust in standing.trusts(session, listed_only=False)},
        now=desk.now,
    )


def _done(desk: Desk, draft_id: int) -> str:
    """Say of a draft that was published that it was, and what becomes of the lists."""
    with desk.within(Permission.READS_STEER).session() as session:
        row = drafts.draft(session, draft_id)
        given = drafts.of_draft(session, draft_id, InstructionState.IN_FORCE)
        absent = [item for item in given if item.kind is InstructionKind.ABSENCE]
        if row.state is not DraftState.PUBLISHED or not absent:
            return ""
        who = people.name_of(session, absent[0].reporter_id or "")
    start, end = (datetime.fromisoformat(absent[0].value[name]) for name in ("start", "end"))
    return f"{who} is marked away {away_words(start, end, desk.now)}. Lists are mended now."


def _staged(session: Session, draft_id: int) -> tuple[DraftRow, Instruction, list[int]]:
    """Return a draft, the absence that was staged in it last, and the numbers of all decisions that it holds."""
    row = drafts.draft(session, draft_id)
    staged = drafts.of_draft(session, draft_id, InstructionState.STAGED)
    absent = [item for item in staged if item.kind is InstructionKind.ABSENCE]
    if not absent:
        raise NotFoundError("the draft marks nobody away: it has been published, discarded or changed")
    return row, instructions.instruction_of(absent[-1]), [item.id or 0 for item in staged]


def _file(desk: Desk, asked: Asked, view: View, of: str) -> Response:
    with desk.database.session() as session:
        week = week_of(session, asked, desk.now, only=_only(desk))
    if of in {"short", "free"}:
        return download(_open_table(desk, week, asked, view, of), desk.now)
    if of == "hours":
        return download(hours_table(week.spare, week.halves, view), desk.now)
    return download(grid_table(chosen_of(week.everybody, asked), week.halves, week.hours, view), desk.now)


def _open_table(desk: Desk, week: Week, asked: Asked, view: View, of: str) -> Table:
    """Return the reads behind hours that are short, or who has time then."""
    if not asked.short or asked.half is None:
        raise NotFoundError("no half-day of a subspecialty is asked for")
    desk.within(Permission.STUDIES_READ)  # nobody else can open a half-day on the page
    if of == "free":
        return free_table(week.hours.held, week.everybody, asked.short, asked.half, view)
    found: Table = _short(desk, week, asked, asked.half, view)["short"]
    return found


# --- who may ----------------------------------------------------------------------------------------------------------


def _only(desk: Desk) -> str | None:
    """Return the reporter whose own week it is, if the caller reaches nobody else's."""
    return None if desk.reach.trusts else desk.reach.own


def _whose_word(desk: Desk, person: Reporter) -> str:
    """Return the trust for which the caller may decide about somebody: their home if it can be, else another."""
    reach = desk.caller.reach(Permission.REPORTERS_WRITE)
    return next((trust for trust in (person.home_trust, *person.trusts) if reach.covers(trust)), "")


def _open_drafts(desk: Desk) -> list[tuple[str, str]]:
    """Return the caller's own open drafts, as far as they may add to them."""
    with desk.within(Permission.READS_STEER).session() as session:
        cut = Cut(limit=_MOST_DRAFTS)
        found = drafts.drafts(session, cut, state=DraftState.OPEN, author=desk.caller.subject).items
    return [(str(row.id), row.name) for row in found]


def _trust_names(session: Session) -> dict[str, str]:
    return names_of({row.code: row.name for row in standing.trusts(session, listed_only=False)})


def _exam_names(session: Session) -> dict[str, str]:
    return standing.examination_names(session)


def instant_of(given: datetime) -> datetime:
    """Return the instant of what a form says: a wall clock's time in London if it names no zone."""
    return local_instant(given) if given.tzinfo is None else given


def _asked_of(staged: Instruction) -> Asked:
    half = HalfDay.at(datetime.fromisoformat(staged.value["start"]))
    monday = half.day - timedelta(days=half.day.weekday())
    return Asked(monday=monday, reporter_id=staged.reporter_id or "", half=half)


def _address(staged: Instruction, row: DraftRow) -> str:
    asked = _asked_of(staged)
    return asked.address(reporter=asked.reporter_id, at=_code(asked), draft=row.id) + "#open"


def _code(asked: Asked) -> str:
    return "" if asked.half is None else asked.half.code
