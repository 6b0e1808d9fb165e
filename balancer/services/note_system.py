"""Enter in the audit trail what was done with a system's access."""

from __future__ import annotations

from datetime import datetime

from balancer.domain.actor import Actor
from balancer.domain.audit import AuditEntry
from balancer.store import audit
from balancer.store.database import Session


def note_system(
    session: Session, action: str, system_id: str, now: datetime, *, by: Actor, **detail: str | list[str]
) -> None:
    """Enter it in the transaction that did it; of ``detail`` what is not empty.

    What a system is known by, a key or the digest of one, has no place in it.
    """
    entry = AuditEntry(
        at=now,
        actor=by.subject,
        action=action,
        subject_kind="system",
        subject_id=system_id,
        detail={name: value for name, value in detail.items() if value},
    )
    audit.append(session, entry)
