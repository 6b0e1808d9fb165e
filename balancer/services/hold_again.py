"""What a draft took the place of holds again once it is undone, as far as nobody has decided otherwise since."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import datetime

from balancer.domain.actor import Actor
from balancer.domain.draft import DraftState
from balancer.domain.errors import ConflictError
from balancer.domain.instruction import Instruction, InstructionKind, InstructionState
from balancer.services import override_scope, put_in_force
from balancer.services.restore_lists import DECIDED_SINCE, Left
from balancer.store import drafts, instructions
from balancer.store.database import Session
from balancer.store.tables_drafts import DraftRow


def hold_again(
    session: Session, row: DraftRow, since: Collection[Instruction], *, by: Actor, now: datetime
) -> list[Left]:
    """Enter anew what a draft took the place of, and return what cannot be; what has ended since stays ended.

    ``since`` is what has been decided since it was published. Of a correction of a study, what nobody has corrected
    since holds again.
    """
    left = []
    for earlier in _replaced_by(session, row):
        if earlier.expires_at is not None and earlier.expires_at <= now:
            continue
        try:
            _enter(session, _unsaid_since(earlier, since), by, now)
        except ConflictError as error:
            left.append(Left(instruction_id=earlier.id, why=str(error)))
    return left


def _replaced_by(session: Session, row: DraftRow) -> Iterator[Instruction]:
    """Yield what a draft took the place of.

    If that came with a draft that has been undone itself, nobody means it any more: what it had taken the place of is.
    """
    for number in row.replaced:
        earlier = instructions.instruction(session, number)
        came_with = None if earlier.draft_id is None else drafts.draft(session, earlier.draft_id)
        if came_with is None or came_with.state is not DraftState.UNDONE:
            yield earlier
        else:
            yield from (before for before in _replaced_by(session, came_with) if _is_about_same(before, earlier))


def _unsaid_since(earlier: Instruction, since: Collection[Instruction]) -> Instruction:
    """Return what of an earlier decision nobody has decided about since; ``ConflictError`` if that is nothing."""
    later = [item for item in since if _is_about_same(item, earlier)]
    if not later:
        return earlier
    said = {name for item in later for name in item.value}
    rest = {name: value for name, value in earlier.value.items() if name not in said}
    if earlier.kind is not InstructionKind.STUDY or not rest:
        raise ConflictError(DECIDED_SINCE)
    return replace(earlier, value=rest)


def _is_about_same(item: Instruction, earlier: Instruction) -> bool:
    """Tell whether one of two decisions takes the place of the other."""
    if item.kind is not earlier.kind:
        return False
    is_about_same = put_in_force.is_about_same if earlier.study_id is not None else override_scope.is_about_same
    return is_about_same(item, earlier)


def _enter(session: Session, earlier: Instruction, by: Actor, now: datetime) -> None:
    ended = {"ended_at": None, "ended_by": "", "ended_why": ""}
    fresh = {"id": 0, "state": InstructionState.IN_FORCE, "made_at": now, "author": by.subject, "draft_id": None}
    given = replace(earlier, **fresh, **ended)  # type: ignore[arg-type]  # its own fields
    enter = override_scope.enter if given.study_id is None else put_in_force.decide
    again = enter(session, given, by=by, now=now)
    # of a draft that still holds: it ends with that, and is nothing that was decided since
    instructions.locked(session, again.id).draft_id = earlier.draft_id
