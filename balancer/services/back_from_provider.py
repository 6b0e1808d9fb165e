"""What was with a provider as its source stopped asking for it, and is asked for again: to be read here, or there.

Mostly the source stopped asking because the provider's report had come. Then nobody outside does anything about what is
asked for now, and to wait for them would be to wait for nobody; where that can be told, it is read here. A read that
only one snapshot had left out is still theirs: it would be read twice. Either way the trust's reporting office is told.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from balancer.domain.actor import job
from balancer.domain.exceptional import ExceptionKind
from balancer.domain.feed import FeedKind
from balancer.domain.instruction import InstructionKind, InstructionState
from balancer.domain.life import ASKED_AGAIN, CLOCKS_DIFFER, LATE_IMAGES
from balancer.store import batches, instructions, reads
from balancer.store.database import Session
from balancer.store.exceptions import open_exception
from balancer.store.tables import FeedRow
from balancer.store.tables_instructions import InstructionRow

_INTAKE: Final = job("intake")


def end_sent_out(
    session: Session, feed: FeedRow, returning: Mapping[int, datetime], now: datetime, *, batch_id: int
) -> dict[int, str]:
    """End what has sent reads out whose providers are done with them; return why each is to be read here, by number.

    ``returning`` are reads that were withdrawn and that ``feed`` asks for again in this batch, with when the last
    images of their studies were made. A provider is done with a read if those were made after it was sent out, if its
    feed had said in so many words that it does not wait any more, or if another snapshot in between was without it too.
    The reads must be locked.
    """
    if not returning:
        return {}
    found: dict[int, str] = {}
    for row in instructions.rows_of(session, InstructionKind.SEND_OUT):
        read_id = row.read_id or 0
        if read_id in returning:
            why = _why_here(session, feed, row, returning[read_id], batch_id)
            _tell(session, row, why, now)
            if why:
                found[read_id] = why
                ended = instructions.locked(session, row.id or 0)
                instructions.end(session, ended, InstructionState.EXPIRED, by=_INTAKE, now=now, why=why)
    return found


def _why_here(session: Session, feed: FeedRow, row: InstructionRow, acquired_at: datetime, batch_id: int) -> str:
    """Return why a read that was sent out is to be read here; empty if its provider may still be at it."""
    if acquired_at > (row.in_force_at or row.made_at) + CLOCKS_DIFFER:
        return LATE_IMAGES
    went_at = reads.read(session, row.read_id or 0).since
    if feed.kind is FeedKind.DELTA or batches.is_any_between(session, feed.name, after=went_at, before=batch_id):
        return ASKED_AGAIN
    return ""


def _tell(session: Session, row: InstructionRow, why: str, now: datetime) -> None:
    read, study = reads.locked_read(session, row.read_id or 0)
    provider = row.value["provider"]
    left_out = "was left out by one extract, and is taken to be there still"
    detail = f"was sent out to {provider}, and " + (f"is to be read here: {why}" if why else left_out)
    kind = ExceptionKind.ASKED_AGAIN
    open_exception(session, kind, read.id or 0, study, by=_INTAKE, now=now, detail=detail)
