"""Where capacity is scarce and how evenly work is spread over those who could share it: figures for managers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadSpread:
    """How evenly the work of one subspecialty at one trust is spread over those who may read it.

    Utilisation is reading time over rostered time, over all that a reporter does. ``median`` is weighted by rostered
    hours: half of the hours are at or below it. ``cost`` is the load term of these reporters less what it would be if
    the same reading time were spread evenly over their rostered hours; never below 0, for prices of load do not fall.
    Trust and subspecialty are empty for everybody together.
    """

    trust: str
    subspecialty: str
    reporters: int
    rostered_hours: float
    least: float
    median: float
    mean: float
    most: float
    cost: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Scarcity:
    """What one more expected minute of capacity is worth; empty fields stand for all of their kind.

    ``start`` and ``end`` bound a half-day in Europe/London, cut to the horizon. The minute is that of one more
    specialist of the trust, free of every term but what the read itself costs. ``worth`` is the flow's dual price in
    points a minute: what the first minute saves. ``saved`` is what a real session saves for each of the
    ``minutes_read`` in it, whole reads put in from the plan by the best insertions, and others where these leave;
    ``None`` where that was not tried. ``fewer_late`` studies are late then than without it. ``waiting_minutes`` of
    expected work are in the queue for it.
    """

    trust: str = ""
    subspecialty: str = ""
    modality: str = ""
    start: datetime | None = None
    end: datetime | None = None
    waiting_minutes: float
    worth: float
    saved: float | None = None
    minutes_read: float = 0.0
    fewer_late: int = 0
