"""One TOML file, key by key: values checked as they are asked for, faults and keys nobody reads on lists."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, overload

from balancer.domain.errors import Fault
from balancer.ingest.toml_text import lines_of_keys, parse_toml, short

# A moment that no two fields of a date format write alike.
_PROBE = datetime(2026, 3, 4, 17, 28, 39)  # noqa: DTZ001 - only formatted and read back


class TomlFile:
    """What the sections of one file share: its name, its lines, its faults; ``top`` is the section that holds all."""

    def __init__(self, path: Path, faults: list[Fault], *, file: str = "") -> None:
        self.file = file or path.name
        self.faults = faults
        self.lines: dict[str, int] = {}
        self.sections: list[Section] = []
        self.readable = False
        self.top = Section(self, "", self._document(path))

    def _document(self, path: Path) -> Mapping[str, Any]:
        try:
            content = path.read_bytes()
        except OSError as error:
            reason = "the file is missing" if isinstance(error, FileNotFoundError) else f"{error.strerror}"
            self.faults.append(Fault(file=self.file, reason=reason))
            return {}
        parsed = parse_toml(content, self.file, self.faults)
        if parsed is None:
            return {}
        self.readable = True
        document, text = parsed
        self.lines = lines_of_keys(text)
        return document

    def unknown_keys(self) -> tuple[str, ...]:
        """Return one warning naming every key nobody asked for and what it may have meant; none if all are known."""
        named = [text for section in self.sections for text in section.unknown()]
        return (f"{self.file}: ignored unknown keys: {', '.join(named)}",) if named else ()


class Section:
    """One table of a TOML file. Every method that reads returns a harmless value after noting a fault."""

    def __init__(self, of: TomlFile, path: str, values: Mapping[str, Any]) -> None:
        self.of = of
        self.path = path
        self.values = values
        self.asked: set[str] = set()
        self.below: dict[str, Section] = {}
        of.sections.append(self)

    def __contains__(self, key: str) -> bool:
        return key in self.values

    def key(self, key: str) -> str:
        """Return the dotted name of ``key``, as faults show it."""
        return f"{self.path}.{key}" if self.path and key else self.path or key

    def fault(self, key: str, reason: str) -> None:
        """Note a fault of one key, or of the section itself if ``key`` is empty."""
        name = self.key(key)
        line = self.of.lines.get(name, self.of.lines.get(self.path))
        self.of.faults.append(Fault(file=self.of.file, line=line, column=name or None, reason=reason))

    def unknown(self) -> Iterator[str]:
        """Yield each key nobody asked for, with the nearest one that somebody did."""
        for name in self.values:
            if name not in self.asked:
                near = difflib.get_close_matches(name, self.asked - set(self.values), n=1)
                yield f"{self.key(name)!r} (did you mean {near[0]!r}?)" if near else f"{self.key(name)!r}"

    def _get(self, key: str) -> Any:
        self.asked.add(key)
        return self.values.get(key)

    # --- single values -----------------------------------------------------------------------------------------------

    def text(self, key: str, *, default: str | None = None) -> str:
        """Return a text that is not empty; without ``default`` it must be there."""
        value = self._get(key)
        if value is None:
            if default is None:
                self.fault(key, "is missing")
            return default or ""
        if not isinstance(value, str) or not value.strip():
            self.fault(key, f"{short(value)} is not text" if value != "" else "is empty")
            return default or ""
        return value

    def texts(self, key: str, *, default: Sequence[str] | None = None) -> tuple[str, ...]:
        """Return a text, or a list of texts, as a tuple."""
        value = self._get(key)
        if value is None:
            if default is None:
                self.fault(key, "is missing")
            return tuple(default or ())
        entries = value if isinstance(value, list) else [value]
        if not entries or not all(isinstance(entry, str) and entry.strip() for entry in entries):
            self.fault(key, f"{short(value)} is neither text nor a list of texts")
            return tuple(default or ())
        return tuple(entries)

    def choice(self, key: str, options: Collection[str], *, default: str | None = None) -> str:
        """Return one of ``options``; the first of them after a fault."""
        value = self.text(key, default=default)
        if value in options:
            return value
        if value:
            self.fault(key, f"{short(value)} is none of {', '.join(map(repr, options))}")
        return next(iter(options))

    def flag(self, key: str, *, default: bool) -> bool:
        """Return true or false."""
        value = self._get(key)
        if value is None:
            return default
        if not isinstance(value, bool):
            self.fault(key, f"{short(value)} is neither true nor false")
            return default
        return value

    @overload
    def number(self, key: str, *, most: float, default: float) -> float: ...
    @overload
    def number(self, key: str, *, most: float, default: None = None) -> float | None: ...
    def number(self, key: str, *, most: float, default: float | None = None) -> float | None:
        """Return a number above 0 and at most ``most``, or ``default`` if it is not given."""
        value = self._get(key)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
            self.fault(key, f"{short(value)} is not a number")
        elif not 0 < value <= most:
            self.fault(key, f"{short(value)} is not above 0 and at most {most:g}")
        else:
            return float(value)
        return default

    def whole(self, key: str, *, most: int, default: int, least: int = 1) -> int:
        """Return a whole number from ``least`` to ``most``, or ``default`` if it is not given."""
        value = self._get(key)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            self.fault(key, f"{short(value)} is not a whole number from {least} to {most}")
            return default
        return value

    def instant(self, key: str) -> datetime | None:
        """Return an instant with offset, ``None`` if it is not given."""
        value = self._get(key)
        if value is None:
            return None
        if not isinstance(value, datetime) or value.tzinfo is None:
            self.fault(key, f"{value} is not a date and time with offset, such as 2026-03-02T07:30:00+00:00")
            return None
        return value.astimezone(UTC)

    def pattern(self, key: str, *, default: str | None = None) -> re.Pattern[str] | None:
        """Return a regular expression with exactly one group; ``None`` if it is not given and need not be."""
        if key not in self.values and default is None:
            self._get(key)
            return None
        try:
            pattern = re.compile(self.text(key, default=default))
        except re.error as error:
            self.fault(key, f"is not a regular expression: {error}")
            return None
        if pattern.groups != 1:
            self.fault(key, f"needs one group in brackets for what is to be read; it has {pattern.groups}")
            return None
        return pattern

    def date_formats(self, key: str, *, default: Sequence[str] | None = None) -> tuple[str, ...]:
        """Return date formats in the letters of ``strptime``, each of which can be written and read back."""
        formats = self.texts(key, default=default)
        for text in formats:
            try:
                # with an offset the probe needs one
                probe = _PROBE.astimezone() if "%z" in text else _PROBE
                datetime.strptime(probe.strftime(text), text)  # noqa: DTZ007 - only whether it can be read
            except ValueError as error:
                self.fault(key, f"{text!r} is not a date format: {error}")
            if "%" not in text:
                self.fault(key, f"{text!r} holds no field such as %d or %H")
        return formats

    # --- tables ------------------------------------------------------------------------------------------------------

    def section(self, key: str, *, required: bool = False) -> Section:
        """Return a table below this one, the same one every time; an empty one if it is not there."""
        if key in self.below:
            return self.below[key]
        value = self._get(key)
        if value is not None and not isinstance(value, dict):
            self.fault(key, "must be a table")
        elif value is None and required:
            self.fault(key, "the table is missing")
        self.below[key] = Section(self.of, self.key(key), value if isinstance(value, dict) else {})
        return self.below[key]

    def sections(self, key: str) -> list[Section]:
        """Return the ``[[blocks]]`` of that name."""
        value = self._get(key)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(block, dict) for block in value):
            self.fault(key, f"must be [[{key}]] blocks")
            return []
        return [Section(self.of, f"{self.key(key)}[{number}]", block) for number, block in enumerate(value, start=1)]

    def named_sections(self, key: str) -> dict[str, Section]:
        """Return the tables of a table by their names: ``[activity.REP]``, ``[activity.MDT]``."""
        parent = self.section(key, required=True)
        return {name: parent.section(name) for name in parent.values}

    def words(self, key: str, *, required: bool = False) -> dict[str, str]:
        """Return a table of texts: their word = ours."""
        table = self.section(key, required=required)
        return {name: table.text(name) for name in table.values}
