"""The audit trail: appended to in the transaction of the change itself, chained by hashes, never changed.

Entries are kept with the session until it commits and are chained then: writers take turns on the row of the chain's
end, and it is the last thing that any of them locks, so that no two can wait for each other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Integer, and_, case, cast, or_
from sqlmodel import Session, col, exists, func, insert, select, update

from balancer.domain.audit import BEGINNING, AuditEntry, chained_hash
from balancer.domain.errors import ConflictError
from balancer.store.blind import beside_another, is_of_blind_study
from balancer.store.pages import Cut, Page, cursor
from balancer.store.tables_instructions import InstructionRow
from balancer.store.tables_life import AuditHeadRow, AuditRow
from balancer.store.types import storable_text

_WAITING = "audit entries that wait for the commit"
_HEAD = 1
_FIRST = 1
_NEWEST_FIRST = "audit"
_DECISION = "instruction"
_AT_A_TIME = 2_000
# What an entry's detail calls the reporters whom it names.
_NAMING = ("from", "to", "reporter")


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEnd:
    """The last entry of the chain: number 0 and the hash of nothing if there is none."""

    sequence: int
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What came of following the chain: its end, and in words the first thing that is wrong, if anything is."""

    end: AuditEnd
    fault: str = ""


def append(session: Session, entry: AuditEntry) -> None:
    """Enter something in the audit trail; it stands there if and only if the transaction commits."""
    session.info.setdefault(_WAITING, []).append(entry)


def seal(session: Session) -> None:
    """Chain what was appended in this transaction; ``Database.transaction`` does so as the last thing before commit."""
    entries = session.info.pop(_WAITING, [])
    if not entries:
        return
    session.flush()
    head = session.exec(select(AuditHeadRow).where(AuditHeadRow.id == _HEAD).with_for_update()).one()
    rows, sequence, previous = [], head.sequence, head.hash
    for entry in entries:
        kept = _storable(entry)
        sequence, before = sequence + 1, previous
        previous = chained_hash(kept, sequence, before)
        rows.append({**_columns(kept), "sequence": sequence, "previous_hash": before, "hash": previous})
    session.exec(insert(AuditRow), params=rows)
    moved = update(AuditHeadRow).where(col(AuditHeadRow.id) == _HEAD, col(AuditHeadRow.hash) == head.hash)
    changed = session.exec(
        moved.values(sequence=sequence, hash=previous), execution_options={"synchronize_session": False}
    )
    if changed.rowcount != 1:
        raise ConflictError("the audit trail went on while this was written")


def end(session: Session) -> AuditEnd:
    """Return where the chain is said to end."""
    row = session.get_one(AuditHeadRow, _HEAD)
    return AuditEnd(sequence=row.sequence, hash=row.hash)


def verify(session: Session, *, witnessed: AuditEnd | None = None) -> Verdict:
    """Follow the whole chain and say whether it holds.

    It holds if every entry is there once, in order, its hash is that of its content and of the entry before, and the
    last one is where the chain is said to end. ``witnessed`` is an end that was noted elsewhere at an earlier time:
    without one, a chain that somebody has rewritten from some entry to its end looks whole.
    """
    last = AuditEnd(sequence=0, hash=BEGINNING)
    for row in _in_order(session):
        fault = _fault_of(row, last)
        if fault:
            return Verdict(end=last, fault=fault)
        last = AuditEnd(sequence=row.sequence, hash=row.hash)
        if witnessed is not None and witnessed.sequence == last.sequence and witnessed != last:
            return Verdict(end=last, fault=f"entry {last.sequence} is not the one that was witnessed")
    stated = end(session)
    if stated != last:
        return Verdict(end=last, fault=f"the trail ends at entry {last.sequence}, and should at {stated.sequence}")
    if witnessed is not None and witnessed.sequence > last.sequence:
        return Verdict(end=last, fault=f"entry {witnessed.sequence} was witnessed and is not there")
    return Verdict(end=last)


def read_of(row: AuditRow) -> int | None:
    """Return the read that an entry is about, itself or by an exception; ``None`` if it is about something else."""
    number = row.subject_id if row.subject_kind == "read" else row.detail.get("read")
    return int(number) if number is not None and str(number).isdecimal() else None


def named_in(row: AuditRow) -> list[str]:
    """Return the reporters whom an entry names: who had a read and who has it, or for whom somebody has meant it."""
    return [str(row.detail[what]) for what in _NAMING if row.detail.get(what)]


