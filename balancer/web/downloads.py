"""Tables as files: CSV (RFC 4180, UTF-8 with a mark, for spreadsheets open it so) and Office Open XML workbooks."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from openpyxl import Workbook  # type: ignore[import-untyped]  # has no stubs
from openpyxl.cell import WriteOnlyCell  # type: ignore[import-untyped]
from openpyxl.styles import Font  # type: ignore[import-untyped]
from starlette.responses import Response

from balancer.domain.instant import LONDON
from balancer.web.tables import Medium, Table

_CSV: Final = "text/csv; charset=utf-8"
_XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_WIDEST: Final = 60
# A workbook's instants have no zone: its heads say which it is.
_ZONE: Final = " (London)"
Value = str | int | float | datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Column:
    """A column of a file: its name, its head, and its values from the first row to the last."""

    key: str
    head: str
    values: list[Value]


def download(table: Table, now: datetime) -> Response:
    """Return a table as the file that its view asks for; the name says of which minute (London) it is."""
    medium = table.view.medium
    content = _workbook(table) if medium is Medium.XLSX else _csv(table)
    stem = re.sub(r"[^a-z0-9]+", "-", table.name.lower()).strip("-")
    name = f"{stem}-{now.astimezone(LONDON):%Y-%m-%d-%H%M}.{medium.value}"
    return Response(
        content,
        media_type=_XLSX if medium is Medium.XLSX else _CSV,
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
    )


def _csv(table: Table) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    columns = list(_columns(table))
    writer.writerow(column.key for column in columns)
    writer.writerows([_plain(column.values[place]) for column in columns] for place in range(len(table.rows)))
    return out.getvalue().encode("utf-8-sig")


def _columns(table: Table) -> Iterator[_Column]:
    """Yield a table's columns as a file has them: after each what stands below it in grey, if that has a name."""
    for place, column in enumerate(table.columns):
        cells = [row.cells[place] for row in table.rows]
        head = _words(column.kept) if column.kept else column.head
        yield _Column(key=column.kept or column.key, head=head, values=[cell.kept for cell in cells])
        if column.second:
            yield _Column(key=column.second, head=_words(column.second), values=[cell.second for cell in cells])


def _words(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _plain(value: Value) -> str:
    """Return a value as CSV has it: instants in London's time with their offset; no text that a spreadsheet executes.

    A text that begins as a formula does is given an apostrophe before it (OWASP, CSV injection).
    """
    if isinstance(value, datetime):
        return value.astimezone(LONDON).isoformat(timespec="minutes")
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return f"'{value}"
    return "" if value is None else str(value)


def _workbook(table: Table) -> bytes:
    book = Workbook(write_only=True)
    sheet = book.create_sheet(re.sub(r"[\[\]:*?/\\]", " ", table.name)[:31])
    sheet.freeze_panes = "A2"
    columns = list(_columns(table))
    heads = [WriteOnlyCell(sheet, _headed(column)) for column in columns]
    for place, (column, head) in enumerate(zip(columns, heads, strict=True)):
        longest = max((len(str(value or "")) for value in column.values[:200]), default=0)
        sheet.column_dimensions[_letter(place)].width = min(max(longest, len(head.value)) + 2, _WIDEST)
        head.font = Font(bold=True)
    sheet.append(heads)
    for place in range(len(table.rows)):
        sheet.append([_in_workbook(sheet, column.values[place]) for column in columns])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _headed(column: _Column) -> str:
    """Return what a column of a workbook is headed: of one with instants also whose time they are."""
    return column.head + (_ZONE if any(isinstance(value, datetime) for value in column.values) else "")


def _letter(place: int) -> str:
    return chr(ord("A") + place) if place < 26 else f"A{chr(ord('A') + place - 26)}"


def _in_workbook(sheet: object, value: Value) -> object:
    """Return a value as a workbook has it: its instants know no zone, so they are London's; text is never a formula."""
    if isinstance(value, datetime):
        value = value.astimezone(LONDON).replace(tzinfo=None)
    cell = WriteOnlyCell(sheet, value)
    if isinstance(value, str):
        cell.data_type = "s"
    return cell
