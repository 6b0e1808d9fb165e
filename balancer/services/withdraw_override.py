"""Take back what was decided about a reporter: what the feeds say holds again."""

from __future__ import annotations

from datetime import datetime

from balancer.domain.actor import Actor
from balancer.domain.errors import NotFoundError
from balancer.domain.instruction import Instruction
from balancer.domain.overrides import OF_PEOPLE, OF_ROSTERS
from balancer.services.override_scope import require_at
from balancer.services.withdraw_instruction import withdraw_instruction
from balancer.store import instructions
from balancer.store.database import Database


def withdraw_override(  # noqa: PLR0913 - what is taken back, by whom and why
    db: Database, reporter_id: str, instruction_id: int, now: datetime, *, by: Actor, why: str
) -> Instruction:
    """Take back a decision about a reporter's roster, entitlements or skills; a run is asked for.

    Raises
    ------
    NotFoundError
        If there is no such decision about this reporter within the caller's reach.
    ConflictError
        If it holds no longer anyway.
    """
    with db.session() as session:
        given = instructions.instruction(session, instruction_id)
    if given.kind not in OF_PEOPLE | OF_ROSTERS or given.reporter_id != reporter_id:
        raise NotFoundError(f"there is no decision {instruction_id} about this reporter")
    require_at(by, given.trust)
    return withdraw_instruction(db, instruction_id, now, by=by, why=why)
