"""A rota with a row a person and session."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

from balancer.domain.instant import LONDON
from balancer.ingest.file_format import FILENAME
from balancer.ingest.fold import folded
from balancer.ingest.heading_table import Headings, tabulate
from balancer.ingest.network_folder import NetworkFolder
from balancer.ingest.reasons import Reason
from balancer.ingest.roster_file import RESTRICTIONS, Restrictions, RosterDescription
from balancer.ingest.rota_duties import Duty, Rota, Staff, instant_of
from balancer.ingest.row_faults import RowFaults
from balancer.ingest.study_columns import ERROR_CELLS
from balancer.ingest.toml_text import short
from balancer.ingest.whole_file import NotReadableError, TextSheet

_MIDNIGHT = "24:00"
_DAY = timedelta(days=1)
_NUMBER = re.compile(r"0?\.\d+|1(?:\.0+)?", re.ASCII)
_WHOLE = re.compile(r"\d{1,6}", re.ASCII)


def read_list(sheets: Sequence[TextSheet], roster: RosterDescription, network: NetworkFolder, file_name: str) -> Rota:
    """Return the rota that stands in ``sheets``.

    Raises
    ------
    NotReadableError
        If nothing in it can be relied on, or it does not say which days it speaks for.
    """
    table = tabulate(sheets, roster.format, Headings(columns=roster.columns))
    if not table.rows and not table.broken:
        raise NotReadableError("the file has a header and no row below it")
    faults = RowFaults(len(table.rows))
    reader = _ListReader(roster, network, faults)
    words = [str(word) for word in table.cells.columns]
    lines = [dict(zip(words, map(_tidy, cells), strict=True)) for cells in table.cells.itertuples(index=False)]
    duties = [duty for position, cells in enumerate(lines) if (duty := reader.duty(position, cells)) is not None]
    first = _first_day(roster, sheets, file_name, duties)
    return Rota(
        rows=table.rows,
        duties=duties,
        faults=faults,
        covers_from=first,
        covers_to=first + timedelta(days=roster.days - 1),
        broken=table.broken,
    )


def _first_day(roster: RosterDescription, sheets: Sequence[TextSheet], file_name: str, duties: Sequence[Duty]) -> date:
    """Return the first day the file speaks for, as it says itself, or else the first it mentions."""
    stamp = roster.covers_from
    if stamp is None:
        if not duties:
            raise NotReadableError("no row could be read, so nobody knows which days the file speaks for")
        return min(duty.start for duty in duties).astimezone(LONDON).date()
    rows = (sheet.row(stamp.row) for sheet in sheets)
    texts = [file_name] if stamp.source == FILENAME else [row.text for row in rows if row is not None]
    found = [at for at in map(stamp.find, texts) if at is not None]
    if not found:
        where = f"its name, {file_name!r}," if stamp.source == FILENAME else f"line {stamp.row}"
        raise NotReadableError(f"{where} does not say from which day the rota holds ({stamp.pattern.pattern})")
    return min(found).date()


def _tidy(cell: object) -> str:
    return " ".join(str(cell).split())


class _ListReader:
    """Reads row by row: a rota has hundreds of rows, not a hundred thousand."""

    def __init__(self, roster: RosterDescription, network: NetworkFolder, faults: RowFaults) -> None:
        self.roster = roster
        self.staff = Staff(network, roster)
        self.faults = faults
        self.trusts = {trust.code for trust in network.trusts}
        self.priorities = {priority.code for priority in network.policy.priorities}

    def heading(self, word: str) -> str:
        return self.roster.columns[word][0]

    def duty(self, position: int, cells: Mapping[str, str]) -> Duty | None:
        """Return the duty of one row, ``None`` after a fault."""
        for word, cell in cells.items():
            if cell in ERROR_CELLS:
                self._fault(position, word, Reason.SPREADSHEET_ERROR, f"{cell!r} is an error of a spreadsheet")
        person, rule = self.staff.reporter(cells["reporter"]), self.staff.activity(cells["activity"])
        if person is None:
            self._fault(position, "reporter", *self.staff.why_unknown(cells["reporter"]))
        if rule is None:
            self._fault(position, "activity", *self.staff.why_no_activity(cells["activity"]))
        start, end = self._hours(position, cells)
        restrictions = self._restrictions(position, cells, rule.restrictions if rule else Restrictions())
        productivity = self._productivity(position, cells.get("productivity", ""))
        if position in self.faults or person is None or rule is None or start is None or end is None:
            return None
        place = cells.get("location", "")
        return Duty(
            position=position,
            column=self.heading("start"),
            reporter_id=person,
            start=start,
            end=end,
            rule=rule,
            location=self.roster.locations.get(folded(place), place) or rule.location,
            productivity=productivity or rule.productivity,
            restrictions=restrictions,
        )

    def _fault(self, position: int, word: str, reason: Reason, detail: str) -> None:
        self.faults.add_one(position, self.heading(word), reason, detail)

    # --- hours -------------------------------------------------------------------------------------------------------

    def _hours(self, position: int, cells: Mapping[str, str]) -> tuple[datetime | None, datetime | None]:
        start, end = (self._wall_clock(position, word, cells) for word in ("start", "end"))
        if start is None or end is None:
            return None, None
        if end <= start and self.roster.overnight and "date" in cells:
            end += _DAY
        return instant_of(start, self.roster.zone), instant_of(end, self.roster.zone)

    def _wall_clock(self, position: int, word: str, cells: Mapping[str, str]) -> datetime | None:
        """Return the start or end of a row: a date and time of its own, or a time on the row's date."""
        if "date" not in cells:
            return self._read(position, word, cells[word], self.roster.date_formats)
        day = self._read(position, "date", cells["date"], self.roster.date_formats)
        if day is not None and cells[word] == _MIDNIGHT:
            return day + _DAY
        clock = self._read(position, word, cells[word], self.roster.time_formats)
        return None if day is None or clock is None else datetime.combine(day, clock.time())

    def _read(self, position: int, word: str, cell: str, formats: Sequence[str]) -> datetime | None:
        for style in formats:
            try:
                return datetime.strptime(cell, style)  # noqa: DTZ007 - wall-clock time
            except ValueError:
                continue
        if not cell:
            self._fault(position, word, Reason.MISSING_VALUE, "is empty")
        else:
            known = " or ".join(map(repr, formats))
            self._fault(position, word, Reason.UNREADABLE_DATE, f"{short(cell)} is not written {known}")
        return None

    # --- restrictions ------------------------------------------------------------------------------------------------

    def _restrictions(self, position: int, cells: Mapping[str, str], of_code: Restrictions) -> Restrictions:
        """Return what a row restricts its session to; an empty cell leaves what its code says."""
        given = {word: frozenset(_entries(cells.get(word, ""))) for word in RESTRICTIONS}
        for word, known in (("trusts", self.trusts), ("priorities", self.priorities)):
            if strange := sorted(given[word] - known):
                self._fault(position, word, Reason.BAD_RESTRICTION, f"{strange[0]!r} is none of {sorted(known)}")
        most, reads = cells.get("max_reads", ""), of_code.max_reads
        if _WHOLE.fullmatch(most):
            reads = int(most)
        elif most:
            self._fault(position, "max_reads", Reason.BAD_RESTRICTION, f"{short(most)} is not a whole number")
        return Restrictions(**{word: given[word] or getattr(of_code, word) for word in RESTRICTIONS}, max_reads=reads)

    def _productivity(self, position: int, cell: str) -> float | None:
        if not cell:
            return None
        share = float(cell) if _NUMBER.fullmatch(cell) else math.nan
        if not share > 0:
            detail = f"{short(cell)} is not a number above 0 and at most 1"
            self._fault(position, "productivity", Reason.BAD_RESTRICTION, detail)
            return None
        return share


def _entries(cell: str) -> list[str]:
    return [entry.strip() for entry in cell.replace(",", ";").split(";") if entry.strip()]
