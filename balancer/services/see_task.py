"""See a read as a FHIR Task, and what it points to."""

from __future__ import annotations

from datetime import datetime

from balancer.domain.errors import NotFoundError
from balancer.domain.life import UNPLANNED, ReadState
from balancer.domain.policy import Policy
from balancer.domain.states import StudyState
from balancer.publish.fhir import references
from balancer.publish.fhir.codes import URGENCIES
from balancer.publish.fhir.ids import id_of, is_id, number_of, task_id_of, task_named
from balancer.publish.fhir.references import Order, Resource
from balancer.publish.fhir.status_reason import status_reason
from balancer.publish.fhir.task import ReadTask, carried, identifier, is_carried
from balancer.publish.fhir.to_resource import task_resource
from balancer.publish.ups import workitem as ups
from balancer.publish.ups.uids import WorkitemKey, is_uid, uid_of
from balancer.publish.ups.workitem import Performer
from balancer.services.see_workitem import urgency
from balancer.services.what_holds import shown_as_held
from balancer.store import past_tasks, tasks, workitems
from balancer.store.database import Database, Session
from balancer.store.policies import current_policy
from balancer.store.tables import ReporterRow, StudyRow
from balancer.store.tasks_wanted import Found

_OVER = {ReadState.DONE, ReadState.EXCLUDED, ReadState.WITHDRAWN}
_NO_NAME = "Reading"


def see_task(db: Database, task_id: str, now: datetime) -> tuple[Resource, int]:
    """Return a Task as it holds at ``now``, and the internal number of its study.

    Raises
    ------
    NotFoundError
        If there is none of that id within reach.
    """
    with db.session() as session:
        numbering = workitems.numbering(session)
        found = named(session, task_id, numbering, now)
        return resource_of(found, current_policy(session), numbering), found.read.study_id


def named(session: Session, task_id: str, numbering: str, now: datetime) -> Found:
    """Return the Task of that id as it holds at ``now``; ``NotFoundError`` if there is none within reach."""
    read_id, generation = task_named(task_id, numbering) or (1 << 31, 0)
    found = None if read_id >= 1 << 31 else tasks.task(session, read_id)
    if found is not None and generation < found.generation:
        found = past_tasks.task(session, read_id, generation)
    if found is None or found.generation != generation:
        raise NotFoundError("there is no such Task")
    return shown_as_held(session, [found], now)[0]


def see_order(db: Database, study_id: str, kind: str) -> tuple[Resource, int]:
    """Return a study as a ServiceRequest or an ImagingStudy, and its internal number.

    Raises
    ------
    NotFoundError
        If there is none of that id within reach, or nobody has told us the Study Instance UID of what was imaged.
    """
    with db.session() as session:
        numbering = workitems.numbering(session)
        number = number_of(study_id, numbering)
        found = None if number is None or number >= 1 << 31 else tasks.study(session, number)
        if found is None:
            raise NotFoundError(f"there is no such {kind}")
        order = order_of(*found, current_policy(session), numbering)
    if kind == "ImagingStudy" and order.study_instance_uid is None:
        raise NotFoundError("nobody has told us the Study Instance UID of that study")
    made = references.imaging_study(order) if kind == "ImagingStudy" else references.service_request(order)
    return made, found[0].id or 0


def see_practitioner(db: Database, reporter_id: str) -> Resource:
    """Return a reporter; ``NotFoundError`` if there is none within reach."""
    with db.session() as session:
        found = tasks.reporters(session, [reporter_id])
    person = None if not found else performer_of(found[0])
    if person is None or not is_id(reporter_id):
        raise NotFoundError("there is no such Practitioner")
    return references.practitioner(person)


def see_organization(db: Database, trust: str) -> Resource:
    """Return a trust; ``NotFoundError`` if there is none within reach."""
    with db.session() as session:
        found = tasks.trusts(session, [trust])
    if not found or not is_id(trust):
        raise NotFoundError("there is no such Organization")
    return references.organization(trust, carried(found[0].name))


def resource_of(found: Found, policy: Policy, numbering: str) -> Resource:
    """Return a read as a Task."""
    return task_resource(task_from(found, policy, numbering))


