"""Silent feeds: since when each has said nothing, whose it is to look after, and that it delivers again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from balancer.domain.actor import Actor
from balancer.domain.audit import AuditEntry
from balancer.domain.exceptional import office_of
from balancer.store import audit
from balancer.store.counts import count
from balancer.store.tables import FeedRow
from balancer.store.tables_silences import SilenceRow

_SUBJECT: Final = "silence"


def open_of(session: Session, feed: str) -> SilenceRow | None:
    """Return the silence of a feed that has not ended, if there is one; nobody else changes it meanwhile."""
    statement = select(SilenceRow).where(SilenceRow.feed == feed, col(SilenceRow.ended_at).is_(None))
    return session.exec(statement.with_for_update()).first()


def begin(session: Session, feed: FeedRow, *, by: Actor, now: datetime) -> SilenceRow | None:
    """Enter that a feed is silent, its trust's reporting office to look after it; ``None`` if somebody just has."""
    row = SilenceRow(
        feed=feed.name, trust=feed.trust, owner=office_of(feed.trust), since=feed.last_extracted_at, opened_at=now
    )
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError:  # somebody else entered it at the same time
        return None
    audit.append(session, _entry(row, "opened", by, now))
    return row


def take(session: Session, row: SilenceRow, *, by: Actor, now: datetime) -> None:
    """Enter that somebody looks after a silent feed: it is theirs, in place of whose it was."""
    was, row.owner, row.taken_at = row.owner, by.name, now
    audit.append(session, _entry(row, "taken", by, now, f"it was {was}'s"))


def end(session: Session, row: SilenceRow, *, by: Actor, now: datetime) -> None:
    """Enter that a feed delivers again, or is listed no more."""
    row.ended_at = now
    audit.append(session, _entry(row, "resolved", by, now, "nothing is expected of it that has not come"))


def listed_feeds(session: Session) -> list[FeedRow]:
    """Return the feeds of which something is expected."""
    return list(session.exec(select(FeedRow).where(FeedRow.listed).order_by(FeedRow.name)))


def not_ended(session: Session) -> list[SilenceRow]:
    """Return the silences that have not ended, by feed."""
    return list(session.exec(_those(None, ended=False).order_by(SilenceRow.feed)))


def page(
    session: Session, *, trust: str | None, ended: bool, limit: int, offset: int
) -> tuple[Sequence[SilenceRow], int]:
    """Return some silences, newest first, and how many there are."""
    statement = _those(trust, ended=ended)
    rows = session.exec(statement.order_by(col(SilenceRow.id).desc()).limit(limit).offset(offset)).all()
    return rows, count(session, statement)


def open_count(session: Session) -> int:
    """Return how many feeds are silent."""
    return count(session, _those(None, ended=False))


def _those(trust: str | None, *, ended: bool) -> Any:
    column = col(SilenceRow.ended_at)
    statement = select(SilenceRow).where(column.is_not(None) if ended else column.is_(None))
    return statement if trust is None else statement.where(SilenceRow.trust == trust)


def _entry(row: SilenceRow, what: str, by: Actor, now: datetime, why: str = "") -> AuditEntry:
    return AuditEntry(
        at=now,
        actor=by.subject,
        action=f"silence.{what}",
        subject_kind=_SUBJECT,
        subject_id=str(row.id),
        was="" if what == "opened" else "open",
        became="resolved" if what == "resolved" else "open",
        why=why,
        detail={"feed": row.feed},
    )
