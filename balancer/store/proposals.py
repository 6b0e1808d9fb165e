"""Plans that wait for a manager, read by read: kept while they do."""

from __future__ import annotations

from collections.abc import Sequence

from sqlmodel import Session, insert

from balancer.store.tables_runs import ProposedRow


def add(session: Session, rows: Sequence[ProposedRow]) -> None:
    """Keep where a plan that waits has each read."""
    if rows:
        session.exec(insert(ProposedRow), params=[row.model_dump() for row in rows])
