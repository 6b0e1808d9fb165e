"""Open the queue as it holds: what feeds say with what people have decided laid over it, ready to be counted."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from balancer.services.what_holds import HeldStudy, as_said, studies_decided
from balancer.store.classes import numbered
from balancer.store.database import Session
from balancer.store.policies import current_policy
from balancer.store.stopped_clocks import stopped_clocks
from balancer.store.unreported import Unreported
from balancer.store.which_unreported import LaidOver


def see_unreported(session: Session, now: datetime) -> Unreported:
    """Return the queue at ``now``, as far as it is within the session's reach.

    Raises
    ------
    NotFoundError
        If no policy has been loaded.
    """
    held = studies_decided(session, now)
    stopped = stopped_clocks(session)
    held |= {row.id or 0: as_said(row) for row in numbered(session, stopped.keys() - held.keys())}
    held |= {number: _due(held[number], at) for number, at in stopped.items() if number in held}
    laid = {
        number: LaidOver(
            priority=study.priority,
            due_at=study.due_at,
            subspecialty=study.subspecialty,
            modality=study.modality,
            exam_code=study.exam_code,
        )
        for number, study in held.items()
    }
    return Unreported(current_policy(session), laid, now)


def _due(study: HeldStudy, target_at: datetime) -> HeldStudy:
    """Return a study whose clock has stopped as due when what follows is, or when somebody has asked for it."""
    asked = study.asked_for
    return replace(study, due_at=target_at if asked is None else min(target_at, asked))
