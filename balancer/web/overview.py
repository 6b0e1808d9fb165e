"""The overview: where the network stands, what becomes late, why, what is scarce. Every number is its list's count."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlencode

from balancer.domain.age import Age
from balancer.domain.becoming_late import BecomingLate, causes, within
from balancer.domain.half_day_room import Room, Rostered, hours_short, room, rostered
from balancer.domain.half_days import HalfDay
from balancer.domain.instant import day_of, end_of_day
from balancer.domain.reporter import Session as RosteredSession
from balancer.services.see_unreported import see_unreported
from balancer.store import held_rosters, people, planned_time, run_records, runs, sources, standing
from balancer.store.database import Session
from balancer.store.policies import current_policy
from balancer.store.which_unreported import Standing, UnreportedFilter
from balancer.web.capacity_grid import CapacityGrid, capacity_grid
from balancer.web.class_table import ClassTable, class_table
from balancer.web.field_words import in_words, within_sentence
from balancer.web.forecast import HOURS, MARKS, Forecast, forecast
from balancer.web.not_placed import Remedy
from balancer.web.overview_figures import Facts, Figure, Proposed, Sight, figures, uncounted
from balancer.web.overview_words import Part, Shortage, SilentFeed, State, Waits, heading, lede
from balancer.web.plan_in_force import PlanInForce, newer, plan_in_force
from balancer.web.reason_words import reason_words
from balancer.web.remedies import remedy
from balancer.web.scarce import ScarceCard, scarce

_HALVES: Final = 6
_MOST_CAUSES: Final = 6
# A class whose target is no longer than this has hours left, not days.
_HOURS_LEFT: Final = 24.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CauseRow:
    """Why studies become late: how many, why, as a share of the most, the list of them, what would help."""

    count: int
    link: str
    field: str
    why: str
    width: float
    remedy: Remedy | None

    @property
    def studies(self) -> str:
        """How many they are, in words."""
        return f"{self.count:,}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """Everything that the page shows; all of it is of one instant."""

    heading: str
    lede: Sequence[Part]
    review: str
    figures: Sequence[Figure]
    forecast: Forecast
    causes: Sequence[CauseRow]
    causes_of: str
    causes_link: str
    grid: CapacityGrid
    classes: ClassTable
    run: PlanInForce | None
    waits: str
    scarce: ScarceCard
    uncounted: Sequence[Figure]
    is_planned: bool

    @property
    def causes_shown(self) -> Sequence[CauseRow]:
        """The reasons that the page shows; a file has them all."""
        return self.causes[:_MOST_CAUSES]


def overview(session: Session, proposed: Proposed | None, sight: Sight, now: datetime) -> Overview:
    """Return the overview as it is at ``now``; the session is one transaction, so that its numbers agree."""
    policy = current_policy(session)
    queue = see_unreported(session, now)
    late = queue.becoming_late(session, HOURS)
    halves = _halves(now)
    sessions = _sessions(session, now, halves[-1].end)
    busy = _busy(session, halves, now)
    waits_no_more, run = queue.waiting_no_more(session), runs.current_run(session)
    facts = Facts(
        now=now,
        policy=policy,
        counted=queue.counted(session),
        late=late,
        unconfirmed=waits_no_more.reported,
        not_here=waits_no_more.not_here,
        without_place=queue.count(session, UnreportedFilter(standing=Standing.UNALLOCATED)),
        today=_today(sessions, busy, now),
        run=run,
        moves=0 if run is None else run_records.count_moves(session, run.id or 0),
        feeds=sources.feeds(session, now),
    )
    reporters = [item.reporter for item in people.reporters(session)]
    left = room(halves, reporters, sessions, busy, late, now=now, productivity=policy.default_productivity)
    trusts = {row.code: row.name for row in standing.trusts(session, listed_only=False)}
    dear = scarce(
        session,
        facts.run_shown(proposed),
        facts.late if proposed is None else proposed.late,
        sight,
        trusts,
        now,
        hours=HOURS,
        is_proposed=proposed is not None,
    )
    return _shown(facts, proposed, sight, left, halves, dear, trusts)


def _halves(now: datetime) -> list[HalfDay]:
    found = [HalfDay.at(now)]
    while len(found) < _HALVES:
        found.append(found[-1].following)
    return found


def _busy(session: Session, halves: Sequence[HalfDay], now: datetime) -> dict[HalfDay, dict[str, float]]:
    """Return the hours that lists fill of what is left of each half-day, by reporter."""
    found = planned_time.planned_hours(session, [(max(half.start, now), half.end) for half in halves])
    return dict(zip(halves, found, strict=True))


def _today(sessions: Sequence[RosteredSession], busy: Mapping[HalfDay, Mapping[str, float]], now: datetime) -> Rostered:
    """Return what is rostered today: the half-days ahead have what is left of it."""
    today = day_of(now)
    filled: Counter[str] = Counter()
    for half, of_half in busy.items():
        if half.day == today:
            filled.update(of_half)
    return rostered(sessions, filled, end_of_day(today - timedelta(days=1)), end_of_day(today), now)


def _sessions(session: Session, now: datetime, end: datetime) -> list[RosteredSession]:
    """Return the sessions that hold, from the beginning of today on."""
    start = end_of_day(day_of(now) - timedelta(days=1))
    roster = held_rosters.held_roster(session, start, end, now)
    held = [shift.session for _, shifts, _ in roster.said for shift in shifts]
    return held + [shift.session for shift in roster.added]


def _shown(  # noqa: PLR0913, PLR0917 - the parts of the page
    facts: Facts,
    proposed: Proposed | None,
    sight: Sight,
    left: Mapping[tuple[str, HalfDay], Room],
    halves: Sequence[HalfDay],
    dear: ScarceCard,
    trusts: dict[str, str],
) -> Overview:
    shown = facts.late if proposed is None else proposed.late
    state = _state(facts, proposed, shown, sight)
    return Overview(
        heading=heading(state, facts.now),
        lede=lede(state, facts.now),
        review="" if proposed is None or not sight.runs else _review(proposed.moves),
        figures=figures(facts, proposed, sight),
        forecast=forecast(facts.late, None if proposed is None else proposed.late, facts.now, listed=sight.studies),
        causes=_causes(shown, facts.policy.default_productivity, sight, is_proposed=proposed is not None),
        causes_of=_causes_of(len(shown), is_proposed=proposed is not None),
        causes_link=_address(sight, is_proposed=proposed is not None),
        grid=capacity_grid(left, halves, listed=sight.studies, rosters=sight.rosters),
        classes=class_table(facts.counted, facts.policy, trusts, facts.now, listed=sight.studies),
        run=plan_in_force(facts, sight),
        waits="" if proposed is None else newer(proposed.run, facts.now),
        scarce=dear,
        uncounted=uncounted(facts, sight),
        is_planned=facts.run is not None,
    )


# --- the sentence -----------------------------------------------------------------------------------------------------


def _state(facts: Facts, proposed: Proposed | None, shown: Sequence[BecomingLate], sight: Sight) -> State:
    return State(
        unreported=facts.of_age(*Age),
        late=facts.of_age(Age.LATE, Age.OVER),
        over=facts.of_age(Age.OVER),
        becoming=_marks(facts.late, facts.now),
        proposed=None if proposed is None else _marks(proposed.late, facts.now),
        moves=0 if proposed is None else proposed.moves,
        silent=_silent(facts, sight),
        shortage=_shortage(shown, sight, is_proposed=proposed is not None),
        is_planned=facts.run is not None,
        waits=_waits(proposed, facts.now),
        is_unheard=bool(facts.feeds) and all(feed.last_extracted_at is None for feed in facts.feeds),
    )


def _waits(proposed: Proposed | None, now: datetime) -> Waits | None:
    if proposed is None or proposed.run.held_at is None:
        return None
    return Waits(length=max(now - proposed.run.held_at, timedelta()), due_out_at=proposed.due_out_at)


def _marks(late: Sequence[BecomingLate], now: datetime) -> tuple[int, int, int]:
    four, day, three = (within(late, now, hours) for hours in MARKS)
    return four, day, three


def _silent(facts: Facts, sight: Sight) -> list[SilentFeed]:
    """Return the feeds that are stale, with how many unreported studies of their trusts have hours left, not days."""
    soon = {
        priority.code
        for priority in facts.policy.priorities
        if priority.target_hours is not None and priority.target_hours <= _HOURS_LEFT
    }
    found = []
    for feed in facts.feeds:
        if feed.stale:
            urgent = sum(item.total for item in facts.counted if item.trust == feed.trust and item.priority in soon)
            made = feed.last_extracted_at
            found.append(
                SilentFeed(
                    trust=feed.name,
                    silent_for=None if made is None else facts.now - made,
                    urgent=urgent,
                    on_it=feed.owner if feed.is_taken else "",
                    link="/feeds#silent" if sight.feeds else "",
                )
            )
    return found


def _shortage(shown: Sequence[BecomingLate], sight: Sight, *, is_proposed: bool) -> Shortage | None:
    counted = causes(shown)
    if not counted:
        return None
    cause, number = counted[0]
    why = reason_words(cause.reason)
    words = f"{within_sentence(cause.subspecialty)}, {why[:1].lower()}{why[1:]}"
    link = _address(sight, is_proposed=is_proposed, reason=cause.reason, subspecialty=cause.subspecialty)
    return Shortage(words=words, studies=number, link=link)


def _review(moves: int) -> str:
    return (
        f"Review and publish {moves:,} {'move' if moves == 1 else 'moves'}" if moves else "Review the plan that waits"
    )


def _address(sight: Sight, *, is_proposed: bool, **asked: str) -> str:
    """Return the list of what becomes late within the furthest that is looked at."""
    if not sight.studies:
        return ""
    plan = {"plan": "proposed"} if is_proposed else {}
    return f"/studies?{urlencode({'within': HOURS, **asked, **plan})}"


# --- why --------------------------------------------------------------------------------------------------------------


def _causes(shown: Sequence[BecomingLate], productivity: float, sight: Sight, *, is_proposed: bool) -> list[CauseRow]:
    """Return why studies become late by the plan that is looked at; the hours that lack are those of the same plan."""
    counted, short = causes(shown), hours_short(shown, productivity)
    most = counted[0][1] if counted else 1
    return [
        CauseRow(
            count=number,
            link=_address(sight, is_proposed=is_proposed, reason=cause.reason, subspecialty=cause.subspecialty),
            field=in_words(cause.subspecialty),
            why=reason_words(cause.reason),
            width=round(100.0 * number / most, 1),
            remedy=remedy(cause.reason, cause.subspecialty, short, sees_rosters=sight.rosters),
        )
        for cause, number in counted
    ]


def _causes_of(number: int, *, is_proposed: bool) -> str:
    """Return the heading of the reasons."""
    if not number:
        return "Nothing becomes late in 72 hours"
    stay = "stays" if number == 1 else "stay"
    become = "becomes" if number == 1 else "become"
    return f"Why {number:,} {stay} late even then" if is_proposed else f"Why {number:,} {become} late in 72 hours"
