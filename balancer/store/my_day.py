"""A reporter's day: what they have done since an instant."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session, col, func, select

from balancer.domain.life import ReadState
from balancer.store.tables_life import ReadRow


def done_since(session: Session, reporter_id: str, since: datetime) -> int:
    """Return how many reads a reporter has done since then, of those that have not come back."""
    statement = select(func.count()).where(
        ReadRow.reporter_id == reporter_id, ReadRow.state == ReadState.DONE, col(ReadRow.done_at) >= since
    )
    return session.exec(statement).one()
