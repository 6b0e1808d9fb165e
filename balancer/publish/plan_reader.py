"""A plan's folder back into a plan, for the referee and for ``--previous``."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from balancer.domain.errors import Fault, InputRefusedError, InvalidValueError
from balancer.domain.filed_plan import FiledPlan, StatedFigures
from balancer.domain.plan import (
    Allocation,
    Plan,
    Status,
    StoppedBy,
    Summary,
    Terms,
    Unallocated,
    UnallocatedReason,
)
from balancer.domain.study import ReadKey
from balancer.publish.plan_form import Lines, PlanForm

PLAN_COLUMNS = (
    "trust",
    "accession_number",
    "read",
    "reporter_id",
    "session_id",
    "position",
    "start",
    "end",
    "due_at",
    "late_minutes",
)
UNALLOCATED_COLUMNS = ("trust", "accession_number", "read", "reason")
_TERMS = tuple(Terms.__slots__)
_WHOLE_AT_MOST = 10**9
_REASONS = {reason.value: reason for reason in UnallocatedReason}


def read_filed_plan(folder: Path) -> FiledPlan:
    """Return what the three files in ``folder`` state, true or not.

    Raises
    ------
    InputRefusedError
        If a file cannot be read as what it should be, with every fault.
    """
    if not folder.is_dir():
        raise InputRefusedError([Fault(file=str(folder), reason="is not a folder")])
    return _PlanReader(folder).read()


class _PlanReader:
    """Reads the files of one plan; ``faults`` make it unreadable, all else that is wrong is the referee's business."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.faults: list[Fault] = []
        self.impossible: list[Fault] = []
        self.repeated: list[Fault] = []
        self.form = PlanForm()
        self.first: dict[ReadKey, tuple[str, int]] = {}
        self.late_minutes: dict[ReadKey, float] = {}

    def read(self) -> FiledPlan:
        allocations = tuple(self._allocations())
        unallocated = tuple(self._unallocated())
        figures = self._json("summary.json")
        summary = _SummaryReader(figures, self.faults, self.form).read() if figures is not None else None
        if self.faults or summary is None or figures is None:
            raise InputRefusedError(self.faults)
        stated = StatedFigures(total=float(figures["total"]), gap=float(figures["gap"]), late_minutes=self.late_minutes)
        plan = Plan(allocations=allocations, unallocated=unallocated, summary=summary)
        return FiledPlan(
            plan=plan,
            stated=stated,
            impossible=tuple(self.impossible),
            repeated=tuple(self.repeated),
            form=self.form.faults(),
        )

    def _note(self, file: str, line: int, key: ReadKey) -> None:
        """Note where the row of a read stands."""
        self.form.row(file, line, key)
        first_file, first_line = self.first.setdefault(key, (file, line))
        if (first_file, first_line) != (file, line):
            reason = f"{key.trust} {key.accession_number} read {key.read} already stands in {first_file}:{first_line}"
            self.repeated.append(Fault(file=file, line=line, column="read", reason=reason))

    def _allocations(self) -> Iterator[Allocation]:
        for line, cells in self._rows("plan.csv", PLAN_COLUMNS):
            row = _Row("plan.csv", line, cells, self.faults, self.form)
            before = len(self.faults)
            read, position = row.whole("read"), row.whole("position")
            start, end, due_at = row.instant("start"), row.instant("end"), row.instant("due_at")
            late = row.number("late_minutes")
            self.form.two_decimals("plan.csv", line, "late_minutes", cells["late_minutes"])
            if len(self.faults) > before or start is None or end is None or due_at is None:
                continue
            self._note("plan.csv", line, ReadKey(cells["trust"], cells["accession_number"], read))
            try:
                allocation = Allocation(
                    trust=cells["trust"],
                    accession_number=cells["accession_number"],
                    read=read,
                    reporter_id=cells["reporter_id"],
                    session_id=cells["session_id"],
                    position=position,
                    start=start,
                    end=end,
                    due_at=due_at,
                )
            except InvalidValueError as error:
                self.impossible.append(Fault(file="plan.csv", line=line, column=error.field, reason=error.reason))
                continue
            self.late_minutes[allocation.key] = late
            yield allocation

    def _unallocated(self) -> Iterator[Unallocated]:
        for line, cells in self._rows("unallocated.csv", UNALLOCATED_COLUMNS):
            row = _Row("unallocated.csv", line, cells, self.faults, self.form)
            read = row.whole("read")
            self._note("unallocated.csv", line, ReadKey(cells["trust"], cells["accession_number"], read))
            reason = _REASONS.get(cells["reason"])
            if reason is None:
                what = f"{cells['reason']!r} is not a reason"
                self.impossible.append(Fault(file="unallocated.csv", line=line, column="reason", reason=what))
                continue
            yield Unallocated(
                trust=cells["trust"], accession_number=cells["accession_number"], read=read, reason=reason
            )

    def _rows(self, file: str, columns: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str]]]:
        """Yield (line, cells by column) of every data row of a CSV file with at least ``columns``."""
        text = self._text(file)
        if text is None:
            return
        lines = Lines(text)
        reader = csv.reader(lines, strict=True)
        try:
            header = next(reader, [])
            self.form.line_end(file, 1, lines.last)
            missing = [name for name in columns if header.count(name) != 1]
            for name in missing:
                self.faults.append(Fault(file=file, line=1, column=name, reason="the column must be there once"))
            if missing:
                return
            line = reader.line_num + 1
            for row in reader:
                self.form.line_end(file, line, lines.last)
                if len(row) == len(header):
                    yield line, dict(zip(header, row, strict=True))
                elif row:
                    reason = f"has {len(row)} cell(s) where the header has {len(header)}"
                    self.faults.append(Fault(file=file, line=line, reason=reason))
                line = reader.line_num + 1
        except csv.Error as error:
            self.faults.append(Fault(file=file, line=reader.line_num, reason=f"is not CSV: {error}"))

    def _json(self, file: str) -> dict[str, Any] | None:
        text = self._text(file)
        if text is None:
            return None
        for number, read in enumerate(Lines(text), start=1):
            self.form.line_end(file, number, read)
        try:
            content = json.loads(text)
        except (ValueError, RecursionError) as error:
            line = error.lineno if isinstance(error, json.JSONDecodeError) else None
            self.faults.append(Fault(file=file, line=line, reason=f"is not JSON: {error}"))
            return None
        if not isinstance(content, dict):
            self.faults.append(Fault(file=file, reason="is not a JSON object"))
            return None
        return content

    def _text(self, file: str) -> str | None:
        try:
            return (self.folder / file).read_bytes().decode("utf-8-sig")
        except UnicodeDecodeError:
            self.faults.append(Fault(file=file, reason="is not UTF-8"))
        except OSError as error:
            reason = "the file is missing" if isinstance(error, FileNotFoundError) else f"{error.strerror}"
            self.faults.append(Fault(file=file, reason=reason))
        return None


