"""The sample's three rotas: two lists of duties as CSV, and the grid in Excel that departments actually keep."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta

from balancer.domain.reporter import Reporter
from balancer.simulate.kent.extracts import Extract, Planted
from balancer.simulate.kent.planted import Heap
from balancer.simulate.kent.rota import EVENING, GRID, HALF_DAYS, MONDAY, Activity, Duty
from balancer.simulate.kent.standing import table
from balancer.simulate.kent.workbook import Cell, Sheet, workbook_bytes

_CODES: dict[str, dict[Activity, str]] = {
    "RVV": {
        Activity.REPORTING: "REP",
        Activity.HOME: "REP",
        Activity.EVENING: "REP",
        Activity.ON_CALL: "ONCALL",
        Activity.MDT: "MDT",
        Activity.ULTRASOUND: "US",
        Activity.PROCEDURES: "PROC",
        Activity.SPA: "SPA",
        Activity.LEAVE: "AL",
    },
    "RWF": {
        Activity.REPORTING: "R",
        Activity.HOME: "RH",
        Activity.EVENING: "RH",
        Activity.ON_CALL: "OC",
        Activity.MDT: "MDT",
        Activity.ULTRASOUND: "US",
        Activity.PROCEDURES: "P",
        Activity.SPA: "SPA",
        Activity.LEAVE: "AL",
    },
    "RPA": {
        Activity.REPORTING: "Reporting",
        Activity.HOME: "Reporting",
        Activity.EVENING: "Reporting",
        Activity.ON_CALL: "On call",
        Activity.MDT: "MDT",
        Activity.ULTRASOUND: "Ultrasound",
        Activity.PROCEDURES: "Procedures",
        Activity.SPA: "SPA",
        Activity.LEAVE: "Annual leave",
    },
}
_AT_HOME = frozenset({Activity.HOME, Activity.EVENING})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    cells: tuple[Cell, ...]
    reporter_id: str
    kind: str = ""


def write_rota(trust: str, reporters: Sequence[Reporter], duties: Sequence[Duty]) -> Extract:
    """Return the rota of ``trust`` for the week, with what is wrong with it planted."""
    people = {person.reporter_id: person for person in reporters if person.home_trust == trust}
    own = [duty for duty in duties if duty.trust == trust]
    if trust == GRID:
        return _grid(people, own)
    return _list(trust, people, own)


def _list(trust: str, people: Mapping[str, Reporter], duties: Sequence[Duty]) -> Extract:
    lines = [
        _Line(cells=_cells(trust, people[duty.reporter_id], duty), reporter_id=duty.reporter_id) for duty in duties
    ]
    lines.extend(_wrong_lines(trust, lines))
    path = f"rotas/{trust}/rota-2026-03-02.csv"
    header = (
        ("Staff No", "Name", "Date", "Start", "End", "Activity", "Location", "Data")
        if trust == "RVV"
        else ("ReporterID", "From", "To", "Duty", "Place", "Label")
    )
    text = table(
        header,
        (line.cells for line in lines),
        delimiter="," if trust == "RVV" else ";",
        ending="\r\n",
    )
    return Extract(
        trust=trust,
        path=path,
        content=text.encode("utf-8" if trust == "RVV" else "utf-8-sig"),
        rows_read=len(lines),
        planted=tuple(
            _planted(trust, path, "", number, line) for number, line in enumerate(lines, start=2) if line.kind
        ),
    )


def _cells(trust: str, person: Reporter, duty: Duty) -> tuple[Cell, ...]:
    code = _CODES[trust][duty.activity]
    place = "HOME" if duty.activity in _AT_HOME else "SITE"
    if trust == "RVV":
        end = "23:59" if duty.activity is Activity.LEAVE else f"{duty.end:%H:%M}"
        return (
            duty.reporter_id,
            person.name,
            f"{duty.start:%d/%m/%Y}",
            f"{duty.start:%H:%M}",
            end,
            code,
            place,
            "synthetic",
        )
    return (duty.reporter_id, f"{duty.start:%Y-%m-%d %H:%M}", f"{duty.end:%Y-%m-%d %H:%M}", code, place, "synthetic")


def _wrong_lines(trust: str, lines: Sequence[_Line]) -> list[_Line]:
    """Return lines that are wrong, one a kind: copies of somebody's reporting session with one cell or two changed."""
    reporting = _CODES[trust][Activity.REPORTING]
    code_at = 5 if trust == "RVV" else 3
    good = next(line for line in lines if line.cells[code_at] == reporting)
    changes: dict[str, dict[int, Cell]] = (
        {
            "unknown reporter": {0: "9999999", 1: "Dr Notlisted Anywhere"},
            "no reporter": {0: "", 1: ""},
            "unknown activity": {5: "XYZ"},
            "day that does not exist": {2: "31/02/2026"},
            "unreadable time": {3: "9ish"},
            "overlaps another session of the same reporter": {6: "HOME"},
        }
        if trust == "RVV"
        else {
            "unknown reporter": {0: "RA999999"},
            "unknown activity": {3: "Reporting / clinic"},
            "unreadable time": {1: "Monday morning"},
            "ends before it starts": {2: "2026-03-01 08:00"},
            "overlaps another session of the same reporter": {4: "HOME"},
        }
    )
    return [
        _Line(
            cells=tuple(change.get(place, cell) for place, cell in enumerate(good.cells)),
            reporter_id=good.reporter_id,
            kind=kind,
        )
        for kind, change in changes.items()
    ]


