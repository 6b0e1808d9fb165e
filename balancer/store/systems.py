"""Systems of trusts that may call: what each may do where, and how it is known."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, delete, select, update

from balancer.domain.actor import Actor, system
from balancer.domain.errors import ConflictError, NotFoundError
from balancer.domain.permission import permissions_named
from balancer.store.tables_access import AssertionRow, FormerKeyRow, SystemRow


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
    row = taken(session, system_id)
    row.disabled_at = row.disabled_at or now
    return row


def taken(session: Session, system_id: str) -> SystemRow:
    """Return a system that nobody else changes until this transaction ends; ``NotFoundError`` if there is none."""
    row = session.get(SystemRow, system_id, with_for_update=True)
    if row is None:
        raise NotFoundError(f"there is no system {system_id!r}")
    return row


def replace_key(session: Session, row: SystemRow, digest: str, *, now: datetime, ends_at: datetime) -> None:
    """Give a system another key; those that it had end at ``ends_at`` if they would not sooner."""
    theirs = col(FormerKeyRow.system_id) == row.system_id
    if row.key_digest is not None:
        session.add(FormerKeyRow(digest=row.key_digest, system_id=row.system_id, ends_at=ends_at))
    row.key_digest = digest
    session.flush()
    session.exec(update(FormerKeyRow).where(theirs, col(FormerKeyRow.ends_at) > ends_at).values(ends_at=ends_at))
    session.exec(delete(FormerKeyRow).where(theirs, col(FormerKeyRow.ends_at) <= now))


def by_key(session: Session, digest: str, *, now: datetime) -> KnownSystem | None:
    """Return the system whose key has this digest, if it may call; by a key that it had before, until that ends."""
    row = session.exec(select(SystemRow).where(SystemRow.key_digest == digest)).first()
    if row is not None:
        return _known(row, now)
    former = session.get(FormerKeyRow, digest)
    if former is None or former.ends_at <= now:
        return None
    known = by_name(session, former.system_id, now=now)
    if known is None:
        return None
    return replace(known, expires_at=min(former.ends_at, known.expires_at or former.ends_at))


def by_name(session: Session, system_id: str, *, now: datetime) -> KnownSystem | None:
    """Return the system of that name, if it may call."""
    return _known(session.get(SystemRow, system_id), now)


def by_subject(session: Session, subject: str, *, now: datetime) -> KnownSystem | None:
    """Return the system that the record knows by that, if it may call."""
    return by_name(session, subject.removeprefix(subject_of("")), now=now)


def is_still(session: Session, system_id: str, known: KnownSystem, *, now: datetime) -> bool:
    """Tell whether a system is as it was ``known``; nobody changes it until this transaction ends."""
    return _known(session.get(SystemRow, system_id, with_for_update={"read": True}), now) == known


def former_key_ends(session: Session) -> dict[str, datetime]:
    """Return when the last of the keys that a system had before ends, by the system's name, where there is one."""
    rows = session.exec(select(FormerKeyRow).order_by(col(FormerKeyRow.ends_at)))
    return {row.system_id: row.ends_at for row in rows}


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
