"""FHIR subscriptions: each is its system's, and no other caller's."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement
from sqlmodel import Session, and_, col, or_, select

from balancer.domain.errors import NotFoundError
from balancer.domain.letter import LetterState
from balancer.store import scope
from balancer.store.tables_hooks import HookRow
from balancer.store.tables_outbox import LetterRow, OutletRow

_PREFIX = "fhir-hook-"


def outlet_of(hook_id: int) -> str:
    """Return the name of the outlet that tells a subscriber."""
    return f"{_PREFIX}{hook_id}"


def add(session: Session, row: HookRow) -> HookRow:
    """Add a subscription, and return it with its number."""
    session.add(row)
    session.flush()
    return row


def hooks_of(session: Session, system: str, now: datetime) -> Sequence[HookRow]:
    """Return a system's subscriptions that have not ended."""
    with scope.as_it_stands(session) as whole:
        return whole.exec(select(HookRow).where(HookRow.system == system, _lives(now)).order_by(col(HookRow.id))).all()


def hook_of(session: Session, system: str, hook_id: int, now: datetime) -> HookRow:
    """Return a subscription of a system's; ``NotFoundError`` if it has no such one, or it has ended."""
    with scope.as_it_stands(session) as whole:
        found = whole.exec(select(HookRow).where(HookRow.id == hook_id, HookRow.system == system, _lives(now))).first()
    if found is None:
        raise NotFoundError("there is no such Subscription")
    return found


def failing(session: Session, hook_id: int) -> str:
    """Return why a subscriber is not told now, be it not reached or does not take it; empty if it is told."""
    name = outlet_of(hook_id)
    row = session.get(OutletRow, name)
    if row is None or row.error:
        return "" if row is None else row.error
    waiting = (LetterRow.outlet == name, LetterRow.state == LetterState.WAITING, LetterRow.tries > 0)
    with scope.as_it_stands(session) as whole:
        said = whole.exec(select(LetterRow.error).where(*waiting).order_by(col(LetterRow.id)).limit(1)).first()
    return said or ""


def end(session: Session, system: str, hook_id: int, now: datetime) -> None:
    """End a subscription; ``NotFoundError`` as ``hook_of``."""
    hook_of(session, system, hook_id, now)
    with scope.unlimited(session) as whole:
        whole.get_one(HookRow, hook_id).ended_at = now


def living(session: Session, now: datetime) -> Sequence[HookRow]:
    """Return every subscription that has not ended."""
    return session.exec(select(HookRow).where(_lives(now)).order_by(col(HookRow.id))).all()


def begin(session: Session, hook_id: int, now: datetime) -> None:
    """Enter that a subscription is served."""
    row = session.get(HookRow, hook_id)
    if row is not None:
        row.active_at = row.active_at or now


def is_living(session: Session, hook_id: int, now: datetime) -> bool:
    """Tell whether a subscription has not ended."""
    return session.exec(select(HookRow.id).where(HookRow.id == hook_id, _lives(now))).first() is not None


def _lives(now: datetime) -> ColumnElement[bool]:
    return and_(col(HookRow.ended_at).is_(None), or_(col(HookRow.end_at).is_(None), col(HookRow.end_at) > now))
