"""An Excel workbook as rows of text.

pandas opens it, but its cells are taken as they stand: ``read_excel`` would turn error cells into nothing and forget on
which row of the sheet a study was.
"""

from __future__ import annotations

import io
import warnings
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any

import pandas as pd

from balancer.ingest.whole_file import NotReadableError, TextRow, TextSheet

# Beyond this a workbook is not a list of studies, and unpacking it would fill the machine.
_MOST_BYTES = 500_000_000
_OLD_OR_LOCKED = b"\xd0\xcf\x11\xe0"
# Above it a float no longer knows its last digit.
_EXACT = 1e15
_HALF_A_SECOND = timedelta(milliseconds=500)


def read_workbook_text(content: bytes, date_format: str) -> list[TextSheet]:
    """Return every sheet that is not hidden; dates are written in ``date_format``, as the sheet shows them.

    Raises
    ------
    NotReadableError
        If it is empty, no workbook, locked by a password, or broken.
    """
    if not content:
        raise NotReadableError("the file is empty")
    if content.startswith(_OLD_OR_LOCKED):
        raise NotReadableError("the workbook is locked by a password, or is an old .xls: save it as .xlsx without one")
    if not content.startswith(b"PK"):
        raise NotReadableError("the file is not an Excel workbook (.xlsx)")
    try:
        _refuse_bombs(content)
        return list(_sheets(content, date_format))
    except NotReadableError:
        raise
    except Exception as error:  # the libraries raise whatever they trip over in a broken archive
        raise NotReadableError(f"the file is not a whole Excel workbook ({type(error).__name__})") from error


def _refuse_bombs(content: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        size = sum(entry.file_size for entry in archive.infolist())
    if size > _MOST_BYTES:
        raise NotReadableError(f"the workbook unpacks to {size:,} bytes, which is no list of studies")


def _sheets(content: bytes, date_format: str) -> Iterator[TextSheet]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about styles and print settings, which nobody asked for
        with pd.ExcelFile(io.BytesIO(content), engine="openpyxl") as opened:
            book: Any = opened.book
            for sheet in book.worksheets:
                if sheet.sheet_state == "visible":
                    sheet.reset_dimensions()  # what a file says of its own size is often wrong
                    yield _sheet(sheet.title, sheet.iter_rows(values_only=True), date_format)


def _sheet(name: str, values: Iterator[tuple[Any, ...]], date_format: str) -> TextSheet:
    rows = [TextRow(line, [cell_text(cell, date_format) for cell in cells]) for line, cells in enumerate(values, 1)]
    while rows and rows[-1].blank:
        rows.pop()
    return TextSheet(name=name, rows=rows)


def cell_text(value: Any, date_format: str) -> str:
    """Return what a cell shows: whole numbers without a decimal point, dates in ``date_format`` if it loses nothing."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT:
        return str(int(value))
    if isinstance(value, datetime):
        return _date_text(value, date_format)
    return value.isoformat() if isinstance(value, date | time) else str(value)


def _date_text(value: datetime, date_format: str) -> str:
    value = (value + _HALF_A_SECOND).replace(microsecond=0)  # a day's fraction seldom is a whole second
    text = value.strftime(date_format)
    try:
        if datetime.strptime(text, date_format) == value:  # noqa: DTZ007 - a spreadsheet knows no time zones
            return text
    except ValueError:
        pass
    return value.isoformat(sep=" ")
