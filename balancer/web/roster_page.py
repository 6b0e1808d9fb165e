"""Everything that the rosters' page shows, put together from what the store holds at an instant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from balancer.domain.half_days import HalfDay, week_of_half_days
from balancer.domain.overrides import Shift
from balancer.domain.policy import Policy
from balancer.domain.reporter import Reporter
from balancer.services.hold_over import reporters_as_held
from balancer.store import people, runs, sources, standing
from balancer.store.database import Session
from balancer.store.held_rosters import HeldRoster, held_roster
from balancer.store.planned_time import ShortRead, planned_stretches, short_reads
from balancer.store.policies import current_policy
from balancer.store.scope import reach_of
from balancer.web.field_words import in_words
from balancer.web.my_list import short_name
from balancer.web.roster_grid import Asked, Day, Person, away_in, days_of, people_of
from balancer.web.roster_hours import Hours, WeekOfHours, clock_time
from balancer.web.roster_spare import FieldRow, field_rows
from balancer.web.roster_words import week_sentence
from balancer.web.time_left import at_words

ROWS: Final = 50
_HOUR: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """Something to choose, and whether it is chosen."""

    words: str
    address: str
    here: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Rosters:
    """The page: its sentence, the grid, the hours below it, and where else one can look."""

    sentence: str
    monday: str
    weeks: Sequence[Link]
    trusts: Sequence[Link]
    days: Sequence[Day]
    around_day: Sequence[Link]
    people: Sequence[Person]
    found: int
    everybody: int
    pages: Sequence[Link]
    fields: Sequence[FieldRow]
    choices: Sequence[tuple[str, str]]
    sources: Sequence[str]
    asked: Asked


@dataclass(frozen=True, slots=True, kw_only=True)
class Week:
    """A week as it holds: everybody in it, their hours, and what is short."""

    halves: Sequence[HalfDay]
    everybody: Sequence[Reporter]
    roster: HeldRoster
    hours: WeekOfHours
    short: Sequence[ShortRead]
    policy: Policy
    spare: dict[str, dict[HalfDay, Hours]] = field(default_factory=dict)

    @property
    def shifts(self) -> list[Shift]:
        """The sessions that hold."""
        return shifts_of(self.roster)


def week_of(session: Session, asked: Asked, now: datetime, *, only: str | None = None) -> Week:
    """Return a week; ``only`` of this reporter, for somebody whose reach is their own.

    Of reporters whose home is out of reach, those who are on a roster within it: of the others nothing can be said.
    """
    halves = week_of_half_days(asked.monday)
    start, end = halves[0].start, halves[-1].end
    listed = [people.reporter(session, only)] if only else people.reporters(session)
    roster = held_roster(session, start, end, now, reporter_id=only)
    rostered = {shift.session.reporter_id for shift in shifts_of(roster)}
    reach = reach_of(session)
    said = [
        item.reporter
        for item in listed
        if only or reach.covers(item.reporter.home_trust) or item.reporter.reporter_id in rostered
    ]
    everybody = reporters_as_held(session, said, now)
    known = {person.reporter_id for person in everybody}
    shifts = [shift for shift in shifts_of(roster) if shift.session.reporter_id in known]
    policy = current_policy(session)
    planned = planned_stretches(session, max(start, now), end, known if only else None)
    hours = WeekOfHours(halves, shifts, planned, now)
    short = [] if only else short_of(session, halves, now)
    spare = hours.spare({person.reporter_id: person for person in everybody}, short, policy.default_productivity)
    return Week(halves=halves, everybody=everybody, roster=roster, hours=hours, short=short, policy=policy, spare=spare)


def short_of(session: Session, halves: Sequence[HalfDay], now: datetime) -> list[ShortRead]:
    """Return the reads, within the session's reach, that become late in what is left of these half-days."""
    start, end = halves[0].start, halves[-1].end
    return short_reads(session, max(start, now), end) if end > now else []


def shifts_of(roster: HeldRoster) -> list[Shift]:
    """Return the sessions that hold, said or added."""
    return [shift for _, left, _ in roster.said for shift in left] + list(roster.added)


