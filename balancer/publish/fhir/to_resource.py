"""A read as a Task (R4, 4.0.1)."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from balancer.publish.fhir.codes import (
    DICOM,
    DICOM_UIDS,
    IMAGES,
    OUTCOME,
    PARAMETERS,
    PLANNED,
    PRIORITIES,
    PRIORITY,
    PROVISIONAL,
    READ,
    READ_KINDS,
    READ_STATES,
    REPLACES,
    STATUS_REASONS,
    STATUSES,
    URGENCIES,
    WORK,
    coding,
    concept,
)
from balancer.publish.fhir.references import (
    Resource,
    accession,
    imaging_study_reference,
    organization_reference,
    patient,
    practitioner_reference,
)
from balancer.publish.fhir.task import ReadTask


def task_resource(item: ReadTask) -> Resource:
    """Return a read as a Task.

    When it is due is the end of the period of its restriction, which says until when fulfilment is sought; a Task
    that is late is still wanted. When it is planned is an input: R4 has no element for that (R5, requestedPeriod).
    Its version is a digest of everything else but the words of its reason, which not everybody is told: for all of them
    it is one version, and two of one version say the same.
    """
    made: Resource = {
        "resourceType": "Task",
        "id": item.id,
        "identifier": [{"system": DICOM_UIDS, "value": f"urn:oid:{item.uid}"}],
        "status": STATUSES[item.state],
        "businessStatus": concept(READ_STATES, item.state.value),
        "intent": "order",
        "priority": URGENCIES[item.urgency],
        "code": {"coding": [coding(DICOM, *WORK[item.kind]), coding(READ_KINDS, item.kind.value)]},
        "description": item.label,
        "focus": {"reference": f"ServiceRequest/{item.study_id}", "type": "ServiceRequest"},
        "for": patient(item.patient_id, item.trust),
        "authoredOn": item.authored_at.isoformat(),
        "lastModified": item.changed_at.isoformat(),
        "requester": organization_reference(item.trust),
        "restriction": {"period": {"end": item.due_at.isoformat()}},
        "input": _inputs(item),
        **_where_known(item),
    }
    reason = made.get("statusReason")
    said = made if reason is None else {**made, "statusReason": reason.get("coding")}
    digest = hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
    return {**made, "meta": {"versionId": digest[:32], "lastUpdated": item.changed_at.isoformat()}}


def _where_known(item: ReadTask) -> Resource:
    """Return the elements that are there if there is something to say."""
    made: Resource = {}
    if item.accession_number:
        made["groupIdentifier"] = accession(item.accession_number, item.trust)
    if item.why is not None or item.reason:
        coded = {} if item.why is None else concept(STATUS_REASONS, item.why.value)
        made["statusReason"] = {**coded, "text": item.reason} if item.reason else coded
    if item.performer is not None:
        made["owner"] = practitioner_reference(item.performer)
        if item.performer.organisation:
            made["owner"]["identifier"]["assigner"] = {"display": item.performer.organisation}
    began, ended = item.began_at, item.ended_at
    period = {name: at.isoformat() for name, at in (("start", began), ("end", ended)) if at is not None}
    if period:
        made["executionPeriod"] = period
    outputs = _outputs(item)
    if outputs:
        made["output"] = outputs
    return made


def _inputs(item: ReadTask) -> list[Resource]:
    made = [
        _parameter(READ, valuePositiveInt=item.read),
        _parameter(PRIORITY, valueCodeableConcept=concept(PRIORITIES, item.priority)),
    ]
    if item.planned_at is not None:
        made.append(_parameter(PLANNED, valueDateTime=item.planned_at.isoformat()))
    if item.study_instance_uid is not None:
        images = {
            **imaging_study_reference(item.study_id),
            "identifier": {"system": DICOM_UIDS, "value": f"urn:oid:{item.study_instance_uid}"},
        }
        made.append(_parameter(IMAGES, valueReference=images))
    if item.replaces is not None:
        made.append(_parameter(REPLACES, valueReference={"reference": f"Task/{item.replaces}", "type": "Task"}))
    return made


def _outputs(item: ReadTask) -> list[Resource]:
    made = []
    if item.outcome is not None:
        made.append(_parameter(OUTCOME, valueCode=item.outcome.value))
    if item.provisional:
        made.append(_parameter(PROVISIONAL, valueBoolean=True))
    return made


def _parameter(what: str, **value: Any) -> Resource:
    return {"type": concept(PARAMETERS, what), **value}
