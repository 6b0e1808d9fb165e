"""A read as a FHIR Task can carry it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from balancer.domain.errors import InvalidValueError
from balancer.domain.instant import require_aware
from balancer.domain.life import ReadKind, ReadState
from balancer.domain.outcome import Outcome
from balancer.publish.fhir.status_reason import StatusReason
from balancer.publish.ups.workitem import Performer, Urgency


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadTask:
    """What a Task shows of a read.

    Parameters
    ----------
    id, study_id
        The Task's own id; that of the order and of the images, which are the study's.
    uid
        The SOP Instance UID of the read's current workitem in DICOM's worklist service.
    changed_at, authored_at
        When any of this last changed; when the study became known here.
    planned_at, due_at
        When the plan has it read, if it has; the target.
    priority, urgency
        The policy's class, and how that reads in FHIR's words.
    why, reason
        Why nobody has it, it cannot be read, or it is no longer asked for: as a code, and in words for people, which
        not everybody is told.
    accession_number, patient_id
        As ``trust``, the one that imaged, knows them; never a pseudonym. Empty if they cannot be carried unchanged.
    performer
        On whose list it is, who has it open, or who did it; ``began_at`` and ``ended_at`` when they did.
    outcome, provisional
        What whoever did it said it came to; whether somebody has to verify it.
    replaces
        The id of the Task of the same read that had ended for good before.

    Raises
    ------
    InvalidValueError
        If a value cannot be carried unchanged, or contradicts the state.
    """

    id: str
    study_id: str
    uid: str
    state: ReadState
    changed_at: datetime
    authored_at: datetime
    due_at: datetime
    urgency: Urgency
    priority: str
    label: str
    kind: ReadKind
    read: int
    trust: str
    accession_number: str = ""
    patient_id: str = ""
    study_instance_uid: str | None = None
    planned_at: datetime | None = None
    why: StatusReason | None = None
    reason: str = ""
    performer: Performer | None = None
    began_at: datetime | None = None
    ended_at: datetime | None = None
    outcome: Outcome | None = None
    provisional: bool = False
    replaces: str | None = None

    def __post_init__(self) -> None:
        for name in ("changed_at", "authored_at", "due_at"):
            require_aware(getattr(self, name), name)
        for name in ("priority", "label", "trust", "accession_number", "patient_id", "reason"):
            _require(is_carried(getattr(self, name)), name, "cannot be carried as it is")
        for name in ("priority", "label", "trust"):
            _require(bool(getattr(self, name)), name, "is empty")
        _require(self.read >= 1, "read", "is less than 1")
        _require(self.authored_at <= self.changed_at, "authored_at", "it has not been changed since (inv-1)")
        over = self.state in {ReadState.DONE, ReadState.WITHDRAWN, ReadState.EXCLUDED}
        _require(over or self.ended_at is None, "ended_at", "it has not ended")
        ordered = self.began_at is None or self.ended_at is None or self.began_at <= self.ended_at
        _require(ordered, "began_at", "it ended before (per-1)")
        done = self.state is ReadState.DONE
        _require(done or (self.outcome is None and not self.provisional), "outcome", "it has not been done")


def is_carried(text: str) -> bool:
    """Tell whether a text comes out as it went in: it can be printed, no spaces at its ends (R4, string)."""
    return text == text.strip() and text.isprintable()


def carried(text: str, most: int = 1_000) -> str:
    """Return words for people as they can be carried: cut to ``most`` characters, what cannot be sent replaced."""
    plain = "".join(letter if letter.isprintable() else " " for letter in text)
    return plain[:most].strip()


def identifier(text: str) -> str:
    """Return a number that names something unchanged, or nothing: half of one would name something else."""
    return text if is_carried(text) else ""


def _require(condition: object, field: str, reason: str) -> None:
    if not condition:
        raise InvalidValueError(field, reason)