def rosters(session: Session, week: Week, asked: Asked, now: datetime, *, may_open: bool) -> Rosters:
    """Return the page of a week; ``may_open``: hours short lead to the reads behind them."""
    chosen = chosen_of(week.everybody, asked)
    shown = chosen[(asked.page - 1) * ROWS : asked.page * ROWS]
    names = {row.code: short_name(row.name) for row in standing.trusts(session)}
    return Rosters(
        sentence=week_sentence(
            short_hours(week),
            asked.monday,
            is_rostered=bool(week.hours.held),
            is_planned=runs.current_run(session) is not None,
        ),
        monday=f"{asked.monday.day} {asked.monday:%B}",
        weeks=_weeks(asked, now),
        trusts=_trusts(week.everybody, names, asked),
        days=days_of(week.halves, asked, now),
        around_day=_around(days_of(week.halves, asked, now), asked),
        people=people_of(
            shown,
            week.halves,
            week.hours,
            away=away_in(week.roster.absences, week.halves),
            changed=changed_in(week.roster, week.halves),
            asked=asked,
        ),
        found=len(chosen),
        everybody=len(week.everybody),
        pages=_pages(len(chosen), asked),
        fields=field_rows(week.spare, week.halves, asked, now, may_open=may_open),
        choices=[("", "Every subspecialty"), *((name, in_words(name)) for name in _fields(week.everybody))],
        sources=_sources(session, names, now),
        asked=asked,
    )


def short_hours(week: Week) -> dict[str, dict[HalfDay, float]]:
    """Return the hours that are short, by subspecialty and half-day."""
    return {name: {half: found.late for half, found in of_field.items()} for name, of_field in week.spare.items()}


def chosen_of(everybody: Sequence[Reporter], asked: Asked) -> list[Reporter]:
    """Return those who are asked for: of a home trust, who report a subspecialty, of whose name it is a part."""
    wanted = asked.name.casefold()
    return [
        person
        for person in everybody
        if asked.trust in {"", person.home_trust}
        and (not asked.subspecialty or any(name == asked.subspecialty for name, _ in person.skills))
        and (not wanted or wanted in person.name.casefold() or wanted == person.reporter_id.casefold())
    ]


def changed_in(roster: HeldRoster, halves: Sequence[HalfDay]) -> set[tuple[str, HalfDay]]:
    """Return the half-days in which something else holds of somebody than their rota says."""
    found = set()
    for row, left, _ in roster.said:
        if [(shift.session.start, shift.session.end) for shift in left] == [(row.start, row.end)]:
            continue
        found |= {(row.reporter_id, half) for half in halves if half.overlap(row.start, row.end)}
    for shift in roster.added:
        session = shift.session
        found |= {(session.reporter_id, half) for half in halves if half.overlap(session.start, session.end)}
    return found


def short_in(week: Week, name: str, half: HalfDay) -> list[tuple[ShortRead, float]]:
    """Return the reads behind a number of hours short, with the hours that each of them takes."""
    productivity = week.policy.default_productivity
    return [
        (read, clock_time(read, productivity) / _HOUR)
        for read in week.short
        if read.subspecialty == name and HalfDay.at(read.due_at) == half
    ]


def _weeks(asked: Asked, now: datetime) -> list[Link]:
    today = HalfDay.at(now).day
    this = today - timedelta(days=today.weekday())
    weeks = (
        ("← Last week", asked.monday - timedelta(weeks=1)),
        ("This week", this),
        ("Next week →", asked.monday + timedelta(weeks=1)),
    )
    return [
        Link(words=words, address=asked.address(week=monday.isoformat()), here=monday == asked.monday)
        for words, monday in weeks
    ]


def _trusts(everybody: Sequence[Reporter], names: dict[str, str], asked: Asked) -> list[Link]:
    homes = sorted({person.home_trust for person in everybody})
    found = [Link(words="All trusts", address=asked.address(trust="", page=""), here=not asked.trust)]
    found += [
        Link(words=names.get(code, code), address=asked.address(trust=code, page=""), here=asked.trust == code)
        for code in homes
    ]
    return found if len(homes) > 1 else []


def _around(days: Sequence[Day], asked: Asked) -> list[Link]:
    """Return the day before and the day after the one that a phone shows, within the week."""
    place = next(number for number, day in enumerate(days) if day.shown)
    near = (("←", place - 1), ("→", place + 1))
    return [
        Link(words=f"{sign} {days[at].words}", address=asked.address(day=days[at].day.isoformat()))
        for sign, at in near
        if 0 <= at < len(days)
    ]


def _pages(found: int, asked: Asked) -> list[Link]:
    last = -(-found // ROWS)
    if last <= 1:
        return []
    return [
        Link(words=f"Page {page}", address=asked.address(page=page), here=page == asked.page)
        for page in range(1, last + 1)
    ]


def _fields(everybody: Sequence[Reporter]) -> list[str]:
    return sorted({name for person in everybody for name, _ in person.skills})


def _sources(session: Session, names: dict[str, str], now: datetime) -> list[str]:
    """Say of each rota when it last came, and how much of it could not be read."""
    found = []
    for roster in sources.rosters(session):
        name, batch = names.get(roster.trust, roster.trust), roster.last_batch
        if batch is None:
            found.append(f"{name}: no rota has come")
            continue
        faults = f", {len(batch.faults)} rows could not be read" if batch.faults else ""
        found.append(f"{name}: of {at_words(batch.received_at, now)}{faults}")
    return found
