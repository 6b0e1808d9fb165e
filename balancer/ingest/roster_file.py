"""The description of a rota, ``rosters/RVV.toml``: a list with a row a session, or the grid that departments keep."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from balancer.domain.errors import Fault, InputRefusedError
from balancer.domain.reporter import REPORTING
from balancer.ingest.feed_file import folded_words
from balancer.ingest.file_format import Source, Stamp, read_drop, read_format, read_stamp, read_zone
from balancer.ingest.fold import folded
from balancer.ingest.toml_section import Section, TomlFile

ROSTER = "roster"
LIST, GRID = "list", "grid"
REQUIRED = ("reporter", "start", "end", "activity")
RESTRICTIONS = ("trusts", "subspecialties", "modalities", "priorities")
OPTIONAL = ("date", "location", "productivity", *RESTRICTIONS, "max_reads")
_MOST_DAYS = 366
_MOST_READS = 100_000
_MOST_ROW = 1_000
_HOURS = re.compile(r"(\d{2}):(\d{2})\s*-\s*(\d{2}):(\d{2})", re.ASCII)
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """A stretch of a day by the wall clock, counted from its midnight; ``end`` may lie on the next day."""

    start: timedelta
    end: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Restrictions:
    """What a reporting session is restricted to; empty restricts nothing."""

    trusts: frozenset[str] = frozenset()
    subspecialties: frozenset[str] = frozenset()
    modalities: frozenset[str] = frozenset()
    priorities: frozenset[str] = frozenset()
    max_reads: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityRule:
    """What a code of the rota is to us; ``hours`` are its own by folded half-day, in a grid."""

    activity: str
    location: str = ""
    productivity: float | None = None
    restrictions: Restrictions = Restrictions()
    hours: Mapping[str, Hours] = field(default_factory=dict)

    @property
    def reports(self) -> bool:
        """Whether somebody so engaged reports; anything else takes its time out of reporting."""
        return self.activity == REPORTING


@dataclass(frozen=True, slots=True, kw_only=True)
class GridShape:
    """Where the parts of a grid stand: rows from 1, headings of the columns of people as they are."""

    date_row: int
    half_day_row: int
    reporter: str
    date_pattern: re.Pattern[str] | None
    split: str
    half_days: Mapping[str, Hours]


@dataclass(frozen=True, slots=True, kw_only=True)
class RosterDescription(Source):
    """One rota. Keys of ``activities`` and ``locations`` are folded.

    A file speaks for ``days`` days, from the one ``covers_from`` finds in it or else from its first date.
    ``columns`` is of a list, ``grid`` of a grid.
    """

    kind: str
    covers_from: Stamp | None
    days: int
    date_formats: tuple[str, ...]
    time_formats: tuple[str, ...]
    overnight: bool
    activities: Mapping[str, ActivityRule]
    locations: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    grid: GridShape | None = None

    @property
    def refresh_minutes(self) -> float:
        """How often to look for a new file."""
        return self.drop.refresh_minutes


def read_roster_description(path: Path) -> RosterDescription:
    """Return the rota that ``path`` describes.

    Raises
    ------
    InputRefusedError
        With every fault: file, key, line, reason.
    """
    faults: list[Fault] = []
    roster = _read(TomlFile(path, faults, file=f"{path.parent.name}/{path.name}"), path)
    if faults or roster is None:
        raise InputRefusedError(sorted(faults, key=lambda fault: fault.line or 0))
    return roster


def _read(file: TomlFile, path: Path) -> RosterDescription | None:
    if not file.readable:
        return None
    top = file.top
    top.text("label", default="-")
    layout, time, covers = top.section("format", required=True), top.section("time"), top.section("covers")
    is_list = layout.choice("layout", (LIST, GRID)) == LIST
    return RosterDescription(
        name=top.text("name"),
        trust=top.text("trust"),
        kind=top.choice("kind", (ROSTER,)),
        drop=read_drop(top, path),
        format=read_format(layout),
        zone=read_zone(time),
        date_formats=time.date_formats("date_format"),
        time_formats=time.date_formats("time_format", default=("%H:%M",)),
        overnight=time.flag("overnight", default=False),
        covers_from=read_stamp(covers) if "from" in covers else None,
        days=covers.whole("days", most=_MOST_DAYS, default=7),
        activities=_activities(top),
        locations=folded_words(top, "location"),
        columns=_columns(top.section("columns", required=True)) if is_list else {},
        grid=None if is_list else _grid(top),
        warnings=file.unknown_keys(),  # last: by now every key has been asked for
    )


def _columns(section: Section) -> dict[str, tuple[str, ...]]:
    found = {name: section.text(name) for name in REQUIRED}
    found |= {name: section.text(name) for name in OPTIONAL if name in section}
    return {name: (heading,) for name, heading in found.items() if heading}


def _activities(top: Section) -> dict[str, ActivityRule]:
    rules: dict[str, ActivityRule] = {}
    for code, section in top.named_sections("activity").items():
        rule = _activity(section)
        if rules.setdefault(folded(code), rule) != rule:
            section.fault("", "the code stands twice with different meanings (capitals and blanks do not count)")
    if not any(rule.reports for rule in rules.values()):
        top.fault("activity", f"no code is {REPORTING!r}: nobody would ever report")
    return rules


def _activity(section: Section) -> ActivityRule:
    hours = section.section("hours")
    reads = section.whole("max_reads", most=_MOST_READS, default=-1, least=0) if "max_reads" in section else None
    restrictions = {name: frozenset(section.texts(name, default=())) for name in RESTRICTIONS}
    return ActivityRule(
        activity=section.text("activity"),
        location=section.text("location", default="-").removeprefix("-"),
        productivity=section.number("productivity", most=1),
        restrictions=Restrictions(**restrictions, max_reads=reads),
        hours={folded(name): _hours(hours, name) for name in hours.values},
    )


def _grid(top: Section) -> GridShape:
    grid, half_days = top.section("grid", required=True), top.section("half_day", required=True)
    grid.text("name", default="-")
    return GridShape(
        date_row=grid.whole("date_row", most=_MOST_ROW, default=1),
        half_day_row=grid.whole("half_day_row", most=_MOST_ROW, default=2),
        reporter=grid.text("reporter"),
        date_pattern=grid.pattern("date_pattern"),
        split=grid.text("split", default="/"),
        half_days={folded(name): _hours(half_days, name) for name in half_days.values},
    )


def _hours(section: Section, key: str) -> Hours:
    """Return ``08:30-12:30`` as hours; an end that is not after the start is on the next day."""
    found = _HOURS.fullmatch(section.text(key))
    if found is not None:
        start, end = (timedelta(hours=int(found[at]), minutes=int(found[at + 1])) for at in (1, 3))
        if start < _DAY and end <= _DAY:
            return Hours(start=start, end=end if end > start else end + _DAY)
    section.fault(key, "is not written like 08:30-12:30")
    return Hours(start=timedelta(), end=_DAY)
