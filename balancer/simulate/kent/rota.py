"""The truth about the sample's week: who does what when, before a department writes its rota down.

Wall-clock times of London, naive here and here only: a rota knows no offsets. Nobody works on leave, and a
multidisciplinary meeting or an ultrasound list takes its time out of the reporting session it falls into.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from enum import StrEnum

import numpy as np

from balancer.domain.reporter import Reporter

MONDAY = date(2026, 3, 2)
_WEEKDAYS = tuple(MONDAY + timedelta(days=offset) for offset in range(5))
_WEEKEND = tuple(MONDAY + timedelta(days=offset) for offset in (5, 6))


class Activity(StrEnum):
    """What somebody is down for; the first four are reporting."""

    REPORTING = "reporting"
    HOME = "reporting at home"
    EVENING = "evening reporting"
    ON_CALL = "on call"
    MDT = "multidisciplinary meeting"
    ULTRASOUND = "ultrasound list"
    PROCEDURES = "procedures"
    SPA = "supporting professional activities"
    LEAVE = "annual leave"


REPORTS = frozenset({Activity.REPORTING, Activity.HOME, Activity.EVENING, Activity.ON_CALL})


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Duty:
    """One entry of a rota; ``end`` may be on the day after ``start``."""

    trust: str
    reporter_id: str
    start: datetime
    end: datetime
    activity: Activity

    @property
    def hours(self) -> float:
        """Length on the clock."""
        return (self.end - self.start) / timedelta(hours=1)


# Morning and afternoon as each trust keeps them.
HALF_DAYS = {
    "RVV": ((time(9), time(13)), (time(13, 30), time(17, 30))),
    "RWF": ((time(8, 30), time(12, 30)), (time(13, 30), time(17, 30))),
    "RPA": ((time(9), time(13)), (time(14), time(18))),
}
EVENING = (time(18), time(21))
ON_CALL_WEEKEND = (time(9), time(17))
# On call in the night to Monday, of which the week's rota has the end, and in the next night to Monday.
_NIGHT = (time(22), time(8, 30))
# Maidstone keeps its rota as a grid: nothing there is shorter than half a half-day, and nights are not in it.
GRID = "RWF"


@dataclass(frozen=True, slots=True)
class _Habits:
    """How a trust spends its week: half-days of reporting a radiologist and a radiographer, shares for the rest."""

    radiologist: float
    radiographer: float
    evenings: float
    weekends: float


_HABITS = {
    "RVV": _Habits(3.6, 2.4, 0.30, 0.20),
    "RWF": _Habits(5.8, 2.8, 0.15, 0.15),
    "RPA": _Habits(4.2, 2.4, 0.20, 0.15),
}
# Half-days of procedures a week, by main interest: breast clinics, vascular lists.
_PROCEDURES = {"breast": 3, "vascular": 4, "gastrointestinal": 1}
# Breast radiologists spend most of their week with patients: reporting half-days.
_BREAST_REPORTING = 2.5
# Who is on leave: first day of the week (0 = Monday) and number of days.
_AWAY = {
    "Dr Zainab Sesay": (0, 3),  # Medway's other breast reader
    "Dr Gareth Pritchard": (0, 2),
    "Dr Olufemi Adeyemi": (0, 5),
    "Dr Mei-Ling Cheung": (3, 2),
    "Dr Chidi Nwosu": (2, 3),
    "Dr Anjali Deshpande": (0, 5),
    "Susan Whitcombe": (3, 1),
    "Deborah Finch": (1, 2),
}
_AT_HOME = 0.22
_MEETING = 0.65
_HOURS_INSIDE = (1.0, 1.5, 2.0)
_SHORT_LIST = 0.25
_SCANNERS = frozenset({"gastrointestinal", "urogynae", "msk", "vascular", "paediatric", "head_neck"})


def draw_duties(rng: np.random.Generator, reporters: Sequence[Reporter]) -> tuple[Duty, ...]:
    """Return the week of everybody, meetings and leave laid over the sessions that they take time from."""
    duties: list[Duty] = []
    for reporter in reporters:
        duties.extend(_Week(rng, reporter).duties())
    for trust in HALF_DAYS:
        able = [person for person in reporters if person.home_trust == trust and not _never_on_call(person)]
        duties.extend(_on_call(rng, trust, able, duties))
    return tuple(sorted(duties))


def _never_on_call(reporter: Reporter) -> bool:
    """Tell whether this is a radiographer, a breast radiologist or somebody on leave, who are not on call."""
    return reporter.reporter_id.startswith("RA") or _interest(reporter) == "breast" or reporter.name in _AWAY


def _interest(reporter: Reporter) -> str:
    """Return the main special interest: the first entry of the scope."""
    return next(iter(reporter.skills))[0]


class _Week:
    """Draws one person's week."""

    def __init__(self, rng: np.random.Generator, reporter: Reporter) -> None:
        self._rng = rng
        self._reporter = reporter
        self._habits = _HABITS[reporter.home_trust]
        first, days = _AWAY.get(reporter.name, (0, 0))
        self._away = frozenset(_WEEKDAYS[first : first + days])

    def duties(self) -> Iterator[Duty]:
        """Yield everything this person is down for, on call excepted."""
        radiographer = self._reporter.reporter_id.startswith("RA")
        halves = [(day, half) for day in _WEEKDAYS for half in HALF_DAYS[self._reporter.home_trust]]
        order = [halves[index] for index in self._rng.permutation(len(halves))]
        reporting = self._count(self._wanted(radiographer=radiographer))
        spans = order[:reporting]
        for day, hours in spans:
            yield self._duty(day, hours, Activity.HOME if self._chance(_AT_HOME) else Activity.REPORTING)
        if not radiographer:
            yield from self._besides(order[reporting:])
            if self._chance(_MEETING):
                yield self._inside(spans[0], Activity.MDT)
            if len(spans) > 1 and _interest(self._reporter) in _SCANNERS and self._chance(_SHORT_LIST):
                yield self._inside(spans[1], Activity.ULTRASOUND)
        yield from self._unsocial()
        for day in sorted(self._away):
            yield Duty(
                trust=self._reporter.home_trust,
                reporter_id=self._reporter.reporter_id,
                start=datetime.combine(day, time()),
                end=datetime.combine(day + timedelta(days=1), time()),
                activity=Activity.LEAVE,
            )

    def _wanted(self, *, radiographer: bool) -> float:
        if radiographer:
            return self._habits.radiographer
        return _BREAST_REPORTING if _interest(self._reporter) == "breast" else self._habits.radiologist

    def _count(self, wanted: float) -> int:
        """Return a whole number of half-days whose mean is about ``wanted``; nobody has fewer than one."""
        return max(1, int(wanted + self._rng.random()) + int(self._rng.integers(-1, 2)))

    def _besides(self, free: Sequence[tuple[date, tuple[time, time]]]) -> Iterator[Duty]:
        """Yield what fills the half-days without reporting: procedures, ultrasound lists, and the rest SPA."""
        interest = _interest(self._reporter)
        procedures = _PROCEDURES.get(interest, 0)
        lists = 2 if interest in _SCANNERS else 1
        activities = [Activity.PROCEDURES] * procedures + [Activity.ULTRASOUND] * lists + [Activity.SPA] * 2
        for (day, hours), activity in zip(free, activities, strict=False):
            yield self._duty(day, hours, activity)

    def _inside(self, span: tuple[date, tuple[time, time]], what: Activity) -> Duty:
        """Return something that takes the first or last hours of a reporting session."""
        day, (opens, closes) = span
        hours = 2.0 if self._reporter.home_trust == GRID else float(self._rng.choice(_HOURS_INSIDE))
        length = timedelta(hours=hours)
        start, end = datetime.combine(day, opens), datetime.combine(day, closes)
        return self._at(start, start + length, what) if self._chance(0.5) else self._at(end - length, end, what)

    def _unsocial(self) -> Iterator[Duty]:
        for day in _WEEKDAYS:
            if self._chance(self._habits.evenings / len(_WEEKDAYS)) and day not in self._away:
                yield self._duty(day, EVENING, Activity.EVENING)
        for day in _WEEKEND:
            if self._chance(self._habits.weekends / len(_WEEKEND)):
                yield self._duty(day, HALF_DAYS[self._reporter.home_trust][0], Activity.HOME)

    def _duty(self, day: date, span: tuple[time, time], activity: Activity) -> Duty:
        return self._at(datetime.combine(day, span[0]), datetime.combine(day, span[1]), activity)

    def _at(self, start: datetime, end: datetime, activity: Activity) -> Duty:
        return Duty(
            trust=self._reporter.home_trust,
            reporter_id=self._reporter.reporter_id,
            start=start,
            end=end,
            activity=activity,
        )

    def _chance(self, share: float) -> bool:
        return bool(self._rng.random() < share)


