"""``trusts.csv`` and ``exams.csv`` of a problem folder."""

from __future__ import annotations

from collections.abc import Sequence

from balancer.domain.errors import Fault, InvalidValueError
from balancer.domain.network import Examination, Trust
from balancer.domain.pacs_link import PacsLink
from balancer.ingest.problem_table import Table, shown

TRUST_COLUMNS = ("trust", "name")
TRUST_OPTIONAL = ("pacs_link",)
EXAM_COLUMNS = ("exam_code", "name", "modality", "body_region", "subspecialty", "minutes")
EXAM_OPTIONAL = ("reads",)

# A report that takes two years and a study that needs a hundred readers are slips of the hand.
MOST_MINUTES = 1_000_000.0
MOST_READS = 100


class Names:
    """The names one file defines, each with the line it first stood on; it tells whether others may refer to them.

    If the file itself could not be read, ``complete`` is false and no reference to it is called unknown: the one
    fault that matters is that the file could not be read.
    """

    def __init__(self) -> None:
        self.line_of: dict[str, int] = {}
        self.complete = False

    def define(self, table: Table, column: str, name: str) -> None:
        """Note that the row in hand defines ``name``; a second definition is a fault."""
        if not table.given(column, name):
            return
        first = self.line_of.setdefault(name, table.line)
        if first != table.line:
            table.fault(column, f"{shown(name)} already stands on line {first}")

    def refer(self, table: Table, column: str, name: str, what: str) -> None:
        """Note a fault if nobody defined ``name``."""
        if name not in self.line_of and self.complete:
            table.fault(column, f"{shown(name)} is not {what}")


def read_trusts(table: Table) -> tuple[list[Trust], Names]:
    """Return the trusts of ``trusts.csv`` and their codes."""
    trusts, names, before = [], Names(), len(table.faults)
    for code, name, link in table.rows():
        names.define(table, "trust", code)
        _refuse_separators(table, "trust", code)
        trusts.append(Trust(code=code, name=name, pacs_link=_link(table, link)))
    names.complete = bool(names.line_of) or len(table.faults) == before
    return trusts, names


def _link(table: Table, cell: str) -> PacsLink | None:
    try:
        return PacsLink(cell) if cell else None
    except InvalidValueError as error:
        table.fault("pacs_link", error.reason)
        return None


def read_examinations(table: Table) -> tuple[dict[str, Examination | None], Names]:
    """Return the catalogue by code; ``None`` stands for a row at fault, which studies may still refer to."""
    exams: dict[str, Examination | None] = {}
    names, at_start = Names(), len(table.faults)
    for cells in table.rows():
        before = len(table.faults)
        code = cells[0]
        names.define(table, "exam_code", code)
        exam = _examination(table, cells)
        exams.setdefault(code, exam if len(table.faults) == before else None)
    names.complete = bool(names.line_of) or len(table.faults) == at_start
    return exams, names


def _examination(table: Table, cells: Sequence[str]) -> Examination:
    code, name, modality, body_region, subspecialty, minutes, reads = cells
    return Examination(
        code=code,
        name=name,
        modality=table.given("modality", modality),
        body_region=body_region,
        subspecialty=table.given("subspecialty", subspecialty),
        minutes=table.number("minutes", minutes, most=MOST_MINUTES),
        reads=table.whole("reads", reads, least=1, most=MOST_READS) if reads else 1,
    )


def _refuse_separators(table: Table, column: str, name: str) -> None:
    """Note a fault if ``name`` could not be an entry of a list such as ``RVV;RWF@2026-06-30``."""
    if ";" in name or "@" in name:
        table.fault(column, f"{shown(name)} contains ';' or '@'")


def fault_order(files: Sequence[str], fault: Fault) -> tuple[int, int]:
    """Return the sort key that lists faults in the order of ``files`` and of their lines."""
    place = files.index(fault.file) if fault.file in files else len(files)
    return place, fault.line or 0
