"""What a request to create a workitem says of a study (N-CREATE; PS3.4, Table CC.2.5-3), and what of it is kept."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from balancer.domain.errors import InvalidValueError
from balancer.domain.steps import StepState
from balancer.publish.ups.attributes import Path, values_at
from balancer.publish.ups.codes import EXAMINATIONS, INTERPRETATION, Code
from balancer.publish.ups.elements import code_in, first, items, text
from balancer.publish.ups.matching import begin_of
from balancer.publish.ups.sop_classes import PUSH
from balancer.publish.ups.uids import is_uid
from balancer.publish.ups.workitem import MOST_LO, Readiness, Urgency, is_carried

REQUIRED: Final[tuple[Path, ...]] = (
    ("ScheduledProcedureStepPriority",),
    ("ProcedureStepLabel",),
    ("ScheduledProcedureStepStartDateTime",),
    ("InputReadinessState",),
)
"""What the standard wants of a creator, with a value (1/1)."""

NEEDED: Final[tuple[Path, ...]] = (
    ("PatientID",),
    ("ReferencedRequestSequence", "AccessionNumber"),
    ("ReferencedRequestSequence", "RequestedProcedureCodeSequence"),
)
"""What a read is not without: whose study it is, which, and of what."""

NHS: Final = "NHS"
"""The issuer of NHS numbers, among Other Patient IDs."""

# What every workitem has of its own, and nothing is asked by.
_ASIDE: Final = frozenset(
    {
        *("SOPClassUID", "SOPInstanceUID", "SpecificCharacterSet", "TimezoneOffsetFromUTC", "TransactionUID"),
        *("ProcedureStepState", "ScheduledProcedureStepModificationDateTime"),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Creation:
    """A study that is to be read, in its creator's words.

    ``trust``: whose accession number it is, empty if that is not said; so is ``priority``, the policy's class, and
    ``nhs_number``. ``starts_at``: from when it can be read; ``due_at``: by when it is to be, if that is said.
    """

    trust: str
    accession_number: str
    patient_id: str
    patient_issuer: str
    nhs_number: str
    examination: Code
    priority: str
    urgency: Urgency
    starts_at: datetime
    due_at: datetime | None
    study_instance_uid: str | None


def missing_in(dataset: Dataset) -> list[str]:
    """Return what a request does not say that it must: attributes by their paths."""
    lacking = [path for path in (*REQUIRED, *NEEDED[:2]) if not any(values_at(dataset, path))]
    if not _examination(dataset).value:
        lacking.append(NEEDED[2])
    return [".".join(path) for path in lacking]


def is_scheduled(dataset: Dataset) -> bool:
    """Tell whether a request asks for the only state that a workitem is created in, or for none."""
    return text(dataset, "ProcedureStepState") in {"", StepState.SCHEDULED.value}


def creation_of(dataset: Dataset) -> Creation:
    """Return what a request says of a study; nothing may be missing in it.

    Raises
    ------
    InvalidValueError
        If it asks for what is no reading of one study, or a value is none of its attribute's.
    """
    _require_a_reading(dataset)
    request = first(dataset, "ReferencedRequestSequence")
    return Creation(
        trust=text(first(request, "IssuerOfAccessionNumberSequence"), "LocalNamespaceEntityID"),
        accession_number=_number(request, "AccessionNumber"),
        patient_id=_number(dataset, "PatientID"),
        patient_issuer=text(dataset, "IssuerOfPatientID"),
        nhs_number=_nhs_number(dataset),
        examination=_examination(dataset),
        priority=text(dataset, "WorklistLabel"),
        urgency=_urgency(dataset),
        starts_at=begin_of(text(dataset, "ScheduledProcedureStepStartDateTime")),
        due_at=_due(dataset),
        study_instance_uid=_images(dataset, request),
    )


def _require_a_reading(dataset: Dataset) -> None:
    if text(dataset, "TransactionUID"):
        raise InvalidValueError("TransactionUID", "is made by whoever begins the step")
    if text(dataset, "SOPClassUID") not in {"", PUSH}:
        raise InvalidValueError("SOPClassUID", "is not that of workitems")
    if len(items(dataset, "ReferencedRequestSequence")) != 1:
        raise InvalidValueError("ReferencedRequestSequence", "names several requests, and a read is of one study")
    work = code_in(first(dataset, "ScheduledWorkitemCodeSequence"))
    if work.value and (work.value, work.scheme) != (INTERPRETATION.value, INTERPRETATION.scheme):
        raise InvalidValueError("ScheduledWorkitemCodeSequence", "is not Interpretation: what follows it follows here")


def _examination(dataset: Dataset) -> Code:
    code = code_in(first(dataset, "ReferencedRequestSequence", "RequestedProcedureCodeSequence"))
    if code.value and code.scheme != EXAMINATIONS:
        raise InvalidValueError("RequestedProcedureCodeSequence", f"is not a code of {EXAMINATIONS}")
    return code


def _number(dataset: Dataset, keyword: str) -> str:
    values = values_at(dataset, (keyword,))  # a backslash parts two, and half of a number names somebody else
    if len(values) != 1 or not is_carried(values[0]) or len(values[0]) > MOST_LO:
        raise InvalidValueError(keyword, "is no number that can be carried unchanged")
    return values[0]


def _nhs_number(dataset: Dataset) -> str:
    others = items(dataset, "OtherPatientIDsSequence")
    found = {text(item, "PatientID") for item in others if text(item, "IssuerOfPatientID") == NHS} - {""}
    if len(found) > 1:
        raise InvalidValueError("OtherPatientIDsSequence", "names several NHS numbers")
    return "".join(found)


def _urgency(dataset: Dataset) -> Urgency:
    try:
        return Urgency(text(dataset, "ScheduledProcedureStepPriority"))
    except ValueError as error:
        raise InvalidValueError("ScheduledProcedureStepPriority", "is none of HIGH, MEDIUM, LOW") from error


def _due(dataset: Dataset) -> datetime | None:
    said = text(dataset, "ExpectedCompletionDateTime")
    return begin_of(said) if said else None


def _images(dataset: Dataset, request: Dataset) -> str | None:
    """Return the Study Instance UID, if it is said; what is known not to be ready is not to be read yet."""
    named = {text(dataset, "StudyInstanceUID"), text(request, "StudyInstanceUID")} - {""}
    if len(named) > 1:
        raise InvalidValueError("StudyInstanceUID", "is not that of the request")
    if not all(map(is_uid, named)):
        raise InvalidValueError("StudyInstanceUID", "is not a UID")
    readiness = text(dataset, "InputReadinessState")
    if readiness not in set(Readiness):
        raise InvalidValueError("InputReadinessState", "is none of its values")
    # ADR 0033: of what is incomplete nobody would say here when it no longer is
    if readiness == Readiness.INCOMPLETE or (readiness == Readiness.UNAVAILABLE and named):
        raise InvalidValueError("InputReadinessState", "is not READY: create it once there is something to read")
    return next(iter(named), None)


def is_as_asked(asked: Dataset, made: Dataset) -> bool:
    """Tell whether everything that was asked for is so: a workitem may say more, and nothing else."""
    return _all_kept(asked, made, _ASIDE)


def _all_kept(asked: Iterable[DataElement], made: Dataset, aside: frozenset[str] = frozenset()) -> bool:
    return all(_is_kept(element, made) for element in asked if element.keyword not in aside)


def _is_kept(element: DataElement, made: Dataset) -> bool:
    if element.is_empty:
        return True
    if element.tag not in made:
        return False
    if element.VR == "SQ":
        there = items(made, element.keyword)
        return len(element.value) <= len(there) and all(map(_all_kept, element.value, there))
    if element.VR == "DT":
        return begin_of(str(element.value)) == begin_of(str(made[element.tag].value))
    return str(element.value) == str(made[element.tag].value)
