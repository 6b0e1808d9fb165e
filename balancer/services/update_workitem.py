"""Update a workitem: its performer says how far they are, or what they did."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from pydicom.dataset import Dataset

from balancer.domain.actor import Actor
from balancer.domain.audit import AuditEntry
from balancer.domain.states import JournalKind
from balancer.domain.steps import FINAL, StepState
from balancer.publish.ups.json_model import model_of, require_few
from balancer.publish.ups.state_table import Status
from balancer.publish.ups.update import MOST_KEPT, update_of
from balancer.services.change_workitem import Acting, holds_lock
from balancer.services.see_workitem import named
from balancer.store import assignments, audit, reads, workitems
from balancer.store.database import Database

# Procedure Step Progress Information Sequence: whoever has subscribed is told of it.
_PROGRESS: Final = "00741002"


def update_workitem(  # noqa: PLR0913 - what of which, under which lock, when, by whom
    db: Database, uid: str, dataset: Dataset, transaction: str, now: datetime, *, by: Actor, acting: Acting
) -> Status:
    """Keep what the performer says of a step that they have begun; ``MODIFIED`` if part of it was left out.

    Raises
    ------
    NotFoundError
        If there is no such workitem within reach.
    InvalidValueError
        If it would change what an update must not, or says more than is kept.
    """
    update = update_of(dataset)
    with db.session() as session:
        numbering = workitems.numbering(session)
        seen = named(session, uid, numbering)
    with (acting(seen.reporter_id) if seen.reporter_id else db).transaction() as session:
        reads.locked_read(session, seen.read.id or 0)
        found = named(session, uid, numbering)
        if found.state in FINAL:
            return Status.NO_LONGER
        if found.state is StepState.SCHEDULED:
            return Status.NOT_IN_PROGRESS
        if not holds_lock(found, transaction):
            return Status.WRONG_TRANSACTION
        row = workitems.kept(session, found)
        said = {**row.said, **model_of(update.said)}
        require_few(said, MOST_KEPT)
        row.said = said
        progress = {tag: said[tag] for tag in (_PROGRESS,) if tag in model_of(update.said)}
        if progress:
            key = found.read.study_id, found.read.number
            assignments.note_said(session, key, JournalKind.PROGRESS, progress, now)
        names = sorted(element.keyword for element in update.said)
        audit.append(session, _entry(found.read.id or 0, names, now, by))
    return Status.SUCCESS if update.is_whole else Status.MODIFIED


def _entry(read_id: int, names: list[str], now: datetime, by: Actor) -> AuditEntry:
    return AuditEntry(
        at=now,
        actor=by.subject,
        action="workitem.update",
        subject_kind=reads.SUBJECT,
        subject_id=str(read_id),
        detail={"attributes": names},
    )
