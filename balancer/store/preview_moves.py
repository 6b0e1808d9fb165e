"""Whom a draft's preview moves, counted: where one reporter's reads would go, and which would have no place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlmodel import Session, and_, case, col, func, select

from balancer.domain.run_changes import MoveReason
from balancer.store.blind import may_be_named
from balancer.store.scope import at_every_trust, reach_of
from balancer.store.tables import StudyRow
from balancer.store.tables_life import ReadRow
from balancer.store.tables_runs import RunMoveRow


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveCounts:
    """How many reads a plan moves, of every trust: all of them, and those of one reporter.

    ``lost`` had a place and have none, ``theirs_lost`` of them are the reporter's; ``found`` had none and have one.
    What is taken out of the queue is a move, and none of these.
    """

    moves: int
    theirs: int
    lost: int
    theirs_lost: int
    found: int


def move_counts(session: Session, run_id: int, reporter_id: str) -> MoveCounts:
    """Return how many reads a run's plan moves: numbers only, which do not change with how far somebody reaches.

    Those of one reporter leave out what is hidden because it is read blind: that it was theirs is what is hidden.
    """
    was, becomes = col(RunMoveRow.was), col(RunMoveRow.becomes)
    stays = col(RunMoveRow.reason) != MoveReason.TAKEN_OUT
    theirs = and_(was == reporter_id, stays, _was_told(session))
    statement = select(  # type: ignore[call-overload]  # more columns than it knows
        func.count(),
        _counted(theirs),
        _counted(was.is_not(None) & becomes.is_(None) & stays),
        _counted(theirs & becomes.is_(None)),
        _counted(was.is_(None) & becomes.is_not(None)),
    )
    statement = statement.outerjoin(ReadRow, _of_move()).where(RunMoveRow.run_id == run_id)
    with at_every_trust(session) as wide:
        moves, theirs, lost, theirs_lost, found = wide.exec(statement).one()
    return MoveCounts(moves=moves, theirs=theirs or 0, lost=lost or 0, theirs_lost=theirs_lost or 0, found=found or 0)


def takers(session: Session, run_id: int, reporter_id: str) -> dict[str, int]:
    """Return who gets how many of a reporter's reads, as far as the studies are within reach and may be told."""
    becomes = col(RunMoveRow.becomes)
    statement = (
        select(RunMoveRow.becomes, func.count())
        .join(ReadRow, _of_move())
        .where(RunMoveRow.run_id == run_id, RunMoveRow.was == reporter_id, becomes.is_not(None))
        .where(_was_told(session), may_be_named(reach_of(session), col(ReadRow.id), becomes))
        .group_by(becomes)
    )
    return {name or "": count for name, count in session.exec(statement)}


def without_place(session: Session, run_id: int, reporter_id: str, most: int) -> list[tuple[StudyRow, str]]:
    """Return studies of a reporter's reads that would have no place, with the reason, the soonest due first."""
    statement = (
        select(StudyRow, RunMoveRow.detail)
        .join(RunMoveRow, col(RunMoveRow.study_id) == col(StudyRow.id))
        .join(ReadRow, _of_move())
        .where(RunMoveRow.run_id == run_id, RunMoveRow.was == reporter_id, col(RunMoveRow.becomes).is_(None))
        .where(RunMoveRow.reason != MoveReason.TAKEN_OUT, _was_told(session))
        .order_by(col(StudyRow.due_at), col(StudyRow.id))
        .limit(most)
    )
    return [(study, detail) for study, detail in session.exec(statement)]


def _of_move() -> Any:
    """Return the condition that a read is the one that is moved."""
    return and_(col(ReadRow.study_id) == col(RunMoveRow.study_id), col(ReadRow.number) == col(RunMoveRow.read))


def _was_told(session: Session) -> Any:
    """Return the condition that the session's caller may be told whose a moved read was."""
    named = may_be_named(reach_of(session), col(ReadRow.id), col(RunMoveRow.was))
    return and_(col(ReadRow.id).is_not(None), named)


def _counted(condition: Any) -> Any:
    return func.sum(case((condition, 1), else_=0))
