"""Reporters: who may report what for whom until when, and what managers decide otherwise than the feeds say."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Form, Query
from starlette.responses import Response

from balancer.api.callers import may
from balancer.api.models.shape import PATTERN
from balancer.api.serving import Day, IdInPath, ReporterInPath
from balancer.domain.half_days import HalfDay
from balancer.domain.instant import day_of, end_of_day, local_instant
from balancer.domain.instruction import Instruction
from balancer.domain.overrides import OF_PEOPLE, OF_ROSTERS
from balancer.domain.permission import Permission
from balancer.services.hold_over import reporter_as_held, reporters_as_held
from balancer.services.override_roster import Extra, add_session, take_session_away
from balancer.services.override_scope import Decision, decide_entitlement, decide_skill
from balancer.services.withdraw_override import withdraw_override
from balancer.store import instructions, people, planned_time, standing
from balancer.store.database import Session
from balancer.store.held_rosters import held_roster
from balancer.web.desk import AtDesk, Desk
from balancer.web.downloads import download
from balancer.web.reporter_list import Wanted, reporter_table
from balancer.web.reporter_page import reporter_page
from balancer.web.reporter_tables import Part, part_table
from balancer.web.reporter_week import Week, week_of_reporter
from balancer.web.roster_page import shifts_of
from balancer.web.roster_panel import names_of
from balancer.web.signed import signed
from balancer.web.tables import Medium, View, Viewing

router = APIRouter(include_in_schema=False)
_HERE: Final = "/rosters"
_READ: Final = [may(Permission.REPORTERS_READ)]
_WRITE: Final = [may(Permission.REPORTERS_WRITE)]
_HOUR: Final = timedelta(hours=1)
_WEEKS: Final = 2
Text = Annotated[str, Query(max_length=64, pattern=PATTERN)]
Word = Annotated[str, Form(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f]*[^\x00-\x20][^\x00-\x1f]*$")]
Reason = Annotated[str, Form(min_length=1, max_length=500, pattern=r"[^\s]")]
# A date field that is left empty sends nothing between its quotes, which is no day.
Until = Annotated[Day | None, Form()]


@router.get("/reporters", dependencies=_READ)
def show_reporters(  # noqa: PLR0913, PLR0917 - filters
    desk: AtDesk, view: Viewing, trust: Text = "", subspecialty: Text = "", q: Text = "", show: Text = ""
) -> Response:
    """Show reporters: where they are entitled, what they report, what lapses, what was decided here."""
    wanted = Wanted(trust=trust, subspecialty=subspecialty, name=q, show=show)
    with desk.database.session() as session:
        own = None if desk.reach.trusts else desk.reach.own
        everyone = [people.reporter(session, own)] if own else people.reporters(session, unlisted=True)
        found = reporter_table(
            everyone,
            reporters_as_held(session, [item.reporter for item in everyone], desk.now),
            _given(session, desk.now),
            hours=_hours_this_week(session, desk.now),
            reads=planned_time.reads_on_lists(session) if desk.may(Permission.WORKLISTS_READ) else None,
            wanted=wanted,
            trusts=_trusts(session),
            view=view,
            today=day_of(desk.now),
        )
    if view.medium is not Medium.PAGE:
        return download(found, desk.now)
    return desk.page("reporters.html", title="Reporters", here=_HERE, reporters=found)


@router.get("/reporters/{reporter_id}", dependencies=_READ)
def show_reporter(desk: AtDesk, view: Viewing, reporter_id: ReporterInPath, of: Part = Part.ENTITLEMENTS) -> Response:
    """Show one reporter: what the feeds say, what holds, what was decided in between; ``of``: which table of it."""
    return _page(desk, reporter_id, view=view, of=of)


@router.post("/reporters/{reporter_id}/entitle", dependencies=_WRITE)
def entitle(  # noqa: PLR0913, PLR0917
    desk: AtDesk,
    reporter_id: ReporterInPath,
    trust: Word,
    reason: Reason,
    granted: Annotated[bool, Form()],
    until: Until = None,
) -> Response:
    """Grant an entitlement at a trust, or withdraw it, until a day or for good."""
    said = Decision(trust=trust, reason=reason)
    return _after(
        desk,
        reporter_id,
        "entitlements",
        lambda: decide_entitlement(
            desk.database, reporter_id, desk.now, by=desk.caller, said=said, granted=granted, until=until
        ),
    )


@router.post("/reporters/{reporter_id}/skill", dependencies=_WRITE)
def skill(  # noqa: PLR0913, PLR0917
    desk: AtDesk,
    reporter_id: ReporterInPath,
    subspecialty: Word,
    level: Annotated[int, Form(ge=0, le=3)],
    reason: Reason,
    modality: Annotated[str, Form(max_length=64, pattern=PATTERN)] = "",
    until: Until = None,
) -> Response:
    """Say how well somebody knows a subspecialty, until a day or for good; their home trust decides."""
    with desk.database.session() as session:
        home = people.reporter(session, reporter_id).reporter.home_trust
    said = Decision(trust=home, reason=reason, expires_at=_end_of(until))
    return _after(
        desk,
        reporter_id,
        "skills",
        lambda: decide_skill(
            desk.database, reporter_id, subspecialty, modality or None, level, desk.now, by=desk.caller, said=said
        ),
    )


@router.post("/reporters/{reporter_id}/extra", dependencies=_WRITE)
def extra(  # noqa: PLR0913, PLR0917
    desk: AtDesk,
    reporter_id: ReporterInPath,
    trust: Word,
    begins: Annotated[datetime, Form()],
    ends: Annotated[datetime, Form()],
    reason: Reason,
) -> Response:
    """Add a session of reporting to a trust's roster, in place of what it says of the same time."""
    more = Extra(start=_instant(begins), end=_instant(ends))
    said = Decision(trust=trust, reason=reason)
    return _after(
        desk,
        reporter_id,
        "sessions",
        lambda: add_session(desk.database, reporter_id, more, desk.now, by=desk.caller, said=said),
    )


