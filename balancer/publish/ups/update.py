"""What a performer may say of a workitem (N-SET; PS3.4, Table CC.2.5-3), and how it is laid over what we say."""

from __future__ import annotations

from datetime import datetime
from typing import Final, NamedTuple

from pydicom.dataset import Dataset

from balancer.domain.errors import InvalidValueError
from balancer.publish.ups.codes import UNSPECIFIED
from balancer.publish.ups.elements import coded, instant_text, items, put, text

TAKEN: Final = frozenset({"ProcedureStepProgressInformationSequence", "UnifiedProcedureStepPerformedProcedureSequence"})
"""What a performer knows better than we do. Everything else is the trusts' and the plan's to say."""

MOST_KEPT: Final = 1_000
"""Parts of what is kept of a workitem: other people's searches read it too, and each takes pydicom its time."""

# What the standard itself lets nobody change: it is refused, not left out.
FORBIDDEN: Final = frozenset(
    {
        *("SOPClassUID", "SOPInstanceUID", "ProcedureStepState", "PatientID", "PatientName", "PatientBirthDate"),
        *("PatientSex", "IssuerOfPatientID", "OtherPatientIDsSequence", "AdmissionID", "IssuerOfAdmissionIDSequence"),
        *("AdmittingDiagnosesDescription", "AdmittingDiagnosesCodeSequence", "ReferencedRequestSequence"),
        "ReplacedProcedureStepSequence",
    }
)
# What comes with a dataset and says nothing of the step.
_ASIDE: Final = frozenset({"TransactionUID", "SpecificCharacterSet", "TimezoneOffsetFromUTC"})


class Update(NamedTuple):
    """What is taken of an update, and whether something was left out."""

    said: Dataset
    is_whole: bool


def update_of(dataset: Dataset) -> Update:
    """Return what of an update is taken.

    Raises
    ------
    InvalidValueError
        If it would change what an update must not.
    """
    said, whole = Dataset(), True
    for element in dataset:
        if element.keyword in FORBIDDEN:
            raise InvalidValueError(element.keyword, "cannot be changed by an update")
        if element.keyword in TAKEN:
            said.add(element)
        elif element.keyword not in _ASIDE:
            whole = False
    return Update(said, whole)


def cancellation(request: Dataset, at: datetime) -> Dataset:
    """Return what a workitem says that was cancelled at somebody's request: when, and why as far as they said."""
    reasons = items(request, "ProcedureStepDiscontinuationReasonCodeSequence") or [coded(UNSPECIFIED)]
    progress = put(
        Dataset(),
        ProcedureStepCancellationDateTime=instant_text(at),
        ReasonForCancellation=text(request, "ReasonForCancellation") or None,
        ProcedureStepDiscontinuationReasonCodeSequence=reasons,
    )
    return put(Dataset(), ProcedureStepProgressInformationSequence=[progress])


def laid_over(dataset: Dataset, said: Dataset) -> Dataset:
    """Return a workitem with what its performer said; each attribute of theirs replaces the whole of ours."""
    made = Dataset()
    for element in (*dataset, *(element for element in said if element.keyword in TAKEN)):
        made.add(element)
    return made
