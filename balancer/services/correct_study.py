"""Correct what a feed says of a study: the correction counts until the feed agrees, it expires, or it is taken back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from balancer.domain.actor import Actor
from balancer.domain.errors import ConflictError, InvalidValueError
from balancer.domain.instruction import Instruction, InstructionKind
from balancer.domain.states import StudyState
from balancer.domain.study import StudyKey
from balancer.services.put_in_force import decide
from balancer.services.steer_read import Said
from balancer.store import standing, studies
from balancer.store.database import Database, Session
from balancer.store.policies import current_policy
from balancer.store.tables import StudyRow

# What of a study a feed states itself; the body region is its examination's.
STATED = ("priority", "exam_code", "modality", "subspecialty", "minutes", "ready_at")


def correct_study(  # noqa: PLR0913 - what is corrected, by whom and why
    db: Database, key: StudyKey, value: Mapping[str, Any], now: datetime, *, by: Actor, said: Said
) -> Instruction:
    """Ensure that ``value`` counts for a study in place of what its feed says of the same; a run is asked for.

    What the feed says stays as it is, and both can be seen. An examination that is corrected brings its own modality,
    subspecialty, region and minutes, unless they are corrected too. An earlier correction of the same ends for good.

    Raises
    ------
    NotFoundError
        If there is no such study.
    ConflictError
        If it does not wait for a report, or its feed says so already.
    InvalidValueError
        If the policy has no such class or the catalogue no such examination, or nothing is corrected.
    """
    with db.transaction() as session:
        study = studies.study(session, key).study
        if study.state is not StudyState.OPEN:
            raise ConflictError(f"the study is {study.state}: it does not wait for a report")
        whole = _whole(session, value)
        if says_so(study, whole):
            raise ConflictError("the study's own feed says so already")
        given = Instruction(
            kind=InstructionKind.STUDY,
            trust=study.trust,
            reason=said.reason,
            author=by.subject,
            made_at=now,
            study_id=study.id,
            value=whole,
            expires_at=said.expires_at,
            draft_id=said.draft_id,
        )
        return decide(session, given, by=by, now=now)


def says_so(study: StudyRow, value: Mapping[str, Any]) -> bool:
    """Tell whether a study's feed says all of what a correction says; one of nothing that it states never agrees."""
    stated = [name for name in STATED if name in value]
    return bool(stated) and all(_said(study, name) == _as_said(name, value[name]) for name in stated)


def _said(study: StudyRow, name: str) -> Any:
    return getattr(study, name)


def _as_said(name: str, value: Any) -> Any:
    return datetime.fromisoformat(value) if name == "ready_at" and value is not None else value


def _whole(session: Session, value: Mapping[str, Any]) -> dict[str, Any]:
    """Return a correction with what its examination brings."""
    codes = {priority.code for priority in current_policy(session).priorities}
    if "priority" in value and value["priority"] not in codes:
        raise InvalidValueError("priority", "is not a class of the policy")
    if "exam_code" not in value:
        return dict(value)
    found = [exam for exam in standing.examinations(session) if exam.code == value["exam_code"]]
    if not found:
        raise InvalidValueError("exam_code", "is not an examination of the catalogue")
    brought = {name: getattr(found[0], name) for name in ("modality", "body_region", "subspecialty", "minutes")}
    return brought | dict(value)
