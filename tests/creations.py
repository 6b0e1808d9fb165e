"""What a system sends that makes a study known by creating a workitem."""

from __future__ import annotations

from typing import Any

from pydicom.dataset import Dataset

from balancer.publish.ups.codes import EXAMINATIONS, Code
from balancer.publish.ups.elements import coded, put

UID = "1.2.826.0.1.3680043.9.1"
"""The UID that a creator gives a workitem."""

IMAGES = "1.2.826.0.1.3680043.9.2"
HEAD = Code("CTH", EXAMINATIONS, "CT head")
# What the example's policy, catalogue and trusts make of it is what is asked for.
_SAID: dict[str, Any] = {
    "ProcedureStepState": "SCHEDULED",
    "ScheduledProcedureStepPriority": "MEDIUM",
    "ProcedureStepLabel": "CT head",
    "WorklistLabel": "urgent",
    "ScheduledProcedureStepStartDateTime": "20260302070000+0000",
    "InputReadinessState": "READY",
    "PatientID": "H-N1",
    "IssuerOfPatientID": "RVV",
    "StudyInstanceUID": IMAGES,
}


def request_of(number: str = "N1", *, trust: str = "RVV", **said: Any) -> Dataset:
    """Return the request of a CT head's: what is ``None`` is left out of it."""
    issuer = [put(Dataset(), LocalNamespaceEntityID=trust)] if trust else None
    request = put(
        Dataset(),
        AccessionNumber=number,
        IssuerOfAccessionNumberSequence=issuer,
        RequestedProcedureCodeSequence=[coded(HEAD)],
    )
    whole = {**_SAID, "ReferencedRequestSequence": [request], **said}
    return put(Dataset(), **{keyword: value for keyword, value in whole.items() if value is not None})
