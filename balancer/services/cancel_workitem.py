"""Request that a workitem be cancelled: whether its study needs no reading is for a person to decide.

So no read is lost by it. A step that nobody has begun is CANCELED, as the standard has it, and another one stands for
the read; one that somebody has begun goes on. Either way the trust's reporting office is told. Until it has decided, no
other step of the read is cancelled on request: it would be asked without end. The words of the request stay with the
workitem: what a stranger writes may name a patient, and is for neither the audit trail nor a log.
"""

from __future__ import annotations

from datetime import datetime

from pydicom.dataset import Dataset

from balancer.domain.actor import Actor
from balancer.domain.audit import AuditEntry
from balancer.domain.exceptional import ExceptionKind
from balancer.domain.states import JournalKind
from balancer.domain.steps import StepState
from balancer.publish.ups.events import requested
from balancer.publish.ups.json_model import model_of, require_few
from balancer.publish.ups.state_table import TABLE, Status, StepEvent
from balancer.publish.ups.update import MOST_KEPT, cancellation
from balancer.services.see_workitem import named
from balancer.store import assignments, audit, reads, workitems
from balancer.store.database import Database
from balancer.store.exceptions import is_open, open_exception


def cancel_workitem(db: Database, uid: str, request: Dataset, now: datetime, *, by: Actor) -> Status:
    """Take a request for cancellation, if the state table has it.

    Raises
    ------
    NotFoundError
        If there is no such workitem within reach.
    InvalidValueError
        If the request says more than is kept.
    """
    said, asked = model_of(cancellation(request, now)), model_of(requested(request))
    require_few(asked, MOST_KEPT)
    require_few(said, MOST_KEPT)
    with db.session() as session:
        numbering = workitems.numbering(session)
        seen = named(session, uid, numbering)
    with db.transaction() as session:
        _, study = reads.locked_read(session, seen.read.id or 0)
        found = named(session, uid, numbering)
        outcome = TABLE[StepEvent.REQUEST_CANCEL][found.state]
        if outcome.to is None:
            return outcome.status
        kind, read_id = ExceptionKind.CANCEL_REQUESTED, found.read.id or 0
        if found.state is StepState.SCHEDULED:
            if is_open(session, kind, read_id):
                return Status.WILL_NOT_CANCEL
            workitems.replace_current(session, found, now, said=said)
            assignments.moved(session, [found.read.study_id], now)
        else:
            key = found.read.study_id, found.read.number
            assignments.note_said(session, key, JournalKind.CANCEL_REQUESTED, asked, now)
        detail = f"asked for when it was {found.read.state}"
        if open_exception(session, kind, read_id, study, by=by, now=now, detail=detail):
            audit.append(session, _entry(found.read.state, read_id, now, by))
        return outcome.status


def _entry(state: str, read_id: int, now: datetime, by: Actor) -> AuditEntry:
    return AuditEntry(
        at=now,
        actor=by.subject,
        action="workitem.request_cancel",
        subject_kind=reads.SUBJECT,
        subject_id=str(read_id),
        was=state,
        became=state,
    )