def _on_call(
    rng: np.random.Generator, trust: str, people: Sequence[Reporter], duties: Sequence[Duty]
) -> Iterator[Duty]:
    """Yield one person a turn: the nights to Monday, every evening, and the days of the weekend."""
    order = [people[index] for index in rng.permutation(len(people))]
    for turn in _turns(trust):
        taken = {duty.reporter_id for duty in duties for start, end in turn if duty.start < end and duty.end > start}
        person = next(person for person in order if person.reporter_id not in taken)
        order.remove(person)
        order.append(person)
        for start, end in turn:
            yield Duty(trust=trust, reporter_id=person.reporter_id, start=start, end=end, activity=Activity.ON_CALL)


def _turns(trust: str) -> Iterator[list[tuple[datetime, datetime]]]:
    if trust != GRID:
        yield [_span(MONDAY, (time(), _NIGHT[1]))]
        yield [(datetime.combine(_WEEKEND[1], _NIGHT[0]), datetime.combine(MONDAY + timedelta(days=7), _NIGHT[1]))]
    for day in _WEEKDAYS:
        yield [_span(day, EVENING)]
    for day in _WEEKEND:
        yield [_span(day, hours) for hours in (HALF_DAYS[trust] if trust == GRID else (ON_CALL_WEEKEND,))]


def _span(day: date, hours: tuple[time, time]) -> tuple[datetime, datetime]:
    return datetime.combine(day, hours[0]), datetime.combine(day, hours[1])


def reporting_spans(duties: Sequence[Duty]) -> list[Duty]:
    """Return the reporting sessions with the time of everything else of the same person taken out."""
    left: list[Duty] = []
    for duty in duties:
        if duty.activity not in REPORTS:
            continue
        pieces = [(duty.start, duty.end)]
        for other in duties:
            if other.reporter_id == duty.reporter_id and other.activity not in REPORTS:
                pieces = [piece for span in pieces for piece in _without(span, (other.start, other.end))]
        left.extend(replace(duty, start=start, end=end) for start, end in pieces)
    return left


def _without(span: tuple[datetime, datetime], gap: tuple[datetime, datetime]) -> Iterator[tuple[datetime, datetime]]:
    """Yield what is left of ``span`` outside ``gap``."""
    before, after = (span[0], min(span[1], gap[0])), (max(span[0], gap[1]), span[1])
    for start, end in (before, after):
        if start < end:
            yield start, end
