"""A reporter's list to read by while the service does not answer: what it says, and as of when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DowntimeRead:
    """One read, with all that finding its images and its patient takes where it was imaged.

    ``priority`` is the code of its class; ``minutes`` is what a reporter of average speed takes; ``task`` is what is to
    be done if it is no first reading; ``open``: its reporter had it open.
    """

    place: int
    trust: str
    site: str
    accession_number: str
    local_patient_id: str
    exam_code: str
    exam_name: str
    modality: str
    priority: str
    patient_setting: str
    acquired_at: datetime
    due_at: datetime
    planned_start: datetime
    planned_end: datetime
    minutes: float
    task: str = ""
    open: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DowntimeList:
    """A list as it stood at ``made_at``: what its reporter would have seen, in order.

    ``withheld`` reads of the list are of trusts at which the reporter is no longer entitled.
    """

    reporter_id: str
    name: str
    home_trust: str
    version: int
    published_at: datetime
    made_at: datetime
    withheld: int
    reads: Sequence[DowntimeRead]
