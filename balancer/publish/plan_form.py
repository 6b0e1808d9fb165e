"""How a plan's files are written (section 5), apart from what they say: order, line ends, instants, decimals, digest.

A plan written otherwise can be read, so none of this makes it unreadable; it is a finding of the referee's command.
What section 5 does not fix (further columns and keys, the order of columns, a byte order mark, how a digest is made) is
nobody's business.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from balancer.domain.errors import Fault
from balancer.domain.study import ReadKey

_TWO_DECIMALS = re.compile(r"\d+\.\d\d", re.ASCII)


class PlanForm:
    """Gathers what is not written as section 5 says: of each column of a file the first place, and how many there are.

    A plan that writes every instant otherwise has one thing wrong with it, not a million.
    """

    def __init__(self) -> None:
        self._first: dict[tuple[str, str | None, str], Fault] = {}
        self._count: dict[tuple[str, str | None, str], int] = {}
        self._before: dict[str, ReadKey] = {}

    def faults(self) -> tuple[Fault, ...]:
        """Return what was found."""
        return tuple(
            fault if self._count[key] == 1 else replace(fault, reason=f"{fault.reason} ({self._count[key]:,} times)")
            for key, fault in self._first.items()
        )

    def note(self, what: str, fault: Fault) -> None:
        """Note a fault; ``what`` kind of thing it is."""
        key = (fault.file, fault.column, what)
        self._first.setdefault(key, fault)
        self._count[key] = self._count.get(key, 0) + 1

    def row(self, file: str, line: int, key: ReadKey) -> None:
        """Ensure that rows are sorted by trust, accession number and read."""
        before = self._before.get(file)
        if before is not None and key < before:
            reason = "stands after a row that it should stand before: trust, accession number, read"
            self.note("order", Fault(file=file, line=line, reason=reason))
        self._before[file] = key

    def instant(self, file: str, line: int | None, column: str, cell: str, instant: datetime) -> None:
        """Ensure that an instant is a whole second in UTC, with ``+00:00``."""
        if instant.microsecond:
            self.note("seconds", Fault(file=file, line=line, column=column, reason=f"{cell!r} is not a whole second"))
        self.in_utc(file, line, column, cell)

    def in_utc(self, file: str, line: int | None, column: str, cell: str) -> None:
        """Ensure that an instant is written in UTC, with ``+00:00``."""
        if not cell.endswith("+00:00"):
            self.note("utc", Fault(file=file, line=line, column=column, reason=f"{cell!r} does not end with +00:00"))

    def two_decimals(self, file: str, line: int, column: str, cell: str) -> None:
        """Ensure that a figure is written with two decimals."""
        if not _TWO_DECIMALS.fullmatch(cell):
            reason = f"{cell[:60]!r} is not written with two decimals"
            self.note("decimals", Fault(file=file, line=line, column=column, reason=reason))

    def line_end(self, file: str, line: int, text: str) -> None:
        """Ensure that a line, as it was read, ends with a line feed alone; the last one may have no end."""
        if text.endswith(("\r", "\r\n")):
            self.note("line feed", Fault(file=file, line=line, reason="ends with a carriage return, not a line feed"))

    def digest(self, file: str, value: object) -> None:
        """Ensure that there is a digest of the inputs; which one is the writer's choice."""
        if not isinstance(value, str) or not value.strip():
            reason = "is missing" if value is None else f"{str(value)[:60]!r} is not text"
            self.note("digest", Fault(file=file, column="digest", reason=reason))


class Lines:
    """The lines of a text as ``csv.reader`` wants them; ``last`` is the one it took last, with its end."""

    def __init__(self, text: str) -> None:
        self._lines = io.StringIO(text, newline="")
        self.last = ""

    def __iter__(self) -> Iterator[str]:
        for line in self._lines:
            self.last = line
            yield line
