"""The study: one imaging examination waiting for a report, and the reads it still needs."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from balancer.domain.errors import InvalidValueError
from balancer.domain.instant import require_aware


class StudyKey(NamedTuple):
    """What identifies a study: accession numbers repeat between trusts, so never the number alone."""

    trust: str
    accession_number: str


class ReadKey(NamedTuple):
    """One read of a study; ``read`` counts from 1 over the reads still to be done."""

    trust: str
    accession_number: str
    read: int


def setting_words(setting: str) -> str:
    """Return in words where a patient was seen: a network's own word, but for what is written in capitals."""
    return "GP" if setting == "gp" else setting.replace("_", " ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """One unreported study with everything resolved: the study's own values have won over the catalogue's.

    ``minutes`` are expected minutes per read at speed 1; ``reads`` those still to be done (whoever did the others is
    in ``excluded``); ``pinned_to``, ``published_to`` and ``claimed_by`` are in read order, ``None`` where not given,
    and may be shorter than ``reads``. ``published_to`` may also be longer: it names whoever was given the study, and a
    read of theirs may have been done since. ``patient_id`` is a pseudonym, one per person across trusts; empty means
    a patient of its own.
    """

    trust: str
    accession_number: str
    patient_id: str
    exam_code: str
    priority: str
    acquired_at: datetime
    modality: str
    subspecialty: str
    minutes: float
    reads: int = 1
    ready_at: datetime | None = None
    due_at: datetime | None = None
    pinned_to: tuple[str | None, ...] = ()
    excluded: frozenset[str] = frozenset()
    prior_reporter: str | None = None
    published_to: tuple[str | None, ...] = ()
    claimed_by: tuple[str | None, ...] = ()
    # its identity; kept, because everything that looks a study up asks for it
    key: StudyKey = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "key", StudyKey(self.trust, self.accession_number))
        if not self.trust or not self.accession_number:
            raise InvalidValueError("accession_number", "a study needs a trust and an accession number")
        require_aware(self.acquired_at, "acquired_at")
        if self.ready_at is not None:
            require_aware(self.ready_at, "ready_at")
        if self.due_at is not None:
            require_aware(self.due_at, "due_at")
        if self.minutes <= 0:
            raise InvalidValueError("minutes", f"{self.minutes:g} is not above 0")
        if self.reads < 1:
            raise InvalidValueError("reads", f"{self.reads} is less than 1")
        for name in ("pinned_to", "claimed_by"):
            if len(getattr(self, name)) > self.reads:
                raise InvalidValueError(name, f"names more than the {self.reads} read(s) still to be done")

    def pinned(self, read: int) -> str | None:
        """Return who read number ``read`` (from 1) is pinned to."""
        return self.pinned_to[read - 1] if read <= len(self.pinned_to) else None

    def claimed(self, read: int) -> str | None:
        """Return who has claimed read number ``read`` (from 1)."""
        return self.claimed_by[read - 1] if read <= len(self.claimed_by) else None

    @property
    def publishers(self) -> frozenset[str]:
        """The reporters to whom any read of the study is published now."""
        return frozenset([name for name in self.published_to if name])
