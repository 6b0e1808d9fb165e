"""What a list shows of a read, as plain columns: rows of their own, a hundred a list, take several times as long."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from balancer.domain.life import ReadKind, ReadState
from balancer.domain.states import StudyState
from balancer.store.tables import Row, StudyRow


class ListedStudy(NamedTuple):
    """A study as ``StudyRow`` has it, as far as lists show it or what holds of it depends on it."""

    id: int
    trust: str
    accession_number: str
    state: StudyState
    patient_id: str
    local_patient_id: str
    exam_code: str
    priority: str
    acquired_at: datetime
    clock_started_at: datetime
    modality: str
    subspecialty: str
    minutes: float
    reads: int
    site: str
    patient_setting: str
    ready_at: datetime | None
    source_due_at: datetime | None
    due_at: datetime
    excluded: list[str]
    prior_reporter: str | None
    study_instance_uid: str | None


class ListedRead(NamedTuple):
    """A read as ``ReadRow`` has it, as far as lists show it."""

    id: int
    study_id: int
    number: int
    kind: ReadKind
    state: ReadState
    reporter_id: str | None
    again: str
    read_before_by: str | None


class Place(NamedTuple):
    """Where a read stands on a list, as ``WorklistItemRow`` has it."""

    place: int
    read: int
    session_id: str
    position: int
    planned_start: datetime
    planned_end: datetime
    due_at: datetime
    late: bool


class PriorStudy(NamedTuple):
    """Another study of a patient as ``StudyRow`` has it, as far as lists show it."""

    id: int
    patient_id: str
    trust: str
    accession_number: str
    local_patient_id: str
    study_instance_uid: str | None
    exam_code: str
    modality: str
    acquired_at: datetime
    state: StudyState


AnyStudy = StudyRow | ListedStudy


def columns_of(shape: type[NamedTuple], row: type[Row]) -> list[Any]:
    """Return the columns of a row class that a shape has, in its order; a reach limits them as it does rows."""
    return [getattr(row, name) for name in shape._fields]
