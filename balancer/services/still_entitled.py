"""Who may report what by now, for a plan that was made before: entitlements, skills and studies change meanwhile."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from balancer.services.claim_read import why_not_verify, why_outside
from balancer.services.hold_over import StudiesAsHeld, reporters_as_held
from balancer.store import people, reads, scope
from balancer.store.database import Session
from balancer.store.policies import current_policy
from balancer.store.reads import Standing


class StillEntitled:
    """What rules H1 to H3 say of reads and reporters at an instant, whoever asks; a few statements for all of them."""

    def __init__(self, session: Session, study_ids: Collection[int], now: datetime) -> None:
        self._now = now
        with scope.unlimited(session) as whole:
            listed = [item.reporter for item in people.reporters(whole)]
            self._people = {person.reporter_id: person for person in reporters_as_held(whole, listed, now)}
            self._studies = reads.scopes_of(whole, study_ids)
            self._as_held = StudiesAsHeld(whole, now)
            self._policy = current_policy(whole)

    def why_not(self, read: Standing, reporter_id: str) -> str:
        """Return in words why a reporter may not have a read; empty if they may."""
        person = self._people.get(reporter_id)
        if person is None:
            return "the reporter is no longer listed"
        study = self._as_held.of(self._studies[read.study_id])
        return why_not_verify(read, person, self._policy) or why_outside(study, person, self._now)
