"""A workitem as the wire can carry it: one read, at one time of its life, in DICOM's terms."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from balancer.domain.errors import InvalidValueError
from balancer.domain.instant import require_aware
from balancer.domain.life import ReadKind
from balancer.domain.steps import StepState

MOST_LO = 64


class Urgency(StrEnum):
    """Scheduled Procedure Step Priority (0074,1200); the policy's own class is the Worklist Label."""

    HIGH = "HIGH"
    MEDIUM = "MEDIUM"
    LOW = "LOW"


class Readiness(StrEnum):
    """Input Readiness State (0040,4041): whether there is anything to read yet."""

    READY = "READY"
    INCOMPLETE = "INCOMPLETE"
    UNAVAILABLE = "UNAVAILABLE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Performer:
    """A reporter: GMC or HCPC number, name, and the code of the trust they are of."""

    reporter_id: str
    name: str
    organisation: str

    def __post_init__(self) -> None:
        _require(bool(self.reporter_id), "reporter_id", "a performer has a number")
        for field in ("reporter_id", "name", "organisation"):
            _require(is_carried(getattr(self, field)), field, "cannot be carried as it is")


@dataclass(frozen=True, slots=True, kw_only=True)
class Workitem:
    """What a worklist shows of a read.

    Parameters
    ----------
    uid, replaced_uid
        Its own SOP Instance UID; that of the workitem it stands for now, if that one was cancelled or came to nothing.
    changed_at, starts_at, due_at
        When any of this last changed; when the plan has it read, or from when it could be; the target.
    priority, urgency
        The policy's class, and how that reads in three words.
    comment
        Why nobody has it, or it cannot be read.
    accession_number, patient_id
        As ``trust``, the one that imaged, knows them; never a pseudonym. Empty if they cannot be carried unchanged.
    performer
        On whose list it is, who has it open, or who did it; ``began_at`` and ``ended_at`` when they did.
    why_canceled
        Why it is CANCELED, at ``ended_at``.

    Raises
    ------
    InvalidValueError
        If a value cannot be carried unchanged.
    """

    uid: str
    state: StepState
    changed_at: datetime
    starts_at: datetime
    due_at: datetime
    urgency: Urgency
    priority: str
    label: str
    readiness: Readiness
    kind: ReadKind
    read: int
    trust: str
    accession_number: str = ""
    patient_id: str = ""
    exam_code: str = ""
    exam_name: str = ""
    study_instance_uid: str | None = None
    comment: str = ""
    performer: Performer | None = None
    began_at: datetime | None = None
    ended_at: datetime | None = None
    why_canceled: str = ""
    replaced_uid: str | None = None

    def __post_init__(self) -> None:
        for name in ("changed_at", "starts_at", "due_at"):
            require_aware(getattr(self, name), name)
        for name in ("priority", "label", "trust", "accession_number", "patient_id", "exam_code", "exam_name"):
            _require(is_carried(getattr(self, name)), name, "cannot be carried as it is")
        _require(bool(self.label), "label", "a workitem has a label")
        _require(self.read >= 1, "read", "is less than 1")
        _require(self.began_at is None or self.performer is not None, "began_at", "somebody began it")
        canceled = self.state is StepState.CANCELED
        _require(canceled or not self.why_canceled, "why_canceled", "it is not")
        _require(not canceled or self.ended_at is not None, "ended_at", "it has ended")
        final = canceled or self.state is StepState.COMPLETED
        _require(final or self.ended_at is None, "ended_at", "it has not ended")
        _require(self.state is not StepState.SCHEDULED or self.began_at is None, "began_at", "it has not begun")


def is_carried(text: str) -> bool:
    """Tell whether a text comes out as it went in: DICOM cuts spaces at the ends, and a backslash parts two values."""
    return text == text.strip(" ") and "\\" not in text and text.isprintable()


def carried(text: str, most: int = MOST_LO) -> str:
    """Return words for people as they can be carried: cut to ``most`` characters, what cannot be sent replaced."""
    plain = "".join(letter if letter.isprintable() and letter != "\\" else " " for letter in text)
    return plain[:most].strip(" ")


def identifier(text: str) -> str:
    """Return a number that names something unchanged, or nothing: half of one would name something else."""
    return text if is_carried(text) else ""


def _require(condition: object, field: str, reason: str) -> None:
    if not condition:
        raise InvalidValueError(field, reason)
