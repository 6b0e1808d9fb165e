"""A reporter's sessions of the next days: as the rota says, as they hold, and how full they are."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from balancer.domain.instant import LONDON
from balancer.domain.overrides import Shift
from balancer.domain.reporter import REPORTING
from balancer.store.held_rosters import HeldRoster
from balancer.store.planned_time import Planned

_HOUR: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A session: when, what, on whose roster; ``said`` by the rota, or added here; how much of it is filled.

    ``may_take``: the caller may take it away: it is said by a roster of theirs, and takes place.
    """

    session_id: str
    day: str
    when: str
    what: str
    trust: str
    whose: str
    hours: str
    filled: str
    said: str
    differs: bool
    may_take: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Week:
    """The sessions, and the trusts on whose roster the caller may add one."""

    turns: Sequence[Turn]
    may_add: Sequence[tuple[str, str]]
    begins: str
    ends: str


def week_of_reporter(  # noqa: PLR0913, PLR0917 - whose sessions, how full, who asks
    roster: HeldRoster,
    planned: Collection[Planned],
    names: Mapping[str, str],
    decides: Collection[str],
    start: datetime,
    now: datetime,
) -> Week:
    """Return somebody's sessions in the order of time; ``decides`` are the trusts the caller decides for."""
    found: list[tuple[datetime, Turn]] = []
    for row, left, _ in roster.said:
        shown = [shift.session.end - shift.session.start for shift in left]
        differs = [(shift.session.start, shift.session.end) for shift in left] != [(row.start, row.end)]
        found.append(
            (
                row.start,
                Turn(
                    session_id=row.session_id,
                    day=_day(row.start),
                    when=", ".join(_when(shift) for shift in left) or _times(row.start, row.end),
                    what=_what(row.activity, row.priorities, takes_place=bool(left)),
                    trust=row.trust,
                    whose=names.get(row.trust, row.trust),
                    hours=f"{sum(shown, timedelta()) / _HOUR:.1f}",
                    filled=_filled(left, planned, now),
                    said=_times(row.start, row.end),
                    differs=differs,
                    may_take=row.trust in decides and bool(left) and row.end > now,
                ),
            )
        )
    found += [(shift.session.start, _added(shift, planned, names, now)) for shift in roster.added]
    tomorrow = (start + timedelta(hours=36)).astimezone(LONDON).date()
    return Week(
        turns=[turn for _, turn in sorted(found, key=lambda item: item[0])],
        may_add=[(code, names.get(code, code)) for code in sorted(decides)],
        begins=f"{tomorrow.isoformat()}T09:00",
        ends=f"{tomorrow.isoformat()}T13:00",
    )


def _added(shift: Shift, planned: Collection[Planned], names: Mapping[str, str], now: datetime) -> Turn:
    session = shift.session
    return Turn(
        session_id=session.session_id,
        day=_day(session.start),
        when=_when(shift),
        what=_what(session.activity, sorted(session.priorities), takes_place=True),
        trust=shift.trust,
        whose=names.get(shift.trust, shift.trust),
        hours=f"{(session.end - session.start) / _HOUR:.1f}",
        filled=_filled([shift], planned, now),
        said="nothing: it was added here",
        differs=True,
        may_take=False,
    )


def _filled(shifts: Sequence[Shift], planned: Collection[Planned], now: datetime) -> str:
    """Return how much of what is left of a session the plan fills."""
    left, filled = timedelta(), timedelta()
    for shift in shifts:
        session = shift.session
        if session.activity != REPORTING:
            continue
        begins = max(session.start, now)
        left += max(session.end - begins, timedelta())
        for one in planned:
            filled += max(min(one.end, session.end) - max(one.start, begins), timedelta())
    return f"{min(round(100 * (filled / left)), 100)}%" if left else ""


def _what(activity: str, priorities: Sequence[str], *, takes_place: bool) -> str:
    if not takes_place:
        return "Does not take place"
    if activity != REPORTING:
        return activity.replace("_", " ").capitalize()
    return f"Reporting, {', '.join(priorities)} only" if priorities else "Reporting"


def _when(shift: Shift) -> str:
    return _times(shift.session.start, shift.session.end)


def _times(start: datetime, end: datetime) -> str:
    return f"{start.astimezone(LONDON):%H:%M} to {end.astimezone(LONDON):%H:%M}"


def _day(instant: datetime) -> str:
    local = instant.astimezone(LONDON)
    return f"{local:%a} {local.day} {local:%B}"
