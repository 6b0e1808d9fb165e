"""What is scarce beside a run's plan: worked out once for the newest plan, and kept with its run."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session, col, select

from balancer.domain.states import RunKind, RunState
from balancer.store.tables import RunRow
from balancer.store.tables_runs import RunRecordRow
from balancer.store.tables_scarcity import PricingRow, ScarcityRow

# One process prices at a time. Whoever asks while a run is begun and not ended comes after one that has died; it is
# not begun again at once, for it may have died of this run.
_AGAIN_AFTER = timedelta(minutes=1)


def waiting(session: Session, now: datetime, *, after: timedelta = timedelta()) -> int | None:
    """Return the newest run whose plan is in force or waits, if what it was made from is kept and it is to be begun.

    That is if nobody has, or if whoever has died before it was done, some time ago; and so long ``after`` it ended.
    """
    newest = session.exec(
        select(RunRow)
        .where(RunRow.kind == RunKind.ALLOCATION, col(RunRow.state).in_([RunState.PUBLISHED, RunState.HELD]))
        .order_by(col(RunRow.id).desc())
        .limit(1)
    ).first()
    if newest is None or _is_settled(pricing(session, newest.id or 0), now):
        return None
    if after and newest.finished_at is not None and now - newest.finished_at < after:
        return None
    has_problem = col(RunRecordRow.problem).is_not(None)
    return session.exec(select(RunRecordRow.run_id).where(RunRecordRow.run_id == newest.id, has_problem)).first()


def begin(session: Session, run_id: int, now: datetime) -> None:
    """Enter that a run's capacity is being priced."""
    row = session.get(PricingRow, run_id, populate_existing=True) or PricingRow(run_id=run_id, begun_at=now)
    row.begun_at = now
    session.add(row)
    session.flush()


def keep(session: Session, run_id: int, found: Iterable[tuple[str, dict[str, Any]]], now: datetime) -> None:
    """Keep what is scarce beside a run's plan, the dearest first: at which trust, and what."""
    session.add_all(
        ScarcityRow(run_id=run_id, place=place, trust=trust, found=one) for place, (trust, one) in enumerate(found, 1)
    )
    session.get_one(PricingRow, run_id, populate_existing=True).priced_at = now
    session.flush()


def fail(session: Session, run_id: int, error: str) -> None:
    """Keep why it could not be worked out."""
    session.get_one(PricingRow, run_id, populate_existing=True).error = error
    session.flush()


def pricing(session: Session, run_id: int) -> PricingRow | None:
    """Return how far the pricing of a run's capacity is, if it has begun."""
    return session.exec(select(PricingRow).where(PricingRow.run_id == run_id)).first()


def _is_settled(row: PricingRow | None, now: datetime) -> bool:
    if row is None:
        return False
    return row.priced_at is not None or bool(row.error) or now - row.begun_at < _AGAIN_AFTER


def of_run(session: Session, run_id: int) -> list[dict[str, Any]]:
    """Return what is scarce beside a run's plan within reach, the dearest first."""
    statement = select(ScarcityRow).where(ScarcityRow.run_id == run_id).order_by(col(ScarcityRow.place))
    return [row.found for row in session.exec(statement)]
