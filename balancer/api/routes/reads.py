"""Working a list: open the next read or another of the next few, keep it, complete it, or give it back.

Whoever calls does so for a reporter: for themselves, or, being a system or a manager, for the one they name.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query

from balancer.api import problems
from balancer.api.callers import Caller, Reaching, may
from balancer.api.models.reads import (
    ClaimIn,
    ClaimOut,
    CompleteIn,
    CompletionOut,
    NextIn,
    NextOut,
    ReporterIn,
    ReturnIn,
    SkipsOut,
    StandingOut,
    UnparkIn,
)
from balancer.api.models.shape import ListOut
from balancer.api.serving import IdInPath, ReporterInPath, Served, Serving, When
from balancer.domain.actor import Reach
from balancer.domain.life import ReadState
from balancer.domain.permission import Permission
from balancer.services.claim_read import claim_read
from balancer.services.complete_read import complete_read
from balancer.services.next_read import next_read
from balancer.services.park_read import unpark_read
from balancer.services.release_read import release_read
from balancer.services.renew_claim import renew_claim
from balancer.services.return_read import return_read
from balancer.store import choice
from balancer.store.database import Database

router = APIRouter()
_WORK = [may(Permission.READS_WORK)]
_MAY_FAIL = problems.may_be(problems.NOT_FOUND, problems.CLAIMED)
_LOOKED_BACK = timedelta(days=7)


def acting(served: Serving, reach: Reach, reporter_id: str) -> Database:
    """Return the database as far as the caller reaches in this reporter's name."""
    return served.database.within(reach.acting_for(reporter_id))


@router.post("/worklists/{reporter_id}/next", tags=["reads"], responses=_MAY_FAIL, dependencies=_WORK)
def claim_next(
    served: Served, caller: Caller, reach: Reaching, reporter_id: ReporterInPath, asked: NextIn | None = None
) -> NextOut:
    """Open the reporter's next read: the first on their list that can be read now and nobody has open.

    A system or a manager opens reads of their own trusts only; `withheld` says how many others wait on the list.
    """
    database = acting(served, reach, reporter_id)
    beats = (asked or NextIn()).heartbeats
    now = served.clock.now()
    claim = next_read(database, reporter_id, now, by=caller, heartbeats=beats)
    with database.session() as session:
        withheld = choice.withheld(session, reporter_id, now)
    return NextOut(claim=None if claim is None else ClaimOut.of(claim), withheld=withheld)


@router.post("/reads/{read_id}/claim", tags=["reads"], responses=_MAY_FAIL, dependencies=_WORK)
def claim(served: Served, caller: Caller, reach: Reaching, read_id: IdInPath, asked: ClaimIn) -> ClaimOut:
    """Open a read. Of all who ask at once one gets it; the others hear who. Asking again renews one's own claim.

    Reporters may take any of the next few reads on their own list. What a system says somebody has opened is open.
    """
    database = acting(served, reach, asked.reporter_id)
    now = served.clock.now()
    made = claim_read(database, read_id, asked.reporter_id, now, by=caller, heartbeats=asked.heartbeats)
    return ClaimOut.of(made)


@router.post("/reads/{read_id}/heartbeat", tags=["reads"], responses=_MAY_FAIL, dependencies=_WORK)
def keep_claim(served: Served, caller: Caller, reach: Reaching, read_id: IdInPath, asked: ReporterIn) -> ClaimOut:
    """Say that the read is still open. Send one every minute or so; look whether it has been withdrawn."""
    database = acting(served, reach, asked.reporter_id)
    kept = renew_claim(database, read_id, asked.reporter_id, served.clock.now(), by=caller)
    return ClaimOut.of(kept)


@router.post("/reads/{read_id}/release", tags=["reads"], responses=_MAY_FAIL, dependencies=_WORK)
def release(served: Served, caller: Caller, reach: Reaching, read_id: IdInPath, asked: ReporterIn) -> StandingOut:
    """Close a read without a report: it goes back on the list where it stood."""
    database = acting(served, reach, asked.reporter_id)
    state = release_read(database, read_id, asked.reporter_id, served.clock.now(), by=caller)
    return StandingOut(read_id=read_id, state=state)


@router.post("/reads/{read_id}/return", tags=["reads"], responses=_MAY_FAIL, dependencies=_WORK)
def hand_back(served: Served, caller: Caller, reach: Reaching, read_id: IdInPath, asked: ReturnIn) -> StandingOut:
    """Hand a read back with a reason: it goes to somebody else, its clock goes on, and it is not offered again.

    One whose images are missing is parked with the trust's reporting office.
    """
    database = acting(served, reach, asked.reporter_id)
    state = return_read(
        database,
        read_id,
        asked.reporter_id,
        served.clock.now(),
        by=caller,
        reason=asked.reason,
        note=asked.note,
    )
    return StandingOut(read_id=read_id, state=state)


@router.post("/reads/{read_id}/complete", tags=["reads"], responses=_MAY_FAIL, dependencies=_WORK)
def complete(served: Served, caller: Caller, reach: Reaching, read_id: IdInPath, asked: CompleteIn) -> CompletionOut:
    """Say that the report is written. It is believed until the trust's own system still lists the study hours later.

    No completion is ever dropped: one that comes beside another's claim is kept, and `accepted` is `false`.
    """
    database = acting(served, reach, asked.reporter_id)
    now = served.clock.now()
    accepted = complete_read(
        database,
        read_id,
        asked.reporter_id,
        now,
        by=caller,
        outcome=asked.outcome,
        provisional=asked.provisional,
    )
    return CompletionOut(read_id=read_id, accepted=accepted)


@router.post(
    "/reads/{read_id}/unpark",
    tags=["reads"],
    responses=problems.may_be(problems.NOT_FOUND, problems.CONFLICT),
    dependencies=[may(Permission.READS_STEER)],
)
def take_up(served: Served, caller: Caller, read_id: IdInPath, asked: UnparkIn) -> StandingOut:
    """Put a parked read back into the queue: it can be read now, and its clock is as it was."""
    unpark_read(served.database, read_id, served.clock.now(), by=caller, reason=asked.reason)
    return StandingOut(read_id=read_id, state=ReadState.UNALLOCATED)


@router.get("/skips", tags=["reads"], dependencies=[may(Permission.READS_STEER)])
def count_skips(
    served: Served,
    since: Annotated[When | None, Query(description="A week ago if not given.")] = None,
) -> ListOut[SkipsOut]:
    """Count what reporters passed over, by trust, subspecialty and modality. Who did is not kept anywhere."""
    begin = served.clock.now() - _LOOKED_BACK if since is None else since
    with served.database.session() as session:
        return ListOut(items=[SkipsOut.of(counted) for counted in choice.skips(session, begin)])
