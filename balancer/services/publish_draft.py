"""Publish a draft: everything that is staged in it comes into force together, or nothing does."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from balancer.domain.actor import Actor
from balancer.domain.draft import DraftState
from balancer.domain.errors import ConflictError, NotAllowedError
from balancer.domain.instruction import Instruction, InstructionKind, InstructionState
from balancer.domain.permission import Permission
from balancer.domain.states import StudyState
from balancer.services.expedite_study import weakened_by
from balancer.services.override_scope import put_override_in_force
from balancer.services.put_in_force import put_in_force
from balancer.services.run_allocation import LEASE
from balancer.store import drafts, instructions, leases, queue, reads
from balancer.store.assignments import touch_worklists
from balancer.store.database import Database, Session
from balancer.store.policies import current_policy
from balancer.store.scope import unlimited

# What a decision that was staged an hour ago says of the future.
_DATES = {InstructionKind.EXPEDITE: "due_at", InstructionKind.PARK: "until", InstructionKind.SEND_OUT: "due_back_at"}


def publish_draft(  # noqa: PLR0913 - which draft, when, on whose word, as it was shown
    db: Database, draft_id: int, now: datetime, *, by: Actor, why: str, shown: Collection[int] | None = None
) -> list[Instruction]:
    """Put everything staged in a draft in force, in one transaction; return it as it holds now.

    Reads leave the lists they must not be on at once; the lists are mended, and a run is asked for. Which lists were
    current is kept with the draft, so that it can be undone. ``shown``: the instructions that whoever publishes was
    shown; nobody puts in force what was staged since they looked.

    Raises
    ------
    NotFoundError
        If there is no such draft.
    NotAllowedError
        If it decides about trusts beyond reach, or about people and whoever publishes may not.
    ConflictError
        If it is not open, is empty, holds anything else than was shown, or something in it cannot be done any more: it
        says what and why, and nothing of the draft holds.
    """
    with db.transaction() as session:
        leases.turn(session, LEASE)  # nobody publishes lists beside us: those that we note are those before the draft
        drafts.require_whole(session, draft_id, InstructionState.STAGED)
        staged = drafts.of_draft(session, draft_id, InstructionState.STAGED)
        about = {row.study_id for row in staged if row.study_id is not None}
        reads.locked_reads(session, about)
        row = drafts.locked(session, draft_id)
        numbers = [item.id or 0 for item in drafts.of_draft(session, draft_id, InstructionState.STAGED, lock=True)]
        _require_same(numbers, [item.id or 0 for item in staged])
        if shown is not None and sorted(shown) != numbers:
            raise ConflictError("the draft has been changed since it was shown: look at it again")
        with unlimited(session) as whole:
            row.lists = queue.current_lists(whole)
        before = _in_force(session, now)
        done = [_put(session, number, by, now) for number in numbers]
        row.replaced = sorted(before - _in_force(session, now))
        if any(item.study_id is None for item in done):
            touch_worklists(session)
        drafts.decide(session, row, DraftState.PUBLISHED, by=by, now=now, why=why)
        return done


def _require_same(numbers: list[int], seen: list[int]) -> None:
    if not numbers:
        raise ConflictError("nothing is staged in the draft")
    if numbers != seen:
        raise ConflictError("the draft has been changed at this moment: look at it again")


def _put(session: Session, number: int, by: Actor, now: datetime) -> Instruction:
    """Put one in force; what stands in its way is told with its number, so that it can be taken out of the draft."""
    given = instructions.instruction(session, number)
    try:
        _require_timely(session, given, now)
        if given.study_id is None and not by.reach(Permission.REPORTERS_WRITE).covers(given.trust):
            raise NotAllowedError("the draft changes rosters or scopes: this needs leave to change them")
        enforce = put_override_in_force if given.study_id is None else put_in_force
        return enforce(session, number, by=by, now=now)
    except ConflictError as error:
        raise ConflictError(f"instruction {number}, {given.kind}: {error}") from error


def _require_timely(session: Session, given: Instruction, now: datetime) -> None:
    """Ensure that what was staged a while ago can still be meant."""
    if given.expires_at is not None and given.expires_at <= now:
        raise ConflictError("it would have ended by now")
    date = given.instant(_DATES[given.kind]) if given.kind in _DATES else None
    if date is not None and date <= now:
        raise ConflictError(f"its date has passed, {date.isoformat()}")
    if given.kind is not InstructionKind.EXPEDITE:
        return
    study = reads.study_of(session, given.study_id or 0)
    if study.state is not StudyState.OPEN:
        raise ConflictError(f"the study is {study.state}: it does not wait for a report")
    if weakened_by(session, current_policy(session), given, now):
        raise ConflictError("somebody has asked for the study sooner, or as more urgent, meanwhile")


def _in_force(session: Session, now: datetime) -> set[int]:
    return {item.id for item in instructions.in_force(session, now)}
