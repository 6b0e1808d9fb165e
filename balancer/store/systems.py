"""Systems of trusts that may call: what each may do where, and how it is known."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, delete, select

from balancer.domain.actor import Actor, system
from balancer.domain.errors import ConflictError, NotFoundError
from balancer.domain.permission import permissions_named
from balancer.store.tables_access import AssertionRow, SystemRow


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownSystem:
    """A system that may call, until when, and the public keys (a JWK set) that it signs for."""

    actor: Actor
    expires_at: datetime | None
    public_keys: dict[str, Any] | None


def subject_of(system_id: str) -> str:
    """Return what the record knows a system by."""
    return f"system:{system_id}"


def add_system(session: Session, row: SystemRow) -> None:
    """Add a system; ``ConflictError`` if there is one of that name already, disabled or not."""
    if session.get(SystemRow, row.system_id) is not None:
        raise ConflictError(f"there is a system {row.system_id!r} already")
    session.add(row)
    session.flush()


def systems(session: Session) -> list[SystemRow]:
    """Return every system there ever was, by name."""
    return list(session.exec(select(SystemRow).order_by(col(SystemRow.system_id))))


def disable(session: Session, system_id: str, *, now: datetime) -> SystemRow:
    """Let a system in no more; ``NotFoundError`` if there is none. Its name stays taken, for the record."""
    row = session.get(SystemRow, system_id)
    if row is None:
        raise NotFoundError(f"there is no system {system_id!r}")
    row.disabled_at = row.disabled_at or now
    return row


def by_key(session: Session, digest: str, *, now: datetime) -> KnownSystem | None:
    """Return the system whose key has this digest, if it may call."""
    return _known(session.exec(select(SystemRow).where(SystemRow.key_digest == digest)).first(), now)


def by_name(session: Session, system_id: str, *, now: datetime) -> KnownSystem | None:
    """Return the system of that name, if it may call."""
    return _known(session.get(SystemRow, system_id), now)


def key_ends(session: Session, digest: str) -> datetime | None:
    """Return when the key with this digest ends; ``None`` if it does not."""
    return session.exec(select(SystemRow.expires_at).where(SystemRow.key_digest == digest)).first()


def is_first_use(session: Session, system_id: str, jti: str, *, now: datetime, expires_at: datetime) -> bool:
    """Note an assertion that a system has shown; ``False`` if it has shown the same one before."""
    session.exec(delete(AssertionRow).where(col(AssertionRow.expires_at) < now))
    try:
        with session.begin_nested():
            session.add(AssertionRow(system_id=system_id, jti=jti, expires_at=expires_at))
    except IntegrityError:
        return False
    return True


def _known(row: SystemRow | None, now: datetime) -> KnownSystem | None:
    if row is None or row.disabled_at is not None or (row.expires_at is not None and row.expires_at <= now):
        return None
    actor = system(subject_of(row.system_id), row.name, permissions_named(row.scopes), row.at)
    return KnownSystem(actor=actor, expires_at=row.expires_at, public_keys=row.public_keys)
