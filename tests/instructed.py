"""Instructions entered in a line, for tests of what they do."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from balancer.domain.actor import Actor, Grant, person
from balancer.domain.instruction import Instruction, InstructionKind
from balancer.domain.permission import Role
from balancer.domain.study import StudyKey
from balancer.store import instructions, studies
from balancer.store.database import Database
from tests.worlds import NOW

MANAGER = person("oidc:m1", "A. Manager", Grant(Role.MANAGER, "RVV"))
_OF_A_READ = {InstructionKind.PIN, InstructionKind.EXCLUDE, InstructionKind.PARK, InstructionKind.SEND_OUT}


def instructed(
    db: Database,
    kind: InstructionKind,
    number: str | None = None,
    *,
    read: int = 1,
    now: datetime = NOW,
    by: Actor = MANAGER,
    **given: Any,
) -> int:
    """Enter an instruction, about a study or a read of RVV if one is named, without any of what its service does."""
    about: dict[str, Any] = {"trust": "RVV", "reason": "asked", "author": by.subject, "made_at": now}
    with db.transaction() as session:
        if number is not None:
            found = studies.study(session, StudyKey("RVV", number))
            about["study_id"] = found.study.id
            if kind in _OF_A_READ:
                about["read_id"] = next(status.row.id for status in found.reads if status.row.number == read)
        row = instructions.add(session, Instruction(kind=kind, **{**about, **given}), by=by, now=now)
        return row.id or 0


def holding(db: Database, at: datetime, with_draft: int | None = None) -> list[int]:
    """Return what holds at an instant, by number."""
    with db.session() as session:
        return [item.id for item in instructions.in_force(session, at, with_draft)]
