"""Rows whose fate is settled become values: studies, duplicates, excluded and quarantined rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from datetime import datetime

import pandas as pd

from balancer.domain.errors import InvalidValueError
from balancer.domain.feed import ExcludedRow, IncomingStudy, QuarantinedRow
from balancer.domain.study import StudyKey
from balancer.ingest.feed_file import PAEDIATRIC
from balancer.ingest.heading_table import Tabulated
from balancer.ingest.row_fates import Fate, settle_fates
from balancer.ingest.study_columns import StudyColumns

_NOBODY: frozenset[str] = frozenset()

# From a plain NHS number, or none, and the trust's own number of the patient.
Pseudonym = Callable[[str, str], str]


class Heaps:
    """The four heaps of an extract, each in the order of the file; every data row is in exactly one."""

    def __init__(self, table: Tabulated, columns: StudyColumns, pseudonym: Pseudonym) -> None:
        self._table = table
        self._columns = columns
        positions: dict[Fate, list[int]] = defaultdict(list)
        for position, fate in enumerate(settle_fates(columns, table.rows)):
            positions[fate].append(position)
        self._pseudonym = pseudonym
        self.studies = self._studies(positions[Fate.STUDY])
        self.duplicates = self._studies(positions[Fate.DUPLICATE])
        self.excluded = self._excluded(positions[Fate.EXCLUDED])
        self.quarantined = self._quarantined(positions[Fate.QUARANTINED])

    def _studies(self, positions: list[int]) -> tuple[IncomingStudy, ...]:
        """Return the rows as studies; whoever has done the first of two reads leaves one to somebody else."""
        columns, trust = self._columns, self._columns.feed.trust
        acquired, ready, due = (
            _instants(columns.dates[word].at.iloc[positions]) for word in ("acquired_at", "ready_at", "due_at")
        )
        text = {
            word: columns.column(word).iloc[positions].tolist()
            for word in ("accession_number", "local_patient_id", "first_reader", "prior_reporter", "study_instance_uid")
        }
        priority, nhs, setting, site = (
            column.iloc[positions].tolist()
            for column in (columns.priority, columns.nhs_number, columns.setting, columns.site)
        )
        child = columns.childhood.child.iloc[positions].tolist() if columns.childhood else [False] * len(positions)
        found = []
        for at, position in enumerate(positions):
            exam, acquired_at = columns.exam(position), acquired[at]
            if acquired_at is None:
                raise InvalidValueError("acquired_at", "only a row that is not at fault was acquired at some time")
            first = text["first_reader"][at]
            found.append(
                IncomingStudy(
                    row=self._table.rows[position],
                    trust=trust,
                    accession_number=text["accession_number"][at],
                    patient_id=self._pseudonym(nhs[at], text["local_patient_id"][at]),
                    local_patient_id=text["local_patient_id"][at],
                    exam_code=exam.code,
                    priority=priority[at],
                    acquired_at=acquired_at,
                    modality=exam.modality,
                    subspecialty=PAEDIATRIC if child[at] else exam.subspecialty,
                    minutes=exam.minutes,
                    reads=max(1, exam.reads - 1) if first else exam.reads,
                    site=site[at],
                    patient_setting=setting[at],
                    ready_at=ready[at],
                    due_at=due[at],
                    excluded=frozenset({first}) if first else _NOBODY,
                    prior_reporter=text["prior_reporter"][at] or None,
                    study_instance_uid=text["study_instance_uid"][at] or None,
                )
            )
        return tuple(found)

    def _excluded(self, positions: list[int]) -> tuple[ExcludedRow, ...]:
        numbers = self._columns.column("accession_number").tolist()
        return tuple(
            ExcludedRow(
                row=self._table.rows[position],
                rule=self._columns.rules[position],
                key=StudyKey(self._columns.feed.trust, numbers[position]),
            )
            for position in positions
        )

    def _quarantined(self, positions: list[int]) -> tuple[QuarantinedRow, ...]:
        """Return rows that cannot be taken, with the study each may be if it says; broken rows say nothing."""
        numbers, trust = self._columns.column("accession_number").tolist(), self._columns.feed.trust
        unsure = self._columns.faults.of({self._columns.heading("accession_number")}).tolist()
        rows = list(self._table.broken)
        for position in positions:
            number = numbers[position]
            key = StudyKey(trust, number) if number and not unsure[position] else None
            rows.append(self._columns.faults.quarantined(position, self._table.rows[position], key))
        sheets = {sheet: number for number, sheet in enumerate(dict.fromkeys(row.sheet for row in self._table.rows))}
        return tuple(sorted(rows, key=lambda row: (sheets.get(row.row.sheet, len(sheets)), row.row.line)))


def _instants(column: pd.Series[pd.Timestamp]) -> list[datetime | None]:
    """Return instants as Python has them; ``None`` stands where there is none."""
    return [None if pd.isna(at) else at.to_pydatetime() for at in column]
