"""Bring a read back into the queue: unpark, recall, readmit."""

from __future__ import annotations

from datetime import datetime

from balancer.domain.actor import Actor
from balancer.domain.instruction import InstructionKind, InstructionState
from balancer.domain.life import ReadEvent, ReadState
from balancer.store import instructions, reads, runs
from balancer.store.database import Database

# By which event: what decided that it was out, and what it says of itself then.
_BACK = {
    ReadEvent.UNPARK: (InstructionKind.PARK, "unparked"),
    ReadEvent.RECALL: (InstructionKind.SEND_OUT, "recalled"),
    ReadEvent.READMIT: (InstructionKind.EXCLUDE, "readmitted"),
}


def bring_back(  # noqa: PLR0913 - what comes back, how, on whose word and why
    db: Database, read_id: int, event: ReadEvent, now: datetime, *, by: Actor, reason: str
) -> None:
    """Put a read that is parked, sent out or excluded back into the queue, with its clock as it was.

    The decision that took it out, if there was one, is taken back with it; a run is asked for.

    Raises
    ------
    NotFoundError
        If there is no such read.
    ConflictError
        If it is not in the state that ``event`` leads out of.
    """
    kind, word = _BACK[event]
    with db.transaction() as session:
        row, _ = reads.locked_read(session, read_id)
        reads.move(session, row, event, ReadState.UNALLOCATED, by=by, now=now, why=reason, reason=word)
        for given in instructions.locked_of_study(session, row.study_id, kind):
            if given.read_id == read_id:
                instructions.end(session, given, InstructionState.WITHDRAWN, by=by, now=now, why=reason)
        runs.ask_for_run(session, now=now, reason=f"a read was {word}")
