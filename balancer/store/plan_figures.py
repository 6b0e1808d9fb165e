"""The figures of two plans side by side, counted by the database: what each lets become late, leaves out, and fills.

Each is counted by the conditions by which ``store.plans`` lists it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import case, extract, or_
from sqlmodel import Session, col, func, select

from balancer.domain.life import THEIRS, ReadState
from balancer.store.plans import Plan, both, due, joined, waiting
from balancer.store.scope import at_every_trust
from balancer.store.tables import StudyRow
from balancer.store.tables_life import ReadRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Late:
    """How many studies become late within some hours of now: due by then, and the plan ends them later or nowhere."""

    hours: float
    was: int
    becomes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What comes of both plans, in force and waiting. ``open`` reads somebody has open, ``allocated`` wait on a list.

    ``not_placed`` counts the reads that nobody has.
    """

    late: Sequence[Late]
    not_placed: tuple[int, int]
    open: int
    allocated: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """Reads of one kind that nobody has in a plan, for one reason: how many, and how long they take at speed 1.

    ``last_due_at`` is when the last of them is due.
    """

    reason: str
    trust: str
    subspecialty: str
    modality: str
    count: int
    minutes: float
    last_due_at: datetime


def outlook(session: Session, run_id: int | None, now: datetime, hours: Sequence[float]) -> Outlook:
    """Return what comes of each plan: two statements."""
    nowhere = [func.count(case((~plan.is_placed, 1))) for plan in both(run_id)]
    states = [func.count(case((col(ReadRow.state) == state, 1))) for state in (ReadState.CLAIMED, ReadState.ALLOCATED)]
    *left, claimed, allocated = session.exec(waiting(select(*nowhere, *states), run_id)).one()
    return Outlook(
        late=_late(session, run_id, now, hours),
        not_placed=(left[0], left[-1]),
        open=claimed,
        allocated=allocated,
    )


def _late(session: Session, run_id: int | None, now: datetime, hours: Sequence[float]) -> list[Late]:
    plans = both(run_id)
    counted = [
        func.count(func.distinct(case((plan.becomes_late(now, within), col(ReadRow.study_id)))))
        for within in hours
        for plan in plans
    ]
    # what no plan lets become late within the longest of them is in none of the counts
    in_any = or_(*(plan.becomes_late(now, max(hours)) for plan in plans))
    columns: Any = (*counted, func.count())  # one more, so that a row is never a bare number
    *found, _ = session.exec(joined(select(*columns), run_id).where(in_any)).one()
    # without a plan that waits there is one of each, which is both
    pairs = [found[place : place + len(plans)] for place in range(0, len(found), len(plans))]
    return [Late(hours=within, was=pair[0], becomes=pair[-1]) for within, pair in zip(hours, pairs, strict=True)]


def left_out(session: Session, run_id: int | None, plan: Plan) -> list[LeftOut]:
    """Return the reads that nobody has in a plan by reason and kind, in the order of the soonest due of each."""
    why = func.coalesce(plan.why, "")
    kind: tuple[Any, ...] = (why, StudyRow.trust, StudyRow.subspecialty, StudyRow.modality)
    due_at = due()
    columns: Any = (*kind, func.count(), func.sum(StudyRow.minutes), func.max(due_at))
    statement = joined(select(*columns), run_id).where(~plan.is_placed).group_by(*kind)
    found = session.exec(statement.order_by(func.min(due_at), func.min(ReadRow.study_id), func.min(ReadRow.number)))
    names = tuple(LeftOut.__dataclass_fields__)
    return [LeftOut(**dict(zip(names, row, strict=True))) for row in found]


def worked_since(session: Session, at: datetime) -> int:
    """Return how many reads have been opened or done since then: what putting lists back leaves where it is."""
    statement = select(func.count()).where(col(ReadRow.state).in_(sorted(THEIRS)), col(ReadRow.since) >= at)
    return session.exec(statement).one()


def planned_seconds(session: Session, run_id: int | None, now: datetime) -> Mapping[str, tuple[float, float]]:
    """Return how long everybody within reach reads from ``now`` on in each plan, whoever the studies are of.

    A reporter's load is their whole load: what they read for trusts beyond reach makes them no less busy. What is
    hidden because it is read blind is not in it, nor in their list: the difference would tell who reads it.
    """
    with at_every_trust(session) as wide:
        sums = [_seconds(wide, run_id, plan, now) for plan in both(run_id)]
    was, becomes = sums[0], sums[-1]
    return {name: (was.get(name, 0.0), becomes.get(name, 0.0)) for name in was.keys() | becomes.keys()}


def _seconds(session: Session, run_id: int | None, plan: Plan, now: datetime) -> dict[str, float]:
    begins = case((plan.start < now, now.timestamp()), else_=extract("epoch", plan.start))
    spent = func.sum(extract("epoch", plan.end) - begins)
    reporter = plan.reporter  # one expression: PostgreSQL takes another of the same words for another
    statement = joined(select(reporter, spent), run_id).where(reporter.is_not(None), plan.end > now)
    return {name: float(seconds) for name, seconds in session.exec(statement.group_by(reporter))}
