"""A workitem as a dataset: the attributes of PS3.4, Table CC.2.5-3, that say something of a read."""

from __future__ import annotations

from typing import Any, Final

from pydicom.dataset import Dataset

from balancer.domain.steps import StepState
from balancer.publish.ups.codes import EXAMINATIONS, KIND, READ, UNSPECIFIED, WORK, Code, register_of
from balancer.publish.ups.elements import coded, instant_text, put
from balancer.publish.ups.sop_classes import PUSH
from balancer.publish.ups.workitem import Performer, Workitem

# What may be unknown must be there all the same (type 2).
_UNKNOWN: Final = (
    *("PatientName", "PatientBirthDate", "PatientSex", "OtherPatientIDsSequence", "AdmissionID"),
    *("IssuerOfAdmissionIDSequence", "AdmittingDiagnosesDescription", "AdmittingDiagnosesCodeSequence"),
    *("ScheduledStationNameCodeSequence", "ScheduledStationClassCodeSequence"),
    "ScheduledStationGeographicLocationCodeSequence",
)


def dataset_of(item: Workitem) -> Dataset:
    """Return a workitem as a dataset; it never holds the Transaction UID, nor an expiration.

    Scheduled Procedure Step Expiration DateTime would say that the read is undesirable once it is late; the opposite
    holds. The target is Expected Completion DateTime.
    """
    made = put(Dataset(), SpecificCharacterSet="ISO_IR 192", SOPClassUID=PUSH, SOPInstanceUID=item.uid)
    put(made, **dict.fromkeys(_UNKNOWN))
    put(made, **_step(item), **_patient(item))
    put(made, ReferencedRequestSequence=[_request(item)], InputInformationSequence=_input(item))
    if item.replaced_uid is not None:
        replaced = put(Dataset(), ReferencedSOPClassUID=PUSH, ReferencedSOPInstanceUID=item.replaced_uid)
        put(made, ReplacedProcedureStepSequence=[replaced])
    if item.performer is not None and item.state is not StepState.CANCELED:
        put(made, ScheduledHumanPerformersSequence=[_human(item.performer)])
    else:
        put(made, ScheduledHumanPerformersSequence=None)
    if item.began_at is not None or item.state is StepState.COMPLETED:
        put(made, UnifiedProcedureStepPerformedProcedureSequence=[_performed(item)])
    if item.state is StepState.CANCELED:
        put(made, ProcedureStepProgressInformationSequence=[_canceled(item)])
    return made


def _step(item: Workitem) -> dict[str, Any]:
    return {
        "ProcedureStepState": item.state.value,
        "ScheduledProcedureStepPriority": item.urgency.value,
        "ScheduledProcedureStepModificationDateTime": instant_text(item.changed_at),
        "ScheduledProcedureStepStartDateTime": instant_text(item.starts_at),
        "ExpectedCompletionDateTime": instant_text(item.due_at),
        "ProcedureStepLabel": item.label,
        "WorklistLabel": item.priority,
        "InputReadinessState": item.readiness.value,
        "CommentsOnTheScheduledProcedureStep": item.comment or None,
        "ScheduledWorkitemCodeSequence": [coded(WORK[item.kind])],
        "ScheduledProcessingParametersSequence": [_said(READ, str(item.read)), _said(KIND, item.kind.value)],
    }


def _patient(item: Workitem) -> dict[str, Any]:
    return {
        "PatientID": item.patient_id or None,
        "IssuerOfPatientID": item.trust if item.patient_id else None,
        "StudyInstanceUID": item.study_instance_uid,
    }


def _request(item: Workitem) -> Dataset:
    issuer = [put(Dataset(), LocalNamespaceEntityID=item.trust)]
    examination = [coded(Code(item.exam_code, EXAMINATIONS, item.exam_name))] if item.exam_code else None
    return put(
        Dataset(),
        StudyInstanceUID=item.study_instance_uid,
        AccessionNumber=item.accession_number or None,
        IssuerOfAccessionNumberSequence=issuer,
        RequestedProcedureCodeSequence=examination,
        RequestedProcedureDescription=item.exam_name or None,
        RequestedProcedureID=None,
    )


def _input(item: Workitem) -> list[Dataset]:
    """Return where the images are: by their study alone, for which series it has nobody tells us."""
    if item.study_instance_uid is None:
        return []
    return [
        put(
            Dataset(),
            TypeOfInstances="DICOM",
            StudyInstanceUID=item.study_instance_uid,
            ReferencedSOPSequence=None,
        )
    ]


def _said(concept: Code, value: str) -> Dataset:
    """Return a content item (PS3.3, 10.2)."""
    return put(Dataset(), ValueType="TEXT", ConceptNameCodeSequence=[coded(concept)], TextValue=value)


def _human(performer: Performer) -> Dataset:
    code = Code(performer.reporter_id, register_of(performer.reporter_id), performer.name)
    return put(
        Dataset(),
        HumanPerformerCodeSequence=[coded(code)],
        HumanPerformerName=performer.name.replace("^", " ").replace("=", " "),
        HumanPerformerOrganization=performer.organisation,
    )


def _performed(item: Workitem) -> Dataset:
    """Return what was done, as far as we know it; a performer who says more replaces it."""
    performer = None if item.performer is None else [_human(item.performer)]
    return put(
        Dataset(),
        ActualHumanPerformersSequence=performer,
        PerformedStationNameCodeSequence=None,
        PerformedWorkitemCodeSequence=[coded(WORK[item.kind])],
        PerformedProcedureStepStartDateTime=None if item.began_at is None else instant_text(item.began_at),
        PerformedProcedureStepEndDateTime=None if item.ended_at is None else instant_text(item.ended_at),
        OutputInformationSequence=None,
    )


def _canceled(item: Workitem) -> Dataset:
    assert item.ended_at is not None  # noqa: S101 - a workitem that is CANCELED without is not made
    return put(
        Dataset(),
        ProcedureStepCancellationDateTime=instant_text(item.ended_at),
        ReasonForCancellation=item.why_canceled or None,
        ProcedureStepDiscontinuationReasonCodeSequence=[coded(UNSPECIFIED)],
    )
