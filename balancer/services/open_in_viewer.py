"""A reporter opens a study in their viewer: that claims their read of it here, or the viewer hears that it may not."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from balancer.domain.actor import EVERY_TRUST, Actor, Reach, system
from balancer.domain.errors import ConflictError
from balancer.domain.life import ReadState
from balancer.domain.permission import Permission
from balancer.publish.fhircast.report import Meant
from balancer.services.claim_read import claim_read, require_room
from balancer.services.see_workitem import key_named
from balancer.services.trusts_meant import studies_meant_by
from balancer.store import claims, meant, reads, workitems
from balancer.store.database import Database, Session
from balancer.store.joined import Joined
from balancer.store.policies import current_policy
from balancer.store.tables_life import ReadRow

# On whose word it is: a viewer says what somebody has opened, as any system does. How far it reaches is another matter:
# whoever sends to a reporter's session opens what that reporter may see, and nothing else.
VIEWER: Final = system("system:fhircast", "FHIRcast", [Permission.READS_WORK], [EVERY_TRUST])
# Nobody reads these any more.
_OVER: Final = (ReadState.DONE, ReadState.WITHDRAWN)
_STATES: Final = (ReadState.CLAIMED, ReadState.ALLOCATED, ReadState.UNALLOCATED)


def open_in_viewer(  # noqa: PLR0913 - what is opened by whom, and when that was
    db: Database,
    reporter_id: str,
    said: Meant,
    now: datetime,
    *,
    by: Actor = VIEWER,
    unless_ended_since: datetime | None = None,
) -> list[int]:
    """Ensure that the reporter has their read of every study that is meant open, or of none; return these reads.

    Theirs is the one they have open or on their list, else one that nobody has, else one on a colleague's list. There
    is none of a study that we do not know or that is beyond the reporter's own reach, nor of one that is done or
    withdrawn or that they have read: they look at it. Claims are without heartbeats: a viewer sends none. A claim that
    was made elsewhere stays as it is: its lease is renewed, and never taken away.

    Raises
    ------
    ClaimedError, ConflictError
        If somebody else has it open, they have too many open, or it is not to be read now; or, of what is told late,
        the reporter has given it up since (``unless_ended_since``).
    """
    # a reporter's own eyes: of a study that is read twice they are not told who has the other reading
    seen = db.within(Reach(own=reporter_id).at(now))
    with seen.transaction() as session:
        found = _reads_meant(session, said)
        wanted = sorted(filter(None, (_theirs(of_study, reporter_id) for of_study in found)))
        # all at once, for reads of one study need not be numbered one after the other
        study_of = {read.id: read.study_id for of_study in found for read in of_study}
        reads.locked_reads(session, {study_of[read_id] for read_id in wanted})
        for read_id in wanted:
            reads.locked_read(session, read_id)
            if unless_ended_since and claims.has_ended_since(session, read_id, reporter_id, unless_ended_since):
                raise ConflictError("the reporter has given it up since")
        claims.take_turn(session, reporter_id)
        for read_id in wanted:
            _open(session, read_id, reporter_id, now, by)
        return wanted


def _open(session: Session, read_id: int, reporter_id: str, now: datetime, by: Actor) -> None:
    """Claim a read for a reporter; as a heartbeat of theirs, if they have claimed it elsewhere."""
    claim = claims.live_claim(session, read_id)
    is_theirs = claim is not None and claim.reporter_id == reporter_id
    if not is_theirs:
        require_room(session, reporter_id, current_policy(session).reading)
    made_elsewhere = is_theirs and claim is not None and claim.system != by.subject
    claim_read(Joined(session), read_id, reporter_id, now, by=by, heartbeats=made_elsewhere)


def close_in_viewer(db: Database, reporter_id: str, said: Meant, now: datetime, *, by: Actor = VIEWER) -> list[int]:
    """Give the claims that the reporter's viewer made of what is meant a lease; return their reads.

    A viewer closes what has been reported and what has not, and does not say which. Within the lease the completion
    comes from elsewhere, or it is opened again; else the read goes back. What was claimed elsewhere is not closed here.
    """
    with db.transaction() as session:
        until = now + timedelta(minutes=current_policy(session).reading.lease_minutes)
        closed = []
        for read in (read for found in _reads_meant(session, said) for read in found):
            claim = claims.live_claim(session, read.id or 0)
            if claim is not None and (claim.reporter_id, claim.system) == (reporter_id, by.subject):
                claim.lease_until = claim.lease_until or until
                closed.append(claim.read_id)
        return closed


def _reads_meant(session: Session, said: Meant) -> list[Sequence[ReadRow]]:
    """Return the reads that may be meant, study by study: the one whose workitem is named, else all of the study."""
    numbering = workitems.numbering(session)
    for key in filter(None, (key_named(session, uid, numbering) for uid in said.workitem_uids)):
        found = workitems.workitem(session, *key)
        if found is not None:
            return [[found.read]]
    return [meant.reads_of(session, study) for study in studies_meant_by(session, said)]


def _theirs(found: Sequence[ReadRow], reporter_id: str) -> int | None:
    """Return which of a study's reads is the reporter's to open; ``None`` if they only look at it.

    Raises
    ------
    ConflictError
        If there is none for them, and it is neither done nor withdrawn.
    """
    mine = {read.state for read in found if read.reporter_id == reporter_id}
    waiting = [read for read in found if read.state not in _OVER]
    if ReadState.DONE in mine or (found and not waiting):
        return None
    whose = (reporter_id, None)

    def nearest(read: ReadRow) -> tuple[int, int, int]:
        near = whose.index(read.reporter_id) if read.reporter_id in whose else len(whose)
        return near, _STATES.index(read.state) if read.state in _STATES else len(_STATES), read.number

    if not waiting:
        raise ConflictError("the study has no read for this reporter")
    return min(waiting, key=nearest).id
