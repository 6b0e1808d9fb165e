"""Subscriptions to UPS event reports: whose there are, and whether one had begun when a workitem came.

They are found without a caller's limits: a subscription is its subscriber's own, and names no trust. What is told by it
is limited where the journal is read.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Session, col, func, select

from balancer.store import scope
from balancer.store.tables_life import ReadRow
from balancer.store.tables_subscriptions import SubscriptionKind, SubscriptionRow
from balancer.store.tables_workitems import WorkitemRow


def of_title(session: Session, subject: str, aet: str) -> Sequence[SubscriptionRow]:
    """Return a caller's subscriptions in the name of an AE title, apart from the session: they are only looked at."""
    with scope.unlimited(session) as whole:
        found = whole.exec(
            select(SubscriptionRow).where(SubscriptionRow.subject == subject, SubscriptionRow.aet == aet)
        )
        return found.all()


def keep(session: Session, row: SubscriptionRow) -> None:
    """Make a subscription, or make it anew."""
    with scope.unlimited(session) as whole:
        whole.merge(row)


def remove(session: Session, subject: str, aet: str, kinds: Sequence[SubscriptionKind]) -> None:
    """End a caller's subscriptions of these kinds in the name of an AE title."""
    with scope.unlimited(session) as whole:
        theirs = select(SubscriptionRow).where(SubscriptionRow.subject == subject, SubscriptionRow.aet == aet)
        for row in whole.exec(theirs.where(col(SubscriptionRow.kind).in_(kinds))).all():
            whole.delete(row)


def suspend(session: Session, subject: str, aet: str, kind: SubscriptionKind, now: datetime) -> int:
    """Let a caller's subscriptions of a kind take in no further workitem; return how many there are."""
    with scope.unlimited(session) as whole:
        theirs = select(SubscriptionRow).where(SubscriptionRow.subject == subject, SubscriptionRow.aet == aet)
        rows = whole.exec(theirs.where(SubscriptionRow.kind == kind)).all()
        last = whole.exec(select(func.max(ReadRow.id))).one() or 0
        for row in rows:
            if row.suspended_at is None:
                row.suspended_at, row.last_read_id = now, last
        return len(rows)


def took_in(session: Session, row: SubscriptionRow, read_id: int, workitem: int) -> bool:
    """Tell whether a workitem had come before a subscription was suspended, if it was."""
    if row.suspended_at is None:
        return True
    if read_id > (row.last_read_id or 0):
        return False
    if workitem == 0:
        return True
    with scope.unlimited(session) as whole:
        before = whole.get(WorkitemRow, (read_id, workitem - 1))
        return before is not None and before.ended_at is not None and before.ended_at <= row.suspended_at