class _Row:
    """The cells of one CSV row; what is wrong with one goes to ``faults``."""

    def __init__(self, file: str, line: int, cells: Mapping[str, str], faults: list[Fault], form: PlanForm) -> None:
        self.file, self.line, self.cells, self.faults, self.form = file, line, cells, faults, form

    def _fault(self, column: str, reason: str) -> None:
        self.faults.append(Fault(file=self.file, line=self.line, column=column, reason=reason))

    def whole(self, column: str) -> int:
        cell = self.cells[column]
        try:
            value = int(cell)
        except ValueError:
            self._fault(column, f"{cell[:60]!r} is not a whole number")
            return 0
        return max(-_WHOLE_AT_MOST, min(value, _WHOLE_AT_MOST))

    def number(self, column: str) -> float:
        cell = self.cells[column]
        try:
            return float(cell)
        except ValueError:
            self._fault(column, f"{cell[:60]!r} is not a number")
            return 0.0

    def instant(self, column: str) -> datetime | None:
        cell = self.cells[column]
        try:
            value = datetime.fromisoformat(cell if "T" in cell or " " in cell else "")
        except ValueError:
            self._fault(column, f"{cell[:60]!r} is not an ISO 8601 instant")
            return None
        if value.tzinfo is None:
            self._fault(column, f"{cell!r} has no offset from UTC")
            return None
        self.form.instant(self.file, self.line, column, cell, value)
        return value


