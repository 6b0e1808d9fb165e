"""Whether a read may be pinned to a reporter: a pin overrides nothing else (H7), so what breaks a rule is refused."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from balancer.domain.errors import ConflictError
from balancer.domain.life import THEIRS, ReadState
from balancer.services.claim_read import somebody_elses, why_not_verify, why_outside
from balancer.services.hold_over import StudiesAsHeld, reporter_as_held
from balancer.services.not_theirs import not_theirs
from balancer.store import instructions, people, queue, reads, scope
from balancer.store.blind import is_read_blind
from balancer.store.database import Session
from balancer.store.policies import current_policy
from balancer.store.reads import Standing
from balancer.store.reads_that_count import counts

# A parked read may be pinned: it is that reporter's once it can be read.
_PINNABLE = frozenset({ReadState.UNALLOCATED, ReadState.ALLOCATED, ReadState.CLAIMED, ReadState.PARKED})


def require_pinnable(
    session: Session, read: Standing, of_study: Sequence[Standing], reporter_id: str, now: datetime
) -> None:
    """Ensure that a read may be pinned to a reporter.

    There is no way to force it: a plan would give a read that is pinned against a rule to nobody. Whoever means it
    changes what stands in the way first: the entitlement, the skill, the bar.

    Raises
    ------
    NotFoundError
        If there is no such reporter.
    ClaimedError
        If somebody else has the read open; it says who.
    ConflictError
        If it is not to be read, or not by this reporter; it says why. Somebody who may read it blind is told neither.
    """
    person = people.reporter(session, reporter_id)
    if read.state is ReadState.CLAIMED and read.reporter_id != reporter_id:
        taken = somebody_elses(session, read.reporter_id or "")
        # of a draft: a pin of what has been hidden from its publisher since
        blind = is_read_blind(session, scope.reach_of(session), read.study_id)
        raise ConflictError("somebody else has the read open") if blind else taken
    if read.state not in _PINNABLE:
        raise ConflictError(f"the read is {read.state}: it cannot be pinned to anybody")
    if not person.listed:
        raise ConflictError("the reporter is no longer listed in the network")
    study = StudiesAsHeld(session, now).of(reads.study_of(session, read.study_id))
    held = reporter_as_held(session, person.reporter, now)
    why_not = why_not_verify(read, held, current_policy(session)) or why_outside(study, held, now)
    why_not = why_not or _why_not_of_this_study(session, read, of_study, reporter_id)
    if why_not:
        raise not_theirs(session, read.study_id, why_not)


def _why_not_of_this_study(session: Session, read: Standing, of_study: Sequence[Standing], reporter_id: str) -> str:
    study = reads.study_of(session, read.study_id)
    others = [other for other in of_study if other.id != read.id and counts(other, study)]
    if any(other.reporter_id == reporter_id and other.state in THEIRS for other in others):
        return "they have another read of the study"
    pinned = instructions.pins(session, read.study_id)
    if any(pinned.get((other.study_id, other.number)) == reporter_id for other in others):
        return "another read of the study is pinned to them"
    if reporter_id in queue.barred(session, [read.study_id])[read.study_id]:
        return "they have handed the study back, or are barred from it"
    return ""
