"""What is open beside the grid: a half-day of somebody's, or the reads behind hours that are short."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from balancer.domain.half_days import HalfDay
from balancer.domain.instant import LONDON
from balancer.domain.overrides import Shift, span
from balancer.domain.policy import Policy
from balancer.domain.reporter import REPORTING, Reporter
from balancer.store.held_rosters import HeldRoster
from balancer.store.planned_time import ShortRead
from balancer.store.tables import SessionRow
from balancer.web.away import from_value, until_options
from balancer.web.class_marks import class_marks, mark_of
from balancer.web.field_words import in_words
from balancer.web.my_list import short_name
from balancer.web.roster_hours import Held
from balancer.web.roster_words import half_words
from balancer.web.tables import Cell, Column, Medium, Row, Table, View, number
from balancer.web.time_left import at_words, time_left

MOST_SHORT: Final = 50
_HOUR: Final = timedelta(hours=1)
# Less than this is printed as nought.
_LEAST: Final = timedelta(minutes=3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """A session, or what holds of it, in words; ``differs`` says how the rota has it."""

    when: str
    what: str
    whose: str
    differs: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HalfDayOpen:
    """A half-day of a reporter's, and the form that marks them away, if the caller may.

    ``trust`` is whose word it would be; ``only`` says that it would hold for that trust's roster alone. ``drafts`` are
    those that it may be added to.
    """

    reporter_id: str
    name: str
    when: str
    stretches: Sequence[Stretch]
    filled: str
    on_list: int | None
    trust: str
    only: str
    begins: str
    until: Sequence[tuple[str, str]]
    drafts: Sequence[tuple[str, str]]
    close: str


def half_day_open(  # noqa: PLR0913 - whose half-day, as it holds, and what may be done
    person: Reporter,
    half: HalfDay | None,
    roster: HeldRoster,
    held: Held | None,
    *,
    on_list: int | None,
    trust: str,
    drafts: Sequence[tuple[str, str]],
    names: Mapping[str, str],
    close: str,
    now: datetime,
) -> HalfDayOpen:
    """Return what is shown of a half-day of somebody's; without one, of their week."""
    filled = ""
    if held is not None and held.share is not None and held.left:
        filled = f"{held.planned / _HOUR:.1f} h of {held.left / _HOUR:.1f} h that are left are filled."
    only = ""
    if trust and trust != person.home_trust:
        only = f"It would hold for {names.get(trust, trust)}'s roster only: the home trust decides about the others."
    return HalfDayOpen(
        reporter_id=person.reporter_id,
        name=person.name,
        when="" if half is None else half_words(half),
        stretches=[] if half is None else stretches_of(roster, person.reporter_id, half.start, half.end, names),
        filled=filled,
        on_list=on_list,
        trust=trust,
        only=only,
        begins=from_value(_first(roster, person.reporter_id, half), now),
        until=until_options(half, now),
        drafts=drafts,
        close=close,
    )


def _first(roster: HeldRoster, reporter_id: str, half: HalfDay | None) -> datetime | None:
    """Return when somebody begins in a half-day: with their first session in it, else with the half-day."""
    if half is None:
        return None
    held = [shift for _, left, _ in roster.said for shift in left] + list(roster.added)
    starts = [
        max(shift.session.start, half.start)
        for shift in held
        if shift.session.reporter_id == reporter_id and half.overlap(shift.session.start, shift.session.end)
    ]
    return min(starts, default=half.start)


def stretches_of(
    roster: HeldRoster, reporter_id: str, start: datetime, end: datetime, names: Mapping[str, str]
) -> list[Stretch]:
    """Return somebody's sessions that reach into a time, as they hold and how the rota has them."""
    found: list[tuple[datetime, Stretch]] = []
    for row, left, _ in roster.said:
        if row.reporter_id == reporter_id and row.start < end and row.end > start:
            found += [(row.start, _said(row, left, names))]
    for shift in roster.added:
        session = shift.session
        if session.reporter_id == reporter_id and session.start < end and session.end > start:
            words = _when(session.start, session.end)
            stretch = Stretch(
                when=words,
                what=_what(session.activity),
                whose=names.get(shift.trust, shift.trust),
                differs="added here",
            )
            found.append((session.start, stretch))
    for item in roster.absences:
        begins, ends = span(item)
        if item.reporter_id == reporter_id and begins < end and ends > start:
            whose = names.get(item.trust, item.trust)
            found.append((begins, Stretch(when=_when(begins, ends), what="Away", whose=whose, differs="entered here")))
    return [stretch for _, stretch in sorted(found, key=lambda item: item[0])]


