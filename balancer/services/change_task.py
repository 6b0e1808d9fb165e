"""Change a Task's status: the acts on its read are those of every other door, and so are their rules.

The look, the version and the act are one transaction: whoever is told that they have it has it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from balancer.domain.actor import Actor
from balancer.domain.errors import ConflictError, InvalidValueError, VersionError
from balancer.domain.life import ReadState, ReturnReason
from balancer.domain.steps import StepState
from balancer.publish.fhir.from_resource import (
    is_provisional_in,
    note_in,
    outcome_in,
    owner_in,
    return_reason_in,
)
from balancer.publish.fhir.references import Resource
from balancer.publish.fhir.status_changes import Act, act_of, changed_elements
from balancer.services.claim_read import claim_read
from balancer.services.complete_read import complete_read
from balancer.services.note_other_performer import note_other_performer
from balancer.services.release_read import release_read
from balancer.services.return_read import return_read
from balancer.services.see_task import named, resource_of
from balancer.store import claims, reads, workitems
from balancer.store.database import Database, Session
from balancer.store.joined import Joined
from balancer.store.policies import current_policy
from balancer.store.tasks_wanted import Found as TaskFound
from balancer.store.workitems import Found

Acting = Callable[[str], Database]
"""Returns the database as far as the caller reaches in a reporter's name."""
Edit = Callable[[Resource], Resource]
"""Returns the Task that is wished for, given the one that is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is asked: ``edit`` makes the Task that is wished for, of one of the ``versions`` if any are named.

    ``names_owner``: the request itself says who the owner is; a part of a Task that leaves it alone says nobody.
    ``is_whole``: it is the Task as the client has it, whose owner may be no more than what it was told.
    """

    edit: Edit
    names_owner: bool
    is_whole: bool = False
    versions: frozenset[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The Task as it is now; ``kept``: what was completed is on record, and the read is not theirs.

    ``is_past``: so it is because the Task has ended, and another stands for its read; that may be done by it.
    """

    task: Resource
    kept: bool = False
    is_past: bool = False


@dataclass(frozen=True, slots=True)
class _Asked:
    """A wish, understood: the act, in whose name, and the Task that says the rest.

    ``is_named``: somebody says whose it is, and does not only repeat what the Task said. ``past``: which of its read's
    workitems was the last of the Task, if it has ended and another stands for the read.
    """

    act: Act
    whose: str
    wished: Resource
    is_named: bool
    past: int | None = None


def change_task(  # noqa: PLR0913 - what of which, in whose name, when, by whom
    db: Database, task_id: str, wish: Wish, now: datetime, *, by: Actor, acting: Acting
) -> Answer:
    """Do what a change of a Task's status asks for, if the table has it; whoever comes first gets it.

    That the read of a Task is completed is heard too if the Task was cancelled and another has followed it: its report
    has been written, whatever the source has said meanwhile. It counts for the read if nobody else has it.

    Raises
    ------
    NotFoundError
        If there is no such Task within reach.
    VersionError
        If it is of another version than the request names.
    InvalidValueError
        If something else than the status is changed, a step is begun or what nobody was named for is completed and
        nobody says by whom, or a value is none.
    ClaimedError, ConflictError
        If the read's own rules do not let this reporter do that, or its status does not.
    NotAllowedError
        If the caller is another reporter and nothing more.
    """
    with db.session() as session:
        asked = _asked(session, task_id, wish, by, now)
    with (acting(asked.whose) if asked.whose else db).transaction() as session:
        numbering = workitems.numbering(session)
        read_id = named(session, task_id, numbering, now).read.id or 0
        reads.locked_read(session, read_id)
        if _asked(session, task_id, wish, by, now) != asked:
            raise ConflictError("the Task has changed meanwhile: read it again")
        kept = not _do(session, read_id, asked, now, by)
    # once it is committed, for only then it has its place in the change feed, and its version
    with (acting(asked.whose) if asked.whose else db).session() as session:
        found = named(session, task_id, numbering, now)
        task = resource_of(found, current_policy(session), numbering)
        return Answer(task=task, kept=kept, is_past=asked.past is not None)


def _asked(session: Session, task_id: str, wish: Wish, by: Actor, now: datetime) -> _Asked:
    """Return what a wish means of a Task as it stands."""
    numbering = workitems.numbering(session)
    found = named(session, task_id, numbering, now)
    current = resource_of(found, current_policy(session), numbering)
    if "statusReason" in current:  # its words are not told in whosever name it is done
        current["statusReason"].pop("text", None)
    if wish.versions is not None and current["meta"]["versionId"] not in wish.versions:
        raise VersionError(f"the Task's version is {current['meta']['versionId']}")
    wished = wish.edit(current)
    status = wished.get("status")
    act = act_of(current["status"], status if isinstance(status, str) else "")
    if found.past is not None:
        return _asked_of_past(session, found, act, wish, wished, by)
    others = changed_elements(current, wished)
    if others:
        raise InvalidValueError("Task", f"only its status can be changed here, not {', '.join(others)[:500]}")
    if act is None:
        raise ConflictError(f"a Task that is {current['status']} cannot become {status} here")
    said, owner = (owner_in(wished) if wish.names_owner else ""), owner_in(current)
    if act is Act.NOTHING and said != owner and wish.names_owner:
        raise InvalidValueError("Task.owner", "nobody is given a read by this: say that they have it in-progress")
    whose = _whose(act, said, owner, current["status"], by)
    return _Asked(act, whose, wished, _is_named(wish, said, owner, by))


def _asked_of_past(  # noqa: PLR0913, PLR0917 - what of which, on whose word
    session: Session, found: TaskFound, act: Act | None, wish: Wish, wished: Resource, by: Actor
) -> _Asked:
    """Return what a wish means of a Task that another has followed: that its read has been completed, or nothing.

    What else differs is not looked at: a client has the Task as it was when it was worked on. Of a Task that was
    completed the report is known, and what it says once more must not complete what is to be read again.
    """
    is_known = found.past is not None and found.past.state is ReadState.DONE
    if act is not Act.COMPLETE or is_known:
        raise ConflictError("the Task has ended, and another stands for its read: search by its focus")
    claim = claims.last_of_workitem(session, found.read.id or 0, found.sequence)
    had = "" if claim is None else claim.reporter_id
    said = owner_in(wished) if wish.names_owner else ""
    whose = _whose(act, said, had, "in-progress", by)
    return _Asked(act, whose, wished, _is_named(wish, said, had, by), past=found.sequence)


def _is_named(wish: Wish, said: str, owner: str, by: Actor) -> bool:
    return bool(by.reporter_id) or (bool(said) and not (wish.is_whole and said == owner))


def _whose(act: Act, said: str, owner: str, status: str, by: Actor) -> str:
    """Return in whose name it is done: who is said to, whoever calls, else who has it open.

    Whoever has it on their list has not begun it, as long as nobody says so.
    """
    if act is Act.NOTHING:
        return ""
    whose = said or by.reporter_id or (owner if status == "in-progress" else "")
    if not whose:
        raise InvalidValueError("Task.owner", "say who: a change of status that is somebody's names its owner")
    return whose


def _do(session: Session, read_id: int, asked: _Asked, now: datetime, by: Actor) -> bool:
    """Do it; ``False`` if what was completed is kept beside."""
    joined = Joined(session)
    match asked.act:
        case Act.CLAIM:
            claim_read(joined, read_id, asked.whose, now, by=by, heartbeats=False)
            _no_longer_presumed(session, read_id, asked)
        case Act.RELEASE:
            release_read(joined, read_id, asked.whose, now, by=by)
        case Act.RETURN:
            reason = _why(asked.wished)
            return_read(joined, read_id, asked.whose, now, by=by, reason=reason, note=note_in(asked.wished)[:1_000])
        case Act.COMPLETE:
            return _complete(session, read_id, asked, now, by)
        case Act.NOTHING:
            pass
    return True


def _complete(session: Session, read_id: int, asked: _Asked, now: datetime, by: Actor) -> bool:
    """Complete the read in the name that is said; what nobody was named for is nobody's until somebody is.

    A Task that comes back whole with the owner that was presumed here names nobody: so it was told.
    """
    if asked.past is not None:
        return _complete_past(session, read_id, asked.past, asked, now, by)
    step = workitems.current(session, read_id)
    presumed = (step.read.reporter_id or "") if step is not None and _is_presumed(step) else ""
    if presumed:
        _require_named(asked)
    outcome, provisional = outcome_in(asked.wished), is_provisional_in(asked.wished)
    accepted = complete_read(
        Joined(session), read_id, asked.whose, now, by=by, outcome=outcome, provisional=provisional, presumed=presumed
    )
    if step is not None and presumed and asked.whose != presumed:
        note_other_performer(session, read_id, step.study, presumed, [asked.whose], now, presumed=True, by=by)
    return accepted


def _complete_past(session: Session, read_id: int, sequence: int, asked: _Asked, now: datetime, by: Actor) -> bool:  # noqa: PLR0913, PLR0917
    """Complete the read of a Task that has ended; the Task itself stays as it ended, so the answer is ``False``."""
    last = workitems.workitem(session, read_id, sequence)
    if last is not None and last.row is not None and last.row.presumed:
        _require_named(asked)
    outcome, provisional = outcome_in(asked.wished), is_provisional_in(asked.wished)
    claim = claims.last_of_workitem(session, read_id, sequence)
    complete_read(
        Joined(session), read_id, asked.whose, now, by=by, outcome=outcome, provisional=provisional, claim=claim
    )
    if last is not None and claim is not None and claim.reporter_id != asked.whose:
        presumed = last.row is not None and last.row.presumed
        note_other_performer(
            session, read_id, last.study, claim.reporter_id, [asked.whose], now, presumed=presumed, by=by
        )
    return False


def _require_named(asked: _Asked) -> None:
    if not asked.is_named:
        raise InvalidValueError(
            "Task.owner", "say who did it, by a patch of the owner: nobody was named when it was begun"
        )


def _is_presumed(step: Found) -> bool:
    return step.row is not None and step.row.presumed and step.state is StepState.IN_PROGRESS


def _no_longer_presumed(session: Session, read_id: int, asked: _Asked) -> None:
    """Note that whoever has the read open has been named by now."""
    step = workitems.current(session, read_id)
    if asked.is_named and step is not None and _is_presumed(step):
        workitems.kept(session, step).presumed = False


def _why(wished: Resource) -> ReturnReason:
    """Return why a read is handed back: as its reason says; on hold it is because its images are missing."""
    reason = return_reason_in(wished)
    if wished["status"] == "on-hold":
        if reason not in {None, ReturnReason.IMAGES_MISSING}:
            raise InvalidValueError("Task.statusReason", "only a read whose images are missing is put on hold")
        return ReturnReason.IMAGES_MISSING
    if reason is None:
        raise InvalidValueError("Task.statusReason", f"say why, in one of {', '.join(ReturnReason)}")
    return reason