class _SummaryReader:
    """Reads ``summary.json``; figures may be false but must be figures."""

    def __init__(self, content: dict[str, Any], faults: list[Fault], form: PlanForm) -> None:
        self.content = content
        self.faults = faults
        self.form = form

    def read(self) -> Summary | None:
        before = len(self.faults)
        self._number(self.content, "total")
        self._number(self.content, "gap")
        terms = self._terms()
        self.form.digest("summary.json", self.content.get("digest"))
        found = Summary(
            now=self._now(),
            status=Status(self._one_of("status", [status.value for status in Status])),
            stopped_by=StoppedBy(self._one_of("stopped_by", [stop.value for stop in StoppedBy])),
            seconds=self._by_name("seconds"),
            terms=terms,
            sunk=self._number(self.content, "sunk"),
            bound=self._number(self.content, "bound"),
            studies=self._whole("studies"),
            reads=self._whole("reads"),
            allocated=self._whole("allocated"),
            late={code: int(count) for code, count in self._by_name("late", whole=True).items()},
            longest_wait_hours=self._by_name("longest_wait_hours"),
            seed=self._whole("seed"),
            digest=str(self.content.get("digest", "")),
        )
        return found if len(self.faults) == before else None

    def _fault(self, key: str, reason: str) -> None:
        self.faults.append(Fault(file="summary.json", column=key, reason=reason))

    def _number(self, table: Mapping[str, Any], key: str, name: str = "", *, whole: bool = False) -> float:
        value = table.get(key)
        is_number = isinstance(value, int if whole else int | float) and not isinstance(value, bool)
        if value is None or not is_number or abs(value) > 1e300:
            self._fault(name or key, "is missing" if key not in table else f"{str(value)[:60]} is not a number")
            return 0.0
        return float(value)

    def _whole(self, key: str) -> int:
        return int(self._number(self.content, key, whole=True))

    def _now(self) -> datetime:
        value = self.content.get("now")
        try:
            now = datetime.fromisoformat(str(value))
        except ValueError:
            now = None
        if now is None or now.tzinfo is None:
            self._fault("now", f"{str(value)[:60]!r} is not an ISO 8601 instant with offset")
            return datetime(1970, 1, 1, tzinfo=UTC)  # never seen: the fault refuses the summary
        # not a row's instant but the one that was given, so it may have a fraction of a second
        self.form.in_utc("summary.json", None, "now", str(value))
        return now

    def _one_of(self, key: str, values: list[str]) -> str:
        value = self.content.get(key)
        if value not in values:
            self._fault(key, f"{str(value)[:60]!r} is none of {', '.join(values)}")
            return values[0]
        return str(value)

    def _by_name(self, key: str, *, whole: bool = False) -> dict[str, float]:
        table = self.content.get(key)
        if not isinstance(table, dict):
            self._fault(key, "is not a table of figures")
            return {}
        return {name: self._number(table, name, f"{key}.{name}", whole=whole) for name in table}

    def _terms(self) -> Terms:
        table = self.content.get("terms")
        if not isinstance(table, dict) or set(table) != set(_TERMS):
            self._fault("terms", f"must have exactly the keys {', '.join(_TERMS)}")
            table = dict.fromkeys(_TERMS, 0.0)
        return Terms(**{name: self._number(table, name, f"terms.{name}") for name in _TERMS})
