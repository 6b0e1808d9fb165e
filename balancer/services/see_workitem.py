"""See a read as a workitem: what DICOM's worklist service tells of it."""

from __future__ import annotations

from datetime import datetime

from pydicom.dataset import Dataset

from balancer.domain.errors import NotFoundError
from balancer.domain.life import UNPLANNED, ReadState
from balancer.domain.policy import Policy
from balancer.domain.steps import FINAL, StepState
from balancer.publish.ups.json_model import dataset_in
from balancer.publish.ups.to_dataset import dataset_of
from balancer.publish.ups.uids import WorkitemKey, is_uid, key_of, uid_of
from balancer.publish.ups.update import laid_over
from balancer.publish.ups.workitem import Performer, Readiness, Urgency, Workitem, carried, identifier, is_carried
from balancer.services.what_holds import shown_as_held
from balancer.store import workitems
from balancer.store.database import Database, Session
from balancer.store.policies import current_policy
from balancer.store.tables import ReporterRow
from balancer.store.workitems import Found

_NO_NAME = "Reading"


def see_workitem(db: Database, uid: str, now: datetime) -> tuple[Dataset, int]:
    """Return a workitem as it holds at ``now``, and the internal number of its study.

    Raises
    ------
    NotFoundError
        If there is none of that UID within reach.
    """
    with db.session() as session:
        numbering = workitems.numbering(session)
        [found] = shown_as_held(session, [named(session, uid, numbering)], now)
        return dataset_from(found, current_policy(session), numbering), found.read.study_id


def named(session: Session, uid: str, numbering: str) -> Found:
    """Return the workitem of that UID; ``NotFoundError`` if there is none within reach."""
    key = key_named(session, uid, numbering)
    found = None if key is None else workitems.workitem(session, key.read_id, key.sequence)
    if found is None or uid_from(found, numbering) != uid:
        raise NotFoundError("there is no such workitem")
    return found


def key_named(session: Session, uid: str, numbering: str) -> WorkitemKey | None:
    """Return which workitem a UID may name: one of our own numbering, or one that was created with it."""
    key = key_of(uid, numbering)
    given = workitems.given(session, uid) if key is None and is_uid(uid) else None
    return key if given is None else WorkitemKey(*given)


def uid_from(found: Found, numbering: str) -> str:
    """Return a workitem's UID: the one that it was created with, or its own of our numbering."""
    given = None if found.row is None else found.row.uid
    return given or uid_of(WorkitemKey(found.read.id or 0, found.sequence), numbering)


def _replaced(found: Found, numbering: str) -> str | None:
    """Return the UID of the workitem that this one stands for now, if there was one before it."""
    if not found.sequence:
        return None
    given = "" if found.row is None else found.row.replaces
    return given or uid_of(WorkitemKey(found.read.id or 0, found.sequence - 1), numbering)


def dataset_from(found: Found, policy: Policy, numbering: str) -> Dataset:
    """Return a workitem as a dataset, with what its performer said of it."""
    made = dataset_of(workitem_from(found, policy, numbering))
    return laid_over(made, dataset_in(found.row.said)) if found.row is not None and found.row.said else made


def workitem_from(found: Found, policy: Policy, numbering: str) -> Workitem:
    """Return a read as the wire can carry it."""
    study, state = found.study, found.state
    performer = None if state is StepState.CANCELED else _performer(found)
    uid = study.study_instance_uid
    return Workitem(
        uid=uid_from(found, numbering),
        state=state,
        changed_at=_changed_at(found),
        starts_at=found.planned_start or study.ready_at or study.acquired_at,
        due_at=found.due_at,
        urgency=urgency(found.priority, policy),
        priority=carried(found.priority),
        label=carried(found.exam_name or study.exam_code) or _NO_NAME,
        readiness=readiness_of(found),
        kind=found.read.kind,
        read=found.read.number,
        trust=identifier(study.trust),
        accession_number=identifier(study.accession_number),
        patient_id=identifier(study.local_patient_id),
        exam_code=identifier(study.exam_code),
        exam_name=carried(found.exam_name or ""),
        study_instance_uid=uid if uid is not None and is_uid(uid) else None,
        comment=_comment(found),
        performer=performer,
        began_at=None if performer is None or state is StepState.SCHEDULED else found.opened_at,
        ended_at=_ended_at(found) if state in FINAL else None,
        why_canceled=_why(found) if state is StepState.CANCELED else "",
        replaced_uid=_replaced(found, numbering),
    )


def urgency(priority: str, policy: Policy) -> Urgency:
    """Return a class of the policy in DICOM's three words: emergencies, the class that may wait longest, the rest."""
    if policy.is_emergency(priority):
        return Urgency.HIGH
    return Urgency.LOW if policy.priorities[-1].code == priority else Urgency.MEDIUM


def performer_of(session: Session, reporter_id: str | None) -> Performer | None:
    """Return a reporter as whoever performs a step, if there is one and their number can be carried."""
    return _as_performer(reporter_id, None if reporter_id is None else workitems.reporter(session, reporter_id))


def _performer(found: Found) -> Performer | None:
    return _as_performer(found.reporter_id, found.reporter)


def _as_performer(reporter_id: str | None, person: ReporterRow | None) -> Performer | None:
    if not reporter_id or not is_carried(reporter_id):
        return None  # half of a number would name somebody else
    name, home = (reporter_id, "") if person is None else (person.name, person.home_trust)
    return Performer(reporter_id=reporter_id, name=carried(name) or reporter_id, organisation=identifier(home))


def readiness_of(found: Found) -> Readiness:
    """Return whether there is something to read: of a study whose UID nobody told us, nobody can tell."""
    if found.study.study_instance_uid is None:
        return Readiness.UNAVAILABLE
    return Readiness.INCOMPLETE if found.read.state is ReadState.PARKED else Readiness.READY


def _comment(found: Found) -> str:
    waits = found.state is StepState.SCHEDULED and found.read.reason != UNPLANNED and not found.is_unsaid
    return carried(found.read.reason, 1_000) if waits else ""


def _changed_at(found: Found) -> datetime:
    if found.row is not None and found.row.ended_at is not None:
        return found.row.ended_at
    return max(found.changed_at or found.read.since, found.read.since)


def _ended_at(found: Found) -> datetime:
    if found.row is not None and found.row.ended_at is not None:
        return found.row.ended_at
    return found.read.done_at or found.read.since


def _why(found: Found) -> str:
    if found.row is not None and found.row.ended_at is not None:
        return "" if found.row.ended_by is None else carried(found.row.ended_by)
    said = "" if found.is_unsaid else found.study.exclusion_rule or found.read.reason
    return carried(said or found.read.state)
