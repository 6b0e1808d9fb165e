"""Excel workbooks written by hand, so that the same cells are the same bytes wherever and whenever they are written.

A library would stamp the hour of writing into the file, and its next version or another build of zlib would write other
bytes. Only what the sample needs of ECMA-376: text, numbers, dates, error cells, bold titles. Parts are stored, not
compressed.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from xml.sax.saxutils import escape, quoteattr

Cell = str | int | float | datetime | None

ERRORS = frozenset({"#N/A", "#REF!", "#VALUE!", "#NAME?", "#DIV/0!"})
_BEFORE_EXCEL = datetime(1899, 12, 30)  # noqa: DTZ001 - a spreadsheet's day 0 has no time zone
_STAMP = (1980, 1, 1, 0, 0, 0)
_DECLARATION = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_DATE_STYLE, _BOLD_STYLE = 1, 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """One sheet: rows of cells, of which ``bold`` (counted from 0) are titles; ``widths`` of its columns."""

    name: str
    rows: Sequence[Sequence[Cell]]
    bold: frozenset[int] = frozenset()
    widths: Sequence[int] = field(default=())


def workbook_bytes(sheets: Sequence[Sheet], *, title: str) -> bytes:
    """Return an ``.xlsx`` file; ``title`` stands in its properties."""
    shared = _SharedStrings()
    parts = {f"xl/worksheets/sheet{number}.xml": _sheet(sheet, shared) for number, sheet in enumerate(sheets, start=1)}
    whole = {
        "[Content_Types].xml": _content_types(len(sheets)),
        "_rels/.rels": _relationships(
            [
                (f"{_OFFICE}/officeDocument", "xl/workbook.xml"),
                (f"{_PACKAGE}/relationships/metadata/core-properties", "docProps/core.xml"),
            ]
        ),
        "docProps/core.xml": _properties(title),
        "xl/workbook.xml": _workbook([sheet.name for sheet in sheets]),
        "xl/_rels/workbook.xml.rels": _relationships(
            [
                *((f"{_OFFICE}/worksheet", f"worksheets/sheet{number + 1}.xml") for number in range(len(sheets))),
                (f"{_OFFICE}/styles", "styles.xml"),
                (f"{_OFFICE}/sharedStrings", "sharedStrings.xml"),
            ]
        ),
        "xl/styles.xml": _STYLES,
        "xl/sharedStrings.xml": shared.part(),
        **parts,
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, text in whole.items():
            entry = zipfile.ZipInfo(name, _STAMP)
            entry.create_system = 0  # the same on every system
            archive.writestr(entry, (_DECLARATION + text).encode())
    return buffer.getvalue()


class _SharedStrings:
    """The texts of all sheets, each once."""

    def __init__(self) -> None:
        self._index: dict[str, int] = {}

    def index(self, text: str) -> int:
        return self._index.setdefault(text, len(self._index))

    def part(self) -> str:
        items = "".join(f'<si><t xml:space="preserve">{escape(text)}</t></si>' for text in self._index)
        return f'<sst xmlns="{_MAIN}" uniqueCount="{len(self._index)}">{items}</sst>'


def _sheet(sheet: Sheet, shared: _SharedStrings) -> str:
    widths = "".join(
        f'<col min="{number}" max="{number}" width="{width}" customWidth="1"/>'
        for number, width in enumerate(sheet.widths, start=1)
    )
    rows = "".join(
        f'<row r="{number + 1}">{_row(row, number, shared, bold=number in sheet.bold)}</row>'
        for number, row in enumerate(sheet.rows)
    )
    columns = f"<cols>{widths}</cols>" if widths else ""
    return f'<worksheet xmlns="{_MAIN}">{columns}<sheetData>{rows}</sheetData></worksheet>'


def _row(row: Sequence[Cell], number: int, shared: _SharedStrings, *, bold: bool) -> str:
    return "".join(
        _cell(value, f"{column_name(column)}{number + 1}", shared, bold=bold)
        for column, value in enumerate(row)
        if value is not None and value != ""
    )


def _cell(value: str | float | datetime, at: str, shared: _SharedStrings, *, bold: bool) -> str:
    if isinstance(value, datetime):
        days = (value - _BEFORE_EXCEL) / timedelta(days=1)
        return f'<c r="{at}" s="{_DATE_STYLE}"><v>{days:.10f}</v></c>'
    if isinstance(value, str):
        if value in ERRORS:
            return f'<c r="{at}" t="e"><v>{value}</v></c>'
        style = f' s="{_BOLD_STYLE}"' if bold else ""
        return f'<c r="{at}"{style} t="s"><v>{shared.index(value)}</v></c>'
    return f'<c r="{at}"><v>{value}</v></c>'


def column_name(number: int) -> str:
    """Return the letters of a column counted from 0: A, B, ... Z, AA."""
    letters = ""
    number += 1
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def _workbook(names: Sequence[str]) -> str:
    sheets = "".join(
        f'<sheet name={quoteattr(name)} sheetId="{number}" r:id="rId{number}"/>'
        for number, name in enumerate(names, start=1)
    )
    return f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>{sheets}</sheets></workbook>'


def _relationships(targets: Sequence[tuple[str, str]]) -> str:
    items = "".join(
        f'<Relationship Id="rId{number}" Type="{kind}" Target="{target}"/>'
        for number, (kind, target) in enumerate(targets, start=1)
    )
    return f'<Relationships xmlns="{_PACKAGE}/relationships">{items}</Relationships>'


def _content_types(sheets: int) -> str:
    overrides = {
        "xl/workbook.xml": f"{_TYPE}.sheet.main+xml",
        "xl/styles.xml": f"{_TYPE}.styles+xml",
        "xl/sharedStrings.xml": f"{_TYPE}.sharedStrings+xml",
        "docProps/core.xml": "application/vnd.openxmlformats-package.core-properties+xml",
        **{f"xl/worksheets/sheet{number + 1}.xml": f"{_TYPE}.worksheet+xml" for number in range(sheets)},
    }
    parts = "".join(f'<Override PartName="/{part}" ContentType="{kind}"/>' for part, kind in overrides.items())
    return (
        f'<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Default Extension="xml" ContentType="application/xml"/>{parts}</Types>'
    )


def _properties(title: str) -> str:
    return (
        f'<cp:coreProperties xmlns:cp="{_PACKAGE}/metadata/core-properties" '
        f'xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>{escape(title)}</dc:title></cp:coreProperties>'
    )


_STYLES = (
    f'<styleSheet xmlns="{_MAIN}">'
    '<numFmts count="1"><numFmt numFmtId="164" formatCode="dd/mm/yyyy hh:mm"/></numFmts>'
    '<fonts count="2"><font><sz val="11"/><name val="Calibri"/></font>'
    '<font><b/><sz val="11"/><name val="Calibri"/></font></fonts>'
    '<fills count="2"><fill><patternFill patternType="none"/></fill>'
    '<fill><patternFill patternType="gray125"/></fill></fills>'
    '<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
    '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
    '<cellXfs count="3"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>'
    '<xf numFmtId="164" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>'
    '<xf numFmtId="0" fontId="1" fillId="0" borderId="0" xfId="0" applyFont="1"/></cellXfs>'
    '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles>'
    "</styleSheet>"
)
