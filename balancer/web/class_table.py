"""Unreported studies by class, trust and age, the oldest of each class against its ceiling."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlencode

from balancer.domain.age import Age
from balancer.domain.policy import Policy, PriorityClass
from balancer.store.which_unreported import Counted
from balancer.web.class_marks import ClassMark, class_marks, mark_of
from balancer.web.my_list import short_name
from balancer.web.tables import Cell, Column, Row, Table, View, number
from balancer.web.targets import hours_words, short_target
from balancer.web.time_left import span

# Late and over are never drawn thinner than this share of the bar, so that a handful among thousands is seen.
_LEAST: Final = 0.034
_WIDTH: Final = 240.0
_TRACK: Final = 90.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Linked:
    """A number and the list behind it; no link where whoever looks may not open it."""

    number: int
    link: str

    @property
    def words(self) -> str:
        """The number as it is written."""
        return f"{self.number:,}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A piece of an age bar, from ``x``, in the units of its drawing."""

    age: Age
    x: float
    width: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Oldest:
    """The oldest of a class: how long it waits, where that is against target and ceiling in a drawing's units."""

    words: str
    link: str
    is_over: bool
    age: float
    target: float | None
    ceiling: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassRow:
    """A class: its studies by trust and age."""

    mark: ClassMark
    target: str
    trusts: Sequence[Linked]
    total: Linked
    ages: Mapping[str, Linked]
    late: Linked
    pieces: Sequence[Piece]
    oldest: Oldest | None
    ceiling: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassTable:
    """All classes; ``totals`` are of all of them."""

    trusts: Sequence[tuple[str, str]]
    rows: Sequence[ClassRow]
    totals: ClassRow


def class_table(
    counted: Sequence[Counted], policy: Policy, trusts: Mapping[str, str], now: datetime, *, listed: bool
) -> ClassTable:
    """Return the table; its numbers are links if whoever looks may open the lists (``listed``)."""
    here = sorted({item.trust for item in counted} | trusts.keys())
    marks = class_marks(policy)
    known = {priority.code: priority for priority in policy.priorities}
    codes = [*known, *sorted({item.priority for item in counted} - known.keys())]
    rows = [
        _row(
            mark_of(marks, code),
            [item for item in counted if item.priority == code],
            known.get(code),
            here,
            now,
            listed=listed,
        )
        for code in codes
    ]
    every = ClassMark(code="", letter="", name="All classes", tone=0)
    return ClassTable(
        trusts=[(code, short_name(trusts.get(code, code))) for code in here],
        rows=rows,
        totals=_row(every, counted, None, here, now, listed=listed),
    )


def _row(  # noqa: PLR0913 - which class, of what, for whom
    mark: ClassMark,
    counted: Sequence[Counted],
    priority: PriorityClass | None,
    trusts: Sequence[str],
    now: datetime,
    *,
    listed: bool,
) -> ClassRow:
    ages: Counter[Age] = Counter()
    for item in counted:
        ages.update(item.ages)
    by_trust: Counter[str] = Counter()
    for item in counted:
        by_trust[item.trust] += item.total

    def link(number: int, **asked: str) -> Linked:
        return Linked(number=number, link=_address(**{"class": mark.code, **asked}) if listed else "")

    return ClassRow(
        mark=mark,
        target="" if priority is None else short_target(priority),
        trusts=[link(by_trust[code], trust=code) for code in trusts],
        total=link(sum(ages.values())),
        ages={age.value: link(ages[age], age=age.value) for age in Age},
        late=link(ages[Age.LATE] + ages[Age.OVER], late="now"),
        pieces=pieces(ages),
        oldest=_oldest(counted, priority, now, link(0, sort="-waiting").link),
        ceiling="" if priority is None else hours_words(priority.ceiling_hours),
    )


def _address(**asked: str) -> str:
    kept = {name: value for name, value in asked.items() if value}
    return f"/studies?{urlencode(kept)}" if kept else "/studies"


def pieces(ages: Mapping[Age, int]) -> list[Piece]:
    """Return the pieces of an age bar: by their shares, but what is late never too thin to be seen."""
    total = sum(ages.values())
    if not total:
        return []
    shares = {age: ages.get(age, 0) / total for age in Age}
    wide = {age: max(shares[age], _LEAST) for age in (Age.LATE, Age.OVER) if shares[age]}
    left = 1.0 - sum(wide.values())
    on_time = shares[Age.FIRST] + shares[Age.SECOND]
    widths = {age: wide.get(age, left * shares[age] / on_time if on_time and age not in wide else 0.0) for age in Age}
    scale = 1.0 / sum(widths.values())
    found, x = [], 0.0
    for age, width in widths.items():
        if width:
            found.append(Piece(age=age, x=round(x * _WIDTH, 1), width=round(width * scale * _WIDTH, 1)))
            x += width * scale
    return found


def _oldest(counted: Iterable[Counted], priority: PriorityClass | None, now: datetime, link: str) -> Oldest | None:
    """Return the oldest against the class's ceiling; without a class there is none to hold it against."""
    instants = [item.oldest_at for item in counted]
    if not instants or priority is None:
        return None
    hours = (now - min(instants)) / timedelta(hours=1)
    whole = max(hours, priority.ceiling_hours) or 1.0
    return Oldest(
        words=span(now - min(instants)),
        link=link,
        is_over=hours > priority.ceiling_hours,
        age=round(_TRACK * max(hours, 0.0) / whole, 1),
        target=None if priority.target_hours is None else round(_TRACK * min(priority.target_hours / whole, 1.0), 1),
        ceiling=round(_TRACK * priority.ceiling_hours / whole, 1),
    )


def as_download(table: ClassTable, view: View) -> Table:
    """Return the same as a dense table, for those who want it as a file."""
    columns = (
        Column(key="class", head="Class"),
        Column(key="target", head="Target"),
        *(Column(key=code.lower(), head=name, number=True) for code, name in table.trusts),
        Column(key="unreported", head="All", number=True),
        *(Column(key=age.value, head=age.value.capitalize(), number=True) for age in Age),
        Column(key="oldest", head="Oldest"),
        Column(key="ceiling", head="Ceiling"),
    )
    rows = [
        Row(
            cells=(
                Cell(text=row.mark.name),
                Cell(text=row.target),
                *(number(linked.number) for linked in (*row.trusts, row.total, *row.ages.values())),
                Cell(text=row.oldest.words if row.oldest else ""),
                Cell(text=row.ceiling),
            )
        )
        for row in (*table.rows, table.totals)
    ]
    return Table(name="Unreported by class", columns=columns, rows=rows, total=len(rows), view=view)
