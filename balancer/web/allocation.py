"""The allocation page: what would change if the plan that waits were published, for whom, and what is left over.

Everything is read in one transaction, so that no two figures are of different moments.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Final

from balancer.domain.overrides import Shift
from balancer.domain.policy import Policy
from balancer.domain.reporter import REPORTING, Reporter
from balancer.domain.run_changes import MoveReason
from balancer.services.hold_over import reporters_as_held
from balancer.store import (
    held_rosters,
    instructions,
    people,
    plan_figures,
    planned_days,
    plans,
    run_records,
    runs,
    standing,
)
from balancer.store.database import Session
from balancer.store.plan_figures import Late
from balancer.store.planned_days import DayPart
from balancer.store.plans import IN_FORCE, Plan, PlannedRead
from balancer.store.policies import current_policy
from balancer.store.scope import reach_of, unlimited
from balancer.store.tables import RunRow
from balancer.web.class_marks import ClassMark, class_marks
from balancer.web.gantt import day_span, gantt, part_of
from balancer.web.gantt_blocks import draw
from balancer.web.gantt_shapes import Gantt, GanttRow
from balancer.web.load_spread import Spread, loads, spread
from balancer.web.my_list import short_name
from balancer.web.not_placed import NotPlaced, Who, by_reason
from balancer.web.plan_moves import PlanMove, plan_moves

FORECASTS: Final = (24.0, 72.0)
DAYS_SHOWN: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What the pages of the allocation stand on: which plan is in force, which waits, and everybody as they hold.

    ``by_id`` are the same people by their number.
    """

    now: datetime
    policy: Policy
    marks: Mapping[str, ClassMark]
    trusts: Mapping[str, str]
    exams: Mapping[str, str]
    people: Sequence[Reporter]
    by_id: Mapping[str, Reporter]
    current: RunRow | None
    held: RunRow | None

    @property
    def run_id(self) -> int | None:
        """The run whose plan waits, if one does."""
        return None if self.held is None else self.held.id

    @property
    def plan(self) -> Plan:
        """The plan that is looked at: the one that waits, else the one in force."""
        return IN_FORCE if self.run_id is None else Plan(run_id=self.run_id)

    def trust(self, code: str) -> str:
        """Return what a trust is called for short."""
        return self.trusts.get(code, code)

    def exam(self, read: PlannedRead) -> str:
        """Return what a read's examination is called."""
        return self.exams.get(read.exam_code, read.exam_code)


