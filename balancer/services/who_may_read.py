"""Who may be given a read, by the rules that do not depend on any plan: entitled, skilled, in scope, not excluded."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from balancer.domain.reporter import Reporter
from balancer.services.claim_read import why_not_verify, why_outside
from balancer.services.hold_over import StudiesAsHeld, reporters_as_held
from balancer.store import people, queue
from balancer.store.database import Session
from balancer.store.policies import current_policy
from balancer.store.tables import StudyRow
from balancer.store.tables_life import ReadRow


def who_may_read(session: Session, study: StudyRow, read: ReadRow, now: datetime) -> Sequence[Reporter]:
    """Return the reporters within reach whom no rule keeps from a read now, by name; sessions are not looked at."""
    listed = [item.reporter for item in people.reporters(session)]
    as_held, policy = StudiesAsHeld(session, now).of(study), current_policy(session)
    barred = queue.barred(session, [study.id or 0])[study.id or 0]
    found = [
        person
        for person in reporters_as_held(session, listed, now)
        if person.reporter_id not in barred
        and not why_outside(as_held, person, now)
        and not why_not_verify(read, person, policy)
    ]
    return sorted(found, key=lambda person: person.name)
