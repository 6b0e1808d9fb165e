"""Expedite a study: a person, or a referrer's system, says that it is needed sooner than its feed does."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial, reduce
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
from balancer.services.what_holds import HeldStudy, what_holds
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

    Sooner, and more urgent, than what holds: a correction of what its feed says counts, whichever way it went. It takes
    the place of an earlier one and weakens it in nothing, nor does it end before that one would have. Its feed may
    still want it sooner, never later. A run is asked for.

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
    with db.transaction(cannot_wait=True) as session:
        study = studies.study(session, key).study
        if study.state is not StudyState.OPEN:
            raise ConflictError(f"the study is {study.state}: it does not wait for a report")
        before = _others(session, study.id, now, said.draft_id)
        given = Instruction(
            kind=InstructionKind.EXPEDITE,
            trust=study.trust,
            reason=said.reason,
            author=by.subject,
            made_at=now,
            study_id=study.id,
            value=_value(session, _as_corrected(session, study, now, said.draft_id), due_at, priority, before, now),
            expires_at=_later(said.expires_at, before),
            draft_id=said.draft_id,
        )
        return decide(session, given, by=by, now=now)


def weakened_by(session: Session, policy: Policy, given: Instruction, now: datetime) -> bool:
    """Tell whether an expedite that was staged asks for less than one in force: later, less urgent or for less long."""
    due, asked = given.instant("due_at"), given.value.get("priority")
    for other in _others(session, given.study_id, now):
        theirs, urgent = other.instant("due_at"), other.value.get("priority")
        if theirs is not None and due is not None and theirs < due:
            return True
        if given.expires_at is not None and (other.expires_at is None or other.expires_at > given.expires_at):
            return True
        if urgent is not None and (asked is None or more_urgent(policy, urgent, asked) != asked):
            return True
    return False


def _value(  # noqa: PLR0913, PLR0917 - what is asked for, what was before, at which instant
    session: Session,
    holds: HeldStudy,
    due_at: datetime,
    priority: str | None,
    before: Sequence[Instruction],
    now: datetime,
) -> dict[str, Any]:
    """Return what is decided: the sooner and the more urgent of what is asked and what was asked before."""
    policy = current_policy(session)
    if due_at <= now:
        raise UntimelyError("due_at", "must lie in the future")
    if priority is not None and priority not in {known.code for known in policy.priorities}:
        raise InvalidValueError("priority", "is not a class of the policy")
    due = min([due_at, *filter(None, [other.instant("due_at") for other in before])])
    asked = [code for code in (*(other.value.get("priority") for other in before), priority) if code]
    if due >= holds.due_at and not _is_raised(policy, holds.priority, asked):
        raise UntimelyError("due_at", f"is no sooner than it is due already: {holds.due_at.isoformat()}")
    return {"due_at": due.isoformat()} | ({"priority": _most_urgent(policy, asked)} if asked else {})


def _as_corrected(session: Session, study: StudyRow, now: datetime, draft_id: int | None) -> HeldStudy:
    """Return what holds of a study but for what has been asked for: that is weakened by nothing that is asked now."""
    return what_holds(session, [study], now, kinds={InstructionKind.STUDY}, draft_id=draft_id)[study.id or 0]


def _later(expires_at: datetime | None, before: Sequence[Instruction]) -> datetime | None:
    """Return when it ends: one without an end stays without, whatever a later one that takes its place says."""
    ends = [expires_at, *(other.expires_at for other in before)]
    return None if None in ends else max(end for end in ends if end is not None)


def _others(session: Session, study_id: int | None, now: datetime, draft_id: int | None = None) -> list[Instruction]:
    kinds = {InstructionKind.EXPEDITE}
    return instructions.in_force(session, now, draft_id, kinds=kinds, study_id=study_id)


def _most_urgent(policy: Policy, codes: list[str]) -> str:
    return reduce(partial(more_urgent, policy), codes)


def _is_raised(policy: Policy, own: str, asked: list[str]) -> bool:
    return any(more_urgent(policy, own, code) != own for code in asked)
