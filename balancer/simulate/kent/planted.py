"""What is wrong with the sample's extracts, and what only looks wrong: a table of named kinds, planted one by one.

Every planted row is remembered with what ingest must make of it, so that a test can prove that ingest finds these and
nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

import numpy as np

from balancer.simulate.kent.workbook import Cell


class Heap(StrEnum):
    """Where ingest must put a row."""

    ACCEPTED = "accepted"
    QUARANTINED = "quarantined"
    DUPLICATE = "duplicate"
    EXCLUDED = "excluded"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of an extract: cells by role; ``extra`` cells are inserted after the name, negative ones cut off."""

    sheet: str
    cells: Mapping[str, Cell]
    accession_number: str
    kind: str = ""
    heap: Heap = Heap.ACCEPTED
    extra: int = 0


class Kind(NamedTuple):
    """One way in which a single row is wrong: by trust, what replaces its cells, one mapping a row."""

    name: str
    cells: Mapping[str, Sequence[Mapping[str, Cell]]]
    heap: Heap = Heap.QUARANTINED


def _each(role: str, *values: Cell) -> list[dict[str, Cell]]:
    return [{role: value} for value in values]


def _exams(*pairs: tuple[str, str]) -> list[dict[str, Cell]]:
    return [{"code": code, "name": name} for code, name in pairs]


_FAR = datetime(2026, 8, 3, 9, 30)  # noqa: DTZ001 - a spreadsheet's cell: 8 March, its day and month exchanged

KINDS: tuple[Kind, ...] = (
    Kind(
        "unreadable date",
        {
            "RVV": _each("acquired", "not recorded", "13/13/2026 10:00", "Tue 24 Feb", "24.02.2026"),
            "RWF": _each("acquired", "see PACS", "Feb 2026", "14/22/2026 09:00"),
            "RPA": _each("acquired", "?", "24-02-2026", "09:41"),
        },
    ),
    Kind(
        "day that does not exist",
        {
            "RVV": _each("acquired", "31/02/2026 09:15", "30/02/2026 14:00"),
            "RWF": _each("acquired", "31/02/2026 10:15", "29/02/2026 08:30"),
            "RPA": _each("acquired", "2026-02-31 11:00:00", "2026-02-30 16:20:00"),
        },
    ),
    Kind(
        "date in the future",
        {
            "RVV": _each("acquired", "12/03/2026 09:30", "02/03/2062 08:00", "27/02/2027 11:15"),
            "RWF": _each("acquired", _FAR, _FAR.replace(year=2027, month=2)),
            "RPA": _each("acquired", "2026-03-05 10:00:00", "2206-02-27 15:45:00"),
        },
    ),
    Kind(
        "date a century ago",
        {
            "RVV": _each("acquired", "27/02/1926 11:05"),
            "RPA": _each("acquired", "1926-02-27 11:05:00"),
        },
    ),
    Kind("no date", {"RVV": _each("acquired", ""), "RWF": _each("acquired", None), "RPA": _each("acquired", "")}),
    Kind(
        "unknown examination",
        {
            "RVV": _exams(("XXXXX", "To be confirmed"), ("ZZ999", ""), ("CTHEAD1", "Protocol 17"), ("Q", "Q")),
            "RWF": _exams(("NEWCODE", "New examination"), ("ZRESCH", "Research protocol 4")),
            "RPA": _exams(("", "Head^1_Head_SAFIRE (Adult)"), ("", "MEDWAY^Protocol 3"), ("ZZ999", "")),
        },
    ),
    Kind("no examination", {trust: _exams(("", "")) for trust in ("RVV", "RWF", "RPA")}),
    Kind(
        "name cut so short that it means several examinations",
        {
            "RPA": _exams(
                ("", "CT Angiogram"),
                ("", "XR Knee"),
                ("", "MEDWAY^XR Wrist"),
                ("", "MRI P"),
                ("", "CT Tho"),
                ("", "US"),
            )
        },
    ),
    Kind(
        "unknown priority",
        {
            "RVV": _each("priority", "9", "0", "P1", "soon"),
            "RWF": _each("priority", "ASAP", "2 weeks", "Clinic Thursday"),
            "RPA": _each("priority", "X", "?", "7"),
        },
    ),
    Kind(
        "no priority", {"RVV": _each("priority", "", ""), "RWF": _each("priority", None), "RPA": _each("priority", "")}
    ),
    Kind(
        "no accession number",
        {"RVV": _each("accession", "", "  "), "RWF": _each("accession", None, " "), "RPA": _each("accession", "", "")},
    ),
    Kind("unknown hospital", {"RVV": _each("site", "Margate"), "RPA": _each("site", "Gravesend clinic")}),
    Kind(
        "text where the NHS number belongs",
        {
            "RVV": _each("nhs", "NOT KNOWN", "see notes"),
            "RWF": _each("nhs", "unknown", "to be traced"),
            "RPA": _each("nhs", "awaiting trace"),
        },
    ),
    Kind(
        "error cell of a spreadsheet",
        {
            "RVV": _each("priority", "#N/A"),
            "RWF": [
                *({"code": "#N/A", "name": "#N/A"}, {"code": "#REF!", "name": "#REF!"}),
                *_each("priority", "#REF!"),
                *_each("acquired", "#VALUE!"),
                *_each("nhs", "#NAME?"),
            ],
        },
    ),
)

