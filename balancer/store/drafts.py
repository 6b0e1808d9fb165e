"""Drafts: begun, listed, decided. What is staged in one is locked after its reads and before the change feed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, func, or_, select

from balancer.domain.actor import Actor
from balancer.domain.audit import AuditEntry
from balancer.domain.draft import MOST_INSTRUCTIONS, DraftState
from balancer.domain.errors import ConflictError, NotAllowedError, NotFoundError
from balancer.domain.instruction import InstructionState
from balancer.store import audit
from balancer.store.blind import not_to_be_named
from balancer.store.chunks import chunks
from balancer.store.counts import count
from balancer.store.pages import Cut, Page, cursor
from balancer.store.scope import reach_of, unlimited
from balancer.store.tables_drafts import DraftRow
from balancer.store.tables_instructions import InstructionRow
from balancer.store.tables_life import ReadRow

SUBJECT = "draft"
_NEWEST_FIRST = "draft"


def add(session: Session, row: DraftRow, *, by: Actor, now: datetime) -> DraftRow:
    """Enter a draft."""
    session.add(row)
    session.flush()
    note(session, row, "begun", "", by=by, now=now, why=row.name)
    return row


def draft(session: Session, draft_id: int) -> DraftRow:
    """Return a draft; ``NotFoundError`` if there is none."""
    row = session.get(DraftRow, draft_id)
    if row is None:
        raise NotFoundError(f"there is no draft {draft_id}")
    return row


def drafts(session: Session, cut: Cut, *, state: DraftState | None = None, author: str | None = None) -> Page[DraftRow]:
    """Return a page of drafts, newest first; with ``author``, those that this caller began."""
    statement = select(DraftRow)
    if state is not None:
        statement = statement.where(DraftRow.state == state)
    if author is not None:
        statement = statement.where(DraftRow.author == author)
    total = count(session, statement)
    after = cut.after(_NEWEST_FIRST, 1)
    if after is not None:
        statement = statement.where(col(DraftRow.id) < after[0])
    rows = session.exec(statement.order_by(col(DraftRow.id).desc()).limit(cut.limit + 1)).all()
    more = len(rows) > cut.limit
    rows = rows[: cut.limit]
    return Page(items=tuple(rows), total=total, next_cursor=cursor(_NEWEST_FIRST, rows[-1].id) if more else None)


def sizes(session: Session, draft_ids: list[int]) -> Mapping[int, int]:
    """Return how many decisions each draft holds, put in force or was discarded with.

    Those that were taken out of it before do not count.
    """
    wanted = col(InstructionRow.draft_id).in_(draft_ids)
    kept = or_(
        col(InstructionRow.state) != InstructionState.DISCARDED,
        col(InstructionRow.ended_at) == col(DraftRow.decided_at),
    )
    statement = (
        select(InstructionRow.draft_id, func.count())
        .join(DraftRow, col(DraftRow.id) == col(InstructionRow.draft_id))
        .where(wanted, kept)
        .group_by(col(InstructionRow.draft_id))
    )
    return {draft_id or 0: found for draft_id, found in session.exec(statement)}


def left_within(session: Session, rows: Iterable[DraftRow]) -> set[int]:
    """Return the reads, of those that undoing drafts could not put back, that are within reach."""
    named = {item["read_id"] for row in rows for item in row.left if item["read_id"] is not None}
    found = (session.exec(select(ReadRow.id).where(col(ReadRow.id).in_(chunk))) for chunk in chunks(sorted(named)))
    return {number or 0 for numbers in found for number in numbers}


def left_unnamed(session: Session, rows: Iterable[DraftRow]) -> set[int]:
    """Return the reads, of those that undoing drafts could not put back, of which it is not told who had them."""
    named = [(item["read_id"], item["reporter_id"]) for row in rows for item in row.left]
    return not_to_be_named(session, reach_of(session), named)


def locked(session: Session, draft_id: int, state: DraftState = DraftState.OPEN) -> DraftRow:
    """Return a draft in this state, which nobody else changes or adds to until the transaction ends.

    Raises
    ------
    NotFoundError
        If there is none.
    ConflictError
        If it is in another state.
    """
    statement = select(DraftRow).where(DraftRow.id == draft_id).with_for_update()
    row = session.exec(statement, execution_options={"populate_existing": True}).first()
    if row is None:
        raise NotFoundError(f"there is no draft {draft_id}")
    if row.state is not state:
        raise ConflictError(f"draft {draft_id} is {row.state}")
    return row


def of_draft(session: Session, draft_id: int, state: InstructionState, *, lock: bool = False) -> list[InstructionRow]:
    """Return what came with a draft and is in this state, in the order of entry."""
    statement = select(InstructionRow).where(InstructionRow.draft_id == draft_id, InstructionRow.state == state)
    statement = statement.order_by(col(InstructionRow.id))
    if lock:
        statement = statement.with_for_update()
    return list(session.exec(statement, execution_options={"populate_existing": True}))


def studies_undone_since(session: Session, at: datetime) -> set[int]:
    """Return the studies about which drafts decided that held at the instant ``at`` and have been undone since.

    Lists from then may have been made under such a draft, and are no way back for these.
    """
    statement = (
        select(InstructionRow.study_id)
        .join(DraftRow, col(DraftRow.id) == col(InstructionRow.draft_id))
        .where(col(DraftRow.decided_at) < at, col(DraftRow.undone_at) > at)
        .where(col(InstructionRow.study_id).is_not(None), col(InstructionRow.state) != InstructionState.DISCARDED)
    )
    return {number for number in session.exec(statement) if number is not None}


def require_room(session: Session, draft_id: int) -> None:
    """Ensure that a draft may hold one decision more; ``ConflictError`` if it is full."""
    with unlimited(session) as whole:
        held = len(of_draft(whole, draft_id, InstructionState.STAGED))
    if held >= MOST_INSTRUCTIONS:
        raise ConflictError(f"a draft holds at most {MOST_INSTRUCTIONS} decisions: publish it, or begin another")


def require_whole(session: Session, draft_id: int, state: InstructionState) -> None:
    """Ensure that whoever decides about a draft reaches all of it: nobody puts in force what they may not see.

    Raises
    ------
    NotAllowedError
        If something in it is of a trust beyond reach.
    """
    draft(session, draft_id)
    within = {row.id for row in of_draft(session, draft_id, state)}
    with unlimited(session) as whole:
        everything = {row.id for row in of_draft(whole, draft_id, state)}
    if within != everything:
        raise NotAllowedError("the draft decides about other trusts too: this needs leave to steer at each of them")


def decide(session: Session, row: DraftRow, state: DraftState, *, by: Actor, now: datetime, why: str) -> None:  # noqa: PLR0913
    """Enter what became of an open draft, by whom and why."""
    was = row.state
    row.state, row.decided_at, row.decided_by, row.decided_why = state, now, by.subject, why
    session.add(row)
    note(session, row, state.value, was.value, by=by, now=now, why=why)


def note(  # noqa: PLR0913 - what became of which, on whose word, when and why
    session: Session,
    row: DraftRow,
    what: str,
    was: str,
    *,
    by: Actor,
    now: datetime,
    why: str,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Enter in the audit trail what became of a draft."""
    entry = AuditEntry(
        at=now,
        actor=by.subject,
        action=f"{SUBJECT}.{what}",
        subject_kind=SUBJECT,
        subject_id=str(row.id),
        was=was,
        became=row.state.value,
        why=why,
        detail=detail or {},
    )
    audit.append(session, entry)
