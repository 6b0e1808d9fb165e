"""What ending a claim without a report means, whichever way it ends: release, lapse."""

from __future__ import annotations

from datetime import datetime

from balancer.domain.actor import Actor
from balancer.domain.life import ReadEvent, ReadState
from balancer.store import choice, claims, reads
from balancer.store.database import Session
from balancer.store.tables_life import ClaimRow, ReadRow

# Why nobody has a read whose claim ended so.
_ENDED = {ReadEvent.RELEASE: "released", ReadEvent.LAPSE: "lapsed"}


def end_unread(  # noqa: PLR0913 - whose claim on what ends, how, on whose word
    session: Session, row: ReadRow, claim: ClaimRow, event: ReadEvent, *, by: Actor, now: datetime, why: str = ""
) -> ReadState:
    """End a claim and put its read back: on the claimant's list if it stood there, else with nobody.

    One that its source has withdrawn meanwhile goes.
    """
    read_id = row.id or 0
    claims.end_claim(session, read_id, event, now=now)
    if claim.withdrawn_at is not None:
        reads.move(session, row, event, ReadState.WITHDRAWN, by=by, now=now, why=why)
    elif choice.stands_on_list(session, read_id, claim.reporter_id):
        to = ReadState.ALLOCATED
        reads.move(session, row, event, to, by=by, now=now, why=why, reporter_id=claim.reporter_id)
    else:
        reads.move(session, row, event, ReadState.UNALLOCATED, by=by, now=now, why=why, reason=_ENDED[event])
    return row.state