# How many rows of each trust are wrong in ways that take more than other cells.
_WRONG_NHS = {"RVV": 5, "RWF": 4, "RPA": 3}
_DUPLICATES = {"RVV": 6, "RWF": 4, "RPA": 5}
_CONTRADICTIONS = {"RVV": 3, "RWF": 2, "RPA": 2}
_TOO_FEW = {"RVV": 2, "RPA": 2}
_TOO_MANY = {"RVV": 2, "RPA": 2}
# And in how many the blanks, small letters and groups of digits are harmless.
_BLANKS = {"RVV": 12, "RWF": 9, "RPA": 10}
_SMALL = {"RVV": 6, "RWF": 6, "RPA": 6}
_GROUPED = {"RVV": 8, "RPA": 5}


class Planter:
    """Plants the kinds into one trust's rows, each in a clean row of its own."""

    def __init__(self, rng: np.random.Generator, trust: str, rows: Sequence[Row]) -> None:
        self._rng = rng
        self._trust = trust
        self.rows = list(rows)
        clean = [index for index, row in enumerate(rows) if not row.kind]
        self._clean = [clean[index] for index in rng.permutation(len(clean))]

    def plant(self) -> list[Row]:
        """Return the rows with everything planted."""
        for kind in KINDS:
            for cells in kind.cells.get(self._trust, ()):
                self._spoil(kind.name, kind.heap, cells)
        self._many(_WRONG_NHS, "wrong check digit of the NHS number", Heap.QUARANTINED, self._wrong_nhs)
        self._many(_BLANKS, "blanks around cells", Heap.ACCEPTED, _blanks)
        self._many(_SMALL, "small letters", Heap.ACCEPTED, _small_letters)
        self._many(_GROUPED, "NHS number in groups", Heap.ACCEPTED, _grouped)
        for counts, extra, name in ((_TOO_FEW, -7, "too few cells"), (_TOO_MANY, 1, "too many cells")):
            for _ in range(counts.get(self._trust, 0)):
                self._spoil(name, Heap.QUARANTINED, {}, extra=extra)
        copies = [self._copy("identical duplicate", Heap.DUPLICATE) for _ in range(_DUPLICATES[self._trust])]
        copies += [self._contradiction() for _ in range(_CONTRADICTIONS[self._trust])]
        for copy in copies:
            # some way below the original, in the same sheet
            places = [index for index, row in enumerate(self.rows) if row.sheet == copy.sheet]
            original = next(i for i in places if self.rows[i].accession_number == copy.accession_number)
            below = [index for index in places if index >= original]
            self.rows.insert(below[int(self._rng.integers(len(below)))] + 1, copy)
        return self.rows

    def _many(self, counts: Mapping[str, int], name: str, heap: Heap, how: Callable[[Row], Mapping[str, Cell]]) -> None:
        for _ in range(counts.get(self._trust, 0)):
            index = self._next_clean()
            self._spoil(name, heap, how(self.rows[index]), index=index)

    def _next_clean(self) -> int:
        """Return where a clean row with an NHS number stands, and never return it again."""
        index: int = next(i for i in self._clean if self.rows[i].cells["nhs"])
        self._clean.remove(index)
        return index

    def _spoil(
        self, name: str, heap: Heap, cells: Mapping[str, Cell], *, extra: int = 0, index: int | None = None
    ) -> Row:
        """Change cells of one clean row, and return it."""
        index = self._next_clean() if index is None else index
        row = self.rows[index]
        self.rows[index] = replace(row, cells={**row.cells, **cells}, kind=name, heap=heap, extra=extra)
        return self.rows[index]

    def _wrong_nhs(self, row: Row) -> dict[str, Cell]:
        """Exchange the last digit for another."""
        digits = "".join(str(row.cells["nhs"]).split())
        wrong = digits[:-1] + str((int(digits[-1]) + int(self._rng.integers(1, 10))) % 10)
        return {"nhs": int(wrong) if isinstance(row.cells["nhs"], int) else wrong}

    def _copy(self, name: str, heap: Heap) -> Row:
        """Return a copy of a clean row; of the two the later is the duplicate."""
        return replace(self.rows[self._next_clean()], kind=name, heap=heap)

    def _contradiction(self) -> Row:
        """Return a second row of one study that says something else; nobody can tell which is right."""
        name = "two rows of one study that contradict each other"
        row = self._spoil(name, Heap.QUARANTINED, {})
        other = self.rows[self._clean[0]]
        changed = (
            {"code": "CSKUH", "name": "CT Head"}
            if row.cells["name"] != "CT Head"
            else {"code": "XCHES", "name": "XR Chest"}
        )
        return replace(row, cells={**row.cells, **changed, "local": other.cells["local"]})


def _blanks(row: Row) -> dict[str, Cell]:
    return {
        "accession": f"{row.cells['accession']}  ",
        "code": f" {row.cells['code']} " if row.cells["code"] else "",
        "priority": f"{row.cells['priority']} ",
        "local": f"  {row.cells['local']}",
    }


def _small_letters(row: Row) -> dict[str, Cell]:
    return {role: str(row.cells[role]).lower() for role in ("code", "name", "priority")}


def _grouped(row: Row) -> dict[str, Cell]:
    digits = "".join(str(row.cells["nhs"]).split())
    return {"nhs": f"{digits[:3]} {digits[3:6]} {digits[6:]}"}
