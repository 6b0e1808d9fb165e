"""End the instructions whose time is over, or whose study has left the queue for good."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from balancer.domain.actor import job
from balancer.domain.instruction import InstructionKind, InstructionState
from balancer.services.each_read import each_read
from balancer.services.lay_over import more_urgent
from balancer.services.what_holds import what_holds
from balancer.services.withdraw_instruction import lift, locked_with_read, show_without
from balancer.store import instructions, reads
from balancer.store.database import Database, Session
from balancer.store.policies import current_policy

_JOB = job("instructions")
# A study that its source forgets for a while comes back as it was, with what was decided about it.
_REMEMBERED = timedelta(days=7)


def end_instructions(db: Database, now: datetime) -> int:
    """End every instruction whose time is over by ``now``; return how many.

    What one did to its read is undone, and a run is asked for. One about a study that left the queue a week ago ends
    too: until then the study may come back, and finds what was decided about it. So does an expedite whose study's feed
    says the same by now.
    """
    with db.session() as session:
        over = instructions.over(session, now)
        closed = instructions.about_closed(session, now - _REMEMBERED)
        agreed = list(_agreed(session, now))
    kept = {"job": _JOB.name, "what": instructions.SUBJECT}
    ended = each_read(over, lambda number: _end(db, number, now, "its time is over"), **kept)
    ended += each_read(closed, lambda number: _end(db, number, now, "its study has left the queue"), **kept)
    return ended + each_read(agreed, lambda number: _end_agreed(db, number, now), **kept)


def _agreed(session: Session, now: datetime) -> Iterable[int]:
    """Yield the expedites that ask for nothing which the feed does not say itself, and which nobody has corrected."""
    policy = current_policy(session)
    expedites = instructions.in_force(session, now, kinds={InstructionKind.EXPEDITE})
    studies = {given.study_id or 0: reads.study_of(session, given.study_id or 0) for given in expedites}
    corrected = what_holds(session, studies.values(), now, kinds={InstructionKind.STUDY})
    for given in expedites:
        study = studies[given.study_id or 0]
        due, asked = given.instant("due_at"), given.value.get("priority", study.priority)
        if study.source_due_at is None or due is None or study.source_due_at > due:
            continue
        if all(more_urgent(policy, own, asked) == own for own in (study.priority, corrected[study.id or 0].priority)):
            yield given.id


def _end_agreed(db: Database, instruction_id: int, now: datetime) -> bool:
    with db.transaction() as session:
        row, _ = locked_with_read(session, instruction_id)
        if row.state is not InstructionState.IN_FORCE:
            return False
        instructions.end(session, row, InstructionState.AGREED, by=_JOB, now=now, why="the feed says the same")
        return True


def _end(db: Database, instruction_id: int, now: datetime, why: str) -> bool:
    """End one, unless somebody has ended it in the meantime."""
    with db.transaction() as session:
        row, read = locked_with_read(session, instruction_id)
        if row.state is not InstructionState.IN_FORCE:
            return False
        instructions.end(session, row, InstructionState.EXPIRED, by=_JOB, now=now, why=why)
        lift(session, row, read, by=_JOB, now=now, why=why)
        show_without(session, row)
        return True
