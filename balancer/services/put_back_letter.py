"""Put a letter that was given up back in its outlet's queue."""

from __future__ import annotations

from datetime import datetime

from balancer.domain.actor import Actor
from balancer.domain.audit import AuditEntry
from balancer.domain.letter import LetterState
from balancer.store import audit, outbox
from balancer.store.database import Database


def put_back_letter(database: Database, letter_id: int, now: datetime, *, by: Actor) -> None:
    """Let a letter be sent again, and enter who wanted it.

    Raises
    ------
    NotFoundError
        If there is none of that number within reach.
    ConflictError
        If it was not given up, or a later one about the same has been written since.
    """
    with database.transaction() as session:
        outbox.put_back(session, letter_id, now)
        entry = AuditEntry(
            at=now,
            actor=by.subject,
            action="letter.put_back",
            subject_kind="letter",
            subject_id=str(letter_id),
            was=LetterState.DEAD,
            became=LetterState.WAITING,
        )
        audit.append(session, entry)
