"""Enter in the audit trail that somebody has looked at patients' data, or has signed in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from balancer.domain.actor import Actor
from balancer.domain.audit import AuditEntry
from balancer.store import audit
from balancer.store.database import Database, Session


def note_look(db: Database, by: Actor, kind: str, ids: Sequence[int | str], now: datetime) -> None:
    """Enter that ``by`` was shown these things of a ``kind``, each by its internal number: one entry, however many."""
    with db.transaction() as session:
        enter_look(session, by, kind, ids, now)


def enter_look(session: Session, by: Actor, kind: str, ids: Sequence[int | str], now: datetime) -> None:
    """Enter it in the caller's transaction."""
    one = len(ids) == 1
    detail: Mapping[str, Any] = {} if one else {"shown": list(ids)}
    entry = AuditEntry(
        at=now,
        actor=by.subject,
        action=f"{kind}.looked_at",
        subject_kind=kind,
        subject_id=str(ids[0]) if one else "",
        detail=detail,
    )
    audit.append(session, entry)


def note_access(session: Session, who: Actor, what: str, now: datetime, *, by: str | None = None) -> None:
    """Enter, in the transaction that did it, that somebody's session or token began or ended, with what they may do."""
    held = sorted(f"{grant.role}@{grant.trust}" for grant in who.grants)
    scopes = sorted(f"{scope}@{trust}" for scope in who.scopes for trust in who.at)
    entry = AuditEntry(
        at=now,
        actor=by or who.subject,
        action=f"access.{what}",
        subject_kind="caller",
        subject_id=who.subject,
        detail={"held": held or scopes},
    )
    audit.append(session, entry)
