"""Idempotency keys: each is begun once, and its answer is kept for a day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.exc import IntegrityError
from sqlmodel import col, delete, select

from balancer.domain.errors import ConflictError, InvalidValueError
from balancer.store.database import Database
from balancer.store.tables_keys import IdempotencyKeyRow

# Whoever repeats a request does so within minutes; a day covers a connector that was down over night.
KEPT = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptAnswer:
    """What was answered the first time."""

    status: int
    headers: Mapping[str, str]
    body: str


@dataclass(frozen=True, slots=True)
class Key:
    """A key, and whose it is: two callers may use the same."""

    caller: str
    key: str


def begin(db: Database, key: Key, request: str, now: datetime) -> KeptAnswer | None:
    """Enter that the request is begun; if it was done before, return what was answered.

    Raises
    ------
    InvalidValueError
        If the key was given to another request.
    ConflictError
        If the same request is under way, or ended without an answer.
    """
    try:
        with db.transaction() as session:
            session.exec(delete(IdempotencyKeyRow).where(col(IdempotencyKeyRow.begun_at) < now - KEPT))
            row = session.get(IdempotencyKeyRow, (key.caller, key.key))
            if row is not None:
                return _answer_of(row, request)
            session.add(IdempotencyKeyRow(caller=key.caller, key=key.key, request=request, begun_at=now, headers={}))
    except IntegrityError as error:  # on PostgreSQL two may begin at the same moment
        raise ConflictError("a request with this key is under way") from error
    return None


def _answer_of(row: IdempotencyKeyRow, request: str) -> KeptAnswer:
    if row.request != request:
        raise InvalidValueError("Idempotency-Key", "was given to another request: each needs one of its own")
    if row.status is None:
        raise ConflictError(
            "a request with this key is under way, or ended without an answer: look whether it was done before you "
            "ask with another key"
        )
    return KeptAnswer(status=row.status, headers=row.headers, body=row.body)


def finish(db: Database, key: Key, answer: KeptAnswer) -> None:
    """Keep what was answered."""
    with db.transaction() as session:
        row = session.get_one(IdempotencyKeyRow, (key.caller, key.key))
        row.status, row.headers, row.body = answer.status, dict(answer.headers), answer.body


def purge(db: Database, now: datetime) -> None:
    """Forget the answers that have been kept for long enough, should nobody come with another key."""
    old = col(IdempotencyKeyRow.begun_at) < now - KEPT
    with db.session() as session:
        if session.exec(select(IdempotencyKeyRow.key).where(old).limit(1)).first() is None:
            return
    with db.transaction() as session:
        session.exec(delete(IdempotencyKeyRow).where(old))


def forget(db: Database, key: Key) -> None:
    """Enter that nothing was done: the request may come again."""
    with db.transaction() as session:
        session.delete(session.get_one(IdempotencyKeyRow, (key.caller, key.key)))