def entries(
    session: Session, cut: Cut, *, subject_kind: str | None = None, subject_id: str | None = None
) -> Page[AuditRow]:
    """Return a page of the trail, newest first; of one thing if it is named."""
    statement = select(AuditRow)
    if subject_kind is not None:
        statement = statement.where(AuditRow.subject_kind == subject_kind)
    if subject_id is not None:
        statement = statement.where(AuditRow.subject_id == subject_id)
    total = session.exec(select(func.count()).select_from(statement.subquery())).one()
    after = cut.after(_NEWEST_FIRST, 1)
    if after is not None:
        statement = statement.where(AuditRow.sequence < after[0])
    rows = session.exec(statement.order_by(col(AuditRow.sequence).desc()).limit(cut.limit + 1)).all()
    more = len(rows) > cut.limit
    rows = rows[: cut.limit]
    return Page(items=tuple(rows), total=total, next_cursor=cursor(_NEWEST_FIRST, rows[-1].sequence) if more else None)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilter:
    """Which entries to show: what is empty is whatever."""

    actor: str = ""
    action: str = ""
    kind: str = ""
    subject: str = ""


def entries_page(
    session: Session, which: AuditFilter, *, limit: int, offset: int, blind_to: str | None = None
) -> tuple[Sequence[AuditRow], int]:
    """Return a page of the trail by number, newest first, and how many entries there are.

    For a reporter who is ``blind_to`` others' readings, without those of which they may not be told who did it: whoever
    looks for somebody by name would learn it by what is found, or counted.
    """
    statement = select(AuditRow)
    for column, wanted in (
        (AuditRow.actor, which.actor),
        (AuditRow.action, which.action),
        (AuditRow.subject_kind, which.kind),
        (AuditRow.subject_id, which.subject),
    ):
        if wanted:
            statement = statement.where(column == wanted)
    if blind_to is not None:
        statement = statement.where(or_(~_is_beside_another(), _names_only(blind_to)))
    total = session.exec(select(func.count()).select_from(statement.subquery())).one()
    rows = session.exec(statement.order_by(col(AuditRow.sequence).desc()).limit(limit).offset(offset)).all()
    return rows, total


def _is_beside_another() -> ColumnElement[bool]:
    """Return the condition that an entry is about a reading beside another that waits; its read is as ``read_of``'s."""
    itself = (col(AuditRow.subject_kind) == "read", cast(AuditRow.subject_id, Integer))
    of_read = beside_another(case(itself, else_=col(AuditRow.detail)["read"].as_integer()))
    return or_(of_read, _is_of_blind_study())


def _is_of_blind_study() -> ColumnElement[bool]:
    """Return the condition that an entry is about a bar from a study that is read blind: it names no read."""
    number = case((col(AuditRow.subject_kind) == _DECISION, cast(AuditRow.subject_id, Integer)))
    return exists().where(
        col(InstructionRow.id) == number,
        col(InstructionRow.read_id).is_(None),
        col(InstructionRow.reporter_id).is_not(None),
        is_of_blind_study(col(InstructionRow.study_id)),
    )


def decision_in(row: AuditRow) -> int | None:
    """Return the decision that an entry is about; ``None`` if it is about something else."""
    return int(row.subject_id) if row.subject_kind == _DECISION and row.subject_id.isdecimal() else None


def _names_only(reporter_id: str) -> ColumnElement[bool]:
    """Return the condition that an entry names this reporter and nobody else."""
    names = [col(AuditRow.detail)[what].as_string() for what in _NAMING]
    nobody_else = (or_(name.is_(None), name == reporter_id) for name in names)
    return and_(or_(*(name == reporter_id for name in names)), *nobody_else)


def _in_order(session: Session) -> Iterator[AuditRow]:
    """Yield every row there is by number, whatever its number: the triggers keep nobody from adding one below 1."""
    following = select(AuditRow).order_by(col(AuditRow.sequence)).limit(_AT_A_TIME)
    rows = session.exec(following).all()
    while rows:
        yield from rows
        last = rows[-1].sequence
        session.expunge_all()
        rows = session.exec(following.where(AuditRow.sequence > last)).all()


def _fault_of(row: AuditRow, last: AuditEnd) -> str:
    if row.sequence < _FIRST:
        return f"entry {row.sequence} stands before entry {_FIRST}, with which the trail begins"
    if row.sequence != last.sequence + 1:
        return f"after entry {last.sequence} comes entry {row.sequence}"
    if row.previous_hash != last.hash:
        return f"entry {row.sequence} does not follow from the one before"
    if row.hash != chained_hash(_entry(row), row.sequence, row.previous_hash):
        return f"entry {row.sequence} is not what was written"
    return ""


def _storable(entry: AuditEntry) -> AuditEntry:
    """Return the entry as the database will give it back: what is hashed must be what is kept."""
    return AuditEntry(
        at=entry.at,
        actor=storable_text(entry.actor),
        action=entry.action,
        subject_kind=entry.subject_kind,
        subject_id=entry.subject_id,
        was=entry.was,
        became=entry.became,
        why=storable_text(entry.why),
        detail=dict(entry.detail),
    )


def _columns(entry: AuditEntry) -> dict[str, Any]:
    return {name: getattr(entry, name) for name in AuditEntry.__dataclass_fields__}


def _entry(row: AuditRow) -> AuditEntry:
    return AuditEntry(**{name: getattr(row, name) for name in AuditEntry.__dataclass_fields__})
