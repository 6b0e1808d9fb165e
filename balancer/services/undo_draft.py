"""Undo a published draft: its decisions end, and lists are put back as they were, as far as that still can be."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from balancer.domain.actor import Actor
from balancer.domain.draft import DraftState
from balancer.domain.errors import NotAllowedError
from balancer.domain.instruction import Instruction, InstructionState
from balancer.domain.permission import Permission
from balancer.services.give_way import give_way
from balancer.services.hold_again import hold_again
from balancer.services.restore_lists import Left, restore_lists
from balancer.services.run_allocation import LEASE
from balancer.services.withdraw_instruction import lift
from balancer.store import drafts, instructions, leases, queue, reads
from balancer.store.assignments import touch_worklists
from balancer.store.database import Database, Session
from balancer.store.tables_drafts import DraftRow


def undo_draft(db: Database, draft_id: int, now: datetime, *, by: Actor, why: str) -> list[Left]:
    """End what a draft put in force, and give everybody a new version of their list as it was before.

    What the draft took the place of holds again. A read stays where it is if somebody has it open, if it is done or no
    longer waits, if somebody has decided about its study since, or if whoever had it may not have it any more; so does
    what was on no list then. All of that is named. A run is asked for.

    Raises
    ------
    NotFoundError
        If there is no such draft.
    NotAllowedError
        If whoever asks does not steer at every trust: everybody's list is put back. Or if the draft is about people,
        and they may not decide about these.
    ConflictError
        If it has not been published, or has been undone already.
    GoneError
        If the lists from before are no longer kept: its decisions can be taken back one by one.
    """
    if not by.reach(Permission.READS_STEER).is_everywhere:
        raise NotAllowedError("undoing puts everybody's list back: this needs leave to steer at every trust")
    return give_way(db, lambda session, waited: _undo(session, draft_id, now + waited, by, why))


def _undo(session: Session, draft_id: int, now: datetime, by: Actor, why: str) -> list[Left]:
    leases.turn(session, LEASE)
    about = {row.study_id for row in drafts.of_draft(session, draft_id, InstructionState.IN_FORCE)}
    # those, too, about which something is to hold again
    about |= {item.study_id for item in instructions.numbered(session, drafts.draft(session, draft_id).replaced)}
    reads.locked_plannable(session, beside=[number for number in about if number is not None])
    row = drafts.locked(session, draft_id, DraftState.PUBLISHED)
    before = queue.items_of_lists(session, row.lists)
    _require_leave(session, row, by)
    since = _decided_since(session, row, now)
    left = _take_back(session, row, since, by, now, why)
    left += restore_lists(
        session,
        before,
        {item.study_id or 0 for item in since} | drafts.studies_undone_since(session, row.decided_at or now),
        stage=f"draft {row.id} was undone",
        by=by,
        now=now,
    )
    row.state, row.undone_at, row.undone_by, row.undone_why = DraftState.UNDONE, now, by.subject, why
    row.left = [item.as_kept() for item in left]
    touch_worklists(session)
    drafts.note(session, row, "undone", "published", by=by, now=now, why=why, detail={"left": len(left)})
    return left


def _decided_since(session: Session, row: DraftRow, now: datetime) -> list[Instruction]:
    """Return what has been decided since the draft was published and still holds."""
    published = row.decided_at or now
    held = instructions.in_force(session, now)
    return [item for item in held if item.came_after(published) and item.draft_id != row.id]


def _require_leave(session: Session, row: DraftRow, by: Actor) -> None:
    """Ensure that whoever undoes what was decided about people might have decided it."""
    reach = by.reach(Permission.REPORTERS_WRITE)
    ending = drafts.of_draft(session, row.id or 0, InstructionState.IN_FORCE)
    about = [(item.study_id, item.trust) for item in ending]
    about += [(item.study_id, item.trust) for item in instructions.numbered(session, row.replaced)]
    if any(study_id is None and not reach.covers(trust) for study_id, trust in about):
        raise NotAllowedError("the draft changes rosters or scopes: this needs leave to change them")


def _take_back(  # noqa: PLR0913, PLR0917 - what is taken back, on whose word, when and why
    session: Session, row: DraftRow, since: Collection[Instruction], by: Actor, now: datetime, why: str
) -> list[Left]:
    """End what came with the draft, and let hold again what it took the place of; return what cannot."""
    for item in drafts.of_draft(session, row.id or 0, InstructionState.IN_FORCE, lock=True):
        instructions.end(session, item, InstructionState.WITHDRAWN, by=by, now=now, why=why)
        read = None if item.read_id is None else reads.locked_read(session, item.read_id)[0]
        lift(session, item, read, by=by, now=now, why=why)
    return hold_again(session, row, since, by=by, now=now)
