"""TOML as text: parsed, with the line on which each key stands, so that faults can point at it."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from typing import Any

from balancer.domain.errors import Fault

_NAME = r"""(?:[A-Za-z0-9_-]+|"[^"\n]*"|'[^'\n]*')"""
_DOTTED = rf"{_NAME}(?:\s*\.\s*{_NAME})*"
_TABLE = re.compile(rf"\s*\[(?P<array>\[)?\s*(?P<name>{_DOTTED})\s*\]")
_KEY = re.compile(rf"\s*(?P<name>{_DOTTED})\s*=")
_PART = re.compile(_NAME)
_AT_LINE = re.compile(r"\(at line (\d+)")


def parse_toml(content: str | bytes, file: str, faults: list[Fault]) -> tuple[dict[str, Any], str] | None:
    """Return the document and its text, or ``None`` with one fault added."""
    try:
        text = content.decode("utf-8-sig") if isinstance(content, bytes) else content
        # TOML itself wants LF or CRLF; a file saved on Windows must not fail for that.
        return tomllib.loads(text), text
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1 if isinstance(content, bytes) else None
        faults.append(Fault(file=file, line=line, reason="is not UTF-8"))
    except (ValueError, RecursionError) as error:  # an over-long number is a plain ValueError, not a TOMLDecodeError
        at = _AT_LINE.search(str(error))
        reason = f"is not TOML: {error}" if not isinstance(error, RecursionError) else "is nested too deeply"
        faults.append(Fault(file=file, line=int(at.group(1)) if at else None, reason=reason))
    return None


def lines_of_keys(text: str) -> dict[str, int]:
    """Return the line of each table, ``[[block]]`` and key, named as faults name them: ``exclude[2].rule``.

    Good for files laid out one key a line; a key written otherwise (inline) has no line of its own.
    """
    lines: dict[str, int] = {}
    section, blocks = "", Counter[str]()
    for number, line in enumerate(text.split("\n"), start=1):
        if table := _TABLE.match(line):
            section = _plain(table["name"])
            if table["array"]:
                blocks[section] += 1
                section = f"{section}[{blocks[section]}]"
            lines.setdefault(section, number)
        elif key := _KEY.match(line):
            name = _plain(key["name"])
            lines.setdefault(f"{section}.{name}" if section else name, number)
    return lines


def _plain(dotted: str) -> str:
    return ".".join(part.strip("\"'") for part in _PART.findall(dotted))


def short(value: object) -> str:
    """Return ``value`` as text that does not flood the screen."""
    text = f"{value!r}"
    return text if len(text) <= 60 else f"{text[:57]}..."
