"""Reads in two plans, built in a line, for the values of the allocation's pages."""

from __future__ import annotations

from typing import Any

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
