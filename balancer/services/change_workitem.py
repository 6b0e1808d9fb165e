"""Change a workitem's state: to IN PROGRESS is a claim, to COMPLETED a completion, to CANCELED a release or a return.

The change, the claim and the lock are one transaction: whoever is told that they have it has it, whatever fails then.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from pydicom.dataset import Dataset

from balancer.domain.actor import Actor
from balancer.domain.errors import ConflictError, InvalidValueError
from balancer.domain.life import ReadEvent, ReadKind
from balancer.domain.steps import StepState
from balancer.publish.ups.codes import return_reason
from balancer.publish.ups.elements import code_in, first, text
from balancer.publish.ups.final_state import missing
from balancer.publish.ups.from_dataset import performer_in
from balancer.publish.ups.json_model import dataset_in
from balancer.publish.ups.state_table import TABLE, Outcome, Status, StepEvent, asked_for
from balancer.publish.ups.uids import is_uid
from balancer.services.claim_read import claim_read
from balancer.services.complete_read import complete_read
from balancer.services.note_other_performer import note_other_performer
from balancer.services.release_read import release_read
from balancer.services.return_read import return_read
from balancer.services.secret import digest_of
from balancer.services.see_workitem import dataset_from, named
from balancer.store import claims, reads, workitems
from balancer.store.database import Database, Session
from balancer.store.joined import Joined
from balancer.store.policies import current_policy
from balancer.store.workitems import Found

Acting = Callable[[str], Database]
"""Returns the database as far as the caller reaches in a reporter's name."""

_WHO: Final = "UnifiedProcedureStepPerformedProcedureSequence.ActualHumanPerformersSequence"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What is asked: the state, the Transaction UID that came with it, and who performs the step, if that is said.

    To begin, ``performer`` is whose the step becomes; at the end it is held against whoever began it, or says who did
    what was begun in nobody's name.
    """

    to: StepState
    transaction: str = ""
    performer: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What became of it; ``missing`` are attributes that the final state needs.

    ``kept``: the step had been taken from whoever completes it; their report is on record all the same.
    """

    status: Status
    missing: tuple[str, ...] = ()
    kept: bool = False


def change_in(dataset: Dataset) -> Change:
    """Return what a dataset asks for; ``InvalidValueError`` if it names none of the four states."""
    asked = text(dataset, "ProcedureStepState")
    if asked not in set(StepState):
        raise InvalidValueError("ProcedureStepState", "is none of the four states")
    performer = performer_in(dataset)
    return Change(
        to=StepState(asked),
        transaction=text(dataset, "TransactionUID"),
        performer=performer.value if performer is not None else "",
    )


def change_workitem(  # noqa: PLR0913 - what of which, in whose name, when, by whom
    db: Database, uid: str, change: Change, now: datetime, *, by: Actor, acting: Acting
) -> Answer:
    """Do what is asked of a workitem, if the state table has it; whoever comes first gets it.

    Raises
    ------
    NotFoundError
        If there is no such workitem within reach.
    InvalidValueError
        If a step is begun, nobody says by whom, and that cannot be taken from whom it is scheduled for.
    ClaimedError, ConflictError
        If the read's own rules do not let this reporter open or end it, or whose step it is has changed meanwhile.
    NotAllowedError
        If the caller is another reporter and nothing more.
    """
    with db.session() as session:
        numbering = workitems.numbering(session)
        seen = named(session, uid, numbering)
        whose = _whose(seen, change, by) or (_who_began(session, seen) if change.to is StepState.COMPLETED else "")
    read_id = seen.read.id or 0
    with (acting(whose) if whose else db).transaction() as session:
        reads.locked_read(session, read_id)
        found = named(session, uid, numbering)
        event = asked_for(change.to, holds=_holds(found, change))
        outcome = TABLE[event][found.state]
        if outcome.to is None:
            kept = event is StepEvent.COMPLETE and _was_taken(session, found)
            if kept:
                _complete(session, found, change, whose, now, by)
            return Answer(status=outcome.status, kept=kept)
        if _whose(found, change, by) != whose:
            # a plan, or a person, has given it to somebody else between the look and the lock
            raise ConflictError("whose step it is has changed meanwhile: look again")
        lacking = _lacking(session, found, outcome, numbering)
        if outcome.to is StepState.COMPLETED and _is_nobodys(found, change, whose, by):
            lacking.append(_WHO)
        if lacking:
            return Answer(status=Status.NOT_FINAL, missing=tuple(lacking))
        _do(session, found, change, whose, now, by)
        return Answer(status=outcome.status)


def _whose(found: Found, change: Change, by: Actor) -> str:
    """Return in whose name it is done: who has the step, or who is said to begin it; empty if nobody says.

    Whoever signed in and names nobody means themselves. The standard's own request names nobody (PS3.4, CC.2.1.1): then
    it is the scheduled performer's, until somebody is named: it is theirs then who are named. Not where another reading
    of the study is blind to this one, or follows it: there a guess could let one person do both.
    """
    if found.state is StepState.SCHEDULED and change.to is StepState.IN_PROGRESS:
        said = change.performer or by.reporter_id
        return said or (found.reporter_id if _is_only_reading(found) else "") or ""
    named_now = _named(found, change, by) if _is_presumed(found) and change.to is StepState.COMPLETED else ""
    return named_now or found.reporter_id or ""


