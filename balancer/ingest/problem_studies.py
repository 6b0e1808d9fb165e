"""``studies.csv`` of a problem folder: up to a million rows, so the common case of every cell is short."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from balancer.domain.network import Examination
from balancer.domain.study import Study
from balancer.ingest.problem_catalogue import MOST_MINUTES, MOST_READS, Names
from balancer.ingest.problem_table import Table, by_read, entries, shown

STUDY_COLUMNS = ("trust", "accession_number", "patient_id", "exam_code", "priority", "acquired_at")
STUDY_OPTIONAL = (
    "ready_at",
    "due_at",
    "modality",
    "subspecialty",
    "minutes",
    "reads",
    "pinned_to",
    "excluded",
    "prior_reporter",
    "published_to",
    "claimed_by",
)
_NOBODY: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the other files define, and the present; ``priorities`` is ``None`` if the policy could not be read."""

    now: datetime
    trusts: Names
    exams: Mapping[str, Examination | None]
    exam_names: Names
    priorities: frozenset[str] | None
    reporters: Names


class StudyReader:
    """Reads studies against what the other files define; the study's own values win over the catalogue's."""

    def __init__(self, table: Table, known: Known) -> None:
        self.table = table
        self.known = known
        # one object for each code and name, not one for each row
        self.shared: dict[str, str] = {}

    def read(self) -> list[Study]:
        """Return every study without a fault, in the order of the file."""
        studies = []
        line_of: dict[tuple[str, str], int] = {}
        for cells in self.table.rows():
            first = line_of.setdefault((cells[0], cells[1]), self.table.line)
            if first != self.table.line:
                self.table.fault("accession_number", f"{cells[0]} {shown(cells[1])} already stands on line {first}")
            study = self._study(cells)
            if study is not None:
                studies.append(study)
        return studies

    def _study(self, cells: tuple[str, ...]) -> Study | None:
        table, known, share = self.table, self.known, self.shared.setdefault
        before = len(table.faults)
        (trust, accession_number, patient_id, exam_code, priority, acquired, ready, due) = cells[:8]
        (modality, subspecialty, minutes, reads, pins, excluded, prior, published, claims) = cells[8:]
        if trust not in known.trusts.line_of and table.given("trust", trust):
            known.trusts.refer(table, "trust", trust, "a trust of trusts.csv")
        if not accession_number:
            table.fault("accession_number", "is empty")
        if known.priorities is not None and priority not in known.priorities:
            table.fault("priority", f"{shown(priority)} is not a class of the policy")
        exam = self._examination(exam_code)
        acquired_at = table.instant("acquired_at", acquired)
        if acquired_at is not None and acquired_at > known.now:
            table.fault("acquired_at", f"{acquired} is after now, {known.now.isoformat()}")
        ready_at = table.instant("ready_at", ready) if ready else None
        due_at = table.instant("due_at", due) if due else None
        own_minutes = table.number("minutes", minutes, most=MOST_MINUTES) if minutes else None
        # with any doubt how many reads there are, no list of them is called too long
        count = exam.reads if exam else MOST_READS
        if reads:
            so_far = len(table.faults)
            count = table.whole("reads", reads, least=1, most=MOST_READS)
            count = count if len(table.faults) == so_far else MOST_READS
        pinned_to = self._listed("pinned_to", pins, count) if pins else ()
        # of any length: whoever has done a read since is named still
        published_to = self._shared(by_read(published)) if published else ()
        claimed_by = self._listed("claimed_by", claims, count) if claims else ()
        if len(table.faults) != before or exam is None or acquired_at is None:
            return None
        return Study(
            trust=share(trust, trust),
            accession_number=accession_number,
            patient_id=patient_id,
            exam_code=exam.code,
            priority=share(priority, priority),
            acquired_at=acquired_at,
            modality=share(modality, modality) if modality else exam.modality,
            subspecialty=share(subspecialty, subspecialty) if subspecialty else exam.subspecialty,
            minutes=own_minutes or exam.minutes,
            reads=count,
            ready_at=ready_at,
            due_at=due_at,
            pinned_to=pinned_to,
            excluded=frozenset(share(name, name) for name in entries(excluded)) if excluded else _NOBODY,
            prior_reporter=share(prior, prior) if prior else None,
            published_to=published_to,
            claimed_by=claimed_by,
        )

    def _examination(self, exam_code: str) -> Examination | None:
        known = self.known
        exam = known.exams.get(exam_code)
        if exam is None and self.table.given("exam_code", exam_code):
            known.exam_names.refer(self.table, "exam_code", exam_code, "an examination of exams.csv")
        return exam

    def _listed(self, column: str, cell: str, reads: int) -> tuple[str | None, ...]:
        """Return a list in read order, on which everyone must be a reporter of the file."""
        names = by_read(cell)
        if len(names) > reads:
            self.table.fault(column, f"names {len(names)} reads, but {reads} are to be done")
        for name in names:
            if name:
                self.known.reporters.refer(self.table, column, name, "a reporter of reporters.csv")
        return self._shared(names)

    def _shared(self, names: tuple[str | None, ...]) -> tuple[str | None, ...]:
        return tuple(self.shared.setdefault(name, name) if name else None for name in names)
