"""A dataset read back as the workitem it was made of."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import TypeVar

from pydicom.dataset import Dataset

from balancer.domain.errors import InvalidValueError
from balancer.domain.life import ReadKind
from balancer.domain.steps import StepState
from balancer.publish.ups.codes import KIND, READ, Code
from balancer.publish.ups.elements import code_in, first, instant_in, items, text
from balancer.publish.ups.workitem import Performer, Readiness, Urgency, Workitem

Word = TypeVar("Word", bound=StrEnum)
_PERFORMED = "UnifiedProcedureStepPerformedProcedureSequence"


def workitem_of(dataset: Dataset) -> Workitem:
    """Return the workitem that a dataset of ours says.

    Raises
    ------
    InvalidValueError
        If it does not say one.
    """
    request = first(dataset, "ReferencedRequestSequence")
    examination = code_in(first(request, "RequestedProcedureCodeSequence"))
    done, progress = first(dataset, _PERFORMED), first(dataset, "ProcedureStepProgressInformationSequence")
    ended = _instant(done, "PerformedProcedureStepEndDateTime")
    scheduled = first(dataset, "ScheduledHumanPerformersSequence")
    return Workitem(
        uid=text(dataset, "SOPInstanceUID"),
        state=_word(StepState, dataset, "ProcedureStepState"),
        changed_at=instant_in(dataset, "ScheduledProcedureStepModificationDateTime"),
        starts_at=instant_in(dataset, "ScheduledProcedureStepStartDateTime"),
        due_at=instant_in(dataset, "ExpectedCompletionDateTime"),
        urgency=_word(Urgency, dataset, "ScheduledProcedureStepPriority"),
        priority=text(dataset, "WorklistLabel"),
        label=text(dataset, "ProcedureStepLabel"),
        readiness=_word(Readiness, dataset, "InputReadinessState"),
        kind=_kind(dataset),
        read=_number(dataset),
        trust=text(first(request, "IssuerOfAccessionNumberSequence"), "LocalNamespaceEntityID"),
        accession_number=text(request, "AccessionNumber"),
        patient_id=text(dataset, "PatientID"),
        exam_code=examination.value,
        exam_name=text(request, "RequestedProcedureDescription"),
        study_instance_uid=text(dataset, "StudyInstanceUID") or None,
        comment=text(dataset, "CommentsOnTheScheduledProcedureStep"),
        performer=_performer(scheduled) or _performer(first(done, "ActualHumanPerformersSequence")),
        began_at=_instant(done, "PerformedProcedureStepStartDateTime"),
        ended_at=_instant(progress, "ProcedureStepCancellationDateTime") or ended,
        why_canceled=text(progress, "ReasonForCancellation"),
        replaced_uid=text(first(dataset, "ReplacedProcedureStepSequence"), "ReferencedSOPInstanceUID") or None,
    )


def performer_in(dataset: Dataset) -> Code | None:
    """Return who performs a step, as a request says: its Actual Human Performers, in the step or what was performed."""
    for within in (dataset, first(dataset, _PERFORMED)):
        code = code_in(first(within, "ActualHumanPerformersSequence", "HumanPerformerCodeSequence"))
        if code.value:
            return code
    return None


def _performer(item: Dataset) -> Performer | None:
    code = code_in(first(item, "HumanPerformerCodeSequence"))
    if not code.value:
        return None
    organisation = text(item, "HumanPerformerOrganization")
    return Performer(reporter_id=code.value, name=code.meaning, organisation=organisation)


def _instant(dataset: Dataset, keyword: str) -> datetime | None:
    return instant_in(dataset, keyword) if text(dataset, keyword) else None


def _word(words: type[Word], dataset: Dataset, keyword: str) -> Word:
    try:
        return words(text(dataset, keyword))
    except ValueError as error:
        raise InvalidValueError(keyword, "is none of its values") from error


def _parameter(dataset: Dataset, concept: Code) -> str:
    for item in items(dataset, "ScheduledProcessingParametersSequence"):
        named = code_in(first(item, "ConceptNameCodeSequence"))
        if (named.value, named.scheme) == (concept.value, concept.scheme):
            return text(item, "TextValue")
    return ""


def _number(dataset: Dataset) -> int:
    said = _parameter(dataset, READ)
    if not said.isascii() or not said.isdigit() or len(said) > 9:
        raise InvalidValueError("ScheduledProcessingParametersSequence", "does not say which read it is")
    return int(said)


def _kind(dataset: Dataset) -> ReadKind:
    try:
        return ReadKind(_parameter(dataset, KIND))
    except ValueError as error:
        raise InvalidValueError(
            "ScheduledProcessingParametersSequence", "does not say what kind of read it is"
        ) from error
