"""Why a reporter may not have a read, as far as whoever asks may be told."""

from __future__ import annotations

from balancer.domain.errors import ConflictError
from balancer.store import scope
from balancer.store.blind import is_read_blind
from balancer.store.database import Session


def not_theirs(session: Session, study_id: int, why_not: str) -> ConflictError:
    """Return the error that says why a reporter may not report a study.

    To somebody who may read it blind it does not say why, whatever the reason is: one of the reasons is that the
    reporter has the other reading, and none may stand out by being left unsaid.
    """
    if is_read_blind(session, scope.reach_of(session), study_id):
        return ConflictError("the reporter may not report it")
    return ConflictError(f"the reporter may not report it: {why_not}")