@router.post("/reporters/{reporter_id}/without", dependencies=_WRITE)
def without(desk: AtDesk, reporter_id: ReporterInPath, trust: Word, session_id: Word, reason: Reason) -> Response:
    """Take a session away that a trust's roster says."""
    said = Decision(trust=trust, reason=reason)
    return _after(
        desk,
        reporter_id,
        "sessions",
        lambda: take_session_away(desk.database, reporter_id, session_id, desk.now, by=desk.caller, said=said),
    )


@router.post("/reporters/{reporter_id}/decisions/{instruction_id}/withdraw", dependencies=_WRITE)
def withdraw(desk: AtDesk, reporter_id: ReporterInPath, instruction_id: IdInPath, reason: Reason) -> Response:
    """Take a decision back: what the feeds say holds again."""
    return _after(
        desk,
        reporter_id,
        "decided",
        lambda: withdraw_override(desk.database, reporter_id, instruction_id, desk.now, by=desk.caller, why=reason),
    )


# --- what it shows ----------------------------------------------------------------------------------------------------


def _page(  # noqa: PLR0913 - whose page, which table of it, and what is said of it
    desk: Desk,
    reporter_id: str,
    *,
    view: View | None = None,
    of: Part = Part.ENTITLEMENTS,
    said: str = "",
    status: int = 200,
) -> Response:
    with desk.database.session() as session:
        listed = people.reporter(session, reporter_id)
        if not desk.reach.trusts:
            desk.reach.require_reporter(reporter_id)
        names = _trusts(session)
        theirs = [item for item in _given(session, desk.now, reporter_id) if item.reporter_id == reporter_id]
        page = reporter_page(
            listed.reporter,
            reporter_as_held(session, listed.reporter, desk.now),
            signed(session, theirs),
            listed=listed.listed,
            trusts=names,
            examined={(exam.subspecialty, exam.modality) for exam in standing.examinations(session)},
            may_decide=_decides(desk, names),
            now=desk.now,
        )
        week = _week(session, desk, reporter_id, names)
        counted = planned_time.reads_on_lists(session) if desk.may(Permission.WORKLISTS_READ) else None
    if view is not None and view.medium is not Medium.PAGE:
        return download(part_table(page, week, of, view), desk.now)
    reads = None if counted is None else counted.get(reporter_id, 0)
    values = {"page": page, "week": week, "reads": reads, "said": said}
    return desk.page("reporter.html", title=page.name, here=_HERE, status=status, **values)


def _week(session: Session, desk: Desk, reporter_id: str, names: dict[str, str]) -> Week:
    """Return somebody's sessions from today on, as they are said and as they hold."""
    start = end_of_day(day_of(desk.now) - timedelta(days=1))
    end = start + timedelta(weeks=_WEEKS)
    roster = held_roster(session, start, end, desk.now, reporter_id=reporter_id)
    planned = planned_time.planned_time(session, desk.now, end, [reporter_id])
    return week_of_reporter(roster, planned, names, _decides(desk, names), start, desk.now)


def _after(desk: Desk, reporter_id: str, part: str, act: Callable[[], object]) -> Response:
    """Decide something about somebody, and come back to the part of their page that it is about."""
    return desk.after(
        act,
        then=lambda _: f"/reporters/{reporter_id}#{part}",
        refused=lambda words, status: _page(desk, reporter_id, said=words, status=status),
    )


def _given(session: Session, now: datetime, reporter_id: str | None = None) -> list[Instruction]:
    return instructions.in_force(session, now, kinds=OF_PEOPLE | OF_ROSTERS, reporter_id=reporter_id)


def _hours_this_week(session: Session, now: datetime) -> dict[str, float]:
    """Return how long everybody reports this week, as it holds, in hours."""
    today = HalfDay.at(now).day
    monday = today - timedelta(days=today.weekday())
    start = HalfDay(monday, is_afternoon=False).start
    end = HalfDay(monday + timedelta(days=6), is_afternoon=True).end
    found: dict[str, float] = defaultdict(float)
    for shift in shifts_of(held_roster(session, start, end, now)):
        if shift.session.activity == "reporting":
            length = min(shift.session.end, end) - max(shift.session.start, start)
            found[shift.session.reporter_id] += length / _HOUR
    return found


def _trusts(session: Session) -> dict[str, str]:
    return names_of({row.code: row.name for row in standing.trusts(session, listed_only=False)})


def _decides(desk: Desk, names: dict[str, str]) -> set[str]:
    """Return the trusts for which the caller decides about reporters."""
    reach = desk.caller.reach(Permission.REPORTERS_WRITE)
    return {code for code in names if reach.covers(code)}


def _instant(given: datetime) -> datetime:
    return local_instant(given) if given.tzinfo is None else given


def _end_of(day: date | None) -> datetime | None:
    return None if day is None else end_of_day(day)