def _grid(people: Mapping[str, Reporter], duties: Sequence[Duty]) -> Extract:
    """Return the week as a grid: people down, half-days across, a code in each cell."""
    days = [MONDAY + timedelta(days=offset) for offset in range(7)]
    columns = [(day, half) for day in days for half in range(3)]
    rows: list[list[Cell]] = [
        [f"SYNTHETIC - MTW radiology rota - week commencing {MONDAY:%d/%m/%Y}"],
        ["", "", *(f"{day:%a %d/%m/%Y}" if half == 0 else None for day, half in columns)],
        ["Name", "GMC/HCPC", *(("AM", "PM", "EVE")[half] for _, half in columns)],
    ]
    codes = _codes_by_cell(duties)
    rows.extend(
        [person.name, reporter_id, *(codes.get((reporter_id, *column)) for column in columns)]
        for reporter_id, person in people.items()
    )
    planted = _spoil_grid(rows, len(people))
    path = f"rotas/{GRID}/Rota wc 02-03-2026.xlsx"
    sheet = Sheet(name="Rota", rows=rows, bold=frozenset({0, 1, 2}), widths=(26, 10, *(7,) * len(columns)))
    return Extract(
        trust=GRID,
        path=path,
        content=workbook_bytes([sheet], title="SYNTHETIC rota"),
        rows_read=len(rows) - 3,
        planted=tuple(_planted(GRID, path, "Rota", number, line) for number, line in planted),
    )


def _codes_by_cell(duties: Iterable[Duty]) -> dict[tuple[str, date, int], str]:
    """Return the code of each half-day that somebody is down for: ``R/MDT`` is half of it each; leave fills the day."""
    codes: dict[tuple[str, date, int], str] = {}
    for duty in sorted(duties, key=_lies_over):
        code, day = _CODES[GRID][duty.activity], duty.start.date()
        if duty.activity is Activity.LEAVE:
            codes.update({(duty.reporter_id, day, half): code for half in range(2)})
            continue
        half = _half(duty.start.time())
        place = (duty.reporter_id, day, half)
        if duty.hours < _HALF_DAY_HOURS and half < len(HALF_DAYS[GRID]):
            under = codes[place]
            code = f"{code}/{under}" if duty.start.time() == _OPENS[half] else f"{under}/{code}"
        codes[place] = code
    return codes


def _lies_over(duty: Duty) -> int:
    """Return the order of writing: sessions first, what takes half of one over them, leave over everything."""
    return 2 if duty.activity is Activity.LEAVE else int(duty.hours < _HALF_DAY_HOURS)


_HALF_DAY_HOURS = 4.0
_OPENS = (*(half[0] for half in HALF_DAYS[GRID]), EVENING[0])


def _half(starts: time) -> int:
    """Return 0 for the morning, 1 for the afternoon, 2 for the evening."""
    return max(half for half, opens in enumerate(_OPENS) if opens <= starts)


def _spoil_grid(rows: list[list[Cell]], people: int) -> list[tuple[int, _Line]]:
    """Plant a code that nobody knows and a person whom nobody knows; return where they stand."""
    first = 3
    strange = rows[first + 2]
    at = next(place for place in range(2, len(strange)) if strange[place] is None)
    strange[at] = "R?"
    rows.append(["Dr Notlisted Anywhere", "9999998", "R", "R"])
    return [
        (first + 3, _Line(cells=(), reporter_id=str(strange[1]), kind="unknown activity")),
        (first + people + 1, _Line(cells=(), reporter_id="9999998", kind="unknown reporter")),
    ]


def _planted(trust: str, path: str, sheet: str, number: int, line: _Line) -> Planted:
    return Planted(
        file=path,
        sheet=sheet,
        line=number,
        trust=trust,
        accession_number=line.reporter_id,
        kind=line.kind,
        expected=Heap.QUARANTINED,
    )
