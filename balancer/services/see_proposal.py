"""What a plan that waits to be published would make late, compared with the queue as it is now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from balancer.domain.becoming_late import PARKED, PLANNED_LATE, BecomingLate, LateRead, together
from balancer.domain.life import UNPLANNED, ReadState
from balancer.domain.study import ReadKey
from balancer.publish.run_record import own_key, unpack_plan
from balancer.store import run_records, scope
from balancer.store.database import Session
from balancer.store.which_unreported import WaitingRead


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A plan that waits: when it ends each read, by the read's own number, and why others have no place."""

    run_id: int
    ends: Mapping[ReadKey, datetime]
    left: Mapping[ReadKey, str]


def see_proposal(session: Session, run_id: int) -> Proposal:
    """Return the plan that was kept of a run, whole: only what is within reach is ever looked up in it.

    Raises
    ------
    GoneError
        If nothing is kept of it any more.
    InvalidValueError
        If what is kept is damaged.
    """
    with scope.unlimited(session) as whole:
        kept = unpack_plan(run_records.record(whole, run_id).plan)
    left = {own_key(kept, row.key): row.reason.value for row in kept.plan.unallocated}
    return Proposal(
        run_id=run_id,
        ends={own_key(kept, row.key): row.end for row in kept.plan.allocations},
        left=left | {own_key(kept, key): why for key, why in kept.left_out.items()},
    )


def becoming_late(proposal: Proposal, reads: Iterable[WaitingRead]) -> list[BecomingLate]:
    """Return the studies of these reads that become late if the plan is published, in the reads' order.

    What somebody has open is being read, whatever the plan says; what has come since the plan was made is not in it.
    """
    return together(
        LateRead(
            study_id=read.study_id,
            trust=read.trust,
            priority=read.priority,
            subspecialty=read.subspecialty,
            minutes=read.minutes,
            due_at=read.due_at,
            reason=reason,
        )
        for read in reads
        if (reason := _why_late(proposal, read)) is not None
    )


def _why_late(proposal: Proposal, read: WaitingRead) -> str | None:
    """Return why a read is not done before its study is due; ``None`` if it is."""
    if read.state is ReadState.CLAIMED:
        return None
    if read.state is ReadState.PARKED:
        return PARKED
    key = ReadKey(read.trust, read.accession_number, read.number)
    end = proposal.ends.get(key)
    if end is None:
        return proposal.left.get(key, UNPLANNED)
    return PLANNED_LATE if end > read.due_at else None
