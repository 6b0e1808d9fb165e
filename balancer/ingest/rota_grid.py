"""The rota grid that departments really keep: people down the side, half-days across, activity codes in the cells."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from balancer.domain.feed import SourceRow
from balancer.ingest.fold import folded
from balancer.ingest.network_folder import NetworkFolder
from balancer.ingest.reasons import Reason
from balancer.ingest.roster_file import ActivityRule, GridShape, Hours, RosterDescription
from balancer.ingest.rota_duties import Duty, Rota, Staff, instant_of
from balancer.ingest.row_faults import RowFaults
from balancer.ingest.study_columns import ERROR_CELLS
from balancer.ingest.toml_text import short
from balancer.ingest.whole_file import NotReadableError, TextRow, TextSheet


@dataclass(frozen=True, slots=True, kw_only=True)
class HalfDay:
    """One column of a grid: which half of which day; ``heading`` is what people call it."""

    place: int
    day: datetime
    name: str
    heading: str


def read_grid(sheets: Sequence[TextSheet], roster: RosterDescription, network: NetworkFolder) -> Rota:
    """Return the rota that stands in ``sheets``; a grid speaks for every day from its first date to its last.

    Raises
    ------
    NotReadableError
        If a sheet, a heading or a date is missing, or no half-day can be recognised.
    """
    grid = roster.grid
    if grid is None:
        raise NotReadableError("the description does not say how the grid is laid out")
    missing = [name for name in roster.format.sheets if name not in [sheet.name for sheet in sheets]]
    if missing:
        raise NotReadableError(f"the workbook has no sheet {', '.join(map(repr, missing))}")
    wanted = [sheet for sheet in sheets if sheet.name in roster.format.sheets or not roster.format.sheets]
    readers = [_SheetReader(sheet, grid, roster) for sheet in wanted if sheet.rows]
    if not readers:
        raise NotReadableError("the file is empty")
    rows = [(reader, row) for reader in readers for row in reader.people()]
    if not rows:
        raise NotReadableError("the grid has headings and nobody below them")
    faults = RowFaults(len(rows))
    staff = Staff(network, roster)
    days = [half.day.date() for reader in readers for half in reader.half_days]
    return Rota(
        rows=[reader.source(row) for reader, row in rows],
        duties=[duty for at, (reader, row) in enumerate(rows) for duty in reader.duties(at, row, staff, faults)],
        faults=faults,
        covers_from=min(days),
        covers_to=max(days),
    )


class _SheetReader:
    """Reads one sheet of a grid; its headings are read first."""

    def __init__(self, sheet: TextSheet, grid: GridShape, roster: RosterDescription) -> None:
        self.sheet = sheet
        self.grid = grid
        self.roster = roster
        header = sheet.row(grid.half_day_row)
        names = [folded(cell) for cell in header.cells] if header else []
        if folded(grid.reporter) not in names:
            raise NotReadableError(f"{self._where(grid.half_day_row)} has no heading {grid.reporter!r}")
        self.header = header.cells if header else []
        self.reporter_at = names.index(folded(grid.reporter))
        self.half_days = list(self._half_days(names))
        if not self.half_days:
            raise NotReadableError(f"{self._where(grid.half_day_row)} names no half-day of [half_day]")
        self._headings = {half.place: half.heading for half in self.half_days}

    def _where(self, line: int) -> str:
        return f"sheet {self.sheet.name!r}, line {line}" if self.sheet.name else f"line {line}"

    def _half_days(self, names: Sequence[str]) -> Iterator[HalfDay]:
        """Yield the columns of half-days; a date holds from where it stands until the next."""
        row = self.sheet.row(self.grid.date_row)
        dates, label, day = row.cells if row else [], "", None
        seen: set[tuple[datetime, str]] = set()
        for place, name in enumerate(names):
            cell = dates[place].strip() if place < len(dates) else ""
            if cell:
                label, day = cell, self._day(cell)
            if name not in self.grid.half_days:
                continue
            if day is None:
                what = f"{short(label)} is no date" if label else "there is no date"
                raise NotReadableError(f"{self._where(self.grid.date_row)}: {what} above column {place + 1}, {name!r}")
            if (day, name) in seen:
                raise NotReadableError(f"{self._where(self.grid.half_day_row)} has {label} {name!r} twice")
            seen.add((day, name))
            yield HalfDay(place=place, day=day, name=name, heading=f"{label} {self.header[place].strip()}")

    def _day(self, cell: str) -> datetime | None:
        found = self.grid.date_pattern.search(cell) if self.grid.date_pattern else None
        text = found.group(1) if found else cell
        for style in self.roster.date_formats:
            try:
                return datetime.strptime(text, style)  # noqa: DTZ007 - a day by the wall clock
            except (ValueError, TypeError):
                continue
        return None

    def people(self) -> Iterator[TextRow]:
        """Yield the rows of people: notes below the grid name nobody and hold no code."""
        for row in self.sheet.rows:
            holds = [self.reporter_at, *(half.place for half in self.half_days)]
            if row.line > self.grid.half_day_row and any(_cell(row, place) for place in holds):
                yield row

    def source(self, row: TextRow) -> SourceRow:
        """Return where a row stood and what stood in it."""
        raw = {
            self._headings.get(place)
            or (self.header[place].strip() if place < len(self.header) else "")
            or f"column {place + 1}": cell
            for place, cell in enumerate(row.cells)
            if cell.strip()
        }
        return SourceRow(line=row.line, sheet=self.sheet.name, raw=raw)

    def duties(self, position: int, row: TextRow, staff: Staff, faults: RowFaults) -> Iterator[Duty]:
        """Yield the duties of one person; a cell at fault is noted and the others still hold."""
        number = _cell(row, self.reporter_at)
        person = staff.reporter(number)
        if person is None:
            faults.add_one(position, self.grid.reporter, *staff.why_unknown(number))
            return
        for half in self.half_days:
            code = _cell(row, half.place)
            if code in ERROR_CELLS:
                detail = f"{code!r} is an error of a spreadsheet"
                faults.add_one(position, half.heading, Reason.SPREADSHEET_ERROR, detail)
            elif code:
                yield from self._cell_duties(position, half, code, person, staff, faults)

    def _cell_duties(  # noqa: PLR0913, PLR0917 - one cell and whom it concerns
        self, position: int, half: HalfDay, code: str, person: str, staff: Staff, faults: RowFaults
    ) -> Iterator[Duty]:
        whole = staff.activity(code)
        codes = [code] if whole else [part.strip() for part in code.split(self.grid.split)]
        rules = [staff.activity(part) for part in codes]
        for part, rule in zip(codes, rules, strict=True):
            if rule is None:
                faults.add_one(position, half.heading, *staff.why_no_activity(part))
                return
        for number, rule in enumerate(rules):
            if rule is not None:
                yield self._duty(position, half, person, rule, number, len(rules))

    def _duty(  # noqa: PLR0913, PLR0917 - one part of one cell
        self, position: int, half: HalfDay, person: str, rule: ActivityRule, number: int, parts: int
    ) -> Duty:
        """Return the duty of one part of a half-day; the parts are equally long."""
        hours: Hours = rule.hours.get(half.name, self.grid.half_days[half.name])
        share = (hours.end - hours.start) / parts
        start = half.day + hours.start + number * share
        zone = self.roster.zone
        return Duty(
            position=position,
            column=half.heading,
            reporter_id=person,
            start=instant_of(start, zone),
            end=instant_of(start + share, zone),
            rule=rule,
            location=rule.location,
            productivity=rule.productivity,
            restrictions=rule.restrictions,
        )


def _cell(row: TextRow, place: int) -> str:
    return " ".join(row.cells[place].split()) if place < len(row.cells) else ""
