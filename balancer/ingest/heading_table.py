"""Rows below a header become a frame with a column for each of our words, or are set aside as broken."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from balancer.domain.feed import QuarantinedRow, SourceRow
from balancer.ingest.file_format import CSV, FileFormat
from balancer.ingest.fold import folded
from balancer.ingest.reasons import Reason
from balancer.ingest.toml_text import short
from balancer.ingest.whole_file import NotReadableError, TextRow, TextSheet

# Where a header may have slipped to.
_LOOK_FOR_HEADER = 30
_NOT_DIGITS = re.compile(r"\D")


@dataclass(frozen=True, slots=True, kw_only=True)
class Headings:
    """Which headings hold what, by our word; cells below ``never_keep`` go into the frame but no further."""

    columns: Mapping[str, tuple[str, ...]]
    never_keep: frozenset[str] = frozenset()

    @property
    def wanted(self) -> dict[str, str]:
        """Every heading that must be there, by its folded form."""
        return {folded(heading): heading for headings in self.columns.values() for heading in headings}


@dataclass(slots=True, kw_only=True)
class Tabulated:
    """The data rows of a file: ``cells`` has our words as columns and is in the order of ``rows``.

    ``listed`` says of each row whether its sheet is one that the description names. Cells are text as it stands.
    """

    rows: list[SourceRow] = field(default_factory=list)
    cells: pd.DataFrame = field(default_factory=pd.DataFrame)
    listed: list[bool] = field(default_factory=list)
    broken: list[QuarantinedRow] = field(default_factory=list)


def tabulate(sheets: Sequence[TextSheet], layout: FileFormat, headings: Headings) -> Tabulated:
    """Return the data rows of every sheet.

    Raises
    ------
    NotReadableError
        If a sheet, a header or a column is missing, or a footer says that rows are.
    """
    table, frames = Tabulated(), []
    for sheet in _sheets_with_data(sheets, layout, headings):
        reader = _SheetReader(sheet, layout, headings)
        frames.append(reader.read(table))
        table.listed.extend([not layout.sheets or sheet.name in layout.sheets] * len(frames[-1]))
    table.cells = pd.concat(frames, ignore_index=True)
    return table


def retabulate(rows: Iterable[SourceRow], layout: FileFormat, headings: Headings) -> Tabulated:
    """Return rows that were kept, as if they stood in a file again; those that lack a needed cell are broken."""
    table, cells = Tabulated(), []
    for row in rows:
        by_heading = {folded(heading): cell for heading, cell in row.raw.items()}
        if headings.wanted.keys() - by_heading.keys():
            table.broken.append(_broken(row, "the row was kept without all of its cells"))
        else:
            table.rows.append(row)
            cells.append([" ".join(by_heading[folded(h)] for h in names) for names in headings.columns.values()])
    table.cells = pd.DataFrame(cells, columns=list(headings.columns), dtype=str)
    table.listed = [not layout.sheets or row.sheet in layout.sheets for row in table.rows]
    return table


def _sheets_with_data(sheets: Sequence[TextSheet], layout: FileFormat, headings: Headings) -> list[TextSheet]:
    """Return the sheets to be read: those named and whatever else has the header, or all that are not empty."""
    names = [sheet.name for sheet in sheets]
    missing = [name for name in layout.sheets if name not in names]
    if missing:
        raise NotReadableError(f"the workbook has no sheet {', '.join(map(repr, missing))}; it has {names}")
    if layout.sheets:
        return [sheet for sheet in sheets if sheet.name in layout.sheets or _has_header(sheet, layout, headings)]
    filled = [sheet for sheet in sheets if sheet.rows]
    if not filled:
        raise NotReadableError("the file is empty")
    return filled


def _has_header(sheet: TextSheet, layout: FileFormat, headings: Headings) -> bool:
    row = sheet.row(layout.header_row)
    return row is not None and headings.wanted.keys() <= set(map(folded, row.cells))


class _SheetReader:
    """Reads one sheet; ``where`` names it in messages."""

    def __init__(self, sheet: TextSheet, layout: FileFormat, headings: Headings) -> None:
        self.sheet = sheet
        self.layout = layout
        self.wanted = headings.wanted
        self.headings = headings
        self.where = f"sheet {sheet.name!r}, " if sheet.name else ""

    def read(self, table: Tabulated) -> pd.DataFrame:
        """Add the sheet's rows to ``table`` and return their cells."""
        header = self._header()
        places = self._places(header)
        width, names = len(header.cells), _unique(header.cells)
        kept = [place for place, name in enumerate(names) if folded(name) not in self.headings.never_keep]
        whole: list[list[str]] = []
        for row in self._data_rows(header):
            cells = row.cells
            if self.layout.type != CSV:
                cells = [*cells, *[""] * (width - len(cells))]
                while len(cells) > width and not cells[-1].strip():
                    cells.pop()
            if len(cells) == width:
                whole.append(cells)
                raw = {names[place]: cells[place] for place in kept}
                table.rows.append(SourceRow(line=row.line, sheet=self.sheet.name, raw=raw))
            else:
                table.broken.append(self._broken(row, cells, width, kept))
        frame = pd.DataFrame(whole, columns=range(width), dtype=str)
        return pd.DataFrame({word: _joined(frame, at) for word, at in places.items()}, index=frame.index)

    def _broken(self, row: TextRow, cells: Sequence[str], width: int, kept: Sequence[int]) -> QuarantinedRow:
        """Return a row of the wrong length; of cells that may not be kept it is not known where they are."""
        safe = len(cells) if len(kept) == width else min(set(range(width)) - set(kept))
        raw = {f"cell {place}": cell for place, cell in enumerate(cells[:safe], start=1)}
        source = SourceRow(line=row.line, sheet=self.sheet.name, raw=raw)
        return _broken(source, f"the row has {len(cells)} cells where the header has {width}")

    def _header(self) -> TextRow:
        row = self.sheet.row(self.layout.header_row)
        found = self._found(row)
        if row is None or not found:
            raise NotReadableError(
                f"{self.where}line {self.layout.header_row} is not the header: none of the headings expected stands "
                f"there{self._hint()}"
            )
        missing = [heading for key, heading in self.wanted.items() if key not in found]
        if missing:
            spare = [cell.strip() for cell in row.cells if cell.strip() and folded(cell) not in self.wanted]
            named = ", ".join(_with_nearest(heading, spare) for heading in missing)
            raise NotReadableError(f"{self.where}line {row.line} has no column {named}")
        twice = sorted(heading for key, heading in self.wanted.items() if list(map(folded, row.cells)).count(key) > 1)
        if twice:
            raise NotReadableError(f"{self.where}line {row.line} has the column {', '.join(map(repr, twice))} twice")
        return row

    def _found(self, row: TextRow | None) -> set[str]:
        return {folded(cell) for cell in row.cells} & self.wanted.keys() if row else set()

    def _hint(self) -> str:
        for row in self.sheet.rows[:_LOOK_FOR_HEADER]:
            if 2 * len(self._found(row)) > len(self.wanted):
                return f"; it seems to stand on line {row.line} (set header_row = {row.line})"
        return ""

    def _places(self, header: TextRow) -> dict[str, list[int]]:
        at = {folded(cell): place for place, cell in enumerate(header.cells)}
        return {word: [at[folded(name)] for name in names] for word, names in self.headings.columns.items()}

    def _data_rows(self, header: TextRow) -> list[TextRow]:
        """Return what stands below the header but blank rows, the header repeated, and the footer, which must agree."""
        rows = [row for row in self.sheet.rows if row.line > header.line and not row.blank]
        if self.layout.footer is None:
            return [row for row in rows if row.cells != header.cells]
        found = self.layout.footer.search(rows[-1].text) if rows else None
        if found is None:
            raise NotReadableError(f"{self.where}the last row is not the footer expected: the file was cut short")
        data = [row for row in rows[:-1] if row.cells != header.cells]
        if _NOT_DIGITS.sub("", found.group(1) or "") != str(len(data)):
            raise NotReadableError(
                f"{self.where}the footer on line {rows[-1].line} counts {short(found.group(1))} rows and there are "
                f"{len(data)}: the file is not whole"
            )
        return data


def _broken(row: SourceRow, detail: str) -> QuarantinedRow:
    return QuarantinedRow(row=row, column="", reason=Reason.BROKEN_ROW, detail=detail)


def _joined(frame: pd.DataFrame, places: Sequence[int]) -> pd.Series[str]:
    joined: pd.Series[str] = frame[places[0]]
    for place in places[1:]:
        joined = joined + " " + frame[place]
    return joined


def _unique(cells: Sequence[str]) -> list[str]:
    """Return names for all columns: those without a heading are numbered, and so are those that stand twice."""
    names: list[str] = []
    for number, cell in enumerate(cells, start=1):
        name = cell.strip() or f"column {number}"
        names.append(name if name not in names else f"{name} (column {number})")
    return names


def _with_nearest(heading: str, spare: Sequence[str]) -> str:
    near = difflib.get_close_matches(heading, spare, n=1)
    return f"{heading!r} (is it {near[0]!r}?)" if near else repr(heading)