def _said(row: SessionRow, left: Sequence[Shift], names: Mapping[str, str]) -> Stretch:
    whole = _when(row.start, row.end)
    holds = [_when(shift.session.start, shift.session.end) for shift in left]
    if holds == [whole]:
        when, differs = whole, ""
    elif holds:
        when, differs = " and ".join(holds), f"the rota says {whole}"
    else:
        when, differs = whole, "does not take place; the rota has it"
    return Stretch(
        when=when, what=_what(row.activity, row.priorities), whose=names.get(row.trust, row.trust), differs=differs
    )


def _what(activity: str, priorities: Sequence[str] = ()) -> str:
    if activity != REPORTING:
        return activity.replace("_", " ").capitalize()
    return f"Reporting, {', '.join(priorities)} only" if priorities else "Reporting"


def _when(start: datetime, end: datetime) -> str:
    first, last = start.astimezone(LONDON), end.astimezone(LONDON)
    if first.date() == last.date():
        return f"{first:%H:%M} to {last:%H:%M}"
    return f"{first:%a %H:%M} to {last:%a %H:%M}"


# --- the reads behind hours that are short ----------------------------------------------------------------------------

_COLUMNS: Final = (
    Column(key="exam", head="Exam", second="accession"),
    Column(key="class", head="Class"),
    Column(key="trust", head="Trust"),
    Column(key="due", head="Due", kept="due"),
    Column(key="planned", head="Planned", kept="planned_end", second="reason"),
    Column(key="hours", head="Hours", number=True),
)


def short_table(  # noqa: PLR0913 - which reads, by which policy, at which instant
    found: Sequence[tuple[ShortRead, float]],
    name: str,
    half: HalfDay,
    *,
    policy: Policy,
    exams: Mapping[str, str],
    view: View,
    now: datetime,
) -> Table:
    """Return the reads that the plan ends after they are due in a half-day, or has no place for."""
    marks, ceilings = class_marks(policy), {priority.code: priority for priority in policy.priorities}
    rows = []
    for read, hours in found[: MOST_SHORT if view.medium is Medium.PAGE else view.limit]:
        known = ceilings.get(read.priority)
        ceiling = None if known is None else known.ceiling_at(read.began_at)
        left = time_left(began_at=read.began_at, due_at=read.due_at, ceiling_at=ceiling, now=now)
        planned = "no place" if read.planned_end is None else f"ends {at_words(read.planned_end, now)}"
        rows.append(
            Row(
                cells=(
                    Cell(
                        text=exams.get(read.exam_code, read.exam_code),
                        link=f"/studies/{read.study_id}",
                        second=read.accession_number,
                    ),
                    Cell(mark=mark_of(marks, read.priority)),
                    Cell(trust=read.trust),
                    Cell(left=left),
                    Cell(text=planned, value=read.planned_end or "", second=read.reason.replace("_", " ")),
                    number(hours, digits=1),
                )
            )
        )
    total = sum(hours for _, hours in found)
    return Table(
        name=f"{in_words(name)}, {half_words(half)}: reads that become late",
        columns=_COLUMNS,
        rows=rows,
        total=len(rows),
        view=view,
        totals=(Cell(text=_counted(len(found), len(rows))), Cell(), Cell(), Cell(), Cell(), number(total, digits=1))
        if rows
        else (),
        empty="No read that is due in this half-day becomes late.",
    )


def _counted(found: int, shown: int) -> str:
    """Return how many reads there are, and that only the first of them are shown if so."""
    return f"{found:,} reads" if shown == found else f"{found:,} reads, of which the first {shown} to be due are shown"


def free_table(
    week_held: Mapping[tuple[str, HalfDay], Held], people: Sequence[Reporter], name: str, half: HalfDay, view: View
) -> Table:
    """Return who reports a subspecialty and has time left in a half-day that the plan does not fill."""
    rows = []
    for person in people:
        held = week_held.get((person.reporter_id, half))
        level = max((level for (known, _), level in person.skills.items() if known == name), default=0)
        if held is None or level < 2 or held.emergency_only or held.left - held.planned < _LEAST:
            continue
        free = (held.left - held.planned) / _HOUR
        link = f"/reporters/{person.reporter_id}"
        rows.append(
            Row(cells=(Cell(text=person.name, link=link), Cell(trust=person.home_trust), number(free, digits=1)))
        )
    rows.sort(key=lambda row: -float(row.cells[2].value or 0))  # type: ignore[arg-type]  # a number
    return Table(
        name=f"{in_words(name)}, {half_words(half)}: who has time",
        columns=(
            Column(key="reporter", head="Reporter"),
            Column(key="trust", head="Home trust"),
            Column(key="hours", head="Free hours", number=True),
        ),
        rows=rows,
        total=len(rows),
        view=view,
        empty="Nobody who reports it has time left that the plan does not fill.",
    )


def names_of(trusts: Mapping[str, str]) -> dict[str, str]:
    """Return the trusts' short names."""
    return {code: short_name(name) for code, name in trusts.items()}
