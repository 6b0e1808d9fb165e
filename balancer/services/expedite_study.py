"""Expedite a study: a person, or a referrer's system, says that it is needed sooner than its feed does."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from balancer.domain.actor import Actor
from balancer.domain.errors import ConflictError, InvalidValueError, UntimelyError
from balancer.domain.instruction import Instruction, InstructionKind
from balancer.domain.policy import Policy
from balancer.domain.states import StudyState
from balancer.domain.study import StudyKey
from balancer.services.lay_over import more_urgent
from balancer.services.put_in_force import decide
from balancer.services.steer_read import Said
from balancer.store import instructions, studies
from balancer.store.database import Database, Session
from balancer.store.policies import current_policy
from balancer.store.tables import StudyRow


def expedite_study(  # noqa: PLR0913 - what is needed, how soon, by whom and why
    db: Database,
    key: StudyKey,
    due_at: datetime,
    now: datetime,
    *,
    by: Actor,
    said: Said,
    priority: str | None = None,
) -> Instruction:
    """Ensure that a study is due by ``due_at``, and of class ``priority`` if that is more urgent than its own.

    It takes the place of an earlier one and weakens it in nothing, nor does it end before that one would have. Its feed
    may still want it sooner, never later. A run is asked for.

    Raises
    ------
    NotFoundError
        If there is no such study.
    ConflictError
        If it does not wait for a report.
    UntimelyError
        If ``due_at`` is past, or would change nothing.
    InvalidValueError
        If the policy does not know the class.
    """
    with db.transaction() as session:
        study = studies.study(session, key).study
        if study.state is not StudyState.OPEN:
            raise ConflictError(f"the study is {study.state}: it does not wait for a report")
        before = _before(session, study, now)
        given = Instruction(
            kind=InstructionKind.EXPEDITE,
            trust=study.trust,
            reason=said.reason,
            author=by.subject,
            made_at=now,
            study_id=study.id,
            value=_value(session, study, due_at, priority, before, now),
            expires_at=_later(said.expires_at, before),
            draft_id=said.draft_id,
        )
        return decide(session, given, by=by, now=now)


def _value(  # noqa: PLR0913, PLR0917 - what is asked for, what was before, at which instant
    session: Session,
    study: StudyRow,
    due_at: datetime,
    priority: str | None,
    before: Instruction | None,
    now: datetime,
) -> dict[str, Any]:
    """Return what is decided: the sooner and the more urgent of what is asked and what was asked before."""
    policy = current_policy(session)
    if due_at <= now:
        raise UntimelyError("due_at", "must lie in the future")
    if priority is not None and priority not in {known.code for known in policy.priorities}:
        raise InvalidValueError("priority", "is not a class of the policy")
    due = min([due_at, *filter(None, [before.instant("due_at") if before else None])])
    asked = [code for code in (before.value.get("priority") if before else None, priority) if code]
    if due >= study.due_at and not _is_raised(policy, study.priority, asked):
        raise UntimelyError("due_at", f"is no sooner than it is due already, {study.due_at.isoformat()}")
    return {"due_at": due.isoformat()} | ({"priority": _most_urgent(policy, asked)} if asked else {})


def _later(expires_at: datetime | None, before: Instruction | None) -> datetime | None:
    """Return when it ends: one without an end stays without, whatever a later one that takes its place says."""
    if before is None:
        return expires_at
    return None if expires_at is None or before.expires_at is None else max(expires_at, before.expires_at)


def _before(session: Session, study: StudyRow, now: datetime) -> Instruction | None:
    kinds = {InstructionKind.EXPEDITE}
    return next(iter(instructions.in_force(session, now, kinds=kinds, study_id=study.id)), None)


def _most_urgent(policy: Policy, codes: list[str]) -> str:
    return more_urgent(policy, codes[0], codes[-1])


def _is_raised(policy: Policy, own: str, asked: list[str]) -> bool:
    return any(more_urgent(policy, own, code) != own for code in asked)
