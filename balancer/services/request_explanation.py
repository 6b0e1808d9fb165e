"""Ask why a read is where it is; whoever makes previews works it out, on the plan in force."""

from __future__ import annotations

from datetime import datetime

from balancer.domain.errors import ConflictError
from balancer.domain.life import PLANNABLE
from balancer.store import explanations, reads
from balancer.store.database import Database


def request_explanation(db: Database, read_id: int, now: datetime) -> None:
    """Ask for an explanation of a read; one that is asked for already goes on waiting.

    Raises
    ------
    NotFoundError
        If there is no such read.
    ConflictError
        If it takes part in no plan: it is done, or out of the queue.
    """
    with db.transaction() as session:
        row, _ = reads.locked_read(session, read_id)
        if row.state not in PLANNABLE:
            raise ConflictError(f"the read is {row.state}: it takes part in no plan")
        explanations.request(session, read_id, now)