def task_from(found: Found, policy: Policy, numbering: str) -> ReadTask:
    """Return a read as a Task can carry it."""
    read, study = found.read, found.study
    uid = study.study_instance_uid
    began, ended = _period(found)
    done = found.state is ReadState.DONE
    outcome, provisional = (read.outcome, read.provisional) if found.past is None else found.past.report
    replaced = task_id_of(read.id or 0, found.generation - 1, numbering) if found.generation else None
    return ReadTask(
        id=task_id_of(read.id or 0, found.generation, numbering),
        study_id=id_of(study.id or 0, numbering),
        uid=found.uid or uid_of(WorkitemKey(read.id or 0, found.sequence), numbering),
        state=found.state,
        changed_at=found.changed_at,
        authored_at=min(study.first_seen_at, found.changed_at),
        due_at=found.due_at,
        urgency=urgency(found.priority, policy),
        priority=carried(found.priority) or _NO_NAME,
        label=carried(found.exam_name or study.exam_code) or _NO_NAME,
        kind=read.kind,
        read=read.number,
        trust=identifier(study.trust) or _NO_NAME,
        accession_number=identifier(study.accession_number),
        patient_id=identifier(study.local_patient_id),
        study_instance_uid=uid if uid is not None and is_uid(uid) else None,
        planned_at=found.planned_start,
        why=status_reason(found.state, read.reason),
        reason=_reason(found),
        performer=_performer(found),
        began_at=began,
        ended_at=ended,
        outcome=outcome if done else None,
        provisional=provisional and done,
        replaces=replaced,
    )


def order_of(study: StudyRow, exam_name: str | None, policy: Policy, numbering: str) -> Order:
    """Return a study as what was ordered."""
    uid = study.study_instance_uid
    return Order(
        id=id_of(study.id or 0, numbering),
        trust=identifier(study.trust) or _NO_NAME,
        is_open=study.state is StudyState.OPEN,
        acquired_at=study.acquired_at,
        modality=carried(study.modality) or "OT",
        priority=URGENCIES[urgency(study.priority, policy)],
        accession_number=identifier(study.accession_number),
        patient_id=identifier(study.local_patient_id),
        exam_code=identifier(study.exam_code),
        exam_name=carried(exam_name or ""),
        study_instance_uid=uid if uid is not None and is_uid(uid) else None,
    )


def performer_of(person: ReporterRow) -> Performer | None:
    """Return a reporter as the wire can carry them; ``None`` if their number cannot be: half of it is another's."""
    if not person.reporter_id or not _is_number(person.reporter_id):
        return None
    name = ups.carried(person.name, 200) or person.reporter_id
    return Performer(reporter_id=person.reporter_id, name=name, organisation=ups.identifier(person.home_trust))


def _performer(found: Found) -> Performer | None:
    if found.reporter is not None:
        return performer_of(found.reporter)
    number = found.reporter_id
    if number is None or not _is_number(number):
        return None
    return Performer(reporter_id=number, name=number, organisation="")


def _is_number(reporter_id: str) -> bool:
    return is_carried(reporter_id) and ups.is_carried(reporter_id)


def _reason(found: Found) -> str:
    """Return why, in words, unless they are somebody's that are not told to whoever asks."""
    read = found.read
    if found.is_unsaid:
        return ""
    if found.past is not None:
        return "" if found.state is ReadState.DONE else found.state.value
    if read.state in {ReadState.EXCLUDED, ReadState.WITHDRAWN}:
        return carried(found.study.exclusion_rule or read.reason or read.state)
    return "" if read.reason == UNPLANNED else carried(read.reason)


def _period(found: Found) -> tuple[datetime | None, datetime | None]:
    """Return when a read was begun and when it ended, as far as it has."""
    read = found.read
    ended = (read.done_at or read.since) if read.state in _OVER else None
    if found.past is not None:
        ended = found.past.ended_at
    began = found.opened_at if found.state in {ReadState.CLAIMED, ReadState.DONE} else None
    return (None if began is not None and ended is not None and began > ended else began), ended
