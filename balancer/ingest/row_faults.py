"""What is wrong with the rows of one file, gathered column by column and told row by row."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np
import pandas as pd

from balancer.domain.feed import QuarantinedRow, SourceRow
from balancer.domain.study import StudyKey
from balancer.ingest.reasons import Reason


class RowFault(NamedTuple):
    """One fault of one row; ``column`` is the heading an analyst knows."""

    column: str
    reason: Reason
    detail: str


class RowFaults:
    """The faults of all rows by position; of each column of a row the first fault found is the one that counts."""

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self._faults: dict[int, list[RowFault]] = defaultdict(list)

    def add(self, where: pd.Series[bool], column: str, reason: Reason, detail: str | Callable[[int], str]) -> None:
        """Note a fault of every row where ``where`` holds; ``detail`` may depend on the row's position."""
        for position in np.flatnonzero(where.to_numpy()).tolist():
            self.add_one(position, column, reason, detail if isinstance(detail, str) else detail(position))

    def add_one(self, position: int, column: str, reason: Reason, detail: str) -> None:
        """Note a fault of one row."""
        faults = self._faults[position]
        if all(fault.column != column for fault in faults):
            faults.append(RowFault(column, reason, detail))

    def add_first(self, position: int, fault: RowFault) -> None:
        """Note a fault that matters more than those found so far."""
        self._faults[position].insert(0, fault)

    def __contains__(self, position: int) -> bool:
        return bool(self._faults.get(position))

    def of(self, columns: Iterable[str] | None = None) -> pd.Series[bool]:
        """Tell of each row whether anything (or anything in one of ``columns``) is wrong with it."""
        found = [False] * self._rows
        wanted = None if columns is None else set(columns)
        for position, faults in self._faults.items():
            found[position] = any(wanted is None or fault.column in wanted for fault in faults)
        return pd.Series(found, dtype=bool)

    def quarantined(self, position: int, row: SourceRow, key: StudyKey | None) -> QuarantinedRow:
        """Return the row at ``position`` with its first fault as the reason and all of them in the detail."""
        return told(self._faults[position], row, key)


def told(faults: list[RowFault], row: SourceRow, key: StudyKey | None = None) -> QuarantinedRow:
    """Return a row in quarantine for its first fault, all of them told in the detail."""
    first = faults[0]
    others = [f"{fault.column}: {fault.detail}" for fault in faults[1:]]
    return QuarantinedRow(
        row=row, column=first.column, reason=first.reason, detail="; ".join([first.detail, *others]), key=key
    )