def _named(found: Found, change: Change, by: Actor) -> str:
    """Return who is said to perform a step: with the request, by an update before it, or by signing in."""
    return change.performer or _said(found) or by.reporter_id or ""


def _said(found: Found) -> str:
    said = None if found.row is None else performer_in(dataset_in(found.row.said))
    return "" if said is None else said.value


def _is_presumed(found: Found) -> bool:
    """Tell whether nobody was named for a step when it was begun."""
    return found.row is not None and found.row.presumed


def _is_nobodys(found: Found, change: Change, whose: str, by: Actor) -> bool:
    """Tell whether nobody can be held to have performed a step: nobody was named for it, then or now."""
    return _is_presumed(found) and _named(found, change, by) != whose


def _is_only_reading(found: Found) -> bool:
    return found.read.kind is ReadKind.INTERPRETATION and found.study.reads == 1


def _holds(found: Found, change: Change) -> bool:
    """Tell whether a Transaction UID came that holds the lock; to begin, or where nothing is locked, any UID does."""
    if not is_uid(change.transaction):
        return False
    if change.to is StepState.IN_PROGRESS or found.state is StepState.SCHEDULED:
        return True
    return holds_lock(found, change.transaction)


def holds_lock(found: Found, transaction: str) -> bool:
    """Tell whether a Transaction UID is the one under which a workitem was begun; of our own claims nobody has one."""
    return found.row is not None and bool(found.row.lock) and found.row.lock == digest_of(transaction)


def _was_taken(session: Session, found: Found) -> bool:
    """Tell whether a step was ended by others than whoever had it open: no report of theirs is ever dropped.

    As when its source had stopped asking for it, whether it asks again by now or not.
    """
    if found.state is not StepState.CANCELED:
        return False
    claim = claims.last_of_workitem(session, found.read.id or 0, found.sequence)
    return claim is not None and claim.ended_by not in {ReadEvent.RELEASE, ReadEvent.RETURN}


def _who_began(session: Session, found: Found) -> str:
    """Return who had begun a step that has ended and is nobody's any more; empty if nobody had."""
    if found.state is not StepState.CANCELED:
        return ""
    claim = claims.last_of_workitem(session, found.read.id or 0, found.sequence)
    return "" if claim is None else claim.reporter_id


def _lacking(session: Session, found: Found, outcome: Outcome, numbering: str) -> list[str]:
    if not outcome.needs_final or outcome.to is None:
        return []
    return missing(dataset_from(found, current_policy(session), numbering), outcome.to)


def _do(session: Session, found: Found, change: Change, whose: str, now: datetime, by: Actor) -> None:  # noqa: PLR0913, PLR0917
    joined, read_id = Joined(session), found.read.id or 0
    if not whose:
        raise InvalidValueError("ActualHumanPerformersSequence", "say who performs it")
    if change.to is StepState.IN_PROGRESS:
        claim_read(joined, read_id, whose, now, by=by, heartbeats=False)
        row = workitems.kept(session, found)
        row.lock, row.presumed = digest_of(change.transaction), not (change.performer or by.reporter_id)
    elif change.to is StepState.COMPLETED:
        _complete(session, found, change, whose, now, by)
    else:
        _give_back(joined, found, whose, now, by)


def _complete(session: Session, found: Found, change: Change, whose: str, now: datetime, by: Actor) -> None:  # noqa: PLR0913, PLR0917
    """Complete the read in the name that is said; a report that nobody is named for is never a final one."""
    had = found.reporter_id or _who_began(session, found)
    presumed = had if _is_presumed(found) and found.state is StepState.IN_PROGRESS else ""
    unsigned = _is_nobodys(found, change, whose, by)
    joined, read_id = Joined(session), found.read.id or 0
    claim = claims.last_of_workitem(session, read_id, found.sequence) if found.state is StepState.CANCELED else None
    complete_read(joined, read_id, whose, now, by=by, provisional=unsigned, presumed=presumed, claim=claim)
    others = {change.performer, _said(found), whose} - {"", had}
    if others:
        note_other_performer(session, read_id, found.study, had, others, now, presumed=_is_presumed(found), by=by)


def _give_back(joined: Database, found: Found, whose: str, now: datetime, by: Actor) -> None:
    """Release the read, or hand it back if its performer said so with one of our reasons."""
    said = dataset_in(found.row.said) if found.row is not None else Dataset()
    path = ("ProcedureStepProgressInformationSequence", "ProcedureStepDiscontinuationReasonCodeSequence")
    code = code_in(first(said, *path))
    reason = return_reason(code.value, code.scheme)
    if reason is None:
        release_read(joined, found.read.id or 0, whose, now, by=by)
    else:
        return_read(joined, found.read.id or 0, whose, now, by=by, reason=reason)
