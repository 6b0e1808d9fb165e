"""The ledger between trusts: booked with every completion, whoever enters it, and taken back if it did not hold."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any

from sqlmodel import Session, case, col, func, insert, select

from balancer.domain.ledger import LedgerWeek, Pair, week_of
from balancer.domain.life import ON_A_LIST
from balancer.store import scope
from balancer.store.chunks import chunks
from balancer.store.tables import ReporterRow, StudyRow
from balancer.store.tables_kinds import FollowUpRow
from balancer.store.tables_ledger import LedgerRow
from balancer.store.tables_life import ReadRow

# Of a read: a verification takes its share of the study's (``FollowUpRow.minutes_of``).
_MINUTES: Any = StudyRow.minutes * func.coalesce(FollowUpRow.share, 1.0)


def book(session: Session, read_ids: Sequence[int], at: datetime) -> None:
    """Book reads that have just been done by whose they are: their expected minutes, in the week of ``at``."""
    if not read_ids:
        return
    with scope.unlimited(session) as whole:
        rows = [row for chunk in chunks(sorted(read_ids)) for row in _done(whole, chunk, at)]
        if rows:
            whole.exec(insert(LedgerRow), params=rows)


def take_back(session: Session, read_ids: Sequence[int], at: datetime) -> None:
    """Book against whatever stands for these reads, in the weeks it was booked in: they were not done after all."""
    if not read_ids:
        return
    with scope.unlimited(session) as whole:
        rows = [row for chunk in chunks(sorted(read_ids)) for row in _against(whole, chunk, at)]
        if rows:
            whole.exec(insert(LedgerRow), params=rows)


def taken(session: Session, week: date) -> dict[str, float]:
    """Return the minutes that others have read in a week for each trust for which they have."""
    statement = (
        select(LedgerRow.for_trust, func.sum(LedgerRow.minutes))
        .where(LedgerRow.week == week, LedgerRow.by_trust != LedgerRow.for_trust)
        .group_by(LedgerRow.for_trust)
    )
    return dict(session.exec(statement).all())


def weeks(session: Session, first: date, last: date) -> list[LedgerWeek]:
    """Return the weeks from ``first`` to ``last`` (Mondays) in which something was booked, newest first."""
    reads = func.sum(case((col(LedgerRow.minutes) < 0, -1), else_=1))
    pair: list[Any] = [LedgerRow.week, LedgerRow.by_trust, LedgerRow.for_trust]
    sums: list[Any] = [func.sum(LedgerRow.minutes), reads]
    statement = (
        select(*pair, *sums)
        .where(LedgerRow.week >= first, LedgerRow.week <= last)
        .group_by(*pair)
        .order_by(col(LedgerRow.week).desc(), LedgerRow.by_trust, LedgerRow.for_trust)
    )
    found: dict[date, list[Pair]] = defaultdict(list)
    for week, by_trust, for_trust, minutes, number in session.exec(statement):
        found[week].append(Pair(by_trust=by_trust, for_trust=for_trust, minutes=minutes, reads=number))
    return [LedgerWeek(starts_on=week, pairs=tuple(pairs)) for week, pairs in found.items()]


def waiting(session: Session, *, but: Collection[int] = ()) -> dict[str, float]:
    """Return the minutes of each trust's reads that others have on their lists or open, but for these studies'."""
    statement = (
        select(StudyRow.trust, func.sum(_MINUTES))
        .join(ReadRow, col(ReadRow.study_id) == col(StudyRow.id))
        .outerjoin(FollowUpRow, col(FollowUpRow.read_id) == col(ReadRow.id))
        .join(ReporterRow, col(ReporterRow.reporter_id) == col(ReadRow.reporter_id))
        .where(col(ReadRow.state).in_(sorted(ON_A_LIST)), ReporterRow.home_trust != StudyRow.trust)
        .where(col(StudyRow.id).not_in(but))
        .group_by(StudyRow.trust)
    )
    return dict(session.exec(statement).all())


def _done(session: Session, read_ids: Sequence[int], at: datetime) -> list[dict[str, Any]]:
    columns: list[Any] = [ReadRow.id, ReporterRow.home_trust, StudyRow.trust, _MINUTES]
    statement = (
        select(*columns)
        .outerjoin(FollowUpRow, col(FollowUpRow.read_id) == col(ReadRow.id))
        .join(StudyRow, col(StudyRow.id) == col(ReadRow.study_id))
        .join(ReporterRow, col(ReporterRow.reporter_id) == col(ReadRow.reporter_id))
        .where(col(ReadRow.id).in_(read_ids))
    )
    return [_row(read_id, week_of(at), by, of, minutes, at) for read_id, by, of, minutes in session.exec(statement)]


def _against(session: Session, read_ids: Sequence[int], at: datetime) -> list[dict[str, Any]]:
    by: list[Any] = [LedgerRow.read_id, LedgerRow.week, LedgerRow.by_trust, LedgerRow.for_trust]
    sums: list[Any] = [func.sum(LedgerRow.minutes)]
    statement = select(*by, *sums).where(col(LedgerRow.read_id).in_(read_ids))
    standing = session.exec(statement.group_by(*by).having(sums[0] > 0))
    return [_row(read_id, week, home, of, -booked, at) for read_id, week, home, of, booked in standing]


def _row(read_id: int, week: date, by: str, of: str, minutes: float, at: datetime) -> dict[str, Any]:  # noqa: PLR0913, PLR0917
    facts = {"by_trust": by, "for_trust": of, "minutes": minutes, "booked_at": at}
    return {"read_id": read_id, "week": week, **facts}
