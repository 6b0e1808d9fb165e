"""How urgent a study is now: its feed's word, and what people have decided beside it."""

from __future__ import annotations

from datetime import datetime

from balancer.domain.instruction import InstructionKind
from balancer.services.lay_over import corrected, more_urgent
from balancer.store import instructions
from balancer.store.database import Session
from balancer.store.policies import current_policy
from balancer.store.tables import StudyRow


def is_emergency(session: Session, study: StudyRow, now: datetime) -> bool:
    """Tell whether a study is an emergency: by its feed, a correction of that, or because somebody has expedited it."""
    return current_policy(session).is_emergency(class_held(session, study, now))


def class_held(session: Session, study: StudyRow, now: datetime) -> str:
    """Return the class that a study is of: by its feed, a correction of that, or because somebody has expedited it."""
    policy, holds = current_policy(session), study.priority
    kinds = {InstructionKind.STUDY, InstructionKind.EXPEDITE}
    decided = instructions.in_force(session, now, kinds=kinds, study_id=study.id)
    for given in decided:
        if given.kind is InstructionKind.STUDY:
            holds = corrected(given).get("priority", holds)
    for given in decided:
        if given.kind is InstructionKind.EXPEDITE:
            holds = more_urgent(policy, holds, given.value.get("priority", holds))
    return holds
