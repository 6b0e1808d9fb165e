"""Tables as files: CSV (RFC 4180, UTF-8 with a mark, for spreadsheets open it so) and Office Open XML workbooks."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
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
Value = str | int | float | datetime | None


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
    writer.writerow(column.key for column in table.columns)
    writer.writerows([_plain(value) for value in row] for row in _values(table))
    return out.getvalue().encode("utf-8-sig")


def _values(table: Table) -> Iterator[list[Value]]:
    for row in table.rows:
        yield [cell.kept for cell in row.cells]


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
    for place, column in enumerate(table.columns):
        longest = max((len(str(row.cells[place].kept or "")) for row in table.rows[:200]), default=0)
        sheet.column_dimensions[_letter(place)].width = min(max(longest, len(column.head)) + 2, _WIDEST)
    heads = [WriteOnlyCell(sheet, column.head) for column in table.columns]
    for head in heads:
        head.font = Font(bold=True)
    sheet.append(heads)
    for row in _values(table):
        sheet.append([_in_workbook(sheet, value) for value in row])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


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
