"""A day of everybody in two plans side by side, added up by the database: its figures without its reads.

A day of a network has thousands of reads, of which a page shows a few: what is counted of the others is counted here,
by the conditions by which ``store.plans`` lists them.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, and_, case, extract, or_
from sqlmodel import Session, col, func, select

from balancer.store.plans import IN_FORCE, LISTED, PROPOSED, Plan, Spot, both, due, joined, of_reporters, places
from balancer.store.scope import reach_of, seeing_readings, unlimited
from balancer.store.tables import StudyRow, WorklistItemRow
from balancer.store.tables_life import ReadRow


@dataclass(frozen=True, slots=True, kw_only=True)
class DayPart:
    """The part of a day that is looked at: reads that reach into ``[start, end)`` and into what is drawn of it.

    What is drawn begins and ends on whole hours; of reads, what lies after ``now`` counts.
    """

    start: datetime
    end: datetime
    drawn_from: datetime
    drawn_until: datetime
    now: datetime

    def holds(self, plan: Plan, run_id: int | None) -> ColumnElement[bool]:
        """Return the condition that a plan draws a read that either plan has in the day."""
        day = or_(*(each.reaches_into(self.start, self.end) for each in both(run_id)))
        return and_(plan.reporter.is_not(None), day, plan.reaches_into(self.drawn_from, self.drawn_until))

    def seconds(self, plan: Plan) -> Any:
        """Return how much of a read's place is still to come within what is drawn."""
        begin = max(self.now, self.drawn_from)
        start = case((plan.start < begin, begin.timestamp()), else_=extract("epoch", plan.start))
        end = case((plan.end > self.drawn_until, self.drawn_until.timestamp()), else_=extract("epoch", plan.end))
        return case((plan.end > begin, end - start), else_=0)


@dataclass(slots=True, kw_only=True)
class DayOf:
    """What two plans have with one reporter in a day.

    Of the plan that waits: how many reads of each class, how many of them ``came`` from elsewhere, end ``late`` or
    should have been read (``behind``), and the seconds that they fill of each session. Of the plan in force: how many
    reads ``left``, and the seconds that it filled.
    """

    by_class: Counter[str] = field(default_factory=Counter)
    came: int = 0
    late: int = 0
    behind: int = 0
    left: int = 0
    fills: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    filled: dict[str, float] = field(default_factory=lambda: defaultdict(float))


class _Share(NamedTuple):
    """What a plan has with a reporter in one session, of one class; the other plan has ``apart`` of it elsewhere."""

    reporter_id: str
    session_id: str
    priority: str
    reads: int
    apart: int
    late: int
    behind: int
    seconds: float


def days_of_everybody(session: Session, run_id: int | None, part: DayPart) -> dict[str, DayOf]:
    """Return what both plans have in a day with everybody who has anything in it, by reporter: a statement a plan."""
    found: dict[str, DayOf] = defaultdict(DayOf)
    shares = [_shares(session, run_id, plan, part) for plan in both(run_id)]
    for one in shares[0]:
        day = found[one.reporter_id]
        day.left += one.apart
        day.filled[one.session_id] += float(one.seconds)
    for one in shares[-1]:
        day = found[one.reporter_id]
        day.by_class[one.priority] += one.reads
        day.came, day.late, day.behind = day.came + one.apart, day.late + one.late, day.behind + one.behind
        day.fills[one.session_id] += float(one.seconds)
    return dict(found)


def _shares(session: Session, run_id: int | None, plan: Plan, part: DayPart) -> list[_Share]:
    # each once: PostgreSQL takes another expression of the same words for another
    whose: tuple[Any, ...] = (plan.reporter, plan.session_id, StudyRow.priority)
    counted = (
        func.count(),
        _sum(plan.reporter != _reporter_in(_other(plan, run_id))),
        _sum(plan.end > due()),
        _sum(plan.end <= part.now),
        func.sum(part.seconds(plan)),
    )
    columns: Any = (*whose, *counted)
    statement = joined(select(*columns), run_id).where(part.holds(plan, run_id)).group_by(*whose)
    return [_Share._make(row) for row in session.exec(statement)]


