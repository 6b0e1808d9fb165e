"""One CSV file of a problem folder: its rows with their line numbers, its cells as values, its faults on one list."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from operator import itemgetter
from pathlib import Path

from balancer.domain.errors import Fault

# Beyond these years an instant is a slip of the hand, and arithmetic on it could leave the calendar.
FIRST_YEAR, LAST_YEAR = 1900, 2999
_LEAST = 0.001
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_WHOLE = re.compile(r"\d+", re.ASCII)


class Table:
    """A CSV file with a header, read row by row; ``line`` is where the row now in hand begins.

    ``required`` columns must be there, ``optional`` ones may; every other column is listed in ``unknown``. Cells come
    in the order required, optional; an absent column reads as empty. Each parsing method returns a harmless value
    after noting a fault, so that reading goes on to the next one.
    """

    def __init__(
        self, path: Path, *, required: Sequence[str], optional: Sequence[str] = (), faults: list[Fault]
    ) -> None:
        self.path = path
        self.file = path.name
        self.required = tuple(required)
        self.optional = tuple(optional)
        self.faults = faults
        self.unknown: list[str] = []
        self.line = 0

    def fault(self, column: str | None, reason: str) -> None:
        """Note a fault of the row in hand."""
        self.faults.append(Fault(file=self.file, line=self.line or None, column=column, reason=reason))

    def rows(self) -> Iterator[tuple[str, ...]]:
        """Yield the cells of each data row; rows that are not rows (wrong length) are faults and left out."""
        content = self._content()
        if content is None:
            return
        # strict: an unclosed quote must not swallow the rest of the file into one cell
        reader = csv.reader(io.TextIOWrapper(io.BytesIO(content), "utf-8-sig", "replace", newline=""), strict=True)
        try:
            yield from self._data_rows(reader)
        except csv.Error as error:
            self.line = reader.line_num
            self.fault(None, f"is not CSV: {error}")

    def _content(self) -> bytes | None:
        """Return the file's bytes, with a fault for every line that is not UTF-8."""
        try:
            content = self.path.read_bytes()
        except OSError as error:
            self.fault(None, "the file is missing" if isinstance(error, FileNotFoundError) else f"{error.strerror}")
            return None
        if not _is_utf8(content):
            for self.line, line in enumerate(content.split(b"\n"), start=1):
                if not _is_utf8(line):
                    self.fault(None, "is not UTF-8")
            self.line = 0
        return content

    def _data_rows(self, reader: Iterator[list[str]]) -> Iterator[tuple[str, ...]]:
        header = next(reader, None)
        self.line = 1
        if header is None:
            self.fault(None, "the file is empty; a header is needed")
            return
        indices = self._columns(header)
        if indices is None:
            return
        pick = itemgetter(*indices)
        width = len(header)
        line_num = reader.line_num  # type: ignore[attr-defined]  # csv readers have it, typeshed's Iterator has not
        for row in reader:
            self.line = line_num + 1
            line_num = reader.line_num  # type: ignore[attr-defined]  # as above
            if len(row) == width:
                row.append("")  # what an absent column's index, -1, points at
                yield pick(row)
            elif row:
                self.fault(None, f"has {len(row)} cell(s) where the header has {width}")

    def _columns(self, header: list[str]) -> list[int] | None:
        """Return where each required and optional column stands (-1 = absent), or ``None`` after a fault."""
        known = {*self.required, *self.optional}
        self.unknown = [name for name in header if name not in known]
        missing = [name for name in self.required if name not in header]
        twice = sorted({name for name in known if header.count(name) > 1})
        for name in missing:
            self.fault(name, "the column is missing")
        for name in twice:
            self.fault(name, "the column stands twice")
        if missing or twice:
            return None
        return [header.index(name) if name in header else -1 for name in (*self.required, *self.optional)]

    # --- cells -------------------------------------------------------------------------------------------------------

    def given(self, column: str, cell: str) -> str:
        """Return a cell that may not be empty."""
        if not cell:
            self.fault(column, "is empty")
        return cell

    def number(self, column: str, cell: str, *, most: float) -> float:
        """Return a number above 0 (by a thousandth, or a read would take no time or for ever) and at most ``most``."""
        value = float(cell) if _NUMBER.fullmatch(cell) else math.nan
        if math.isnan(value):
            self.fault(column, f"{shown(cell)} is not a number")
        elif not 0 < value <= most:
            self.fault(column, f"{shown(cell)} is not above 0 and at most {most:g}")
        elif value < _LEAST:
            self.fault(column, f"{shown(cell)} is implausibly small; at least {_LEAST:g} is needed")
        else:
            return value
        return 1.0

    def whole(self, column: str, cell: str, *, least: int, most: int) -> int:
        """Return a whole number from ``least`` to ``most``."""
        if not _WHOLE.fullmatch(cell):
            self.fault(column, f"{shown(cell)} is not a whole number of at least {least}")
        elif len(cell) > len(str(most)) or not least <= int(cell) <= most:
            self.fault(column, f"{shown(cell)} is not at least {least} and at most {most}")
        else:
            return int(cell)
        return least

    def instant(self, column: str, cell: str) -> datetime | None:
        """Return an instant with offset, in UTC; ``None`` after a fault."""
        try:
            # Python takes any character between date and time; ISO 8601 takes T, and people a blank
            value = datetime.fromisoformat(cell if "T" in cell or " " in cell else "")
        except ValueError:
            self.fault(column, f"{shown(cell)} is not an ISO 8601 instant" if cell else "is empty")
            return None
        if value.tzinfo is None:
            self.fault(column, f"{shown(cell)} has no offset from UTC")
        elif not FIRST_YEAR <= value.year <= LAST_YEAR:
            self.fault(column, f"{shown(cell)} is not between the years {FIRST_YEAR} and {LAST_YEAR}")
        else:
            return value if value.tzinfo is UTC else value.astimezone(UTC)
        return None

    def day(self, column: str, cell: str) -> date | None:
        """Return a day written ``YYYY-MM-DD``; ``None`` after a fault."""
        try:
            value = date.fromisoformat(cell)
        except ValueError:
            self.fault(column, f"{shown(cell)} is not a day written YYYY-MM-DD")
            return None
        # "31 December 9999" means for ever; so far ahead the last day that can be reckoned with says the same.
        return min(value, date(LAST_YEAR, 12, 31))


def entries(cell: str) -> list[str]:
    """Return the entries of a ``;`` list that are given."""
    return [entry for entry in cell.split(";") if entry]


def by_read(cell: str) -> tuple[str | None, ...]:
    """Return a list in read order: an empty entry is ``None``, empty ones at the end are left out."""
    if ";" not in cell:
        return (cell,) if cell else ()
    names = [name or None for name in cell.split(";")]
    while names and names[-1] is None:
        names.pop()
    return tuple(names)


def shown(cell: str) -> str:
    """Return a cell quoted for a message, shortened if it would flood the screen."""
    return repr(cell if len(cell) <= 60 else f"{cell[:57]}...")


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
