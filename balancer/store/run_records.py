"""What is kept of runs beyond their figures: problem and plan, packed, and whom each plan moved."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, delete, func, insert, select

from balancer.domain.errors import GoneError
from balancer.domain.run_changes import MoveReason, RunMove
from balancer.domain.states import RunState
from balancer.domain.study import StudyKey
from balancer.store.pages import Cut, Page, cursor
from balancer.store.tables import RunRow, StudyRow
from balancer.store.tables_life import ReadRow
from balancer.store.tables_runs import ProposedRow, RunMoveRow, RunRecordRow

_IN_ORDER = "moves"
_NO_SYNC: dict[str, Any] = {"execution_options": {"synchronize_session": False}}


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownMove:
    """A move with its study and its read as they stand now."""

    move: RunMoveRow
    study: StudyRow
    read: ReadRow


def keep(  # noqa: PLR0913 - a record has so many parts
    session: Session,
    run_id: int,
    *,
    problem: bytes | None,
    plan: bytes,
    moves: Iterable[RunMove],
    ids: Ids,
    now: datetime,
) -> None:
    """Keep what a run was made from, what came of it, and whom it moves; moves are by reads' own numbers."""
    session.add(RunRecordRow(run_id=run_id, kept_at=now, problem=problem, plan=plan))
    session.flush()
    add_moves(session, run_id, moves, ids)


def add_moves(session: Session, run_id: int, moves: Iterable[RunMove], ids: Ids) -> None:
    """Keep whom a run moves, by reads' own numbers."""
    rows = [
        {
            "run_id": run_id,
            "study_id": ids[StudyKey(move.read.trust, move.read.accession_number)],
            "read": move.read.read,
            "was": move.was,
            "becomes": move.becomes,
            "reason": move.reason,
            "detail": move.detail,
        }
        for move in moves
    ]
    if rows:
        session.exec(insert(RunMoveRow), params=rows)


def record(session: Session, run_id: int) -> RunRecordRow:
    """Return what is kept of a run.

    Raises
    ------
    GoneError
        If it has been forgotten, or never was.
    """
    row = session.get(RunRecordRow, run_id)
    if row is None:
        raise GoneError(f"nothing is kept of run {run_id} but its figures")
    return row


def moves(session: Session, run_id: int, cut: Cut) -> Page[ShownMove]:
    """Return a page of whom a run's plan moves, as far as they are within reach."""
    statement = _moves(run_id)
    total = count_moves(session, run_id)
    after = cut.after(_IN_ORDER, 1)
    if after is not None:
        statement = statement.where(col(ReadRow.id) > after[0])
    found = session.exec(statement.order_by(col(ReadRow.id)).limit(cut.limit + 1)).all()
    items = tuple(ShownMove(move=move, study=study, read=read) for move, study, read in found[: cut.limit])
    more = len(found) > cut.limit
    return Page(items=items, total=total, next_cursor=cursor(_IN_ORDER, items[-1].read.id) if more else None)


def count_moves(session: Session, run_id: int) -> int:
    """Return how many reads a run's plan moves, as far as they are within reach."""
    return session.exec(select(func.count()).select_from(_moves(run_id).subquery())).one()


def all_moves(session: Session, run_id: int) -> list[ShownMove]:
    """Return everybody whom a run's plan moves, as far as they are within reach."""
    found = session.exec(_moves(run_id).order_by(col(ReadRow.id)))
    return [ShownMove(move=move, study=study, read=read) for move, study, read in found]


def _moves(run_id: int) -> Any:
    return (
        select(RunMoveRow, StudyRow, ReadRow)
        .join(StudyRow, col(StudyRow.id) == col(RunMoveRow.study_id))
        .join(ReadRow, (col(ReadRow.study_id) == col(RunMoveRow.study_id)) & (col(ReadRow.number) == RunMoveRow.read))
        .where(RunMoveRow.run_id == run_id)
    )


def move_reasons(session: Session, run_id: int) -> dict[tuple[int, int], MoveReason]:
    """Return why a run's plan moves what it moves, by study and the read's own number, as far as it is within reach."""
    statement = select(RunMoveRow.study_id, RunMoveRow.read, RunMoveRow.reason).where(RunMoveRow.run_id == run_id)
    return {(study_id, read): MoveReason(reason) for study_id, read, reason in session.exec(statement)}


def forget(session: Session, *, records_before: datetime, moves_before: datetime) -> None:
    """Forget what was kept of runs before then; never of one that is held, which could not be published without."""
    held = select(RunRow.id).where(RunRow.state == RunState.HELD)
    old = col(RunRecordRow.kept_at) < records_before
    session.exec(delete(RunRecordRow).where(old, col(RunRecordRow.run_id).not_in(held)), **_NO_SYNC)
    # what was proposed is of use to nobody once it has been decided about
    session.exec(delete(ProposedRow).where(col(ProposedRow.run_id).not_in(held)), **_NO_SYNC)
    ended = select(RunRow.id).where(col(RunRow.finished_at) < moves_before, RunRow.state != RunState.HELD)
    session.exec(delete(RunMoveRow).where(col(RunMoveRow.run_id).in_(ended)), **_NO_SYNC)


Ids = Mapping[StudyKey, int]
