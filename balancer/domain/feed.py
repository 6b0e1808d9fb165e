"""What a trust delivers and what became of it: extracts, rows and the books that must balance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from balancer.domain.study import StudyKey


class FeedKind(StrEnum):
    """Whether an extract holds everything unreported (and so withdraws by absence) or only what changed."""

    SNAPSHOT = "snapshot"
    DELTA = "delta"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRow:
    """Where a data row stood in what a trust sent, and its cells as they were: ``sheet`` is empty for a CSV.

    ``line`` counts from 1 as the trust's analyst sees it in an editor or spreadsheet.
    """

    line: int
    sheet: str
    raw: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingStudy:
    """A study as one row of an extract states it, mapped to our words; instants aware in UTC.

    ``patient_id`` is the keyed pseudonym, one per person across trusts; ``local_patient_id`` the imaging trust's own
    number, kept because worklists must name the patient as the trust does. ``modality`` to ``reads`` are final: the
    row's own value, else the catalogue's.
    """

    row: SourceRow
    trust: str
    accession_number: str
    patient_id: str
    local_patient_id: str
    exam_code: str
    priority: str
    acquired_at: datetime
    modality: str
    subspecialty: str
    minutes: float
    reads: int
    site: str = ""
    patient_setting: str = ""
    ready_at: datetime | None = None
    due_at: datetime | None = None
    excluded: frozenset[str] = frozenset()
    prior_reporter: str | None = None
    study_instance_uid: str | None = None

    @property
    def key(self) -> StudyKey:
        """The study's identity."""
        return StudyKey(self.trust, self.accession_number)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExcludedRow:
    """A row left out of the queue by a named rule (ultrasound reported at the scan, medical photography)."""

    row: SourceRow
    rule: str
    key: StudyKey


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantinedRow:
    """A row that could not be taken, whole, with every reason; ``key`` is the study it may be, if it says."""

    row: SourceRow
    column: str
    reason: str
    detail: str
    key: StudyKey | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedExtract:
    """One file of one feed, every data row of it in exactly one of the four heaps.

    ``digest`` is the SHA-256 of the bytes; ``extracted_at`` when the trust's system made the extract.
    ``problem`` says why nothing could be read at all (garbage, an empty file, a missing column); it is empty otherwise.
    """

    feed: str
    digest: str
    extracted_at: datetime | None
    rows_read: int
    studies: tuple[IncomingStudy, ...] = ()
    duplicates: tuple[IncomingStudy, ...] = ()
    excluded: tuple[ExcludedRow, ...] = ()
    quarantined: tuple[QuarantinedRow, ...] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """The two equations every batch must satisfy; a batch whose books do not balance is never applied.

    ``rows_read = new + changed + unchanged + duplicate + excluded + quarantined`` and
    ``open_before + new + reopened - withdrawn - excluded_since = open_after``. ``reopened`` studies are counted as
    ``changed`` in the first equation: they are known studies that came back.
    """

    rows_read: int
    new: int
    changed: int
    unchanged: int
    duplicate: int
    excluded: int
    quarantined: int
    open_before: int
    reopened: int
    withdrawn: int
    excluded_since: int
    open_after: int

    @property
    def rows_balance(self) -> bool:
        """Whether every data row read is in exactly one heap."""
        rows = self.new + self.changed + self.unchanged + self.duplicate + self.excluded + self.quarantined
        return self.rows_read == rows

    @property
    def studies_balance(self) -> bool:
        """Whether every study that was open is still open or was closed for a reason."""
        still_open = self.open_before + self.new + self.reopened - self.withdrawn - self.excluded_since
        return self.open_after == still_open

    @property
    def balance(self) -> bool:
        """Whether both equations hold."""
        return self.rows_balance and self.studies_balance
