"""What a workitem must say before it ends (PS3.4, CC.2.5.1.1 and Table CC.2.5-3, Final State column)."""

from __future__ import annotations

from typing import Final

from pydicom.dataset import Dataset

from balancer.domain.steps import StepState
from balancer.publish.ups.attributes import Path, values_at

_DONE: Final = "UnifiedProcedureStepPerformedProcedureSequence"
_PROGRESS: Final = "ProcedureStepProgressInformationSequence"

# R: of either final state. What is said here of a read always has these.
ALWAYS: Final[tuple[Path, ...]] = (
    ("SOPClassUID",),
    ("SOPInstanceUID",),
    ("ScheduledProcedureStepPriority",),
    ("ScheduledProcedureStepModificationDateTime",),
    ("ScheduledProcedureStepStartDateTime",),
    ("InputReadinessState",),
    ("ProcedureStepState",),
)
# P: of COMPLETED, with a value.
COMPLETED: Final[tuple[Path, ...]] = (
    (_DONE, "PerformedWorkitemCodeSequence", "CodeValue"),
    (_DONE, "PerformedProcedureStepStartDateTime"),
    (_DONE, "PerformedProcedureStepEndDateTime"),
)
# P: of COMPLETED, and may be empty (type 2): a report need not be an object, nor a person a station.
COMPLETED_MAY_BE_EMPTY: Final[tuple[Path, ...]] = (
    (_DONE, "PerformedStationNameCodeSequence"),
    (_DONE, "OutputInformationSequence"),
)
# X: of CANCELED.
CANCELED: Final[tuple[Path, ...]] = (
    (_PROGRESS, "ProcedureStepCancellationDateTime"),
    (_PROGRESS, "ProcedureStepDiscontinuationReasonCodeSequence", "CodeValue"),
)


def missing(dataset: Dataset, to: StepState) -> list[str]:
    """Return what a workitem does not say that it must, to end as ``to``: attributes by their paths."""
    with_value = ALWAYS + (COMPLETED if to is StepState.COMPLETED else CANCELED)
    there = COMPLETED_MAY_BE_EMPTY if to is StepState.COMPLETED else ()
    lacking = [path for path in with_value if not any(values_at(dataset, path))]
    lacking += [path for path in there if not values_at(dataset, path)]
    return [".".join(path) for path in lacking]
