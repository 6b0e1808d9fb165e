"""A file as rows of text, each with the line an analyst sees it on; or the reason why it is no such file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from balancer.domain.errors import BalancerError


class NotReadableError(BalancerError):
    """Nothing of a file can be relied on; the message says why, in words for the trust's analyst."""


class TextRow(NamedTuple):
    """One row: where it begins, counted from 1, and its cells as text."""

    line: int
    cells: list[str]

    @property
    def blank(self) -> bool:
        """Whether nothing stands in it."""
        return not any(self.cells) or not "".join(self.cells).strip()

    @property
    def text(self) -> str:
        """The cells that are not empty, joined by blanks."""
        return " ".join(cell.strip() for cell in self.cells if cell.strip())


@dataclass(frozen=True, slots=True, kw_only=True)
class TextSheet:
    """One sheet, or a whole CSV file (whose ``name`` is empty), blank rows included up to the last that is not."""

    name: str
    rows: list[TextRow]

    def row(self, line: int) -> TextRow | None:
        """Return the row that begins on ``line``."""
        if line <= len(self.rows) and self.rows[line - 1].line == line:
            return self.rows[line - 1]
        return next((row for row in self.rows if row.line == line), None)