def standing_now(session: Session, now: datetime) -> Standing:
    """Return what the pages stand on."""
    policy = current_policy(session)
    everybody = reporters_as_held(session, [item.reporter for item in people.reporters(session)], now)
    return Standing(
        now=now,
        policy=policy,
        marks=class_marks(policy),
        trusts={row.code: short_name(row.name) for row in standing.trusts(session, listed_only=False)},
        exams=plans.exam_names(session),
        people=everybody,
        by_id={person.reporter_id: person for person in everybody},
        current=runs.current_run(session),
        held=runs.newest_held(session),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """What publishing would do, in figures; ``becomes`` is as ``was`` while no plan waits.

    ``lists`` counts the reporters whose reads change, ``of_next`` the moves out of somebody's next few of the day,
    ``open`` the reads that somebody has open: those stay whatever is published.
    """

    late: Sequence[Late]
    not_placed: tuple[int, int]
    moves: int
    taken: int
    lists: int
    of_next: int
    next_few: int
    open: int
    on_lists: int

    @property
    def late_words(self) -> str:
        """What publishing does to what becomes late within a day."""
        first = self.late[0]
        fewer = first.was - first.becomes
        if not fewer:
            return "As many late in 24 h"
        return f"{abs(fewer):,} {'fewer' if fewer > 0 else 'more'} late in 24 h"


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocation:
    """Everything the page shows. ``gantt`` has every row of the day that the filter lets through."""

    standing: Standing
    bar: Bar
    part: DayPart
    gantt: Gantt
    moves: Sequence[PlanMove]
    not_placed: Sequence[NotPlaced]
    spread: Spread
    reporting: int


def allocation(session: Session, now: datetime, day: date, looked_for: str = "") -> Allocation:
    """Return the page's content for one day of it; ``looked_for`` stands in a name, a skill, a trust or an exam.

    Its rows are counted and not drawn: ``drawn`` draws those that are shown.
    """
    base = standing_now(session, now)
    rostered = _rostered(session, base, day)
    shifts = rostered.of_day
    part = part_of(shifts, day, now)
    counted = _day_of_everybody(session, base, day, shifts, part)
    moved = moves_that_wait(session, base)
    return Allocation(
        standing=base,
        bar=_bar(session, base, moved, len(_of_next(session, base, part, moved))),
        part=part,
        gantt=_as_looked_for(session, counted, base, part, looked_for),
        moves=moved,
        not_placed=by_reason(plan_figures.left_out(session, base.run_id, base.plan), who_might(base)),
        spread=load_of_everybody(session, base, rostered.of_horizon),
        reporting=sum(bool(row.sessions) for row in counted.rows),
    )


def _day_of_everybody(session: Session, base: Standing, day: date, shifts: Sequence[Shift], part: DayPart) -> Gantt:
    """Return a day of everybody within reach."""
    names = [person.reporter_id for person in base.people]
    return gantt(
        base.people,
        shifts,
        planned_days.days_of_everybody(session, base.run_id, part),
        part,
        day=day,
        elsewhere=planned_days.beyond_reach(session, base.run_id, names, part.start, part.end),
    )


def drawn(session: Session, found: Allocation, rows: Sequence[GanttRow]) -> list[GanttRow]:
    """Return some rows of the page with their reads drawn in them."""
    base, part = found.standing, found.part
    reads = plans.reads_of(session, base.run_id, [row.reporter_id for row in rows], part.start, part.end)
    return draw(rows, reads, part, marks=base.marks, pinned=instructions.pins(session).keys())


def moves_that_wait(session: Session, base: Standing) -> list[PlanMove]:
    """Return whom the plan that waits would move, most gained first; nobody while none waits."""
    if base.run_id is None:
        return []
    reasons: Mapping[tuple[int, int], MoveReason] = run_records.move_reasons(session, base.run_id)
    return plan_moves(plans.moving(session, base.run_id), base.by_id, reasons, base.policy, base.now)


def who_might(base: Standing) -> Who:
    """Return who might be asked to read what has no place."""
    return Who(people=base.people, trusts=base.trusts, productivity=base.policy.default_productivity, now=base.now)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rostered:
    """The sessions that are looked at: of a day within reach, and of everybody's load within the horizon."""

    of_day: Sequence[Shift]
    of_horizon: Sequence[Shift]


def _rostered(session: Session, base: Standing, day: date) -> _Rostered:
    start, end = day_span(day, base.now)
    until = _horizon(base)
    if not reach_of(session).is_everywhere:
        return _Rostered(of_day=_shifts(session, start, end, base.now), of_horizon=_whole_load(session, base))
    # whoever reaches everything sees in both the same rosters: they are read once
    every = _shifts(session, base.now, max(end, until), base.now)
    return _Rostered(of_day=_reaching(every, start, end), of_horizon=_reaching(every, base.now, until))


def load_of_everybody(session: Session, base: Standing, shifts: Sequence[Shift] | None = None) -> Spread:
    """Return how much of what is left of everybody's sessions within the horizon is planned."""
    until = _horizon(base)
    there: dict[str, float] = {}
    for shift in _whole_load(session, base) if shifts is None else shifts:
        item = shift.session
        if item.activity == REPORTING:
            seconds = (min(item.end, until) - max(item.start, base.now)).total_seconds()
            there[item.reporter_id] = there.get(item.reporter_id, 0.0) + seconds
    names = {person.reporter_id: person.name for person in base.people}
    return spread(loads(plan_figures.planned_seconds(session, base.run_id, base.now), there, names))


def _horizon(base: Standing) -> datetime:
    return base.now + timedelta(hours=base.policy.horizon_hours)


def _whole_load(session: Session, base: Standing) -> list[Shift]:
    """Return the sessions within the horizon: somebody's load is their whole load, at whichever trusts."""
    with unlimited(session) as whole:
        return _shifts(whole, base.now, _horizon(base), base.now)


def _shifts(session: Session, start: datetime, end: datetime, now: datetime) -> list[Shift]:
    roster = held_rosters.held_roster(session, start, end, now)
    return _reaching([*(shift for _, shifts, _ in roster.said for shift in shifts), *roster.added], start, end)


def _reaching(shifts: Iterable[Shift], start: datetime, end: datetime) -> list[Shift]:
    return [shift for shift in shifts if shift.session.start < end and shift.session.end > start]


def _bar(session: Session, base: Standing, moved: Sequence[PlanMove], of_next: int) -> Bar:
    spots = [spot for move in moved for spot in (move.read.was, move.read.becomes) if spot is not None]
    outlook = plan_figures.outlook(session, base.run_id, base.now, FORECASTS)
    return Bar(
        late=outlook.late,
        not_placed=outlook.not_placed,
        moves=len(moved),
        taken=sum(move.read.was is not None for move in moved),
        lists=len({spot.reporter_id for spot in spots}),
        of_next=of_next,
        next_few=base.policy.replan.protected_next,
        open=outlook.open,
        on_lists=outlook.allocated + outlook.open,
    )


def moves_of_next(session: Session, base: Standing, day: date, moved: Sequence[PlanMove]) -> list[PlanMove]:
    """Return the moves that take one of the next few reads that somebody has on a day from them."""
    return _of_next(session, base, day_looked_at(session, base, day), moved)


def day_looked_at(session: Session, base: Standing, day: date) -> DayPart:
    """Return what of a day is looked at."""
    return part_of(_shifts(session, *day_span(day, base.now), base.now), day, base.now)


def _of_next(session: Session, base: Standing, part: DayPart, moved: Sequence[PlanMove]) -> list[PlanMove]:
    if not moved:
        return []
    few = base.policy.replan.protected_next
    coming = planned_days.next_reads(session, base.run_id, base.by_id.keys(), part, few)
    return [move for move in moved if move.read.read_id in coming]


def _as_looked_for(session: Session, counted: Gantt, base: Standing, part: DayPart, looked_for: str) -> Gantt:
    """Return the rows in which the words stand: in a name, a trust, a skill, or an exam that is read there."""
    words = looked_for.casefold().split()
    if not words:
        return counted
    exams = planned_days.examinations_of_everybody(session, base.run_id, part)
    rows = [row for row in counted.rows if _stands_in(words, _text_of(row, base, exams.get(row.reporter_id, ())))]
    return replace(counted, rows=rows)


def _stands_in(words: Iterable[str], text: str) -> bool:
    return all(word in text for word in words)


def _text_of(row: GanttRow, base: Standing, codes: Iterable[str]) -> str:
    person = base.by_id.get(row.reporter_id)
    skills = " ".join(name.replace("_", " ") for name, _ in person.skills) if person is not None else ""
    exams = " ".join({base.exams.get(code, code) for code in codes})
    return " ".join((row.name, row.trust, base.trust(row.trust), skills, exams)).casefold()
