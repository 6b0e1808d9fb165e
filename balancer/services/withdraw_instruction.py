"""Take an instruction back: what the feeds say holds again."""

from __future__ import annotations

from datetime import datetime

from balancer.domain.actor import Actor
from balancer.domain.errors import NotAllowedError
from balancer.domain.instruction import Instruction, InstructionKind, InstructionState
from balancer.domain.life import ReadEvent, ReadState
from balancer.domain.overrides import OF_PEOPLE, OF_ROSTERS
from balancer.domain.permission import Permission
from balancer.store import instructions, reads, runs
from balancer.store.assignments import touch_worklists
from balancer.store.database import Database, Session
from balancer.store.tables_instructions import InstructionRow
from balancer.store.tables_life import ReadRow

# How a read comes back that an instruction has taken out of the queue: from which state, by which event.
_BACK = {
    InstructionKind.EXCLUDE: (ReadState.EXCLUDED, ReadEvent.READMIT),
    InstructionKind.PARK: (ReadState.PARKED, ReadEvent.UNPARK),
    InstructionKind.SEND_OUT: (ReadState.SENT_OUT, ReadEvent.RECALL),
}


def withdraw_instruction(db: Database, instruction_id: int, now: datetime, *, by: Actor, why: str) -> Instruction:
    """Take an instruction back; a read that it has taken out of the queue returns, with its clock as it was.

    One that is staged in a draft is discarded. Otherwise a run is asked for.

    Raises
    ------
    NotFoundError
        If there is no such instruction.
    NotAllowedError
        If it is about a reporter's rota, entitlements or skills, and whoever asks may not change these at its trust.
    ConflictError
        If it holds no longer anyway.
    """
    with db.transaction() as session:
        row, read = locked_with_read(session, instruction_id)
        if row.study_id is None and not by.reach(Permission.REPORTERS_WRITE).covers(row.trust):
            raise NotAllowedError("it is about a reporter's rota or scope: this needs leave to change these")
        staged = row.state is InstructionState.STAGED
        instructions.withdraw(session, row, by=by, now=now, why=why)
        if not staged:
            lift(session, row, read, by=by, now=now, why=why)
            show_without(session, row)
        return instructions.instruction_of(row)


def locked_with_read(session: Session, instruction_id: int) -> tuple[InstructionRow, ReadRow | None]:
    """Return an instruction and the read it is about, locked in this order: the read, then the instruction."""
    read_id = instructions.instruction(session, instruction_id).read_id
    read = None if read_id is None else reads.locked_read(session, read_id)[0]
    return instructions.locked(session, instruction_id), read


def lift(  # noqa: PLR0913 - what is undone, on what, on whose word, when and why
    session: Session, row: InstructionRow, read: ReadRow | None, *, by: Actor, now: datetime, why: str
) -> None:
    """Undo what an instruction that has just ended did: its read is in the queue again, and a run is asked for."""
    state, event = _BACK.get(row.kind, (None, None))
    if read is not None and event is not None and read.state is state:
        reads.move(session, read, event, ReadState.UNALLOCATED, by=by, now=now, why=why, reason=_ended(row))
    runs.ask_for_run(session, now=now, reason=f"instruction {row.id} ended")


def show_without(session: Session, row: InstructionRow) -> None:
    """Ensure that lists are new if what has ended was about somebody: what they show beside reads follows it."""
    if row.kind in OF_PEOPLE | OF_ROSTERS:
        touch_worklists(session)


def _ended(row: InstructionRow) -> str:
    return f"{row.kind.value} {row.state.value}"
