"""Codes and identifiers in FHIR resources: the standard's where there are some, else our own.

Our systems are names, not addresses: ``.example`` belongs to nobody (RFC 2606), so nobody else can give one a meaning.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote, unquote

from balancer.domain.life import ReadKind, ReadState
from balancer.publish.ups.workitem import Urgency

_OURS: Final = "https://balancer.example/fhir"
READ_STATES: Final = f"{_OURS}/CodeSystem/read-state"
READ_KINDS: Final = f"{_OURS}/CodeSystem/read-kind"
PRIORITIES: Final = f"{_OURS}/CodeSystem/priority-class"
PARAMETERS: Final = f"{_OURS}/CodeSystem/task-parameter"
RETURN_REASONS: Final = f"{_OURS}/CodeSystem/return-reason"
STATUS_REASONS: Final = f"{_OURS}/CodeSystem/status-reason"
EXAMINATIONS: Final = f"{_OURS}/CodeSystem/examination"
REPORTERS: Final = f"{_OURS}/Id/reporter"
_ACCESSIONS: Final = f"{_OURS}/Id/accession/"
_PATIENTS: Final = f"{_OURS}/Id/patient/"
DICOM: Final = "http://dicom.nema.org/resources/ontology/DCM"
DICOM_UIDS: Final = "urn:dicom:uid"
ODS: Final = "https://fhir.nhs.uk/Id/ods-organization-code"
GMC: Final = "https://fhir.hl7.org.uk/Id/gmc-number"
HCPC: Final = "https://fhir.hl7.org.uk/Id/hcpc-number"
IDENTIFIER_TYPES: Final = "http://terminology.hl7.org/CodeSystem/v2-0203"
TASK_CODES: Final = "http://hl7.org/fhir/CodeSystem/task-code"

STATUSES: Final[Mapping[ReadState, str]] = {
    ReadState.UNALLOCATED: "requested",
    ReadState.ALLOCATED: "ready",
    ReadState.PARKED: "on-hold",
    ReadState.SENT_OUT: "on-hold",
    ReadState.CLAIMED: "in-progress",
    ReadState.DONE: "completed",
    ReadState.EXCLUDED: "cancelled",
    ReadState.WITHDRAWN: "cancelled",
}
"""How each state of a read reads as a Task's status; its business status is the state itself."""

TASK_STATUSES: Final = frozenset(
    {
        *("draft", "requested", "received", "accepted", "rejected", "ready", "cancelled", "in-progress", "on-hold"),
        *("failed", "completed", "entered-in-error"),
    }
)
"""The required binding of Task.status (R4, ValueSet task-status)."""

URGENCIES: Final[Mapping[Urgency, str]] = {Urgency.HIGH: "stat", Urgency.MEDIUM: "urgent", Urgency.LOW: "routine"}
"""Task.priority; the policy's own class is an input. ``asap`` is not used: there is no third word to tell it from."""

INTERPRETATION: Final = ("110005", "Interpretation")
VERIFICATION: Final = ("110007", "Report Verification")
# An arbitration is an interpretation to whoever has never heard of one; our own coding tells it apart.
WORK: Final[Mapping[ReadKind, tuple[str, str]]] = {
    ReadKind.INTERPRETATION: INTERPRETATION,
    ReadKind.VERIFICATION: VERIFICATION,
    ReadKind.ARBITRATION: INTERPRETATION,
}
READ, PRIORITY, PLANNED, IMAGES, REPLACES, OUTCOME, PROVISIONAL = (
    *("read-number", "priority-class", "planned-start", "images"),
    *("replaces", "outcome", "provisional"),
)
"""What a Task's inputs and outputs are."""

_GMC: Final = re.compile(r"\d{7}", re.ASCII)
_HCPC: Final = re.compile(r"[A-Z]{2}\d{5,6}", re.ASCII)


def register_of(reporter_id: str) -> str:
    """Return the identifier system of a reporter's number: the register it is of."""
    if _GMC.fullmatch(reporter_id):
        return GMC
    return HCPC if _HCPC.fullmatch(reporter_id) else REPORTERS


def accessions_of(trust: str) -> str:
    """Return the identifier system of a trust's accession numbers: two trusts may give the same one."""
    return _ACCESSIONS + quote(trust, safe="")


def patients_of(trust: str) -> str:
    """Return the identifier system of a trust's own patient numbers."""
    return _PATIENTS + quote(trust, safe="")


def trust_of(system: str) -> str | None:
    """Return whose numbers a system's are, if they are a trust's."""
    for start in (_ACCESSIONS, _PATIENTS):
        if system.startswith(start):
            return unquote(system[len(start) :])
    return None


def concept(system: str, code: str, display: str = "") -> dict[str, Any]:
    """Return a CodeableConcept of one coding."""
    return {"coding": [coding(system, code, display)]}


def coding(system: str, code: str, display: str = "") -> dict[str, str]:
    """Return a Coding."""
    said = {"system": system, "code": code}
    return {**said, "display": display} if display else said
