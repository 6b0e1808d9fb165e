"""Take in a roster: its sessions replace what the trust's roster said of the days it covers."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, time, timedelta
from typing import Any

from balancer.domain.errors import InvalidValueError
from balancer.domain.feed import QuarantinedRow
from balancer.domain.instant import end_of_day, local_instant
from balancer.domain.roster import ParsedRoster
from balancer.domain.states import BatchState
from balancer.services.ingest_studies import Described
from balancer.services.outcomes import RosterOutcome
from balancer.store import rosters
from balancer.store.assignments import touch_worklists
from balancer.store.database import Database, Session
from balancer.store.sources import lock_trust
from balancer.store.tables import RosterBatchRow

_NO_SHIFT = timedelta()


def update_roster(  # noqa: PLR0913 - what came, when, and how it is looked at
    db: Database,
    roster: Described,
    parsed: ParsedRoster,
    now: datetime,
    *,
    file_name: str = "",
    shift: timedelta = _NO_SHIFT,
) -> RosterOutcome:
    """Take in one roster file, received at ``now``; nothing of it is kept if anything fails.

    The trust's sessions that begin on the days it covers (London days, both included) are replaced by the file's. The
    same file twice changes nothing. A file of which nothing could be read, or in which no row was accepted, replaces
    nothing: it is ``refused``, with the reason. Rows that could not be taken are kept with the file. ``shift`` is
    added to every instant, and to the days.

    Raises
    ------
    NotFoundError
        If the roster has not been loaded.
    """
    if parsed.feed != roster.name:
        raise InvalidValueError("feed", f"the roster is {parsed.feed!r}, not {roster.name!r}")
    with db.transaction() as session:
        row = rosters.roster_row(session, roster.name)
        lock_trust(session, row.trust)
        last = rosters.last_roster_batch(session, roster.name)
        reason = why_refused(parsed)
        if last is not None and last.digest == parsed.digest and last.reason == reason:
            last.times_received += 1
            last.last_received_at = now
            return _outcome(last, BatchState.UNCHANGED)
        batch = _batch(parsed, reason, file_name, now)
        batch_id = rosters.add_roster_batch(session, batch)
        if not reason:
            _replace(session, row.trust, parsed, batch_id, shift)
            touch_worklists(session)
        return _outcome(batch)


def why_refused(parsed: ParsedRoster) -> str:
    """Return in words why nothing of a file is taken; empty if it is."""
    if parsed.problem:
        return parsed.problem
    if not parsed.sessions and len(parsed.quarantined) == parsed.rows_read:
        return f"no row of {parsed.rows_read} was accepted"
    return ""


def _batch(parsed: ParsedRoster, reason: str, file_name: str, now: datetime) -> RosterBatchRow:
    return RosterBatchRow(
        roster=parsed.feed,
        file_name=file_name,
        digest=parsed.digest,
        received_at=now,
        last_received_at=now,
        state=BatchState.REFUSED if reason else BatchState.APPLIED,
        reason=reason,
        covers_from=parsed.covers_from,
        covers_to=parsed.covers_to,
        rows_read=parsed.rows_read,
        sessions=0 if reason else len(parsed.sessions),
        faults=[_fault(row) for row in parsed.quarantined],
    )


def _replace(session: Session, trust: str, parsed: ParsedRoster, batch_id: int, shift: timedelta) -> None:
    rosters.replace_sessions(
        session,
        trust,
        [replace(item, start=item.start + shift, end=item.end + shift) for item in parsed.sessions],
        start=local_instant(datetime.combine(parsed.covers_from, time())) + shift,
        end=end_of_day(parsed.covers_to) + shift,
        batch_id=batch_id,
        locations=parsed.locations,
    )


def _fault(row: QuarantinedRow) -> dict[str, Any]:
    return {
        "line": row.row.line,
        "sheet": row.row.sheet,
        "raw": dict(row.row.raw),
        "column": row.column,
        "reason": row.reason,
        "detail": row.detail,
    }


def _outcome(batch: RosterBatchRow, state: BatchState | None = None) -> RosterOutcome:
    return RosterOutcome(
        batch_id=batch.id or 0,
        roster=batch.roster,
        state=state or batch.state,
        reason=batch.reason,
        sessions=batch.sessions,
        quarantined=len(batch.faults),
    )
