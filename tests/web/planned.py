"""Reads in two plans, built in a line, for the values of the allocation's pages."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from balancer.store.planned_days import DayOf, DayPart
from balancer.store.plans import PlannedRead, Spot
from tests.worlds import at


def spot(reporter_id: str, start: float, minutes: float = 30, session_id: str = "S1") -> Spot:
    """Return a place in a session, ``start`` hours after now."""
    return Spot(reporter_id=reporter_id, session_id=session_id, start=at(start), end=at(start + minutes / 60))


def planned(number: int, was: Spot | None = None, becomes: Spot | None = None, **stated: Any) -> PlannedRead:
    """Return a routine CT head of RVV, acquired a day ago and due in a day."""
    columns: dict[str, Any] = {
        "study_id": number,
        "read": 1,
        "read_id": number,
        "trust": "RVV",
        "accession_number": f"A{number}",
        "exam_code": "CTH",
        "modality": "CT",
        "subspecialty": "neuro",
        "priority": "routine",
        "minutes": 30.0,
        "clock_started_at": at(-24),
        "due_at": at(24),
        "prior_reporter": None,
        "is_open": False,
        "was": was,
        "becomes": becomes,
        "why": "",
        "why_then": "",
    }
    return PlannedRead(**(columns | stated))


def days_of(reads: Iterable[PlannedRead], part: DayPart) -> dict[str, DayOf]:
    """Return what reads add up to in a day, one by one: what the database adds up by itself."""
    found: dict[str, DayOf] = defaultdict(DayOf)
    for read in reads:
        places = [place for place in (read.was, read.becomes) if place is not None]
        if not any(place.start < part.end and place.end > part.start for place in places):
            continue
        was, becomes = (_drawn(place, part) for place in (read.was, read.becomes))
        if was is not None:
            day = found[was.reporter_id]
            day.left += read.becomes is None or read.becomes.reporter_id != was.reporter_id
            day.filled[was.session_id] += _seconds(was, part)
        if becomes is not None:
            day = found[becomes.reporter_id]
            day.by_class[read.priority] += 1
            day.came += read.was is None or read.was.reporter_id != becomes.reporter_id
            day.late += becomes.end > read.due_at
            day.behind += becomes.end <= part.now
            day.fills[becomes.session_id] += _seconds(becomes, part)
    return dict(found)


def _drawn(place: Spot | None, part: DayPart) -> Spot | None:
    if place is None or place.start >= part.drawn_until or place.end <= part.drawn_from:
        return None
    return place


def _seconds(place: Spot, part: DayPart) -> float:
    left = min(place.end, part.drawn_until) - max(place.start, part.drawn_from, part.now)
    return max(left.total_seconds(), 0.0)
