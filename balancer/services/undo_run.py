"""Undo a run that somebody published: lists are put back as they were before it, as far as that still can be."""

from __future__ import annotations

from datetime import datetime

from balancer.domain.actor import Actor
from balancer.domain.audit import AuditEntry
from balancer.domain.errors import ConflictError
from balancer.services.give_way import give_way
from balancer.services.restore_lists import Left, restore_lists
from balancer.services.run_allocation import LEASE
from balancer.store import audit, instructions, leases, queue, reads, runs
from balancer.store.database import Database, Session
from balancer.store.tables import RunRow


def undo_run(db: Database, run_id: int, now: datetime, *, by: Actor, reason: str) -> list[Left]:
    """Give everybody a new version of their list as it was before a run was published; return what stays.

    A read stays where it is if somebody has it open, if it is done or no longer waits, if somebody has decided about
    its study since, or if whoever had it may not have it any more. What came since stays on its list. A run is asked
    for: it waits in its turn, as the one did that is undone.

    Raises
    ------
    NotFoundError
        If there is no such run.
    ConflictError
        If nobody published it by hand, or it is no longer in force: a later plan must not be undone with it.
    GoneError
        If the lists from before are no longer kept.
    """
    return give_way(db, lambda session, waited: _undo(session, run_id, now + waited, by, reason))


def _undo(session: Session, run_id: int, now: datetime, by: Actor, reason: str) -> list[Left]:
    leases.turn(session, LEASE)
    run = runs.run(session, run_id)
    _require_in_force(session, run)
    at = run.decided_at or now
    before = queue.items_of_lists(session, queue.lists_ended_at(session, at))
    since = {item.study_id or 0 for item in instructions.in_force(session, now) if item.came_after(at)}
    reads.locked_plannable(session, beside=[number for number in since if number])
    # before lists are put back, which takes the change feed's turn
    runs.ask_for_run(session, now=now, reason=f"run {run_id} was undone")
    left = restore_lists(session, before, since, stage=f"run {run_id} was undone", by=by, now=now)
    _note(session, run, left, now, by=by, reason=reason)
    return left


def _require_in_force(session: Session, run: RunRow) -> None:
    undone = runs.can_be_undone(session)
    if undone is None or undone.id != run.id:
        raise ConflictError(f"run {run.id} cannot be undone: it is not in force, or nobody published it by hand")


def _note(session: Session, run: RunRow, left: list[Left], now: datetime, *, by: Actor, reason: str) -> None:  # noqa: PLR0913
    audit.append(
        session,
        AuditEntry(
            at=now,
            actor=by.subject,
            action="run.undo",
            subject_kind="run",
            subject_id=str(run.id),
            was=run.state,
            became=run.state,
            why=reason,
            detail={"left": len(left)},
        ),
    )
