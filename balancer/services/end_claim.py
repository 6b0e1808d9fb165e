"""What ending a claim without a report means, whichever way it ends: release, lapse."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from balancer.domain.actor import Actor
from balancer.domain.exceptional import ExceptionKind
from balancer.domain.life import ReadEvent, ReadState
from balancer.services.follow_reads import note_not_followed_up
from balancer.services.urgency import is_emergency
from balancer.store import claims, queue, reads, runs
from balancer.store.database import Session
from balancer.store.exceptions import open_exception
from balancer.store.tables import StudyRow
from balancer.store.tables_life import ClaimRow, ReadRow

# Why nobody has a read whose claim ended so.
_ENDED = {ReadEvent.RELEASE: "released", ReadEvent.LAPSE: "lapsed"}


def end_unread(  # noqa: PLR0913 - whose claim on what ends, how, on whose word
    session: Session,
    row: ReadRow,
    study: StudyRow,
    claim: ClaimRow,
    event: ReadEvent,
    *,
    by: Actor,
    now: datetime,
    why: str = "",
) -> ReadState:
    """End a claim and put its read back: where it has a place on a list, whoever had opened it, else with nobody.

    One that its source has withdrawn meanwhile goes. For an emergency a run is asked for, and if nobody said that it
    was given up, its trust's reporting office is told.
    """
    claims.end_claim(session, row.id or 0, event, now=now)
    if claim.withdrawn_at is not None:
        reads.move(session, row, event, ReadState.WITHDRAWN, by=by, now=now, why=why)
        note_not_followed_up(session, row, study, by, now)
        return row.state
    put_back(session, row, event, reason=_ENDED[event], by=by, now=now, why=why)
    if is_emergency(session, study, now):
        runs.ask_for_run(session, now=now, reason=f"an emergency that was open: {_ENDED[event]}")
        if event is ReadEvent.LAPSE:
            kind, detail = ExceptionKind.EMERGENCY_WAITS, f"was open at {claim.reporter_id}, who gave no sign of life"
            open_exception(session, kind, row.id or 0, study, by=by, now=now, detail=detail)
    return row.state


def put_back(  # noqa: PLR0913 - what is put back, why, on whose word
    session: Session,
    row: ReadRow,
    event: ReadEvent,
    *,
    reason: str,
    by: Actor,
    now: datetime,
    why: str = "",
    confirmed_at: datetime | None = None,
) -> None:
    """Put a read back on the current list that has a place for it, if its holder may have it, else with nobody."""
    holder = queue.holder(session, row.study_id, row.number)
    to = ReadState.UNALLOCATED if holder is None else ReadState.ALLOCATED
    columns: dict[str, Any] = {"reason": reason} if holder is None else {"reporter_id": holder}
    if event is ReadEvent.DISPUTE:
        columns |= {"again": reason, "read_before_by": row.reporter_id}
    reads.move(session, row, event, to, by=by, now=now, why=why or reason, confirmed_at=confirmed_at, **columns)
