"""Refuse rows of quarantine for good, and take that back: nothing is deleted, and both are on record with a reason.

A refused row is asked about no more. It stays in the books: it is in its trust's list and no study, until a later file
leaves it out (``gone``) or has its study in a row that can be read, which is taken like any other (``superseded``).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from balancer.domain.actor import Actor
from balancer.domain.audit import AuditEntry
from balancer.domain.errors import ConflictError
from balancer.domain.states import QuarantineState
from balancer.services.word_at_fault import SETTLED
from balancer.store import audit, quarantine, sources
from balancer.store.database import Database, Session
from balancer.store.tables import QuarantineRow

_NOT_REFUSED = "the row is not refused any more: somebody was quicker, or a later file has said something else of it"


def refuse_rows(db: Database, row_ids: Sequence[int], now: datetime, *, by: Actor, reason: str) -> None:
    """Decide that these rows of one feed are not to be mended; all of them or none.

    Raises
    ------
    NotFoundError
        If one of them is not there, or not within reach.
    ConflictError
        If one of them waits no longer.
    """
    with db.transaction() as session:
        for row in _locked(session, row_ids):
            if row.state is not QuarantineState.OPEN:
                raise ConflictError(SETTLED)
            row.state = QuarantineState.REFUSED
            row.refused_by, row.refused_at, row.refused_why = by.subject, now, reason
            session.add(row)
            _enter(session, row, "quarantine.refuse", QuarantineState.OPEN, by, now, reason)


def reopen_row(db: Database, row_id: int, now: datetime, *, by: Actor, reason: str) -> None:
    """Take back that a row is refused: it waits to be mended again.

    Raises
    ------
    NotFoundError
        If it is not there, or not within reach.
    ConflictError
        If it is not refused.
    """
    with db.transaction() as session:
        (row,) = _locked(session, [row_id])
        if row.state is not QuarantineState.REFUSED:
            raise ConflictError(_NOT_REFUSED)
        row.state = QuarantineState.OPEN
        row.refused_by = row.refused_at = row.refused_why = None
        session.add(row)
        _enter(session, row, "quarantine.reopen", QuarantineState.REFUSED, by, now, reason)


def _locked(session: Session, row_ids: Sequence[int]) -> list[QuarantineRow]:
    """Return rows as they are once no file of their feed is being taken."""
    rows = [quarantine.quarantined_row(session, row_id) for row_id in sorted(set(row_ids))]
    for feed in sorted({row.feed for row in rows}):
        sources.locked_feed(session, feed)
    for row in rows:
        session.refresh(row)  # whoever had the lock before may have changed it
    return rows


def _enter(  # noqa: PLR0913, PLR0917 - who decides what of which row
    session: Session, row: QuarantineRow, action: str, was: QuarantineState, by: Actor, now: datetime, reason: str
) -> None:
    audit.append(
        session,
        AuditEntry(
            at=now,
            actor=by.subject,
            action=action,
            subject_kind="quarantined_row",
            subject_id=str(row.id),
            was=was.value,
            became=row.state.value,
            why=reason,
            detail={"feed": row.feed, "reason": row.reason},
        ),
    )
