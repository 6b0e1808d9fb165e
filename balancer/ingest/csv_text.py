r"""A CSV file as rows of text.

The standard library takes the file apart rather than pandas, which pads rows that are too short, drops or refuses those
that are too long, and forgets which line a row came from: exactly what a trust's analyst has to be told.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from balancer.ingest.file_format import FileFormat
from balancer.ingest.whole_file import NotReadableError, TextRow, TextSheet

_BYTE_ORDER_MARK = "\ufeff"
_NEWLINES = ("\n", "\r")
# Files that are something else, by how they begin.
_OTHER = {
    b"PK\x03\x04": "is an Excel workbook or a zip archive, not CSV text",
    b"\xd0\xcf\x11\xe0": "is an old Excel workbook or is protected by a password; CSV text is expected",
    b"%PDF": "is a PDF; CSV text is expected",
    b"\x1f\x8b": "is compressed; CSV text is expected",
}


def read_csv_text(content: bytes, layout: FileFormat) -> list[TextSheet]:
    """Return the one sheet of a CSV file.

    Raises
    ------
    NotReadableError
        If it is empty, something else, or was cut short.
    """
    for beginning, what in _OTHER.items():
        if content.startswith(beginning):
            raise NotReadableError(f"the file {what}")
    text = _decoded(content, layout.encodings).removeprefix(_BYTE_ORDER_MARK)
    if not text.strip():
        raise NotReadableError("the file is empty")
    rows = list(_rows(text, layout))
    _refuse_cut(text, rows, layout)
    while rows[-1].blank:
        rows.pop()
    return [TextSheet(name="", rows=rows)]


def _refuse_cut(text: str, rows: list[TextRow], layout: FileFormat) -> None:
    """Refuse a file that ends in the middle of a row."""
    if text.endswith(_NEWLINES):
        return
    last, header = rows[-1], next((row for row in rows if row.line == layout.header_row), rows[0])
    if layout.ends_with_newline or (layout.footer is None and len(last.cells) < len(header.cells)):
        raise NotReadableError(f"the file was cut short: it ends in the middle of line {last.line}")


def _decoded(content: bytes, encodings: tuple[str, ...]) -> str:
    """Return the text in the first encoding that fits; where none does, what is unreadable becomes U+FFFD."""
    for encoding in encodings:
        try:
            return content.decode(encoding)
        except UnicodeError:
            continue
    return content.decode(encodings[0], errors="replace")


def _rows(text: str, layout: FileFormat) -> Iterator[TextRow]:
    """Yield the rows. A quotation mark out of place must not swallow the rows below it: those are read line by line."""
    lines = list(io.StringIO(text, newline=""))
    reader = csv.reader(lines, delimiter=layout.delimiter)
    width, before = 0, 0
    try:
        for cells in reader:
            after = reader.line_num
            if after - before > 1 and width and _swallowed(cells, layout.delimiter, width):
                yield from _line_by_line(lines[before:after], layout.delimiter, before)
            else:
                yield TextRow(before + 1, cells)
            if before + 1 == layout.header_row:
                width = len(cells)
            before = after
    except csv.Error:  # a cell longer than csv allows: the mark that opened it is never closed
        yield from _line_by_line(lines[before:], layout.delimiter, before)


def _swallowed(cells: list[str], delimiter: str, width: int) -> bool:
    """Tell whether a row of several lines holds other rows: its width is wrong, or a line within it is a row."""
    if len(cells) != width:
        return True
    return any(line.count(delimiter) >= width - 1 for cell in cells for line in cell.splitlines()[1:])


def _line_by_line(lines: list[str], delimiter: str, before: int) -> Iterator[TextRow]:
    """Yield a row a line; where quotation marks do not pair up they are left out."""
    for number, line in enumerate(lines, start=before + 1):
        paired = line if line.count('"') % 2 == 0 else line.replace('"', "")
        yield TextRow(number, next(csv.reader([paired], delimiter=delimiter), []))
