"""A reporter opens a study in their viewer: that claims their read of it here, or the viewer hears that it may not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from balancer.domain.actor import EVERY_TRUST, EVERYWHERE, Actor, system
from balancer.domain.errors import ConflictError
from balancer.domain.life import ReadState
from balancer.domain.permission import Permission
from balancer.publish.fhircast.report import Meant
from balancer.publish.ups.uids import key_of
from balancer.services.claim_read import claim_read
from balancer.store import claims, meant, workitems
from balancer.store.database import Database, Session
from balancer.store.joined import Joined
from balancer.store.policies import current_policy
from balancer.store.tables_life import ReadRow

# On whose word it is: a viewer says what somebody has opened, wherever it stands, as any system does.
VIEWER: Final = system("system:fhircast", "FHIRcast", [Permission.READS_WORK], [EVERY_TRUST])
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
    is none of a study that we do not know, nor of one that is done or that they have read: they look at it. Claims are
    without heartbeats: a viewer sends none.

    Raises
    ------
    ClaimedError, ConflictError
        If somebody else has it open, or it is not to be read now; or, of what is told late, the reporter has given it
        up since (``unless_ended_since``).
    """
    # a reporter's own eyes: of a study that is read twice they are not told who has the other reading
    seen = db.within(replace(EVERYWHERE, reader=reporter_id))
    with seen.transaction() as session:
        wanted = sorted(filter(None, (_theirs(reads, reporter_id) for reads in _reads_meant(session, said))))
        for read_id in wanted:
            if unless_ended_since and claims.has_ended_since(session, read_id, reporter_id, unless_ended_since):
                raise ConflictError("the reporter has given it up since")
            claim_read(Joined(session), read_id, reporter_id, now, by=by, heartbeats=False)
        return wanted


def close_in_viewer(db: Database, reporter_id: str, said: Meant, now: datetime, *, by: Actor = VIEWER) -> list[int]:
    """Give the claims that the reporter's viewer made of what is meant a lease; return their reads.

    A viewer closes what has been reported and what has not, and does not say which. Within the lease the completion
    comes from elsewhere, or it is opened again; else the read goes back. What was claimed elsewhere is not closed here.
    """
    with db.transaction() as session:
        until = now + timedelta(minutes=current_policy(session).reading.lease_minutes)
        closed = []
        for read in (read for reads in _reads_meant(session, said) for read in reads):
            claim = claims.live_claim(session, read.id or 0)
            if claim is not None and (claim.reporter_id, claim.system) == (reporter_id, by.subject):
                claim.lease_until = claim.lease_until or until
                closed.append(claim.read_id)
        return closed


def _reads_meant(session: Session, said: Meant) -> list[Sequence[ReadRow]]:
    """Return the reads that may be meant, study by study: the one whose workitem is named, else all of the study."""
    numbering = workitems.numbering(session)
    for key in filter(None, (key_of(uid, numbering) for uid in said.workitem_uids)):
        found = workitems.workitem(session, *key)
        if found is not None:
            return [[found.read]]
    bare = {number.value for number in said.accession_numbers if not number.trust}
    studies = meant.studies_meant(
        session,
        uids=said.study_instance_uids,
        of_trusts={(number.trust, number.value) for number in said.accession_numbers if number.trust},
        of_patients={(one, patient.value) for one in bare for patient in said.patient_ids},
    )
    return [meant.reads_of(session, study) for study in studies]


def _theirs(reads: Sequence[ReadRow], reporter_id: str) -> int | None:
    """Return which of a study's reads is the reporter's to open; ``None`` if they only look at it.

    Raises
    ------
    ConflictError
        If there is none for them, and it is not done.
    """
    mine = {read.state for read in reads if read.reporter_id == reporter_id}
    waiting = [read for read in reads if read.state is not ReadState.DONE]
    if ReadState.DONE in mine or (reads and not waiting):
        return None
    whose = (reporter_id, None)

    def nearest(read: ReadRow) -> tuple[int, int, int]:
        near = whose.index(read.reporter_id) if read.reporter_id in whose else len(whose)
        return near, _STATES.index(read.state) if read.state in _STATES else len(_STATES), read.number

    if not waiting:
        raise ConflictError("the study has no read for this reporter")
    return min(waiting, key=nearest).id
