"""What a Task points to: the order, the images, who reports, whose it is. All of it can be read; a patient cannot.

We hold no demographics. A patient is a logical reference, by the imaging trust's own number.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from balancer.publish.fhir.codes import (
    DICOM,
    DICOM_UIDS,
    EXAMINATIONS,
    IDENTIFIER_TYPES,
    ODS,
    accessions_of,
    coding,
    concept,
    patients_of,
    register_of,
)
from balancer.publish.fhir.ids import is_id
from balancer.publish.ups.workitem import Performer

Resource = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A study as it was asked for and imaged; ``is_open`` while its source asks for a report."""

    id: str
    trust: str
    is_open: bool
    acquired_at: datetime
    modality: str
    priority: str
    accession_number: str = ""
    patient_id: str = ""
    exam_code: str = ""
    exam_name: str = ""
    study_instance_uid: str | None = None


def service_request(order: Order) -> Resource:
    """Return a study as what was ordered."""
    made: Resource = {
        "resourceType": "ServiceRequest",
        "id": order.id,
        "status": "active" if order.is_open else "unknown",
        "intent": "order",
        "priority": order.priority,
        "subject": patient(order.patient_id, order.trust),
        "requester": organization_reference(order.trust),
        "category": [{"text": "Imaging"}],
    }
    if order.accession_number:
        made["identifier"] = [accession(order.accession_number, order.trust)]
    if order.exam_code:
        made["code"] = concept(EXAMINATIONS, order.exam_code, order.exam_name)
    if order.study_instance_uid is not None:
        made["supportingInfo"] = [imaging_study_reference(order.id)]
    return made


def imaging_study(order: Order) -> Resource:
    """Return a study as what was imaged; its Study Instance UID must be known, for none is made up.

    Its status is ``available``: that there are images is what its source says by asking for a report.
    """
    made: Resource = {
        "resourceType": "ImagingStudy",
        "id": order.id,
        "identifier": [{"system": DICOM_UIDS, "value": f"urn:oid:{order.study_instance_uid}"}],
        "status": "available",
        "modality": [coding(DICOM, order.modality)],
        "subject": patient(order.patient_id, order.trust),
        "started": order.acquired_at.isoformat(),
        "basedOn": [{"reference": f"ServiceRequest/{order.id}", "type": "ServiceRequest"}],
    }
    if order.exam_name:
        made["description"] = order.exam_name
    return made


def practitioner(person: Performer) -> Resource:
    """Return a reporter: number and name, no more."""
    return {
        "resourceType": "Practitioner",
        "id": person.reporter_id,
        "identifier": [{"system": register_of(person.reporter_id), "value": person.reporter_id}],
        "name": [{"text": person.name}],
    }


def organization(trust: str, name: str) -> Resource:
    """Return a trust."""
    made = {"resourceType": "Organization", "id": trust, "identifier": [{"system": ODS, "value": trust}]}
    return {**made, "name": name} if name else made


def accession(number: str, trust: str) -> Resource:
    """Return an accession number with whose it is."""
    return {
        "type": concept(IDENTIFIER_TYPES, "ACSN", "Accession ID"),
        "system": accessions_of(trust),
        "value": number,
        "assigner": {"identifier": {"system": ODS, "value": trust}},
    }


def patient(number: str, trust: str) -> Resource:
    """Return who was imaged, by the number of the trust that did; without one, that nobody told us."""
    if not number:
        return {"type": "Patient", "display": "not told"}
    known = {
        "system": patients_of(trust),
        "value": number,
        "assigner": {"identifier": {"system": ODS, "value": trust}},
    }
    return {"type": "Patient", "identifier": known}


def practitioner_reference(person: Performer) -> Resource:
    """Return a reference to a reporter; by number alone if that cannot be an id."""
    number = {"system": register_of(person.reporter_id), "value": person.reporter_id}
    made: Resource = {"type": "Practitioner", "identifier": number, "display": person.name}
    return {"reference": f"Practitioner/{person.reporter_id}", **made} if is_id(person.reporter_id) else made


def organization_reference(trust: str) -> Resource:
    """Return a reference to a trust."""
    made: Resource = {"type": "Organization", "identifier": {"system": ODS, "value": trust}}
    return {"reference": f"Organization/{trust}", **made} if is_id(trust) else made


def imaging_study_reference(study_id: str) -> Resource:
    """Return a reference to what was imaged."""
    return {"reference": f"ImagingStudy/{study_id}", "type": "ImagingStudy"}
