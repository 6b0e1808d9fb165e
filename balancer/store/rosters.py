"""Rostered sessions going in: a file replaces what the trust's roster said of the days it covers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta

from sqlmodel import Session, col, delete, insert, select

from balancer.domain.errors import NotFoundError
from balancer.domain.reporter import Session as RosteredSession
from balancer.domain.states import BatchState
from balancer.store.tables import RosterBatchRow, RosterRow, SessionRow

_NOWHERE: Mapping[str, str] = {}


def roster_row(session: Session, name: str) -> RosterRow:
    """Return a roster's own row; ``NotFoundError`` if there is none."""
    row = session.get(RosterRow, name)
    if row is None:
        raise NotFoundError(f"there is no roster {name!r}")
    return row


def last_roster_batch(session: Session, roster: str) -> RosterBatchRow | None:
    """Return the last file received, if there was any."""
    newest = col(RosterBatchRow.id).desc()
    return session.exec(select(RosterBatchRow).where(RosterBatchRow.roster == roster).order_by(newest).limit(1)).first()


def last_applied(session: Session, roster: str, number: int) -> list[str]:
    """Return the digests of the last files that were taken, so many of them at most, oldest first."""
    taken = select(RosterBatchRow.digest).where(
        RosterBatchRow.roster == roster, RosterBatchRow.state == BatchState.APPLIED
    )
    return list(session.exec(taken.order_by(col(RosterBatchRow.id).desc()).limit(number)))[::-1]


def came_since(session: Session, since: datetime, first: date, last: date) -> dict[str, dict[date, bool]]:
    """Return, by trust, the days from first to last of which a roster has come since an instant and was taken.

    With each day: whether every row could be read of the last one that covers it. The same file again is no news.
    """
    taken = (
        select(RosterRow.trust, RosterBatchRow)
        .join(RosterRow, col(RosterRow.name) == col(RosterBatchRow.roster))
        .where(RosterBatchRow.state == BatchState.APPLIED, RosterBatchRow.received_at > since)
        .where(col(RosterBatchRow.covers_from) <= last, col(RosterBatchRow.covers_to) >= first)
        .order_by(col(RosterBatchRow.id))
    )
    found: dict[str, dict[date, bool]] = defaultdict(dict)
    for trust, batch in session.exec(taken):
        begins, ends = max(first, batch.covers_from or first), min(last, batch.covers_to or last)
        days = (begins + timedelta(days=number) for number in range((ends - begins).days + 1))
        found[trust].update(dict.fromkeys(days, not batch.faults))
    return dict(found)


def add_roster_batch(session: Session, batch: RosterBatchRow) -> int:
    """Add a roster file received and return its number."""
    session.add(batch)
    session.flush()
    return batch.id or 0


def replace_sessions(  # noqa: PLR0913 - what is replaced, and by what
    session: Session,
    trust: str,
    sessions: Iterable[RosteredSession],
    *,
    start: datetime,
    end: datetime,
    batch_id: int,
    locations: Mapping[str, str] = _NOWHERE,
) -> None:
    """Remove the trust's sessions that begin in ``[start, end)`` and add these, wherever they begin.

    A session that is stated again (the same ``session_id``) replaces the one there was. ``locations`` is by session.
    """
    stated = list(sessions)
    own = delete(SessionRow).where(col(SessionRow.trust) == trust)
    session.exec(own.where(col(SessionRow.start) >= start, col(SessionRow.start) < end))
    session.exec(own.where(col(SessionRow.session_id).in_([item.session_id for item in stated])))
    rows = [
        {
            "session_id": item.session_id,
            "reporter_id": item.reporter_id,
            "trust": trust,
            "roster_batch_id": batch_id,
            "start": item.start,
            "end": item.end,
            "activity": item.activity,
            "productivity": item.productivity,
            "trusts": sorted(item.trusts),
            "subspecialties": sorted(item.subspecialties),
            "modalities": sorted(item.modalities),
            "priorities": sorted(item.priorities),
            "max_reads": item.max_reads,
            "location": locations.get(item.session_id, ""),
        }
        for item in stated
    ]
    if rows:
        session.exec(insert(SessionRow), params=rows)
