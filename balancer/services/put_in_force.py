"""Put an instruction in force: see that it can be done, end what it replaces, do to the reads what it says."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from balancer.domain.actor import Actor
from balancer.domain.errors import ConflictError
from balancer.domain.exceptional import office_of
from balancer.domain.instruction import Instruction, InstructionKind, InstructionState
from balancer.domain.life import ReadEvent, ReadState
from balancer.services.may_be_pinned import require_pinnable
from balancer.services.outdo_corrections import outdo_corrections
from balancer.store import drafts, instructions, reads, runs
from balancer.store.database import Session
from balancer.store.reads import Move, Standing
from balancer.store.tables_instructions import InstructionRow

_K = InstructionKind
# What takes a read out of the queue: by which event, where to.
_OUT = {
    _K.EXCLUDE: (ReadEvent.EXCLUDE, ReadState.EXCLUDED),
    _K.PARK: (ReadEvent.PARK, ReadState.PARKED),
    _K.SEND_OUT: (ReadEvent.SEND_OUT, ReadState.SENT_OUT),
}
# The kinds of which a later one about the same thing takes the place of the one before.
_REPLACING = frozenset({_K.PIN, _K.BAR, _K.EXPEDITE})
_REPLACED = "replaced by a later one"


def decide(session: Session, given: Instruction, *, by: Actor, now: datetime) -> Instruction:
    """Enter a decision about a study or one of its reads, and do what it says; in a draft it is only kept.

    Raises
    ------
    ConflictError
        If it cannot be done; it says why. A draft hears that at once too, and again when it is published. Or if the
        draft is not open, is full, or has another say about whether the read is read here.
    """
    of_study = reads.locked_reads(session, [given.study_id or 0])[given.study_id or 0]
    _require_possible(session, given, of_study, now)
    if given.draft_id is None:
        _replace(session, given, by, now)
    else:
        _stage(session, given, given.draft_id, by, now)
    row = instructions.add(session, given, by=by, now=now)
    if given.draft_id is None:
        _take_effect(session, instructions.instruction_of(row), of_study, by, now)
    return instructions.instruction_of(row)


def put_in_force(session: Session, instruction_id: int, *, by: Actor, now: datetime) -> Instruction:
    """Put what a draft has staged in force, and do what it says.

    Of a decision about a reporter's rota or leave to report, only that it holds is entered: it does nothing to reads.
    Whoever puts several in force locks all their reads first, or takes them in the order of their studies.

    Raises
    ------
    NotFoundError
        If there is no such instruction.
    ConflictError
        If it cannot be done any more; it says why.
    InvalidValueError
        If it is not staged.
    """
    given = instructions.instruction(session, instruction_id)
    of_study: list[Standing] = []
    if given.study_id is not None:
        of_study = reads.locked_reads(session, [given.study_id])[given.study_id]
        _require_possible(session, given, of_study, now)
        _replace(session, given, by, now)
    row = instructions.locked(session, instruction_id)
    instructions.enforce(session, row, by=by, now=now)
    if given.study_id is not None:
        _take_effect(session, given, of_study, by, now)
    return instructions.instruction_of(row)


def _require_possible(session: Session, given: Instruction, of_study: Sequence[Standing], now: datetime) -> None:
    read = _the_read(given, of_study)
    if given.kind is _K.PIN and read is not None:
        require_pinnable(session, read, of_study, given.reporter_id or "", now)
    elif given.kind in _OUT and read is not None and read.state not in {ReadState.UNALLOCATED, ReadState.ALLOCATED}:
        raise ConflictError(f"the read is {read.state}: {given.kind} is for what waits to be read")
    elif read is None and given.read_id is not None:
        raise ConflictError("the read is not one of that study")


def _replace(session: Session, given: Instruction, by: Actor, now: datetime) -> None:
    """End what is in force about the very same thing: the later word counts."""
    if given.kind is _K.STUDY:
        outdo_corrections(session, given, by=by, now=now)
    if given.kind not in _REPLACING:
        return
    for row in instructions.locked_of_study(session, given.study_id or 0, given.kind):
        if is_about_same(row, given):
            instructions.end(session, row, InstructionState.WITHDRAWN, by=by, now=now, why=_REPLACED)


def _stage(session: Session, given: Instruction, draft_id: int, by: Actor, now: datetime) -> None:
    """Ensure that a draft takes a decision; one about the very same thing that is staged already gives way to it."""
    drafts.locked(session, draft_id)
    staged = drafts.of_draft(session, draft_id, InstructionState.STAGED, lock=True)
    for row in staged:
        if row.kind is given.kind and given.kind in _REPLACING and is_about_same(row, given):
            instructions.end(session, row, InstructionState.DISCARDED, by=by, now=now, why=_REPLACED)
        elif row.kind in _OUT and row.read_id is not None and row.read_id == given.read_id:
            raise ConflictError(
                f"the draft has {row.kind} of this read already, instruction {row.id}: take it out first"
            )
    drafts.require_room(session, draft_id)


def is_about_same(one: InstructionRow | Instruction, given: Instruction) -> bool:
    """Tell whether one of two decisions of a kind takes the place of the other."""
    about = ("study_id", "reporter_id") if given.kind is _K.BAR else ("study_id", "read_id")
    return all(getattr(one, name) == getattr(given, name) for name in about)


def _take_effect(session: Session, given: Instruction, of_study: Sequence[Standing], by: Actor, now: datetime) -> None:
    moves = list(_EFFECTS.get(given.kind, _nothing)(given, of_study))
    detail = {"instruction": given.id}
    reads.move_all(session, moves, by=by, now=now, why=given.reason, detail=detail)
    runs.ask_for_run(session, now=now, reason=f"instruction {given.id}: {given.kind}")


def _the_read(given: Instruction, of_study: Sequence[Standing]) -> Standing | None:
    return next((read for read in of_study if read.id == given.read_id), None)


def _nothing(_given: Instruction, _of_study: Sequence[Standing]) -> list[Move]:
    """An expedite or a correction moves no read: the next plan does."""
    return []


def _off_other_lists(given: Instruction, of_study: Sequence[Standing]) -> list[Move]:
    """Take a pinned read off the list of anybody else: they would read it before the next plan is made."""
    return [
        _taken_away(read, "pinned to somebody else")
        for read in of_study
        if read.id == given.read_id and read.state is ReadState.ALLOCATED and read.reporter_id != given.reporter_id
    ]


def _off_their_list(given: Instruction, of_study: Sequence[Standing]) -> list[Move]:
    """Take a study off the list of whoever is barred; what they have open they may report."""
    return [
        _taken_away(read, "taken off the list of somebody who is barred")
        for read in of_study
        if read.state is ReadState.ALLOCATED and read.reporter_id == given.reporter_id
    ]


def _taken_away(read: Standing, reason: str) -> Move:
    to = ReadState.UNALLOCATED
    return Move(read=read, event=ReadEvent.TAKE_AWAY, to=to, columns={"reason": reason})


def _out_of_the_queue(given: Instruction, of_study: Sequence[Standing]) -> list[Move]:
    event, to = _OUT[given.kind]
    read = _the_read(given, of_study)
    return [] if read is None else [Move(read=read, event=event, to=to, columns=columns_of(given))]


def columns_of(given: Instruction) -> dict[str, Any]:
    """Return what a read that has been taken out of the queue says of itself: whose it is now, why, until when."""
    owner = {_K.EXCLUDE: "approver", _K.PARK: "owner", _K.SEND_OUT: "provider"}[given.kind]
    whose = given.value[owner] or office_of(given.trust)
    until = {_K.PARK: "until", _K.SEND_OUT: "due_back_at"}.get(given.kind)
    ends = given.expires_at if until is None else given.instant(until)
    return {"owner": whose, "reason": given.reason, "until": ends}


_Effect = Callable[[Instruction, Sequence[Standing]], list[Move]]
_EFFECTS: Mapping[InstructionKind, _Effect] = {
    _K.PIN: _off_other_lists,
    _K.BAR: _off_their_list,
    **dict.fromkeys(_OUT, _out_of_the_queue),
}


def away(session: Session, study_ids: Collection[int]) -> dict[int, tuple[ReadState, dict[str, Any]]]:
    """Return where a decision in force has put reads of these studies out of the queue, with the state's columns."""
    if not study_ids:
        return {}
    wanted = set(study_ids)
    return {
        row.read_id or 0: (_OUT[row.kind][1], columns_of(instructions.instruction_of(row)))
        for row in instructions.rows_of(session, *_OUT)
        if row.study_id in wanted
    }
