"""Explanations of reads: asked for, begun all that wait together, kept; the last one stays until a newer is there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from balancer.domain.read_explained import ExplanationState
from balancer.store.tables import StudyRow
from balancer.store.tables_explanations import ExplanationRow
from balancer.store.tables_life import ReadRow

_UNFINISHED = (ExplanationState.REQUESTED, ExplanationState.RUNNING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A read that is to be explained: its numbers in the store, and what a problem knows it by."""

    read_id: int
    study_id: int
    trust: str
    accession_number: str
    number: int


def request(session: Session, read_id: int, now: datetime) -> None:
    """Enter that a read is to be explained; what was found before stays until then. One that waits goes on waiting."""
    row = session.get(ExplanationRow, read_id, with_for_update=True, populate_existing=True)
    if row is None:
        row = ExplanationRow(read_id=read_id, state=ExplanationState.REQUESTED, asked_at=now)
    elif row.state in _UNFINISHED:
        return
    row.state, row.asked_at, row.error = ExplanationState.REQUESTED, now, ""
    session.add(row)
    session.flush()


def unfinished(session: Session) -> bool:
    """Tell whether an explanation waits, or was begun and has not ended."""
    states = col(ExplanationRow.state).in_(_UNFINISHED)
    return session.exec(select(ExplanationRow.read_id).where(states).limit(1)).first() is not None


def begin(session: Session) -> Sequence[Asked]:
    """Begin all that wait, the longest waiting first.

    Called by the one process that explains: any that is said to be under way was being made when it died.
    """
    rows = session.exec(
        select(ExplanationRow)
        .where(col(ExplanationRow.state).in_(_UNFINISHED))
        .order_by(col(ExplanationRow.asked_at), col(ExplanationRow.read_id))
        .with_for_update(),
        execution_options={"populate_existing": True},
    ).all()
    begun = []
    for row in rows:
        died = row.state is ExplanationState.RUNNING
        row.state = ExplanationState.FAILED if died else ExplanationState.RUNNING
        row.error = "the process that worked it out stopped" if died else ""
        begun += [] if died else [row.read_id]
    session.flush()
    asked = {found.read_id: found for found in _asked(session, begun)}
    return [asked[read_id] for read_id in begun]


def keep(session: Session, read_id: int, *, run_id: int, now: datetime, found: dict[str, Any]) -> None:
    """Keep what was found of a read."""
    row = session.get_one(ExplanationRow, read_id, populate_existing=True)
    row.state, row.run_id, row.now, row.found, row.error = ExplanationState.MADE, run_id, now, found, ""
    session.flush()


def fail(session: Session, read_id: int, error: str) -> None:
    """Keep that a read could not be explained, and why; what was found before stays."""
    row = session.get_one(ExplanationRow, read_id, populate_existing=True)
    row.state, row.error = ExplanationState.FAILED, error
    session.flush()


def of_read(session: Session, read_id: int) -> ExplanationRow | None:
    """Return what was last asked and found of a read, if anybody has asked and the session's caller may be told."""
    statement = select(ExplanationRow).where(ExplanationRow.read_id == read_id)
    return session.exec(statement, execution_options={"populate_existing": True}).first()


def _asked(session: Session, read_ids: Sequence[int]) -> Sequence[Asked]:
    columns: Any = (ReadRow.id, ReadRow.study_id, StudyRow.trust, StudyRow.accession_number, ReadRow.number)
    statement = (
        select(*columns).join(StudyRow, col(StudyRow.id) == col(ReadRow.study_id)).where(col(ReadRow.id).in_(read_ids))
    )
    return [
        Asked(read_id=row[0], study_id=row[1], trust=row[2], accession_number=row[3], number=row[4])
        for row in session.exec(statement)
    ]
