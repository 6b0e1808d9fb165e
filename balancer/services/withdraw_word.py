"""Take back what somebody has said a feed's word means: later rows with it wait in quarantine again."""

from __future__ import annotations

from datetime import datetime

from balancer.domain.actor import Actor
from balancer.domain.audit import AuditEntry
from balancer.store import audit, feed_words
from balancer.store.database import Database


def withdraw_word(db: Database, word_id: int, now: datetime, *, by: Actor, reason: str) -> None:
    """End a word; what was taken by it stays in the queue, as its trust listed it.

    Raises
    ------
    NotFoundError
        If there is none of that number.
    ConflictError
        If it has ended already.
    """
    with db.transaction() as session:
        row = feed_words.word_row(session, word_id)
        feed_words.end_word(row, by=by.subject, now=now)
        session.add(row)
        audit.append(
            session,
            AuditEntry(
                at=now,
                actor=by.subject,
                action="feed_word.withdrawn",
                subject_kind="feed_word",
                subject_id=str(word_id),
                was=row.meaning,
                why=reason,
                detail={"feed": row.feed, "kind": row.kind.value, "word": row.word},
            ),
        )
