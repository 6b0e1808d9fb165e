"""What a search looks at most, read off a workitem itself: building a dataset of each costs a thousand times that."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from balancer.publish.ups.attributes import Path
from balancer.publish.ups.codes import WORK
from balancer.publish.ups.elements import instant_text
from balancer.publish.ups.workitem import Workitem

STATE: Final[Path] = ("ProcedureStepState",)
PRIORITY: Final[Path] = ("WorklistLabel",)
PATIENT: Final[Path] = ("PatientID",)
STUDY: Final[Path] = ("StudyInstanceUID",)
STUDY_OF_REQUEST: Final[Path] = ("ReferencedRequestSequence", "StudyInstanceUID")
ACCESSION: Final[Path] = ("ReferencedRequestSequence", "AccessionNumber")
PERFORMER: Final[Path] = ("ScheduledHumanPerformersSequence", "HumanPerformerCodeSequence", "CodeValue")

FIELDS: Final[Mapping[Path, Callable[[Workitem], str]]] = {
    STATE: lambda item: item.state.value,
    PRIORITY: lambda item: item.priority,
    PATIENT: lambda item: item.patient_id,
    STUDY: lambda item: item.study_instance_uid or "",
    STUDY_OF_REQUEST: lambda item: item.study_instance_uid or "",
    ACCESSION: lambda item: item.accession_number,
    ("ScheduledProcedureStepPriority",): lambda item: item.urgency.value,
    ("ScheduledProcedureStepStartDateTime",): lambda item: instant_text(item.starts_at),
    ("ScheduledProcedureStepModificationDateTime",): lambda item: instant_text(item.changed_at),
    ("ExpectedCompletionDateTime",): lambda item: instant_text(item.due_at),
    ("InputReadinessState",): lambda item: item.readiness.value,
    ("ProcedureStepLabel",): lambda item: item.label,
    ("ScheduledWorkitemCodeSequence", "CodeValue"): lambda item: WORK[item.kind].value,
}
"""Attributes that every workitem has once, and how each reads off it."""