def apart(session: Session, run_id: int | None, plan: Plan, reporter_id: str, part: DayPart) -> set[int]:
    """Return the reads that a plan has with a reporter in a day and the other with somebody else, by number.

    Of the plan that waits, they are those that ``came``; of the one in force, those that ``left``.
    """
    columns: Any = (ReadRow.id,)
    elsewhere = plan.reporter != _reporter_in(_other(plan, run_id))
    meant = joined(select(*columns), run_id).where(part.holds(plan, run_id), plan.is_of([reporter_id]), elsewhere)
    return set(session.exec(meant))


def _other(plan: Plan, run_id: int | None) -> Plan:
    return Plan(run_id=run_id) if plan == IN_FORCE else IN_FORCE


def _reporter_in(plan: Plan) -> Any:
    """Return who has a read in a plan that says when; nobody else does."""
    return func.coalesce(case((plan.end.is_not(None), plan.reporter)), "")


def _sum(condition: ColumnElement[bool]) -> Any:
    return func.sum(case((condition, 1), else_=0))


def examinations_of_everybody(session: Session, run_id: int | None, part: DayPart) -> dict[str, set[str]]:
    """Return the codes of what everybody reads in a day of the plan that waits, by reporter."""
    plan = both(run_id)[-1]
    columns: Any = (plan.reporter, StudyRow.exam_code)
    found: dict[str, set[str]] = defaultdict(set)
    statement: Any = joined(select(*columns), run_id).where(part.holds(plan, run_id))
    for reporter_id, code in session.exec(statement.distinct()):
        found[reporter_id].add(code)
    return dict(found)


def next_reads(
    session: Session, run_id: int | None, reporter_ids: Collection[str], part: DayPart, few: int
) -> set[int]:
    """Return what these reporters read next in a day of the plan in force, ``few`` reads of each, by number."""
    columns: Any = (IN_FORCE.reporter, ReadRow.id)
    order = (col(WorklistItemRow.planned_start), col(ReadRow.study_id), col(ReadRow.number))
    statement = joined(select(*columns), run_id).where(part.holds(IN_FORCE, run_id)).order_by(*order)
    taken: Counter[str] = Counter()
    found: set[int] = set()
    for reporter_id, read_id in session.exec(statement):
        taken[reporter_id] += 1
        if taken[reporter_id] <= few and reporter_id in reporter_ids:
            found.add(read_id)
    return found


def beyond_reach(
    session: Session, run_id: int | None, reporter_ids: Collection[str], start: datetime, end: datetime
) -> list[tuple[Spot | None, Spot | None]]:
    """Return where either plan has what these reporters read for trusts beyond reach, and nothing else of it.

    Without it their day would look emptier than it is. What is hidden because it is read blind is not there either.
    """
    if reach_of(session).is_everywhere:
        return []
    with seeing_readings(session) as seeing:
        within = {read_id for read_id, *_ in _spots(seeing, run_id, reporter_ids, start, end)}
    with unlimited(session) as whole:
        found = _spots(whole, run_id, reporter_ids, start, end)
    return [(was, becomes) for read_id, was, becomes in found if read_id not in within]


def _spots(
    session: Session, run_id: int | None, reporter_ids: Collection[str], start: datetime, end: datetime
) -> list[tuple[int, Spot | None, Spot | None]]:
    """Return the reads of ``reads_of`` by number, with where they are and nothing else."""
    columns: Any = (ReadRow.id, ReadRow.state, ReadRow.reporter_id, *LISTED, *(() if run_id is None else PROPOSED))
    found: dict[int, tuple[int, Spot | None, Spot | None]] = {}
    for theirs in of_reporters(run_id, reporter_ids, start, end):
        for read_id, state, whose, *where in session.exec(joined(select(*columns), run_id).where(theirs)):
            found[read_id] = (read_id, *places(state, whose, where[:3], where[3:] or None))
    return list(found.values())
