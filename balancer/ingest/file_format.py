"""What descriptions of feeds and rosters have in common: where files lie, how they are laid out, how they tell time."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from balancer.ingest.toml_section import Section

CSV, XLSX = "csv", "xlsx"
FILENAME, TITLE = "filename", "title"
LONDON, UTC_ZONE = "Europe/London", "UTC"
_MOST_MINUTES = 10_080
_MOST_ROW = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop:
    """Where a source drops its files, and how often to look; ``folder`` is absolute."""

    folder: Path
    pattern: str
    refresh_minutes: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFormat:
    """How a file is laid out. Rows count from 1; no ``sheets`` means all of them.

    ``footer`` matches the last row's cells joined by blanks, its group the number of data rows above it.
    ``ends_with_newline`` says that a CSV which does not has been cut.
    """

    type: str
    delimiter: str = ","
    encodings: tuple[str, ...] = ("utf-8",)
    header_row: int = 1
    sheets: tuple[str, ...] = ()
    footer: re.Pattern[str] | None = None
    ends_with_newline: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """Where a file says when it was made, or from when it holds: in its name, or in a row above the header."""

    source: str
    row: int
    pattern: re.Pattern[str]
    format: str

    def find(self, text: str) -> datetime | None:
        """Return the wall-clock time that ``text`` holds, ``None`` if it holds none."""
        found = self.pattern.search(text)
        try:
            return datetime.strptime(found.group(1), self.format) if found else None  # noqa: DTZ007 - wall-clock time
        except (ValueError, TypeError):  # a day that does not exist, or a group that took no part
            return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What every description says of its source; ``warnings`` is for people."""

    name: str
    trust: str
    drop: Drop
    format: FileFormat
    zone: str
    warnings: tuple[str, ...] = field(default=(), compare=False)


def read_drop(top: Section, beside: Path) -> Drop:
    """Return where files are dropped; a relative ``folder`` is seen from the description itself."""
    return Drop(
        folder=(beside.parent / top.text("folder")).resolve(),
        pattern=top.text("pattern", default="*"),
        refresh_minutes=top.number("refresh_minutes", most=_MOST_MINUTES, default=15.0),
    )


def read_format(section: Section) -> FileFormat:
    """Return how files are laid out."""
    kind = section.choice("type", (CSV, XLSX))
    delimiter = section.text("delimiter", default=",") if kind == CSV else ","
    if len(delimiter) != 1 or delimiter in '"\r\n':
        section.fault("delimiter", f"{delimiter!r} is not one character")
        delimiter = ","
    sheets = section.texts("sheets", default=("all",)) if kind == XLSX else ("all",)
    return FileFormat(
        type=kind,
        delimiter=delimiter,
        encodings=_encodings(section) if kind == CSV else (),
        header_row=section.whole("header_row", most=_MOST_ROW, default=1),
        sheets=() if sheets == ("all",) else sheets,
        footer=section.pattern("footer"),
        ends_with_newline=section.flag("ends_with_newline", default=False) if kind == CSV else False,
    )


def _encodings(section: Section) -> tuple[str, ...]:
    encodings = section.texts("encoding", default=("utf-8", "cp1252"))
    for encoding in encodings:
        try:
            "".encode(encoding)
        except LookupError:
            section.fault("encoding", f"{encoding!r} is not a character encoding; try 'utf-8', 'utf-8-sig' or 'cp1252'")
    return encodings


def read_zone(section: Section) -> str:
    """Return the zone of wall-clock times."""
    return section.choice("zone", (LONDON, UTC_ZONE), default=LONDON)


def read_stamp(section: Section) -> Stamp | None:
    """Return where a file says when it was made; ``None`` if the description does not say, or after a fault."""
    source = section.choice("from", (FILENAME, TITLE))
    pattern = section.pattern("pattern", default="")
    formats = section.date_formats("format")
    row = section.whole("row", most=_MOST_ROW, default=1)
    if pattern is None or not formats:
        return None
    return Stamp(source=source, row=row, pattern=pattern, format=formats[0])
