"""A correction of a study takes the place of those before it in all that it states, so that none comes back later."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from balancer.domain.actor import Actor
from balancer.domain.instruction import Instruction, InstructionKind, InstructionState
from balancer.store import instructions
from balancer.store.database import Session
from balancer.store.tables_instructions import InstructionRow


def outdo_corrections(
    session: Session, given: Instruction, *, by: Actor, now: datetime, before: int | None = None
) -> None:
    """Ensure that of a study's corrections in force no other states anything that ``given`` states.

    Each that does ends. What it states beside that goes on holding, as an instruction of its own of the same author,
    reason and end: whoever corrects the class of a study takes nobody's word on its minutes away.

    ``before`` keeps to those with a lower number. The caller has locked the study's reads.
    """
    for row in instructions.locked_of_study(session, given.study_id or 0, InstructionKind.STUDY):
        is_other = row.id != given.id and (before is None or (row.id or 0) < before)
        if is_other and given.value.keys() & row.value.keys():
            _outdo(session, row, given, by, now)


def _outdo(session: Session, row: InstructionRow, given: Instruction, by: Actor, now: datetime) -> None:
    earlier = instructions.instruction_of(row)
    instructions.end(session, row, InstructionState.WITHDRAWN, by=by, now=now, why="replaced by a later one")
    left = {name: value for name, value in earlier.value.items() if name not in given.value}
    if left and earlier.holds_at(now):
        rest = instructions.add(session, replace(earlier, value=left, draft_id=None), by=by, now=now)
        rest.draft_id = earlier.draft_id  # it holds already, and ends with its draft if that is undone
