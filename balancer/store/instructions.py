"""Instructions: entered, taken back, expired, listed; and the one answer to which of them hold.

Whoever enters or ends one about reads locks the reads first (``reads.locked_read``, ``reads.locked_reads``), then the
instruction, then whatever comes with the commit. Each change is in the audit trail of the same transaction.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, or_, select

from balancer.domain.actor import EVERYWHERE, Actor, Reach
from balancer.domain.audit import AuditEntry
from balancer.domain.errors import ConflictError, NotFoundError
from balancer.domain.instruction import Instruction, InstructionKind, InstructionState, require_step
from balancer.domain.states import StudyState
from balancer.store import audit
from balancer.store.assignments import decided, moved
from balancer.store.blind import may_be_barred, may_be_named
from balancer.store.chunks import chunks, is_among
from balancer.store.counts import count
from balancer.store.pages import Cut, Page, cursor
from balancer.store.tables import StudyRow
from balancer.store.tables_instructions import InstructionRow
from balancer.store.tables_life import ReadRow
from balancer.store.where_reads_stand import SHOWN

SUBJECT = "instruction"
_NEWEST_FIRST = "instruction"
_FIELDS = tuple(Instruction.__dataclass_fields__)
# What its row says otherwise than whoever enters it.
_OWN = frozenset({"id", "state", "value", "in_force_at"})
_IN_FORCE = col(InstructionRow.state) == InstructionState.IN_FORCE
# put together once: they are asked with every mending
_BARS = (
    select(InstructionRow.study_id, InstructionRow.reporter_id)
    .join(StudyRow, col(StudyRow.id) == col(InstructionRow.study_id))
    .where(_IN_FORCE, InstructionRow.kind == InstructionKind.BAR, StudyRow.state == StudyState.OPEN)
)
_PINS = (
    select(ReadRow.study_id, ReadRow.number, InstructionRow.reporter_id)
    .join(InstructionRow, col(InstructionRow.read_id) == col(ReadRow.id))
    .join(StudyRow, col(StudyRow.id) == col(ReadRow.study_id))
    .where(_IN_FORCE, InstructionRow.kind == InstructionKind.PIN, StudyRow.state == StudyState.OPEN)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class InstructionFilter:
    """Which instructions to show; ``None`` means whatever."""

    trust: str | None = None
    kind: InstructionKind | None = None
    state: InstructionState | None = InstructionState.IN_FORCE
    read_id: int | None = None
    reporter_id: str | None = None
    draft_id: int | None = None


def in_force(  # noqa: PLR0913 - each narrows what is looked for
    session: Session,
    at: datetime,
    with_draft: int | None = None,
    *,
    kinds: Collection[InstructionKind] | None = None,
    study_id: int | None = None,
    reporter_id: str | None = None,
) -> list[Instruction]:
    """Return what holds at ``at``, as it came into force: of two about the same thing the later one is what counts.

    ``with_draft`` adds what is staged in that draft, as if it came into force now. The others keep to some kinds, or to
    what is about one study or one reporter.
    """
    holding: ColumnElement[bool] = _IN_FORCE & or_(
        col(InstructionRow.expires_at).is_(None), col(InstructionRow.expires_at) > at
    )
    if with_draft is not None:
        staged = col(InstructionRow.state) == InstructionState.STAGED
        holding = or_(holding, staged & (InstructionRow.draft_id == with_draft))
    since = col(InstructionRow.in_force_at)
    statement = select(InstructionRow).where(holding).order_by(since.is_(None), since, col(InstructionRow.id))
    if kinds is not None:
        statement = statement.where(col(InstructionRow.kind).in_(sorted(kinds)))
    if study_id is not None:
        statement = statement.where(InstructionRow.study_id == study_id)
    if reporter_id is not None:
        statement = statement.where(InstructionRow.reporter_id == reporter_id)
    return [instruction_of(row) for row in session.exec(statement)]


def instruction_of(row: InstructionRow) -> Instruction:
    """Return the instruction that a row states."""
    return Instruction(**{name: getattr(row, name) for name in _FIELDS})


def bars(session: Session, study_ids: Collection[int] | None = None) -> list[tuple[int, str]]:
    """Return who is barred from which open study, by its number; of those named, if some are.

    Until the job ends it, one whose time is over still bars: for a minute nobody is offered what they may be again.
    """
    statement = _BARS
    if study_ids is not None:
        statement = statement.where(is_among(session, InstructionRow.study_id, study_ids))
    return [(study_id or 0, reporter_id or "") for study_id, reporter_id in session.exec(statement)]


def pins(session: Session, only: int | None = None) -> dict[tuple[int, int], str]:
    """Return to whom reads of open studies are pinned, by study and number; of one study if it is named."""
    statement = _PINS if only is None else _PINS.where(ReadRow.study_id == only)
    return {(study_id, number): reporter_id or "" for study_id, number, reporter_id in session.exec(statement)}


def locked_of_study(session: Session, study_id: int, *kinds: InstructionKind) -> list[InstructionRow]:
    """Return the instructions of these kinds in force about a study, which nobody else changes until we are done."""
    statement = select(InstructionRow).where(
        _IN_FORCE, col(InstructionRow.kind).in_(sorted(kinds)), InstructionRow.study_id == study_id
    )
    statement = statement.order_by(col(InstructionRow.id)).with_for_update()
    return list(session.exec(statement, execution_options={"populate_existing": True}))


def rows_of(session: Session, *kinds: InstructionKind) -> list[InstructionRow]:
    """Return everything of these kinds that is in force, oldest first."""
    statement = select(InstructionRow).where(_IN_FORCE, col(InstructionRow.kind).in_(sorted(kinds)))
    return list(session.exec(statement.order_by(col(InstructionRow.id))))


def locked(session: Session, instruction_id: int) -> InstructionRow:
    """Return an instruction, which nobody else changes until the transaction ends; ``NotFoundError`` if none."""
    statement = select(InstructionRow).where(InstructionRow.id == instruction_id).with_for_update()
    row = session.exec(statement, execution_options={"populate_existing": True}).first()
    if row is None:
        raise NotFoundError(f"there is no instruction {instruction_id}")
    return row


def instruction(session: Session, instruction_id: int) -> Instruction:
    """Return an instruction; ``NotFoundError`` if there is none."""
    row = session.get(InstructionRow, instruction_id, populate_existing=True)
    if row is None:
        raise NotFoundError(f"there is no instruction {instruction_id}")
    return instruction_of(row)


def numbered(session: Session, numbers: Collection[int]) -> list[Instruction]:
    """Return the instructions of these numbers that there are."""
    found: list[Instruction] = []
    for chunk in chunks(sorted(numbers)):
        rows = session.exec(select(InstructionRow).where(col(InstructionRow.id).in_(chunk)))
        found += [instruction_of(row) for row in rows]
    return found


def add(session: Session, given: Instruction, *, by: Actor, now: datetime) -> InstructionRow:
    """Enter an instruction: staged if it belongs to a draft, else in force from now.

    Raises
    ------
    ConflictError
        If one of its kind is in force for the read already.
    """
    staged = given.draft_id is not None
    columns = {name: getattr(given, name) for name in _FIELDS if name not in _OWN}
    state = InstructionState.STAGED if staged else InstructionState.IN_FORCE
    row = InstructionRow(**columns, state=state, value=dict(given.value), in_force_at=None if staged else now)
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError as error:
        raise ConflictError(f"there is a {given.kind} of this read already: take it back first") from error
    _show(session, row, now, state)
    _audit(session, row, "staged" if staged else "made", "", by, now, given.reason)
    return row


def enforce(session: Session, row: InstructionRow, *, by: Actor, now: datetime) -> None:
    """Put a staged instruction in force.

    Raises
    ------
    InvalidValueError
        If it is not staged.
    ConflictError
        If one of its kind is in force for the read already.
    """
    row.in_force_at = now
    try:
        with session.begin_nested():
            _step(session, row, InstructionState.IN_FORCE, by, now, row.reason)
    except IntegrityError as error:
        raise ConflictError(f"there is a {row.kind} of this read already: take it back first") from error


def end(  # noqa: PLR0913 - what ends, how, on whose word, when and why
    session: Session, row: InstructionRow, state: InstructionState, *, by: Actor, now: datetime, why: str
) -> None:
    """End an instruction: it is kept, with who ended it and why, and holds no longer.

    Raises
    ------
    InvalidValueError
        If it has ended already.
    """
    row.ended_at, row.ended_by, row.ended_why = now, by.subject, why
    _step(session, row, state, by, now, why)


def withdraw(session: Session, row: InstructionRow, *, by: Actor, now: datetime, why: str) -> None:
    """Take an instruction back, as ``end``; one that is staged is discarded.

    Raises
    ------
    ConflictError
        If it holds no longer anyway.
    """
    if row.state is InstructionState.STAGED:
        end(session, row, InstructionState.DISCARDED, by=by, now=now, why=why)
    elif row.state is InstructionState.IN_FORCE:
        end(session, row, InstructionState.WITHDRAWN, by=by, now=now, why=why)
    else:
        raise ConflictError(f"instruction {row.id} is {row.state} already")


def over(session: Session, now: datetime) -> list[int]:
    """Return the instructions in force whose time is over, by number."""
    statement = select(InstructionRow.id).where(_IN_FORCE, col(InstructionRow.expires_at) <= now)
    return [number or 0 for number in session.exec(statement.order_by(col(InstructionRow.id)))]


def about_closed(session: Session, before: datetime) -> list[int]:
    """Return the instructions in force about studies that left the queue before then, by number."""
    statement = (
        select(InstructionRow.id)
        .join(StudyRow, col(StudyRow.id) == col(InstructionRow.study_id))
        .where(_IN_FORCE, StudyRow.state != StudyState.OPEN, col(StudyRow.closed_at) < before)
    )
    return [number or 0 for number in session.exec(statement.order_by(col(InstructionRow.id)))]


def instructions(session: Session, which: InstructionFilter, cut: Cut, reach: Reach = EVERYWHERE) -> Page[Instruction]:
    """Return a page of instructions, newest first; looked for by reporter, without those ``reach`` may not have named.

    They are left out of the count, too.
    """
    statement = select(InstructionRow)
    for name in InstructionFilter.__dataclass_fields__:
        wanted = getattr(which, name)
        if wanted is not None:
            statement = statement.where(getattr(InstructionRow, name) == wanted)
    if which.reporter_id is not None:
        read_id, whom = col(InstructionRow.read_id), col(InstructionRow.reporter_id)
        statement = statement.where(
            may_be_named(reach, read_id, whom), may_be_barred(reach, col(InstructionRow.study_id), read_id, whom)
        )
    total = count(session, statement)
    after = cut.after(_NEWEST_FIRST, 1)
    if after is not None:
        statement = statement.where(col(InstructionRow.id) < after[0])
    rows = session.exec(statement.order_by(col(InstructionRow.id).desc()).limit(cut.limit + 1)).all()
    more = len(rows) > cut.limit
    rows = rows[: cut.limit]
    following = cursor(_NEWEST_FIRST, rows[-1].id) if more else None
    return Page(items=tuple(map(instruction_of, rows)), total=total, next_cursor=following)


def studies_of(session: Session, given: Iterable[Instruction]) -> dict[int, StudyRow]:
    """Return the studies that instructions are about, as far as they are within reach, by internal number."""
    wanted = {item.study_id for item in given if item.study_id is not None}
    rows = session.exec(select(StudyRow).where(col(StudyRow.id).in_(sorted(wanted))))
    return {row.id or 0: row for row in rows}


def _step(  # noqa: PLR0913, PLR0917
    session: Session, row: InstructionRow, state: InstructionState, by: Actor, now: datetime, why: str
) -> None:
    was = row.state
    require_step(was, state)
    row.state = state
    session.add(row)
    session.flush()
    _show(session, row, now, state, was)
    _audit(session, row, state.value, was.value, by, now, why)


def _show(session: Session, row: InstructionRow, now: datetime, *states: InstructionState) -> None:
    """Ensure that whoever follows is told if something else holds from now; of a study: its class, when it is due."""
    if InstructionState.IN_FORCE not in states:
        return
    decided(session)
    if row.kind in SHOWN and row.study_id is not None:
        moved(session, [row.study_id], now)


def _audit(  # noqa: PLR0913, PLR0917 - what became of which, on whose word, when and why
    session: Session, row: InstructionRow, what: str, was: str, by: Actor, now: datetime, why: str
) -> None:
    about: Mapping[str, Any] = {"kind": row.kind.value, "read": row.read_id, "reporter": row.reporter_id}
    entry = AuditEntry(
        at=now,
        actor=by.subject,
        action=f"{SUBJECT}.{what}",
        subject_kind=SUBJECT,
        subject_id=str(row.id),
        was=was,
        became=row.state.value,
        why=why,
        detail={**{name: known for name, known in about.items() if known is not None}, "value": dict(row.value)},
    )
    audit.append(session, entry)
