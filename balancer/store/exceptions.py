"""Exceptions: what a named person or office has to look at, and what became of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from balancer.domain.actor import Actor
from balancer.domain.audit import AuditEntry
from balancer.domain.errors import ConflictError, NotFoundError
from balancer.domain.exceptional import ExceptionKind, office_of
from balancer.store import audit
from balancer.store.counts import count
from balancer.store.pages import Cut, Page, cursor
from balancer.store.tables import StudyRow
from balancer.store.tables_life import ExceptionRow, ReadRow

_SUBJECT = "exception"
_NEWEST_FIRST = "exception"


def open_exception(  # noqa: PLR0913 - what it is about, and who says so
    session: Session,
    kind: ExceptionKind,
    read_id: int,
    study: StudyRow,
    *,
    by: Actor,
    now: datetime,
    detail: str = "",
) -> bool:
    """Bring a read to its trust's reporting office; ``False`` if one of the kind is open for it."""
    if is_open(session, kind, read_id):
        return False
    row = ExceptionRow(
        kind=kind, read_id=read_id, trust=study.trust, owner=office_of(study.trust), detail=detail, opened_at=now
    )
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError:  # somebody else opened one at the same time
        return False
    audit.append(session, _entry(row, "opened", by, now, detail))
    return True


def is_open(session: Session, kind: ExceptionKind, read_id: int) -> bool:
    """Tell whether one of the kind waits for somebody to look at a read."""
    same = select(ExceptionRow.id).where(ExceptionRow.kind == kind, ExceptionRow.read_id == read_id)
    return session.exec(same.where(col(ExceptionRow.resolved_at).is_(None))).first() is not None


def is_resolved_since(session: Session, kind: ExceptionKind, read_id: int, since: datetime) -> bool:
    """Tell whether somebody has entered, after ``since``, what became of one of the kind about a read."""
    same = select(ExceptionRow.id).where(ExceptionRow.kind == kind, ExceptionRow.read_id == read_id)
    return session.exec(same.where(col(ExceptionRow.resolved_at) > since).limit(1)).first() is not None


def resolve(session: Session, exception_id: int, *, by: Actor, now: datetime, resolution: str) -> ExceptionRow:
    """Enter what became of an exception.

    Raises
    ------
    NotFoundError
        If there is none of that number.
    ConflictError
        If it has been resolved already.
    """
    row = _unresolved(session, exception_id)
    row.resolved_at, row.resolved_by, row.resolution = now, by.subject, resolution
    audit.append(session, _entry(row, "resolved", by, now, resolution))
    return row


def take(session: Session, exception_id: int, *, by: Actor, now: datetime) -> ExceptionRow:
    """Enter that somebody looks at an exception: it is theirs, in place of whose it was.

    Raises
    ------
    NotFoundError
        If there is none of that number.
    ConflictError
        If it has been resolved already.
    """
    row = _unresolved(session, exception_id)
    was, row.owner = row.owner, by.name
    audit.append(session, _entry(row, "taken", by, now, f"it was {was}'s"))
    return row


def _unresolved(session: Session, exception_id: int) -> ExceptionRow:
    statement = select(ExceptionRow).where(ExceptionRow.id == exception_id).with_for_update()
    row = session.exec(statement).first()
    if row is None:
        raise NotFoundError(f"there is no exception {exception_id}")
    if row.resolved_at is not None:
        raise ConflictError(f"{row.resolved_by} has resolved exception {exception_id} already")
    return row


def open_count(session: Session) -> int:
    """Return how many exceptions nobody has resolved."""
    return count(session, select(ExceptionRow).where(col(ExceptionRow.resolved_at).is_(None)))


def exceptions(
    session: Session, cut: Cut, *, trust: str | None = None, kind: ExceptionKind | None = None, resolved: bool = False
) -> Page[ExceptionRow]:
    """Return a page of exceptions, newest first; those that nobody has resolved, unless ``resolved``."""
    statement = _those(trust, kind, resolved=resolved)
    total = count(session, statement)
    after = cut.after(_NEWEST_FIRST, 1)
    if after is not None:
        statement = statement.where(col(ExceptionRow.id) < after[0])
    rows = session.exec(statement.order_by(col(ExceptionRow.id).desc()).limit(cut.limit + 1)).all()
    more = len(rows) > cut.limit
    rows = rows[: cut.limit]
    return Page(items=tuple(rows), total=total, next_cursor=cursor(_NEWEST_FIRST, rows[-1].id) if more else None)


def exceptions_page(  # noqa: PLR0913 - which, and which page of them
    session: Session, *, trust: str | None, kind: ExceptionKind | None, resolved: bool, limit: int, offset: int
) -> tuple[Sequence[ExceptionRow], int]:
    """Return a page of exceptions by number, newest first, and how many there are."""
    statement = _those(trust, kind, resolved=resolved)
    rows = session.exec(statement.order_by(col(ExceptionRow.id).desc()).limit(limit).offset(offset)).all()
    return rows, count(session, statement)


def exception(session: Session, exception_id: int) -> ExceptionRow:
    """Return one exception; ``NotFoundError`` if there is none."""
    row = session.get(ExceptionRow, exception_id)
    if row is None:
        raise NotFoundError(f"there is no exception {exception_id}")
    return row


def studies_of(session: Session, rows: Iterable[ExceptionRow]) -> dict[int, StudyRow]:
    """Return the studies that exceptions are about, by read; one out of sight is missing."""
    wanted = {row.read_id for row in rows}
    found = session.exec(
        select(ReadRow.id, StudyRow)
        .join(StudyRow, col(StudyRow.id) == col(ReadRow.study_id))
        .where(col(ReadRow.id).in_(wanted))
    )
    return {read_id or 0: study for read_id, study in found}


def _those(trust: str | None, kind: ExceptionKind | None, *, resolved: bool) -> Any:
    ended = col(ExceptionRow.resolved_at)
    statement = select(ExceptionRow).where(ended.is_not(None) if resolved else ended.is_(None))
    if trust is not None:
        statement = statement.where(ExceptionRow.trust == trust)
    if kind is not None:
        statement = statement.where(ExceptionRow.kind == kind)
    return statement


def _entry(row: ExceptionRow, what: str, by: Actor, now: datetime, why: str) -> AuditEntry:
    return AuditEntry(
        at=now,
        actor=by.subject,
        action=f"exception.{what}",
        subject_kind=_SUBJECT,
        subject_id=str(row.id),
        was="" if what == "opened" else "open",
        became="resolved" if what == "resolved" else "open",
        why=why,
        detail={"kind": row.kind.value, "read": row.read_id},
    )
